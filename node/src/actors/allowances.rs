//! What a node may admit: token buckets and quota slots, kept across snapshots.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_cluster::{Leases, Rates};
use tollgate_config::cells::{BucketId, CellSource, QuotaSlot, TokenBucket};
use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

/// Buckets and slots behind locks, which the throttle actor and the compiler take and no request
/// ever does.
#[derive(Debug, Clone)]
pub struct Allowances {
    rates: Rates,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) leases: Leases,
}

impl Allowances {
    /// No allowance yet.
    #[must_use]
    pub fn new(leases: Leases, rates: Rates) -> Self {
        Self {
            rates,
            inner: Arc::new(Mutex::new(Inner { leases })),
        }
    }

    /// The allowances of the configuration that this life began with are there. A bucket that
    /// appears later is new to the cluster, and full.
    pub(super) fn begin(&self) {
        self.rates.begin();
    }

    /// Forgets buckets and slots that no snapshot holds any more.
    pub(super) fn sweep(&self) {
        self.rates.sweep();
        self.lock().leases.retain_used();
    }

    /// Whether this node has its part of every rate, and not the floor alone.
    #[must_use]
    pub fn rates_leased(&self) -> bool {
        self.rates.is_leased()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held cannot have broken an invariant: every change is one call.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sums over all quota slots.
    #[must_use]
    pub fn numbers(&self) -> tollgate_cluster::LeaseNumbers {
        self.lock().leases.numbers()
    }
}

impl CellSource for Allowances {
    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        self.rates.bucket(&id, throttle)
    }

    fn quota(&mut self, plan: &PlanId, key: &KeyId, quota: Quota) -> Arc<QuotaSlot> {
        self.lock().leases.slot(plan, key, quota)
    }
}
