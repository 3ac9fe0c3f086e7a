//! Tags, of both services: a resource is named by its ARN in the path.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;
use tollgate_aws::arn::TagResource;
use tollgate_aws::{AwsError, query_pairs};
use tollgate_model::{Api, Mark, Model, Stage, Upstream, VpcLink, kind, mark};

use super::call::Call;
use super::change::{LooksAt, change};
use super::reply::{Outcome, Reply};
use super::v2::vpc_links;

type Tags = BTreeMap<String, String>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Input {
    tags: Tags,
}

/// `GetTags`
pub(crate) async fn get(call: &Call<'_>, arn: &str) -> Outcome {
    let (_, model) = call.model().await?;
    let mut model = Model::clone(&model);
    let tags = find(&mut model, arn)?;
    Ok(Reply::json(200, json!({"tags": tags})))
}

/// `TagResource`; the services answer with different statuses.
pub(crate) async fn put(call: &Call<'_>, arn: &str, status: u16) -> Outcome {
    let input: Input = call.input()?;
    change(call, LooksAt::Only(&[tagged(arn)?]), |before, _| {
        let mut model = before.clone();
        find(&mut model, arn)?.extend(input.tags.clone());
        Ok((follow(before, model, arn)?, ()))
    })
    .await?;
    Ok(match status {
        204 => Reply::empty(status),
        _ => Reply::json(status, json!({})),
    })
}

/// `UntagResource?tagKeys=KEY&tagKeys=KEY`
pub(crate) async fn remove(call: &Call<'_>, arn: &str) -> Outcome {
    let keys: Vec<String> = query_pairs(call.query.unwrap_or_default())
        .filter(|(name, _)| name == "tagKeys")
        .map(|(_, key)| key.into_owned())
        .collect();
    change(call, LooksAt::Only(&[tagged(arn)?]), |before, _| {
        let mut model = before.clone();
        find(&mut model, arn)?.retain(|key, _| !keys.contains(key));
        Ok((follow(before, model, arn)?, ()))
    })
    .await?;
    Ok(Reply::empty(204))
}

/// The mark of the resource that has the tags of an ARN.
fn tagged(arn: &str) -> Result<Mark, AwsError> {
    Ok(match resource(arn)? {
        TagResource::Api(id) => mark(kind::API, &id),
        TagResource::ApiStage { api, .. } => mark(kind::API, &api),
        TagResource::ApiKey(id) => mark(kind::API_KEY, &id),
        TagResource::UsagePlan(id) => mark(kind::USAGE_PLAN, &id),
        TagResource::DomainName(name) => mark(kind::DOMAIN_NAME, &name),
        TagResource::VpcLink(id) => mark(kind::UPSTREAM, &id),
        _ => return Err(unknown()),
    })
}

/// A VPC link whose tags name other servers than before has those; without such a tag it has none.
fn follow(before: &Model, mut after: Model, arn: &str) -> Result<Model, AwsError> {
    if let TagResource::VpcLink(id) = resource(arn)? {
        let named = |it: &Arc<Upstream>| it.link.as_ref().and_then(VpcLink::servers);
        let old = before.upstreams.get(&id).and_then(named);
        if let Some(group) = after.upstreams.get_mut(&id) {
            let new = named(group);
            if new != old {
                Arc::make_mut(group).servers = new.unwrap_or_default();
            }
        }
    }
    Ok(after)
}

fn resource(arn: &str) -> Result<TagResource, AwsError> {
    TagResource::parse(arn).map_err(|_| AwsError::bad_request("Invalid ARN specified"))
}

fn unknown() -> AwsError {
    AwsError::not_found("Invalid Resource identifier specified")
}

/// The tags of the resource that an ARN names.
fn find<'m>(model: &'m mut Model, arn: &str) -> Result<&'m mut Tags, AwsError> {
    let found = match resource(arn)? {
        TagResource::Api(id) => model.apis.get_mut(&*id).map(|api| &mut api_of(api).tags),
        TagResource::ApiStage { api, stage } => model
            .apis
            .get_mut(&*api)
            .and_then(|api| api_of(api).stages.get_mut(&*stage))
            .map(|stage| &mut Arc::<Stage>::make_mut(stage).tags),
        TagResource::ApiKey(id) => model
            .api_keys
            .get_mut(&*id)
            .map(|key| &mut Arc::make_mut(key).tags),
        TagResource::UsagePlan(id) => model
            .usage_plans
            .get_mut(&*id)
            .map(|plan| &mut Arc::make_mut(plan).tags),
        TagResource::DomainName(name) => model
            .domain_names
            .get_mut(&*name)
            .map(|domain| &mut Arc::make_mut(domain).tags),
        TagResource::VpcLink(id) => model
            .upstreams
            .get_mut(&*id)
            .map(|group| &mut vpc_links::link_of(Arc::make_mut(group)).tags),
        _ => None,
    };
    found.ok_or_else(unknown)
}

fn api_of(api: &mut Arc<Api>) -> &mut Api {
    Arc::make_mut(api)
}
