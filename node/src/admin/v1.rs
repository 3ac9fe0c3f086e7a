//! `apigateway`: API keys, usage plans and usage.

mod api_keys;
mod import;
mod patch;
mod plan_keys;
mod plan_patch;
mod usage;
mod usage_plans;

use tollgate_aws::operations::{Matched, V1Op};

use super::call::{Call, label};
use super::reply::Outcome;
use super::tags;

/// Carries an operation out; `None` when this release does not have it.
pub(crate) async fn run(op: V1Op, call: &Call<'_>, matched: &Matched<'_>) -> Option<Outcome> {
    let key = label(matched, "api_Key");
    let plan = label(matched, "usageplanId");
    let plan_key = label(matched, "keyId");
    Some(match op {
        V1Op::CreateApiKey => api_keys::create(call).await,
        V1Op::ImportApiKeys => import::run(call).await,
        V1Op::GetApiKeys => api_keys::list(call).await,
        V1Op::GetApiKey => api_keys::get(call, key).await,
        V1Op::UpdateApiKey => api_keys::update(call, key).await,
        V1Op::DeleteApiKey => api_keys::delete(call, key).await,
        V1Op::CreateUsagePlan => usage_plans::create(call).await,
        V1Op::GetUsagePlans => usage_plans::list(call).await,
        V1Op::GetUsagePlan => usage_plans::get(call, plan).await,
        V1Op::UpdateUsagePlan => usage_plans::update(call, plan).await,
        V1Op::DeleteUsagePlan => usage_plans::delete(call, plan).await,
        V1Op::CreateUsagePlanKey => plan_keys::create(call, plan).await,
        V1Op::GetUsagePlanKeys => plan_keys::list(call, plan).await,
        V1Op::GetUsagePlanKey => plan_keys::get(call, plan, plan_key).await,
        V1Op::DeleteUsagePlanKey => plan_keys::delete(call, plan, plan_key).await,
        V1Op::GetTags => tags::get(call, label(matched, "resource_arn")).await,
        V1Op::TagResource => tags::put(call, label(matched, "resource_arn"), 204).await,
        V1Op::UntagResource => tags::remove(call, label(matched, "resource_arn")).await,
        V1Op::GetUsage => usage::get(call, plan).await,
        V1Op::UpdateUsage => usage::update(call, plan, plan_key).await,
        _ => return None,
    })
}
