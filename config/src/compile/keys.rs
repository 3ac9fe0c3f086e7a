//! API keys with their plans' allowances.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use tollgate_model::{ApiKey, Model, UsagePlan};
use tollgate_protocol::ids::PlanId;

use crate::cells::{BucketId, CellSource, QuotaSlot};
use crate::snapshot::{
    Found, KeyDigest, KeyEntry, KeyPlan, KeyTable, PlanRoute, PlanStage, PlanTerms, Snapshot,
};

/// SHA-256 of a key's value.
#[must_use]
pub fn digest(value: &str) -> KeyDigest {
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
    let old = previous.filter(|old| !old.keys.shards.is_empty());
    let (terms, differ) = terms(model, old, cells);
    let mut entries = Entries {
        model,
        terms: &terms,
        cells,
    };
    let mut table = match old {
        Some(old) => entries.changed(old, &differ),
        None => {
            let all = model.api_keys.values();
            KeyTable::new(all.map(|key| entries.entry(key, None)).collect())
        }
    };
    table.terms = Arc::new(terms);
    table
}

type Terms = BTreeMap<PlanId, Arc<PlanTerms>>;

/// What the plans say of their keys, and the plans that say something else than before.
fn terms(
    model: &Model,
    old: Option<&Snapshot>,
    cells: &mut dyn CellSource,
) -> (Terms, BTreeSet<PlanId>) {
    let (mut all, mut differ) = (Terms::new(), BTreeSet::new());
    for (id, plan) in &model.usage_plans {
        let same = old.and_then(|old| {
            let before = old.model.usage_plans.get(id)?;
            let same = Arc::ptr_eq(before, plan) || say_the_same(before, plan);
            old.keys.terms.get(id).filter(|_| same)
        });
        let terms = match same {
            Some(terms) => Arc::clone(terms),
            None => {
                differ.insert(id.clone());
                Arc::new(terms_of(plan, cells))
            }
        };
        all.insert(id.clone(), terms);
    }
    let before = old.into_iter().flat_map(|old| old.keys.terms.keys());
    differ.extend(before.filter(|id| !all.contains_key(*id)).cloned());
    (all, differ)
}

/// Whether two states of a plan say the same of its keys: another name is no reason to make a
/// million keys anew.
fn say_the_same(old: &UsagePlan, new: &UsagePlan) -> bool {
    let said = |plan: &'_ UsagePlan| (plan.throttle, plan.quota, plan.on_partition);
    old.api_stages == new.api_stages && said(old) == said(new)
}

fn terms_of(plan: &UsagePlan, cells: &mut dyn CellSource) -> PlanTerms {
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
    let mut routes = Vec::new();
    for it in &plan.api_stages {
        let (api, stage) = (it.api_id.as_str(), it.stage.as_str());
        let found = stages.binary_search_by(|s| (&*s.api_id, &*s.stage).cmp(&(api, stage)));
        let Ok(index) = found else { continue };
        for (route, throttle) in &it.throttle {
            routes.push(PlanRoute {
                stage: index,
                route_key: route_key(route).into(),
                throttle: *throttle,
            });
        }
    }
    routes.sort_by(|a, b| (a.stage, &a.route_key).cmp(&(b.stage, &b.route_key)));
    PlanTerms {
        plan_id: plan.id.clone(),
        stages,
        routes,
        throttle: plan.throttle,
        quota: plan.quota.map(|it| cells.quota(&plan.id, it)),
        on_partition: plan.on_partition,
    }
}

/// Makes the entries of keys.
struct Entries<'a> {
    model: &'a Model,
    terms: &'a Terms,
    cells: &'a mut dyn CellSource,
}

impl Entries<'_> {
    /// The table of a snapshot with the keys that differ or are in a plan that does: the cost of
    /// one key of a million is that of the shard that it is in.
    fn changed(&mut self, old: &Snapshot, plans: &BTreeSet<PlanId>) -> KeyTable {
        let mut table = old.keys.clone();
        let (before, now) = (&old.model.api_keys, &self.model.api_keys);
        let differ = || {
            let all = before.changes(now);
            all.filter(|(_, a, b)| !a.zip(*b).is_some_and(|(a, b)| Arc::ptr_eq(a, b)))
        };
        let (mut fresh, mut done) = (Vec::new(), BTreeSet::new());
        for (id, before, after) in differ() {
            done.insert(id);
            let known = before.map(|it| digest(&it.value));
            let known = known.and_then(|it| old.keys.get(&it));
            if let Some(after) = after {
                fresh.push(self.entry(after, known.map(|it| &**it)));
            }
            if let Some(known) = known {
                table.change(&known.digest, |keys| {
                    keys.remove(&known.digest);
                });
            }
        }
        if !plans.is_empty() {
            for key in now.values() {
                let concerned = key.usage_plans.iter().any(|id| plans.contains(id));
                if !concerned || done.contains(&key.id) {
                    continue;
                }
                let known = old.keys.get(&digest(&key.value));
                fresh.push(self.entry(key, known.map(|it| &**it)));
            }
        }
        // After all that go: two keys may have exchanged their values.
        for entry in fresh {
            let digest = entry.digest;
            table.change(&digest, |keys| drop(keys.replace(Found(entry))));
        }
        table
    }

    /// A key's entry. What the key holds by `before` it goes on holding.
    fn entry(&mut self, key: &ApiKey, before: Option<&KeyEntry>) -> Arc<KeyEntry> {
        let plans = key.usage_plans.iter().filter_map(|id| {
            let terms = self.terms.get(id)?;
            let held = before
                .filter(|before| before.key_id == key.id)
                .and_then(|before| before.plans.iter().find(|it| it.terms.plan_id == *id))
                .and_then(|plan| plan.slot.get().cloned());
            Some(plan(key, terms, held, self.cells))
        });
        Arc::new(KeyEntry {
            digest: digest(&key.value),
            key_id: key.id.clone(),
            enabled: key.enabled,
            plans: plans.collect(),
        })
    }
}

/// A key's part in a plan.
fn plan(
    key: &ApiKey,
    terms: &Arc<PlanTerms>,
    held: Option<Arc<QuotaSlot>>,
    cells: &mut dyn CellSource,
) -> KeyPlan {
    let (plan, key) = (&terms.plan_id, &key.id);
    let throttle = terms.throttle;
    let throttle = throttle.map(|it| cells.bucket(BucketId::Key(plan.clone(), key.clone()), it));
    let route_throttles = terms.routes.iter().map(|route| {
        let PlanStage { api_id, stage } = &terms.stages[route.stage];
        let (api, stage, route_key) = (api_id.clone(), stage.clone(), route.route_key.clone());
        let id = BucketId::KeyRoute(plan.clone(), key.clone(), api, stage, route_key);
        cells.bucket(id, route.throttle)
    });
    let route_throttles = route_throttles.collect();
    let held = held.filter(|_| terms.quota.is_some());
    KeyPlan {
        terms: Arc::clone(terms),
        throttle,
        route_throttles,
        slot: held.map_or_else(OnceLock::new, OnceLock::from),
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
