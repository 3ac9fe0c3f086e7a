//! What a node may admit: token buckets and quota slots, kept across snapshots.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_cluster::{Leases, Rates};
use tollgate_config::cells::{BucketId, CellSource, QuotaSlot, TokenBucket};
use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

/// Slots that are looked at in one turn, on average: a million of them in 50 s, which holds the lock
/// for a tenth of a second or less.
const SWEPT_PER_TURN: usize = 10_000;

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
    /// Slots that could have been looked at since the last sweep.
    unswept: usize,
}

impl Allowances {
    /// No allowance yet.
    #[must_use]
    pub fn new(leases: Leases, rates: Rates) -> Self {
        Self {
            rates,
            inner: Arc::new(Mutex::new(Inner { leases, unswept: 0 })),
        }
    }

    /// The allowances of the configuration that this life began with are there. A bucket that
    /// appears later is new to the cluster, and full.
    pub(super) fn begin(&self) {
        self.rates.begin();
    }

    /// Forgets buckets and slots that no snapshot holds any more: at once where there are few, and
    /// where there are very many so seldom that looking at all of them costs little.
    pub(super) fn sweep(&self) {
        {
            let mut inner = self.lock();
            inner.unswept += SWEPT_PER_TURN;
            if inner.unswept < inner.leases.slots() {
                return;
            }
            inner.unswept = 0;
            inner.leases.retain_used();
        }
        self.rates.sweep();
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
