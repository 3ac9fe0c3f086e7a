//! What a node may admit: token buckets and quota slots, kept across snapshots.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tollgate_cluster::{Leases, Rates};
use tollgate_config::cells::{BucketId, CellSource, QuotaSlot, SlotSource, TokenBucket};
use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

/// Slots that are looked at in one turn, on average: a million of them in 50 s, which holds the lock
/// for a tenth of a second or less.
const SWEPT_PER_TURN: usize = 10_000;

/// Buckets and slots behind locks, which the throttle actor and the compiler take. A request takes
/// one only where it is the first of its key, to make the slot that it then waits for.
#[derive(Debug, Clone)]
pub struct Allowances {
    rates: Rates,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) leases: Leases,
    /// Where the keys of plans get their slots, as long as a snapshot knows it.
    plans: BTreeMap<PlanId, Weak<PlanSlots>>,
    /// Slots that could have been looked at since the last sweep.
    unswept: usize,
}

impl Inner {
    fn new(leases: Leases) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            leases,
            plans: BTreeMap::new(),
            unswept: 0,
        }))
    }
}

impl Allowances {
    /// No allowance yet.
    #[must_use]
    pub fn new(leases: Leases, rates: Rates) -> Self {
        Self {
            rates,
            inner: Inner::new(leases),
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
            inner.plans.retain(|_, slots| slots.strong_count() > 0);
        }
        self.rates.sweep();
    }

    /// Whether this node has its part of every rate, and not the floor alone.
    #[must_use]
    pub fn rates_leased(&self) -> bool {
        self.rates.is_leased()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Sums over all quota slots.
    #[must_use]
    pub fn numbers(&self) -> tollgate_cluster::LeaseNumbers {
        self.lock().leases.numbers()
    }
}

impl CellSource for Allowances {
    fn find(&mut self, id: &BucketId) -> Option<Arc<TokenBucket>> {
        self.rates.find(id)
    }

    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        self.rates.bucket(&id, throttle)
    }

    fn quota(&mut self, plan: &PlanId, quota: Quota) -> Arc<dyn SlotSource> {
        slots(&self.inner, plan, quota)
    }
}

/// Sets the quota of a plan; says where its keys get their slots.
fn slots(shared: &Arc<Mutex<Inner>>, plan: &PlanId, quota: Quota) -> Arc<PlanSlots> {
    let mut inner = lock(shared);
    inner.leases.set_quota(plan, quota);
    if let Some(slots) = inner.plans.get(plan).and_then(Weak::upgrade) {
        *lock(&slots.quota) = quota;
        return slots;
    }
    let slots = Arc::new(PlanSlots {
        inner: Arc::clone(shared),
        plan: plan.clone(),
        quota: Mutex::new(quota),
    });
    inner.plans.insert(plan.clone(), Arc::downgrade(&slots));
    slots
}

/// Where the keys of a plan get their slots.
struct PlanSlots {
    inner: Arc<Mutex<Inner>>,
    plan: PlanId,
    /// What is in force now, whichever snapshot asks. Changed and used while `inner` is locked.
    quota: Mutex<Quota>,
}

impl fmt::Debug for PlanSlots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlanSlots")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl SlotSource for PlanSlots {
    fn slot(&self, key: &KeyId) -> Arc<QuotaSlot> {
        let mut inner = lock(&self.inner);
        let quota = *lock(&self.quota);
        inner.leases.slot(&self.plan, key, quota)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was held cannot have broken an invariant: every change is one call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tollgate_model::Period;

    use super::*;

    #[test]
    fn a_request_that_reads_an_old_snapshot_brings_no_old_quota_back() {
        let inner = Inner::new(Leases::new(1, 1));
        let plan = PlanId::from("gold");
        let quota = |limit| Quota {
            limit,
            offset: 0,
            period: Period::Day,
        };
        let before = slots(&inner, &plan, quota(10));
        let used = before.slot(&"used".into());
        let after = slots(&inner, &plan, quota(5));
        assert_eq!(used.quota(), quota(5), "a slot that is there is changed");
        let late = before.slot(&"late".into());
        assert_eq!(late.quota(), quota(5));
        assert!(Arc::ptr_eq(&late, &after.slot(&"late".into())));
        drop((before, after));
        let again = slots(&inner, &plan, quota(7));
        assert_eq!(late.quota(), quota(7));
        assert!(Arc::ptr_eq(&late, &again.slot(&"late".into())));
    }
}
