//! An integration: URIs taken apart, mappings parsed, functions found.

use std::collections::BTreeMap;

use tollgate_model::{
    ConnectionType, Integration, IntegrationType, Model, Route, Runtime, Server, Upstream,
};
use tollgate_protocol::limits::INTEGRATION_TIMEOUT_MS;

use super::expression::{Variables, constants, mapping_key, mapping_value};
use super::{NodeFacts, socket};
use crate::snapshot::{
    FixedPlan, FunctionPlan, FunctionTarget, HttpPlan, IntegrationPlan, MappingAction, MappingStep,
    PathPiece, Piece, SigningKey, Variable,
};

pub(super) struct IntegrationCompiler<'a> {
    pub(super) model: &'a Model,
    pub(super) variables: &'a Variables,
    pub(super) facts: &'a NodeFacts,
    pub(super) upstreams: &'a mut BTreeMap<String, Upstream>,
}

/// A URL taken apart.
struct Url<'u> {
    origin: &'u str,
    authority: &'u str,
    path: &'u str,
    query: Option<&'u str>,
}

impl IntegrationCompiler<'_> {
    pub(super) fn compile(
        &mut self,
        integration: &Integration,
        route: &Route,
    ) -> Result<IntegrationPlan, String> {
        match integration.integration_type {
            IntegrationType::AwsProxy if integration.integration_subtype.is_some() => {
                let service = integration.integration_subtype.as_deref();
                Ok(IntegrationPlan::Unserved(
                    service.unwrap_or_default().into(),
                ))
            }
            IntegrationType::HttpProxy => {
                let request = self.steps(&integration.request_parameters)?;
                let response = self.response_mapping(integration)?;
                let plan = self.http(integration, &route.route_key, request, response);
                plan.map(IntegrationPlan::Http)
            }
            IntegrationType::AwsProxy => self.function(integration),
            IntegrationType::Mock => self.fixed(integration).map(IntegrationPlan::Fixed),
            IntegrationType::Aws | IntegrationType::Http => {
                Err("integrations of type AWS and HTTP are those of WebSocket APIs".into())
            }
        }
    }

    /// The same of a WebSocket API, where nothing goes on by itself: neither a path, nor fields.
    pub(super) fn compile_for_sockets(
        &mut self,
        integration: &Integration,
        route: &Route,
    ) -> Result<IntegrationPlan, String> {
        let uri = integration.integration_uri.as_deref().unwrap_or_default();
        match integration.integration_type {
            IntegrationType::Http | IntegrationType::HttpProxy => {
                let request = socket::steps(integration, self.variables)?;
                let (key, response) = (&route.route_key, BTreeMap::new());
                let key = if key == "$default" { "" } else { key };
                let plan = self.http(integration, key, request, response);
                plan.map(IntegrationPlan::Http)
            }
            IntegrationType::AwsProxy => self.function(integration),
            IntegrationType::Aws if uri.starts_with("function:") || uri.contains(":function:") => {
                self.function(integration)
            }
            IntegrationType::Aws => Ok(IntegrationPlan::Unserved(uri.into())),
            IntegrationType::Mock => self.fixed(integration).map(IntegrationPlan::Fixed),
        }
    }

    fn http(
        &mut self,
        integration: &Integration,
        route_key: &str,
        request_mapping: Vec<MappingStep>,
        response_mapping: BTreeMap<u16, Vec<MappingStep>>,
    ) -> Result<HttpPlan, String> {
        let uri = self.constant(integration.integration_uri.as_deref().unwrap_or_default())?;
        // Behind an ARN the whole path goes on: it names a load balancer and no path.
        let by_arn = uri.starts_with("arn:");
        let (group, authority, path, query) = match integration.connection_type {
            ConnectionType::VpcLink => {
                let id = self.constant(integration.connection_id.as_deref().unwrap_or_default())?;
                let upstream = self
                    .model
                    .upstreams
                    .get(&id)
                    .ok_or_else(|| format!("there is no upstream group {id:?}"))?;
                let id = self.verified_group(upstream, integration);
                let first = upstream.servers.first().map_or("", |server| &*server.url);
                let default = split_url(first).map_or("", |url| url.authority);
                match split_url(&uri) {
                    Some(url) => (id, url.authority.to_owned(), url.path, url.query),
                    None if by_arn => (id, default.to_owned(), "", None),
                    None => {
                        let (path, query) = split_query(&uri);
                        (id, default.to_owned(), path, query)
                    }
                }
            }
            ConnectionType::Internet => {
                let url = split_url(&uri).ok_or_else(|| format!("{uri:?} is no http(s) URL"))?;
                let group = self.implicit_group(&url, integration);
                (group, url.authority.to_owned(), url.path, url.query)
            }
        };
        let request_body = |v: &Variable| matches!(v, Variable::RequestBody(_));
        let response_body = |v: &Variable| matches!(v, Variable::ResponseBody(_));
        let responses = || response_mapping.values().flatten();
        Ok(HttpPlan {
            group: group.into(),
            authority: authority.into(),
            path: path_pieces(path, by_arn || route_key == "$default")?,
            query: query.map(Into::into),
            method: integration
                .integration_method
                .as_deref()
                .filter(|method| *method != "ANY")
                .map(Into::into),
            timeout_ms: integration
                .timeout_in_millis
                .unwrap_or(INTEGRATION_TIMEOUT_MS),
            reads_request_body: request_mapping
                .iter()
                .chain(responses())
                .any(reads(request_body)),
            reads_response_body: responses().any(reads(response_body)),
            request_mapping,
            response_mapping,
        })
    }

    /// The group of a URL's origin, made when the first integration names it.
    fn implicit_group(&mut self, url: &Url<'_>, integration: &Integration) -> String {
        let tls = integration.tls_config.clone().unwrap_or_default();
        let mut name = url.origin.to_owned();
        if let Some(verified) = &tls.server_name_to_verify {
            name = format!("{name} as {verified}");
        }
        if tls.insecure_skip_verification {
            name.push_str(" unverified");
        }
        self.upstreams
            .entry(name.clone())
            .or_insert_with(|| Upstream {
                name: name.clone(),
                servers: vec![Server {
                    url: url.origin.into(),
                    weight: 1,
                }],
                server_name_to_verify: tls.server_name_to_verify,
                insecure_skip_verification: tls.insecure_skip_verification,
                ..Upstream::default()
            });
        name
    }

    /// The group that a private integration leads to: the declared one, or with `tlsConfig` one
    /// of the same servers that is spoken to over TLS and whose certificate must be of that name
    /// (AWS: "HTTP API private integrations": with a TLS configuration the traffic is HTTPS).
    fn verified_group(&mut self, declared: &Upstream, integration: &Integration) -> String {
        let tls = integration.tls_config.as_ref();
        let Some((tls, verified)) =
            tls.and_then(|it| Some((it, it.server_name_to_verify.as_ref()?)))
        else {
            return declared.name.clone();
        };
        // No declared group has a space in its name.
        let mut name = format!("{} as {verified}", declared.name);
        if tls.insecure_skip_verification {
            name.push_str(" unverified");
        }
        let over_tls = |server: &Server| Server {
            url: match server.url.strip_prefix("http://") {
                Some(rest) => format!("https://{rest}"),
                None => server.url.clone(),
            },
            weight: server.weight,
        };
        self.upstreams
            .entry(name.clone())
            .or_insert_with(|| Upstream {
                name: name.clone(),
                servers: declared.servers.iter().map(over_tls).collect(),
                server_name_to_verify: Some(verified.clone()),
                // Of the group it says nothing about this name.
                insecure_skip_verification: tls.insecure_skip_verification,
                link: None,
                ..declared.clone()
            });
        name
    }

    fn function(&mut self, integration: &Integration) -> Result<IntegrationPlan, String> {
        let uri = self.constant(integration.integration_uri.as_deref().unwrap_or_default())?;
        let name = function_name(&uri).ok_or_else(|| {
            format!("{uri:?} names no function; write function:NAME or a Lambda ARN")
        })?;
        // A name that a stage variable made up can only be answered like AWS does: 500.
        let Some(function) = self.model.functions.get(name) else {
            return Ok(IntegrationPlan::Missing);
        };
        let target = if function.runtime == Runtime::Lambda {
            let endpoint = function.lambda_endpoint.as_deref().unwrap_or_default();
            let url = split_url(endpoint)
                .ok_or_else(|| format!("lambdaEndpoint {endpoint:?} is no http(s) URL"))?;
            let remote = function
                .lambda_function
                .as_deref()
                .unwrap_or(&function.name);
            let signing = function.access_key_id.as_deref().map(|id| SigningKey {
                access_key_id: id.into(),
                secret_access_key: function
                    .secret_access_key
                    .as_deref()
                    .unwrap_or_default()
                    .into(),
                region: function
                    .region
                    .as_deref()
                    .unwrap_or(&self.facts.region)
                    .into(),
            });
            FunctionTarget::Endpoint {
                group: self.implicit_group(&url, integration).into(),
                authority: url.authority.into(),
                path: format!(
                    "{}/2015-03-31/functions/{}/invocations",
                    url.path.trim_end_matches('/'),
                    percent_encoding::utf8_percent_encode(remote, LABEL)
                )
                .into(),
                signing,
            }
        } else {
            FunctionTarget::Local(name.into())
        };
        Ok(IntegrationPlan::Function(FunctionPlan {
            target,
            format: integration.payload_format_version,
            timeout_ms: integration.timeout_in_millis.unwrap_or(function.timeout_ms),
            response_mapping: self.response_mapping(integration)?,
        }))
    }

    fn fixed(&mut self, integration: &Integration) -> Result<FixedPlan, String> {
        let fixed = integration.fixed_response.as_deref();
        let fixed = fixed.cloned().unwrap_or_default();
        let template =
            |text: &str| mapping_value(text, self.variables).map_err(|error| error.to_string());
        let headers = fixed
            .headers
            .iter()
            .map(|(name, value)| Ok((Box::from(name.to_ascii_lowercase()), template(value)?)));
        Ok(FixedPlan {
            status: fixed.status_code,
            headers: headers.collect::<Result<_, String>>()?,
            body: template(&fixed.body)?,
        })
    }

    fn response_mapping(
        &self,
        integration: &Integration,
    ) -> Result<BTreeMap<u16, Vec<MappingStep>>, String> {
        let by_status = integration
            .response_parameters
            .iter()
            .map(|(status, parameters)| {
                let code = status
                    .parse()
                    .map_err(|_| format!("{status:?} is no status code"))?;
                Ok((code, self.steps(parameters)?))
            });
        by_status.collect()
    }

    /// The steps in the order in which they are carried out: removals, overwrites, appends.
    fn steps(&self, parameters: &BTreeMap<String, String>) -> Result<Vec<MappingStep>, String> {
        let mut steps = Vec::with_capacity(parameters.len());
        for (key, value) in parameters {
            let (action, target) = mapping_key(key).map_err(|error| error.to_string())?;
            let value =
                mapping_value(value, self.variables).map_err(|error| format!("{key}: {error}"))?;
            steps.push(MappingStep {
                action,
                target,
                value,
            });
        }
        steps.sort_by_key(|step| match step.action {
            MappingAction::Remove => 0,
            MappingAction::Overwrite => 1,
            MappingAction::Append => 2,
        });
        Ok(steps)
    }

    fn constant(&self, text: &str) -> Result<String, String> {
        constants(text, self.variables).map_err(|error| error.to_string())
    }
}

/// What a path label of AWS's leaves unencoded (RFC 3986: unreserved).
const LABEL: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn reads(wanted: impl Fn(&Variable) -> bool) -> impl Fn(&MappingStep) -> bool {
    move |step| {
        step.value.0.iter().any(|piece| match piece {
            Piece::Variable(variable) => wanted(variable),
            Piece::Text(_) => false,
        })
    }
}

fn split_url(text: &str) -> Option<Url<'_>> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))?;
    let scheme_len = text.len() - rest.len();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    if authority.is_empty() {
        return None;
    }
    let (path, query) = split_query(target);
    Some(Url {
        origin: &text[..scheme_len + end],
        authority,
        path,
        query,
    })
}

fn split_query(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// `{name}` and `{name+}` become variables; a `$default` route appends the request's path.
fn path_pieces(path: &str, append_request_path: bool) -> Result<Vec<PathPiece>, String> {
    let mut pieces = Vec::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after
            .split_once('}')
            .ok_or_else(|| format!("{path:?} has a brace that never closes"))?;
        if !before.is_empty() {
            pieces.push(PathPiece::Text(before.into()));
        }
        pieces.push(PathPiece::Param(name.trim_end_matches('+').into()));
        rest = after;
    }
    if append_request_path {
        let rest = rest.trim_end_matches('/');
        if !rest.is_empty() {
            pieces.push(PathPiece::Text(rest.into()));
        }
        pieces.push(PathPiece::RequestPath);
    } else if !rest.is_empty() || pieces.is_empty() {
        pieces.push(PathPiece::Text(if rest.is_empty() {
            "/".into()
        } else {
            rest.into()
        }));
    }
    Ok(pieces)
}

/// The function's name in `function:NAME[:QUALIFIER]`, in a Lambda ARN or in an invocation ARN
/// (reference 7.4).
fn function_name(uri: &str) -> Option<&str> {
    let rest = match uri.strip_prefix("function:") {
        Some(rest) => rest,
        None if uri.starts_with("arn:") => uri.split_once(":function:")?.1,
        None => return None,
    };
    let name = rest.split([':', '/']).next()?;
    (!name.is_empty()).then_some(name)
}
