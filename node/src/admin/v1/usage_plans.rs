//! Usage plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use tollgate_aws::{AwsError, Constraint, ErrorKind, Service, Violations};
use tollgate_model::{
    ApiKey, ApiStage, Model, OnPartition, Quota, Throttle, UsagePlan, gains_stages, kind, mark,
    mark_kind,
};
use tollgate_protocol::ids::PlanId;

use super::plan_keys::shared_stage;
use super::{patch, plan_patch};
use crate::admin::call::Call;
use crate::admin::change::{LooksAt, change};
use crate::admin::list::page;
use crate::admin::reply::{Outcome, Reply};

/// The plan of this id.
///
/// # Errors
/// `NotFoundException`
pub(super) fn find_plan<'m>(model: &'m Model, id: &str) -> Result<&'m Arc<UsagePlan>, AwsError> {
    model
        .usage_plans
        .get(id)
        .ok_or_else(|| AwsError::not_found("Invalid Usage Plan ID specified"))
}

/// The members of the model are AWS's; lists and maps are there even when empty.
fn render(plan: &UsagePlan) -> Value {
    let mut out = serde_json::to_value(plan).unwrap_or_default();
    if plan.api_stages.is_empty() {
        out["apiStages"] = Value::Array(Vec::new());
    }
    if plan.tags.is_empty() {
        out["tags"] = Value::Object(serde_json::Map::new());
    }
    out
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Input {
    name: Option<String>,
    description: Option<String>,
    api_stages: Option<Vec<ApiStage>>,
    throttle: Option<Throttle>,
    quota: Option<Quota>,
    on_partition: OnPartition,
    tags: Option<BTreeMap<String, String>>,
}

/// `POST /usageplans`
pub(super) async fn create(call: &Call<'_>) -> Outcome {
    let input: Input = call.input()?;
    let mut found = Violations::new();
    if input.name.as_deref().is_none_or(str::is_empty) {
        found.add(None, "createUsagePlanInput.name", Constraint::NotNull);
    }
    found.into_result(ErrorKind::Validation)?;
    let id = PlanId::from(call.seed.id("plan", 6));
    let looks_at = [mark(kind::USAGE_PLAN, id.as_str())];
    let changed = change(call, LooksAt::Only(&looks_at), |model, _| {
        if let Some(made) = model.usage_plans.get(&id) {
            // A retry whose first answer was lost.
            return Ok((model.clone(), render(made)));
        }
        let plan = UsagePlan {
            id: id.clone(),
            name: input.name.clone().unwrap_or_default(),
            description: input.description.clone(),
            api_stages: input.api_stages.clone().unwrap_or_default(),
            throttle: input.throttle,
            quota: input.quota,
            on_partition: input.on_partition,
            tags: input.tags.clone().unwrap_or_default(),
        };
        let shown = render(&plan);
        Ok((with_plan(model, plan)?, shown))
    })
    .await?;
    Ok(Reply::json(201, changed.value))
}

/// The model with this plan in place of the one of its id, if its stages are there and no key of
/// it has one of them from another plan.
fn with_plan(model: &Model, plan: UsagePlan) -> Result<Model, AwsError> {
    for stage in &plan.api_stages {
        let api = model.apis.get(&stage.api_id);
        if !api.is_some_and(|api| api.stages.contains_key(&stage.stage)) {
            let (api, stage) = (&stage.api_id, &stage.stage);
            return Err(AwsError::not_found(format!(
                "API Stage not found: {api}:{stage}"
            )));
        }
    }
    let members = model.api_keys.values();
    let members = members.take_while(|_| gains_stages(model, &plan));
    for key in members.filter(|key| key.usage_plans.contains(&plan.id)) {
        let others = key.usage_plans.iter().filter(|id| **id != plan.id);
        for other in others.filter_map(|id| model.usage_plans.get(id)) {
            if let Some(stage) = shared_stage(other, &plan) {
                return Err(AwsError::conflict(format!(
                    "key {} has the stage {stage} from usage plan {} already",
                    key.id, other.id
                )));
            }
        }
    }
    let mut model = model.clone();
    model.usage_plans.insert(plan.id.clone(), Arc::new(plan));
    Ok(model)
}

/// `GET /usageplans`, with `keyId` those that hold a key.
pub(super) async fn list(call: &Call<'_>) -> Outcome {
    let (_, model) = call.model().await?;
    let holder = call.parameter("keyId");
    let key = holder.as_deref().map(|id| model.api_keys.get(id));
    let items = model
        .usage_plans
        .iter()
        .filter(|(id, _)| key.is_none_or(|key| key.is_some_and(|key| key.usage_plans.contains(id))))
        .map(|(id, plan)| (id.as_str(), plan));
    page(call, Service::ApiGateway, "usageplans", items, |plan| {
        render(plan)
    })
}

/// `GET /usageplans/{usageplanId}`
pub(super) async fn get(call: &Call<'_>, id: &str) -> Outcome {
    let (_, model) = call.model().await?;
    Ok(Reply::json(200, render(find_plan(&model, id)?)))
}

/// `PATCH /usageplans/{usageplanId}`
pub(super) async fn update(call: &Call<'_>, id: &str) -> Outcome {
    let patches = patch::read(call)?;
    // Which keys are in it is looked at when it opens more stages, and then by the rules as well.
    let changed = change(
        call,
        LooksAt::Only(&[mark(kind::USAGE_PLAN, id)]),
        |model, _| {
            let mut plan = UsagePlan::clone(find_plan(model, id)?);
            for patch in &patches {
                plan_patch::apply(&mut plan, patch)?;
            }
            let shown = render(&plan);
            Ok((with_plan(model, plan)?, shown))
        },
    )
    .await?;
    Ok(Reply::json(200, changed.value))
}

/// `DELETE /usageplans/{usageplanId}`. Its keys stay, without it.
pub(super) async fn delete(call: &Call<'_>, id: &str) -> Outcome {
    let looks_at = [mark(kind::USAGE_PLAN, id), mark_kind(kind::API_KEY)];
    change(call, LooksAt::Only(&looks_at), |before, now| {
        find_plan(before, id)?;
        let mut model = before.clone();
        model.usage_plans.remove(id);
        let holds = |key: &ApiKey| key.usage_plans.iter().any(|it| it.as_str() == id);
        // Only what changes is copied: there can be millions of keys.
        for key in before.api_keys.values().filter(|key| holds(key)) {
            if let Some(key) = model.api_keys.get_mut(&key.id) {
                let key = Arc::make_mut(key);
                key.usage_plans.retain(|it| it.as_str() != id);
                key.last_updated_date = now;
            }
        }
        Ok((model, ()))
    })
    .await?;
    Ok(Reply::empty(202))
}
