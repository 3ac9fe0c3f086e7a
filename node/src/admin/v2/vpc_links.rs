//! VPC links: upstream groups, as AWS's clients see them.
//!
//! Every group is a link whose id is the group's name. A link that a call makes has its own name as
//! id where that can be the name of a group, so that an API file with a group of this name gives it
//! servers, be it applied before or after; else a generated one. Its tags can name servers too.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tollgate_aws::wire::to_iso8601;
use tollgate_aws::{AwsError, Service};
use tollgate_model::{Model, Upstream, VpcLink, kind, mark, mark_kind};

use super::edit::{tags, text};
use super::not_found;
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::list::page;
use crate::admin::reply::{Outcome, Reply};

/// Integrations that a refusal names.
const USERS_NAMED_MAX: usize = 5;
/// What a link without servers says of itself.
const NO_SERVERS: &str = "no servers yet: name them in an API file, or in the tag tollgate:servers";

/// `GET /v2/vpclinks`
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let items = model.upstreams.iter().map(|(id, it)| (id.as_str(), it));
    page(call, Service::ApiGatewayV2, "vpclinks", items, |it| {
        render(it)
    })
}

/// `GET /v2/vpclinks/{vpcLinkId}`
pub(super) async fn get(call: &Call<'_>, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    Ok(Reply::json(200, render(find(&model, id)?)))
}

/// `POST /v2/vpclinks`
pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let input = call.members;
    let link = VpcLink {
        name: text(input, "name").to_owned(),
        subnet_ids: texts(input, "subnetIds"),
        security_group_ids: texts(input, "securityGroupIds"),
        tags: tags(input),
        made_by: call.seed.id("vpc link", 32),
        ..VpcLink::default()
    };
    let looks_at = [mark_kind(kind::UPSTREAM)];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        let made_here = |it: &&Arc<Upstream>| {
            let made_by = it.link.as_ref().map(|link| &link.made_by);
            made_by == Some(&link.made_by)
        };
        if let Some(made) = model.upstreams.values().find(made_here) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render(made)));
        }
        let id = free_id(model, &link.name);
        let id = id.map_or_else(|| call.seed.id("vpc link id", 10), str::to_owned);
        let mut upstream = match model.upstreams.get(&id) {
            Some(group) => Upstream::clone(group),
            None => Upstream {
                name: id,
                ..Upstream::default()
            },
        };
        let mut link = link.clone();
        link.created_date = now;
        if let Some(servers) = link.servers() {
            upstream.servers = servers;
        }
        upstream.link = Some(link);
        let shown = render(&upstream);
        Ok((with(model, upstream), shown))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// The name of a new link where it can be its id: no other link has it, and it can be the name of
/// a group.
fn free_id<'n>(model: &Model, name: &'n str) -> Option<&'n str> {
    let taken = model
        .upstreams
        .get(name)
        .is_some_and(|it| it.link.is_some());
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (!taken && name.bytes().all(fits)).then_some(name)
}

/// `PATCH /v2/vpclinks/{vpcLinkId}`: the name, which is all that AWS lets change.
pub(super) async fn update(call: &Call<'_>, id: &str) -> Outcome {
    let input = call.members;
    let looks_at = [mark(kind::UPSTREAM, id)];
    let changed = change(call, LooksAt::Only(&looks_at), |model, _| {
        let mut upstream = Upstream::clone(find(model, id)?);
        let name = text(input, "name");
        if !name.is_empty() {
            name.clone_into(&mut link_of(&mut upstream).name);
        }
        let shown = render(&upstream);
        Ok((with(model, upstream), shown))
    })
    .await?;
    Ok(Reply::json(200, changed.value))
}

/// `DELETE /v2/vpclinks/{vpcLinkId}`, unless an integration leads through it.
pub(super) async fn delete(call: &Call<'_>, id: &str) -> Outcome {
    let looks_at = [mark(kind::UPSTREAM, id), mark_kind(kind::API)];
    change(call, LooksAt::Only(&looks_at), |model, _| {
        let key = find(model, id)?.name.clone();
        let users = users(model, id);
        if !users.is_empty() {
            return Err(AwsError::bad_request(format!(
                "Cannot delete vpc link. Vpc link '{id}', is referenced in [{}] in format of \
                 [Api:Integration]",
                users.join(", ")
            )));
        }
        let mut model = model.clone();
        model.upstreams.remove(&key);
        Ok((model, ()))
    })
    .await?;
    Ok(Reply::empty(202))
}

/// Some of the integrations that lead through a group, those of deployments among them.
fn users(model: &Model, id: &str) -> Vec<String> {
    let url = |uri: &str| {
        let rest = uri.strip_prefix("http://");
        let rest = rest.or_else(|| uri.strip_prefix("https://"));
        let rest = rest.and_then(|it| it.strip_prefix(id));
        rest.is_some_and(|it| it.is_empty() || it.starts_with(['/', '?']))
    };
    let mut found = Vec::new();
    for (api_id, api) in &model.apis {
        let deployed = api.deployments.values().map(|it| &it.definition);
        let definitions = std::iter::once(&api.definition).chain(deployed);
        let integrations = definitions.flat_map(|it| it.integrations.values());
        let mut users: Vec<String> = integrations
            .filter(|it| {
                it.connection_id.as_deref() == Some(id)
                    || it.integration_uri.as_deref().is_some_and(url)
            })
            .map(|it| format!("{api_id}:{}", it.integration_id))
            .collect();
        users.sort();
        users.dedup();
        found.extend(users);
        if found.len() >= USERS_NAMED_MAX {
            break;
        }
    }
    found.truncate(USERS_NAMED_MAX);
    found
}

/// The group behind a link.
///
/// # Errors
/// `NotFoundException`
fn find<'m>(model: &'m Model, id: &str) -> Result<&'m Arc<Upstream>, AwsError> {
    let found = model.upstreams.get(id);
    found.ok_or_else(|| not_found("VPC link", id))
}

/// What is known of a group as a link; a group of an API file becomes one now.
pub(crate) fn link_of(upstream: &mut Upstream) -> &mut VpcLink {
    let name = &upstream.name;
    upstream.link.get_or_insert_with(|| VpcLink {
        name: name.clone(),
        ..VpcLink::default()
    })
}

fn with(model: &Model, upstream: Upstream) -> Model {
    let mut model = model.clone();
    let name = upstream.name.clone();
    model.upstreams.insert(name, Arc::new(upstream));
    model
}

/// A list of texts, empty when it is not there; its type was checked before.
fn texts(input: &Map<String, Value>, name: &str) -> Vec<String> {
    let list = input.get(name).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn render(upstream: &Upstream) -> Value {
    let unknown = VpcLink::default();
    let link = upstream.link.as_ref();
    let known = link.unwrap_or(&unknown);
    let mut out = json!({
        "name": link.map_or(&upstream.name, |it| &it.name),
        "securityGroupIds": known.security_group_ids,
        "subnetIds": known.subnet_ids,
        "tags": known.tags,
        "vpcLinkId": upstream.name,
        "vpcLinkStatus": "AVAILABLE",
        "vpcLinkVersion": "V2",
    });
    if known.created_date.0 > 0 {
        out["createdDate"] = to_iso8601(known.created_date.0).into();
    }
    if upstream.servers.is_empty() {
        out["vpcLinkStatusMessage"] = NO_SERVERS.into();
    }
    out
}
