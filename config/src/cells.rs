//! The cells that requests decrement: the only things in a snapshot that change.
//!
//! They outlive snapshots: the compiler asks a [`CellSource`] for the cell of an id, and a new
//! snapshot finds the one of the old. Requests touch them by single atomic operations; nothing
//! here waits.

mod bucket;
mod quota;
mod tenure;
#[cfg(test)]
mod tests;

/// What the quota cell is made of. `config/tests/loom` compiles that module with loom's.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

pub use bucket::{BucketKey, Demand, Refused, TokenBucket, WHOLE};
pub use quota::{LeaseCell, QuotaSlot, Take};
pub use tenure::Tenure;

use std::fmt::Debug;
use std::sync::Arc;

use aws_lc_rs::digest;
use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

/// Names a token bucket, so that a new snapshot finds the cell of the old one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BucketId {
    /// The limit of a route in a stage: API, stage, route key.
    Route(Box<str>, Box<str>, Box<str>),
    /// The limit of a key in a plan.
    Key(PlanId, KeyId),
    /// The limit of a key for one route of a stage of a plan: plan, key, API, stage, route key.
    KeyRoute(PlanId, KeyId, Box<str>, Box<str>, Box<str>),
}

impl BucketId {
    /// Its name in the cluster, the same on every node.
    #[must_use]
    pub fn key(&self) -> BucketKey {
        let parts: [&str; 6] = match self {
            Self::Route(api, stage, route) => ["route", api, stage, route, "", ""],
            Self::Key(plan, key) => ["key", plan.as_str(), key.as_str(), "", "", ""],
            Self::KeyRoute(plan, key, api, stage, route) => {
                ["key-route", plan.as_str(), key.as_str(), api, stage, route]
            }
        };
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let hash = hash.finish();
        let mut key = [0; 16];
        key.copy_from_slice(&hash.as_ref()[..16]);
        BucketKey(u128::from_le_bytes(key))
    }
}

/// Hands out cells to the compiler: the same id gives the same cell, with its limit set anew.
pub trait CellSource: Debug {
    /// The bucket of this id, with the limit that it has; `None` when there is none yet.
    fn find(&mut self, id: &BucketId) -> Option<Arc<TokenBucket>>;
    /// The bucket of this id.
    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket>;
    /// Sets the quota of a plan, also for the slots that its keys have; says where keys find theirs.
    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource>;
}

/// The quota slots of a plan's keys, made when a key is first used: of a million keys most are
/// not. Every snapshot asks the same source for the slots of a plan, so a request that still reads
/// an old one cannot bring an old quota back.
pub trait SlotSource: Debug + Send + Sync {
    /// The slot of a key.
    fn slot(&self, key: &KeyId) -> Arc<QuotaSlot>;
}

/// Slots that nobody leases to, for trying a configuration out.
#[derive(Debug)]
pub struct Unleased {
    /// The plan.
    pub plan: PlanId,
    /// Its quota.
    pub quota: Quota,
}

impl SlotSource for Unleased {
    fn slot(&self, key: &KeyId) -> Arc<QuotaSlot> {
        let slot = QuotaSlot::new(self.plan.clone(), key.clone(), self.quota);
        Arc::new(slot)
    }
}
