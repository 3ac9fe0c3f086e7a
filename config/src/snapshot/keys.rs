//! API keys by the digest of their value.
//!
//! There can be millions, of which few are used on a node at a time. So what all keys of a plan
//! have in common is there once, a key is found by its digest in a set of pointers, and its quota
//! slot is made when it is first used.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use tollgate_model::{OnPartition, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

use super::FastSet;
use crate::cells::{QuotaSlot, SlotSource, TokenBucket};

/// SHA-256 of a key's value: the index never holds the secret itself.
pub type KeyDigest = [u8; 32];

/// The keys in shards that snapshots share, so that one changed key of a million copies one shard.
#[derive(Debug, Clone, Default)]
pub struct KeyTable {
    /// By the first byte of the digest; empty when there is no key at all.
    pub(crate) shards: Vec<Arc<FastSet<Found>>>,
    /// What the plans' keys have in common.
    pub(crate) terms: Arc<BTreeMap<PlanId, Arc<PlanTerms>>>,
}

/// An entry where it is found: it is equal to its digest.
#[derive(Debug, Clone)]
pub(crate) struct Found(pub(crate) Arc<KeyEntry>);

impl Borrow<KeyDigest> for Found {
    fn borrow(&self) -> &KeyDigest {
        &self.0.digest
    }
}

impl Hash for Found {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Found {}

/// An API key as requests see it.
#[derive(Debug)]
pub struct KeyEntry {
    /// The digest of its value.
    pub digest: KeyDigest,
    /// The id.
    pub key_id: KeyId,
    /// Whether requests with it are let in.
    pub enabled: bool,
    /// Its usage plans.
    pub plans: Box<[KeyPlan]>,
}

/// A usage plan of a key, with the key's own allowances.
#[derive(Debug)]
pub struct KeyPlan {
    /// What it has in common with the other keys of the plan.
    pub terms: Arc<PlanTerms>,
    /// The key's rate over all stages of the plan.
    pub throttle: Option<Arc<TokenBucket>>,
    /// The key's rates for the routes that the terms name, in their order.
    pub route_throttles: Box<[Arc<TokenBucket>]>,
    /// The key's quota over all stages of the plan, once it was used.
    pub(crate) slot: OnceLock<Arc<QuotaSlot>>,
}

/// What a usage plan says about each of its keys.
#[derive(Debug)]
pub struct PlanTerms {
    /// The plan's id.
    pub plan_id: PlanId,
    /// The stages that the plan opens, sorted by (API, stage).
    pub stages: Vec<PlanStage>,
    /// Routes with rates of their own, sorted by stage and route key.
    pub routes: Vec<PlanRoute>,
    /// The rate of a key over all stages.
    pub throttle: Option<Throttle>,
    /// Where the quota slots of its keys come from, if it has a quota.
    pub quota: Option<Arc<dyn SlotSource>>,
    /// What a node does about the quota while it is cut off.
    pub on_partition: OnPartition,
}

/// A route for which each key of a plan has a rate of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRoute {
    /// Its stage, as an index into the plan's.
    pub stage: usize,
    /// The route key.
    pub route_key: Box<str>,
    /// The rate.
    pub throttle: Throttle,
}

/// A stage that a plan opens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanStage {
    /// The API's id.
    pub api_id: Box<str>,
    /// The stage's name.
    pub stage: Box<str>,
}

impl KeyTable {
    /// The shards that a table has.
    pub(crate) const SHARDS: usize = 256;

    /// A table of these keys, which have different digests.
    #[must_use]
    pub fn new(keys: Vec<Arc<KeyEntry>>) -> Self {
        let mut counts = [0_usize; Self::SHARDS];
        for key in &keys {
            counts[usize::from(key.digest[0])] += 1;
        }
        let sized = |count: &usize| FastSet::with_capacity_and_hasher(*count, Default::default());
        let mut shards: Vec<FastSet<Found>> = counts.iter().map(sized).collect();
        for key in keys {
            shards[usize::from(key.digest[0])].insert(Found(key));
        }
        Self {
            shards: shards.into_iter().map(Arc::new).collect(),
            terms: Arc::default(),
        }
    }

    /// The key of this digest.
    #[must_use]
    pub fn get(&self, digest: &KeyDigest) -> Option<&Arc<KeyEntry>> {
        let shard = self.shards.get(usize::from(digest[0]))?;
        shard.get(digest).map(|found| &found.0)
    }

    /// Changes the shard that this digest is in.
    pub(crate) fn change(&mut self, digest: &KeyDigest, change: impl FnOnce(&mut FastSet<Found>)) {
        if let Some(shard) = self.shards.get_mut(usize::from(digest[0])) {
            change(Arc::make_mut(shard));
        }
    }
}

impl KeyEntry {
    /// The plan that opens this stage to the key: at most one does.
    #[must_use]
    pub fn plan_for(&self, api_id: &str, stage: &str) -> Option<(&KeyPlan, usize)> {
        self.plans.iter().find_map(|plan| {
            let stages = &plan.terms.stages;
            let found = stages
                .binary_search_by(|it| (&*it.api_id, &*it.stage).cmp(&(api_id, stage)))
                .ok()?;
            Some((plan, found))
        })
    }
}

impl KeyPlan {
    /// A key's part in a plan without rates.
    #[must_use]
    pub fn new(terms: Arc<PlanTerms>) -> Self {
        Self {
            terms,
            throttle: None,
            route_throttles: Box::default(),
            slot: OnceLock::new(),
        }
    }

    /// The quota slot of the key, which must be this plan's own. The first request of a key makes
    /// it, under a lock; it then waits for a lease anyway.
    #[must_use]
    pub fn quota(&self, key: &KeyId) -> Option<&Arc<QuotaSlot>> {
        match self.slot.get() {
            Some(slot) => Some(slot),
            None => self.first_quota(key),
        }
    }

    #[cold]
    fn first_quota(&self, key: &KeyId) -> Option<&Arc<QuotaSlot>> {
        let source = self.terms.quota.as_ref()?;
        Some(self.slot.get_or_init(|| source.slot(key)))
    }
}
