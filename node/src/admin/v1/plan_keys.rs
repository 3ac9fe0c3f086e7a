//! Which keys are in a usage plan.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_aws::{AwsError, ErrorKind, Service};
use tollgate_model::{ApiKey, Model, UsagePlan, kind, mark};
use tollgate_protocol::limits::PLANS_PER_KEY_MAX;

use super::api_keys::{find_key, touch, with_key};
use super::usage_plans::find_plan;
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::list::page;
use crate::admin::reply::{Outcome, Reply};

/// The only type that there is.
const KEY_TYPE: &str = "API_KEY";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    key_id: String,
    key_type: String,
}

fn render(key: &ApiKey) -> Value {
    json!({"id": key.id, "type": KEY_TYPE, "name": key.name})
}

fn is_in(key: &ApiKey, plan: &str) -> bool {
    key.usage_plans.iter().any(|it| it.as_str() == plan)
}

pub(super) fn find<'m>(
    model: &'m Model,
    plan: &str,
    id: &str,
) -> Result<&'m Arc<ApiKey>, AwsError> {
    find_plan(model, plan)?;
    let key = model.api_keys.get(id).filter(|key| is_in(key, plan));
    key.ok_or_else(|| AwsError::not_found("Invalid Usage Plan Key identifier specified"))
}

/// `POST /usageplans/{usageplanId}/keys`. As in AWS a key is in one plan per stage.
pub(super) async fn create(call: &Call<'_>, plan: &str) -> Outcome {
    let input: Input = call.input()?;
    if input.key_type != KEY_TYPE {
        return Err(AwsError::bad_request(format!("keyType must be {KEY_TYPE}")));
    }
    let looks_at = [
        mark(kind::USAGE_PLAN, plan),
        mark(kind::API_KEY, &input.key_id),
    ];
    let changed = change(call, LooksAt::Only(&looks_at), |model, now| {
        let plan = find_plan(model, plan)?;
        let old = find_key(model, &input.key_id)?;
        let mut key = ApiKey::clone(old);
        if !is_in(&key, plan.id.as_str()) {
            check_room(model, &key, plan)?;
            key.usage_plans.push(plan.id.clone());
        }
        touch(old, &mut key, now);
        let shown = render(&key);
        Ok((with_key(model, key), shown))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

fn check_room(model: &Model, key: &ApiKey, plan: &UsagePlan) -> Result<(), AwsError> {
    if key.usage_plans.len() >= PLANS_PER_KEY_MAX {
        let text = format!("a key can be in at most {PLANS_PER_KEY_MAX} usage plans");
        return Err(AwsError::new(ErrorKind::LimitExceeded, text));
    }
    let others = key.usage_plans.iter();
    for other in others.filter_map(|id| model.usage_plans.get(id)) {
        if let Some(stage) = shared_stage(other, plan) {
            return Err(AwsError::conflict(format!(
                "the key is in usage plan {} already, which holds the same stage {stage}",
                other.id
            )));
        }
    }
    Ok(())
}

/// A stage that both plans hold.
pub(super) fn shared_stage(one: &UsagePlan, other: &UsagePlan) -> Option<String> {
    let stage = one.api_stages.iter().find(|stage| {
        let mut stages = other.api_stages.iter();
        stages.any(|it| it.api_id == stage.api_id && it.stage == stage.stage)
    })?;
    Some(format!("{}:{}", stage.api_id, stage.stage))
}

/// `GET /usageplans/{usageplanId}/keys`
pub(super) async fn list(call: &Call<'_>, plan: &str) -> Outcome {
    let (_, model) = call.model().await?;
    find_plan(&model, plan)?;
    let prefix = call.parameter("name").unwrap_or_default();
    let items = model
        .api_keys
        .iter()
        .filter(|(_, key)| is_in(key, plan) && key.name.starts_with(&prefix))
        .map(|(id, key)| (id.as_str(), key));
    let name = format!("usageplans/{plan}/keys");
    page(call, Service::ApiGateway, &name, items, |key| render(key))
}

/// `GET /usageplans/{usageplanId}/keys/{keyId}`
pub(super) async fn get(call: &Call<'_>, plan: &str, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    Ok(Reply::json(200, render(find(&model, plan, id)?)))
}

/// `DELETE /usageplans/{usageplanId}/keys/{keyId}`
pub(super) async fn delete(call: &Call<'_>, plan: &str, id: &str) -> Outcome {
    let looks_at = [mark(kind::USAGE_PLAN, plan), mark(kind::API_KEY, id)];
    change(call, LooksAt::Only(&looks_at), |model, now| {
        let old = find(model, plan, id)?;
        let mut key = ApiKey::clone(old);
        key.usage_plans.retain(|it| it.as_str() != plan);
        touch(old, &mut key, now);
        Ok((with_key(model, key), ()))
    })
    .await?;
    Ok(Reply::empty(202))
}
