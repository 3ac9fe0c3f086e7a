//! The cells that requests decrement: the only things in a snapshot that change.
//!
//! They outlive snapshots: the compiler asks a [`CellSource`] for the cell of an id, and a new
//! snapshot finds the one of the old. Requests touch them by single atomic operations; nothing
//! here waits.

mod bucket;
mod quota;
#[cfg(test)]
mod tests;

/// What the quota cell is made of. `config/tests/loom` compiles that module with loom's.
mod atomic {
    pub(super) use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
}

pub use bucket::{Refused, TokenBucket};
pub use quota::{LeaseCell, QuotaSlot, Take};

use std::fmt::Debug;
use std::sync::Arc;

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

/// Hands out cells to the compiler: the same id gives the same cell, with its limit set anew.
pub trait CellSource: Debug {
    /// The bucket of this id.
    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket>;
    /// The quota of a key in a plan.
    fn quota(&mut self, plan: &PlanId, key: &KeyId, quota: Quota) -> Arc<QuotaSlot>;
}
