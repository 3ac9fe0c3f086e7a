//! From host and path to a stage (reference 3).
//!
//! The order is: exact custom domain, wildcard domain, `{apiId}.execute-api.*`, the path style
//! `/_aws/execute-api/{apiId}/{stage}/...` for clients without wildcard DNS, the default mapping.
//! On a custom domain routing rules come before mappings (reference 3.1).

use std::sync::Arc;

use tollgate_config::snapshot::{
    ApiPlan, DomainPlan, HeaderTest, MappingPlan, RulePlan, Snapshot, StagePlan,
};
use tollgate_message::HeaderList;

use crate::fault::{Fault, FaultKind};
use crate::text::split_once;

/// What the path style begins with.
const PATH_STYLE: &str = "/_aws/execute-api/";
/// What the second label of a generated host is.
const EXECUTE_API: &str = "execute-api";

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Address<'a> {
    /// The API.
    pub(crate) api: &'a Arc<ApiPlan>,
    /// The stage.
    pub(crate) stage: &'a Arc<StagePlan>,
    /// The path that routes see: without stage and mapping key, beginning with `/`.
    pub(crate) path: &'a str,
    /// The path with the stage segment or the mapping key, as events show it.
    pub(crate) raw_path: &'a str,
    /// The key of the mapping that matched.
    pub(crate) base_path: Option<&'a str>,
}

/// What a host and a path lead to.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// A stage.
    Stage(Address<'a>),
    /// The health check of a custom domain: `/ping` or `/sping` at its root (reference 3).
    Health,
}

/// The host of a request in lower case, without port and trailing dot. Empty when there is none.
#[must_use]
pub(crate) fn domain_of(headers: &HeaderList) -> String {
    let host = headers.get_str("host").unwrap_or_default().trim();
    let name = if host.starts_with('[') {
        host.find(']').map_or(host, |end| &host[..=end])
    } else {
        host.rsplit_once(':').map_or(host, |(name, _port)| name)
    };
    let mut name = name.strip_suffix('.').unwrap_or(name).to_owned();
    name.make_ascii_lowercase();
    name
}

/// Finds the stage for a host (as [`domain_of`] gives it) and a path as it came.
///
/// # Errors
/// `NotFound` for an unknown API or stage and a closed endpoint, `NoMapping` for a custom domain
/// without a rule or a mapping for the request, `AuthorizerConfiguration` for a custom domain that asks for client certificates.
pub(crate) fn find<'a>(
    snapshot: &'a Snapshot,
    domain: &str,
    headers: &HeaderList,
    path: &'a str,
) -> Result<Found<'a>, Fault> {
    let custom = snapshot.domains.get(domain).or_else(|| {
        let (_, rest) = split_once(domain, b'.')?;
        snapshot.wildcards.get(rest)
    });
    if let Some(plan) = custom {
        if plan.mutual_tls {
            return Err(Fault::new(
                FaultKind::AuthorizerConfiguration,
                "the domain name asks for client certificates, which this release does not check",
            ));
        }
        if path == "/ping" || path == "/sping" {
            return Ok(Found::Health);
        }
        return custom_domain(plan, headers, path).map(Found::Stage);
    }
    if let Some(api_id) = generated_host(domain) {
        return open_api(snapshot, api_id)
            .and_then(|api| by_segment(api, path))
            .map(Found::Stage);
    }
    if let Some(rest) = path.strip_prefix(PATH_STYLE) {
        let (api_id, _) = split_once(rest, b'/').unwrap_or((rest, ""));
        let path = slash_from(path, PATH_STYLE.len() + api_id.len());
        return open_api(snapshot, api_id)
            .and_then(|api| path_style(api, path))
            .map(Found::Stage);
    }
    snapshot
        .default_mapping
        .as_ref()
        .and_then(|mapping| mapped(mapping, path))
        .ok_or_else(|| Fault::new(FaultKind::NotFound, "unknown host"))
        .map(|mut address| {
            address.base_path = None;
            Found::Stage(address)
        })
}

/// The first rule that the request meets, else the longest mapping.
fn custom_domain<'a>(
    plan: &'a DomainPlan,
    headers: &HeaderList,
    path: &'a str,
) -> Result<Address<'a>, Fault> {
    if let Some((rule, base_path)) = plan
        .rules
        .iter()
        .find_map(|rule| Some((rule, meets(rule, headers, path)?)))
    {
        return ruled(rule, base_path, path);
    }
    let mut mappings = plan.mappings.iter();
    mappings
        .find_map(|mapping| mapped(mapping, path))
        .ok_or_else(|| Fault::new(FaultKind::NoMapping, "no mapping for the path"))
}

/// The base path by which a request meets a rule, empty where the rule has none; `None` when it
/// does not.
fn meets<'a>(rule: &'a RulePlan, headers: &HeaderList, path: &str) -> Option<&'a str> {
    let fits = |test: &HeaderTest| {
        let mut values = headers.get_all(&test.name);
        values.any(|value| test.value.matches(value))
    };
    if !rule.headers.iter().all(|any_of| any_of.iter().any(fits)) {
        return None;
    }
    if rule.base_paths.is_empty() {
        return Some("");
    }
    let mut paths = rule.base_paths.iter();
    paths
        .find(|base_path| behind(base_path, path).is_some())
        .map(|it| &**it)
}

fn ruled<'a>(rule: &'a RulePlan, base_path: &'a str, path: &'a str) -> Result<Address<'a>, Fault> {
    let Some((api, stage)) = &rule.target else {
        return Err(Fault::new(FaultKind::NoMapping, "nothing is deployed yet"));
    };
    let stripped = match rule.strip_base_path {
        true => behind(base_path, path),
        false => None,
    };
    Ok(Address {
        api,
        stage,
        path: stripped.unwrap_or(path),
        raw_path: path,
        base_path: Some(base_path),
    })
}

/// The API id in `{apiId}.execute-api.{anything}`.
fn generated_host(domain: &str) -> Option<&str> {
    let (api_id, rest) = split_once(domain, b'.')?;
    let second = split_once(rest, b'.').map_or(rest, |(label, _)| label);
    (second == EXECUTE_API).then_some(api_id)
}

fn open_api<'a>(snapshot: &'a Snapshot, api_id: &str) -> Result<&'a Arc<ApiPlan>, Fault> {
    let api = snapshot
        .apis
        .get(api_id)
        .ok_or_else(|| Fault::new(FaultKind::NotFound, "unknown API"))?;
    if !api.endpoint_open {
        return Err(Fault::new(
            FaultKind::NotFound,
            "the API's own endpoint is closed",
        ));
    }
    Ok(api)
}

/// The first segment names the stage, else `$default` serves the whole path.
fn by_segment<'a>(api: &'a Arc<ApiPlan>, path: &'a str) -> Result<Address<'a>, Fault> {
    let segment = first_segment(path);
    if segment != "$default"
        && let Some(stage) = api.stages.get(segment)
    {
        let rest = slash_from(path, 1 + segment.len());
        return Ok(Address {
            api,
            stage,
            path: rest,
            raw_path: path,
            base_path: None,
        });
    }
    match api.stages.get("$default") {
        Some(stage) => Ok(Address {
            api,
            stage,
            path,
            raw_path: path,
            base_path: None,
        }),
        None => Err(Fault::new(FaultKind::NotFound, "unknown stage")),
    }
}

/// As by host, but `$default` may be named too, so that every stage has one address that works.
fn path_style<'a>(api: &'a Arc<ApiPlan>, path: &'a str) -> Result<Address<'a>, Fault> {
    if first_segment(path) == "$default"
        && let Some(stage) = api.stages.get("$default")
    {
        let rest = slash_from(path, "/$default".len());
        return Ok(Address {
            api,
            stage,
            path: rest,
            raw_path: rest,
            base_path: None,
        });
    }
    by_segment(api, path)
}

/// The stage of a mapping when its key is a prefix of whole segments.
fn mapped<'a>(mapping: &'a MappingPlan, path: &'a str) -> Option<Address<'a>> {
    Some(Address {
        api: &mapping.api,
        stage: &mapping.stage,
        path: behind(&mapping.key, path)?,
        raw_path: path,
        base_path: Some(&mapping.key),
    })
}

/// The path behind a key of whole segments; `None` when it does not begin with it.
fn behind<'p>(key: &str, path: &'p str) -> Option<&'p str> {
    if key.is_empty() {
        return Some(path);
    }
    let after = path.strip_prefix('/')?.strip_prefix(key)?;
    let whole = after.is_empty() || after.starts_with('/');
    whole.then(|| slash_from(path, path.len() - after.len()))
}

fn first_segment(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    split_once(path, b'/').map_or(path, |(segment, _)| segment)
}

/// The path from a position on; `/` when nothing is left.
fn slash_from(path: &str, at: usize) -> &str {
    match path.get(at..) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => "/",
    }
}
