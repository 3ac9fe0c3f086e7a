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
    if model.api_keys.is_empty() {
        return KeyTable::default();
    }
    let stages: Stages<'_> = model
        .usage_plans
        .iter()
        .map(|(id, plan)| (id, Arc::new(stages(plan))))
        .collect();
    if let Some(old) = previous
        && same_map(&old.model.usage_plans, &model.usage_plans)
        && !old.keys.shards.is_empty()
    {
        return changed(old, model, &stages, cells);
    }
    let mut shards: Vec<Shard> = (0..KeyTable::SHARDS).map(|_| Shard::default()).collect();
    for key in model.api_keys.values() {
        let digest = digest(&key.value);
        let entry = entry(key, model, &stages, cells);
        shards[usize::from(digest[0])].insert(digest, entry);
    }
    KeyTable {
        shards: shards.into_iter().map(Arc::new).collect(),
    }
}

type Shard = FastMap<KeyDigest, Arc<KeyEntry>>;
type Stages<'m> = BTreeMap<&'m PlanId, Arc<Vec<PlanStage>>>;

/// The table of a snapshot with the keys that differ: the cost of one key of a million is that of
/// the shard that it is in.
fn changed(
    old: &Snapshot,
    model: &Model,
    stages: &Stages<'_>,
    cells: &mut dyn CellSource,
) -> KeyTable {
    let mut table = old.keys.clone();
    let differ = || {
        let all = old.model.api_keys.changes(&model.api_keys);
        all.filter(|(_, a, b)| !a.zip(*b).is_some_and(|(a, b)| Arc::ptr_eq(a, b)))
    };
    let mut shard = |digest: &KeyDigest, change: &mut dyn FnMut(&mut Shard)| {
        if let Some(shard) = table.shards.get_mut(usize::from(digest[0])) {
            change(Arc::make_mut(shard));
        }
    };
    // All that go before any that come: two keys may have exchanged their values.
    for (_, before, _) in differ() {
        if let Some(before) = before {
            let digest = digest(&before.value);
            shard(&digest, &mut |keys| drop(keys.remove(&digest)));
        }
    }
    for (_, _, after) in differ() {
        if let Some(after) = after {
            let digest = digest(&after.value);
            let entry = entry(after, model, stages, cells);
            shard(&digest, &mut |keys| {
                drop(keys.insert(digest, Arc::clone(&entry)));
            });
        }
    }
    table
}

fn entry(
    key: &ApiKey,
    model: &Model,
    stages: &Stages<'_>,
    cells: &mut dyn CellSource,
) -> Arc<KeyEntry> {
    let plans = key.usage_plans.iter().filter_map(|id| {
        let plan = model.usage_plans.get(id)?;
        Some(key_plan(key, plan, stages.get(id)?, cells))
    });
    Arc::new(KeyEntry {
        key_id: key.id.clone(),
        enabled: key.enabled,
        plans: plans.collect(),
    })
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
