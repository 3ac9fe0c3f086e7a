//! API keys with their plans' allowances.

use std::collections::BTreeMap;
use std::sync::Arc;

use tollgate_model::{ApiKey, Model, UsagePlan};
use tollgate_protocol::ids::PlanId;

use super::same_map;
use crate::cells::{BucketId, CellSource};
use crate::snapshot::{FastMap, KeyDigest, KeyEntry, KeyPlan, KeyTable, PlanStage, Snapshot};

/// SHA-256 of a key's value.
#[must_use]
pub(crate) fn digest(value: &str) -> KeyDigest {
    let mut out = KeyDigest::default();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value.as_bytes());
    out.copy_from_slice(digest.as_ref());
    out
}

pub(super) fn compile(
    model: &Model,
    previous: Option<&Snapshot>,
    cells: &mut dyn CellSource,
) -> KeyTable {
    if let Some(old) = previous
        && same_keys(&old.model, model)
        && same_map(&old.model.usage_plans, &model.usage_plans)
    {
        return old.keys.clone();
    }
    if model.api_keys.is_empty() {
        return KeyTable::default();
    }
    let stages: BTreeMap<&PlanId, Arc<Vec<PlanStage>>> = model
        .usage_plans
        .iter()
        .map(|(id, plan)| (id, Arc::new(stages(plan))))
        .collect();
    let mut shards: Vec<FastMap<KeyDigest, Arc<KeyEntry>>> =
        (0..KeyTable::SHARDS).map(|_| FastMap::default()).collect();
    for key in model.api_keys.values() {
        let plans = key
            .usage_plans
            .iter()
            .filter_map(|id| {
                let plan = model.usage_plans.get(id)?;
                Some(key_plan(key, plan, stages.get(id)?, cells))
            })
            .collect();
        let digest = digest(&key.value);
        let entry = Arc::new(KeyEntry {
            key_id: key.id.clone(),
            enabled: key.enabled,
            plans,
        });
        shards[usize::from(digest[0])].insert(digest, entry);
    }
    KeyTable {
        shards: shards.into_iter().map(Arc::new).collect(),
    }
}

fn stages(plan: &UsagePlan) -> Vec<PlanStage> {
    let mut stages: Vec<PlanStage> = plan
        .api_stages
        .iter()
        .map(|it| PlanStage {
            api_id: it.api_id.as_str().into(),
            stage: it.stage.as_str().into(),
        })
        .collect();
    stages.sort_unstable();
    stages.dedup();
    stages
}

fn key_plan(
    key: &ApiKey,
    plan: &UsagePlan,
    stages: &Arc<Vec<PlanStage>>,
    cells: &mut dyn CellSource,
) -> KeyPlan {
    let mut route_throttles = Vec::new();
    for it in &plan.api_stages {
        let (api, stage) = (it.api_id.as_str(), it.stage.as_str());
        let found = stages.binary_search_by(|s| (&*s.api_id, &*s.stage).cmp(&(api, stage)));
        let Ok(index) = found else { continue };
        for (route, throttle) in &it.throttle {
            let route: Box<str> = route_key(route).into();
            let id = BucketId::KeyRoute(
                plan.id.clone(),
                key.id.clone(),
                api.into(),
                stage.into(),
                route.clone(),
            );
            route_throttles.push((index, route, cells.bucket(id, *throttle)));
        }
    }
    route_throttles.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    KeyPlan {
        plan_id: plan.id.clone(),
        stages: Arc::clone(stages),
        throttle: plan
            .throttle
            .map(|it| cells.bucket(BucketId::Key(plan.id.clone(), key.id.clone()), it)),
        route_throttles,
        quota: plan.quota.map(|it| cells.quota(&plan.id, &key.id, it)),
        on_partition: plan.on_partition,
    }
}

/// A route key; AWS's `/pets/GET` becomes `GET /pets`.
fn route_key(text: &str) -> String {
    match text.rsplit_once('/') {
        Some((path, method)) if text.starts_with('/') && !method.is_empty() => {
            format!("{method} {}", if path.is_empty() { "/" } else { path })
        }
        _ => text.into(),
    }
}

/// Whether two models hold the very same keys; what both share is not looked at.
fn same_keys(old: &Model, new: &Model) -> bool {
    old.api_keys
        .changes(&new.api_keys)
        .all(|(_, a, b)| a.zip(b).is_some_and(|(a, b)| Arc::ptr_eq(a, b)))
}
