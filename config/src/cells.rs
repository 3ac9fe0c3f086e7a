//! The cells that requests decrement: the only things in a snapshot that change.

use std::fmt::Debug;
use std::sync::Arc;

use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

/// A token bucket: `burst` at once, then `rate` per second.
#[derive(Debug)]
pub struct TokenBucket {}

/// A key's allowance of a quota on this node.
#[derive(Debug)]
pub struct QuotaSlot {}

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
