//! API keys by the digest of their value.

use std::sync::Arc;

use tollgate_model::OnPartition;
use tollgate_protocol::ids::{KeyId, PlanId};

use super::FastMap;
use crate::cells::{QuotaSlot, TokenBucket};

/// SHA-256 of a key's value: the index never holds the secret itself.
pub type KeyDigest = [u8; 32];

/// The keys in shards that snapshots share, so that one changed key of a million copies one shard.
#[derive(Debug, Clone, Default)]
pub struct KeyTable {
    /// By the first byte of the digest; empty when there is no key at all.
    pub shards: Vec<Arc<FastMap<KeyDigest, Arc<KeyEntry>>>>,
}

/// An API key as requests see it.
#[derive(Debug)]
pub struct KeyEntry {
    /// The id.
    pub key_id: KeyId,
    /// Whether requests with it are let in.
    pub enabled: bool,
    /// Its usage plans.
    pub plans: Vec<KeyPlan>,
}

/// A usage plan of a key, with the key's own allowances.
#[derive(Debug)]
pub struct KeyPlan {
    /// The plan's id.
    pub plan_id: PlanId,
    /// The stages that the plan opens, sorted by (API, stage).
    pub stages: Arc<Vec<PlanStage>>,
    /// The key's rate over all stages of the plan.
    pub throttle: Option<Arc<TokenBucket>>,
    /// The key's rates by (index into `stages`, route key), sorted.
    pub route_throttles: Vec<(usize, Box<str>, Arc<TokenBucket>)>,
    /// The key's quota over all stages of the plan.
    pub quota: Option<Arc<QuotaSlot>>,
    /// What a node does about the quota while it is cut off.
    pub on_partition: OnPartition,
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
    pub const SHARDS: usize = 256;

    /// The key of this digest.
    #[must_use]
    pub fn get(&self, digest: &KeyDigest) -> Option<&Arc<KeyEntry>> {
        self.shards.get(usize::from(digest[0]))?.get(digest)
    }
}

impl KeyEntry {
    /// The plan that opens this stage to the key: at most one does.
    #[must_use]
    pub fn plan_for(&self, api_id: &str, stage: &str) -> Option<(&KeyPlan, usize)> {
        self.plans.iter().find_map(|plan| {
            let found = plan
                .stages
                .binary_search_by(|it| (&*it.api_id, &*it.stage).cmp(&(api_id, stage)))
                .ok()?;
            Some((plan, found))
        })
    }
}
