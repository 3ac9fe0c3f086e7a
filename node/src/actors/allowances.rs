//! What a node may admit: token buckets and quota slots, kept across snapshots.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tollgate_cluster::Leases;
use tollgate_config::cells::{BucketId, CellSource, QuotaSlot, TokenBucket};
use tollgate_model::{Quota, Throttle};
use tollgate_protocol::ids::{KeyId, PlanId};

/// Buckets and slots behind one lock, which the throttle actor and the compiler take and no
/// request ever does.
#[derive(Debug, Clone)]
pub struct Allowances(Arc<Mutex<Inner>>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) leases: Leases,
    buckets: HashMap<BucketId, Weak<TokenBucket>>,
}

impl Allowances {
    /// No allowance yet.
    #[must_use]
    pub fn new(leases: Leases) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            leases,
            buckets: HashMap::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held cannot have broken an invariant: every change is one call.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sums over all quota slots.
    #[must_use]
    pub fn numbers(&self) -> tollgate_cluster::LeaseNumbers {
        self.lock().leases.numbers()
    }
}

impl CellSource for Allowances {
    fn bucket(&mut self, id: BucketId, throttle: Throttle) -> Arc<TokenBucket> {
        let mut inner = self.lock();
        if let Some(bucket) = inner.buckets.get(&id).and_then(Weak::upgrade) {
            if bucket.limit() != throttle {
                bucket.set(throttle);
            }
            return bucket;
        }
        let bucket = Arc::new(TokenBucket::new(throttle));
        inner.buckets.insert(id, Arc::downgrade(&bucket));
        bucket
    }

    fn quota(&mut self, plan: &PlanId, key: &KeyId, quota: Quota) -> Arc<QuotaSlot> {
        self.lock().leases.slot(plan, key, quota)
    }
}

impl Inner {
    /// Forgets buckets and slots that no snapshot holds any more.
    pub(super) fn sweep(&mut self) {
        self.buckets.retain(|_, bucket| bucket.strong_count() > 0);
        self.leases.retain_used();
    }
}

#[cfg(test)]
mod tests {
    use tollgate_protocol::Rate;

    use super::*;

    #[test]
    fn the_same_id_is_the_same_bucket_while_a_snapshot_holds_it() {
        let mut allowances = Allowances::new(Leases::new(1, 1));
        let id = BucketId::Key("p".into(), "k".into());
        let throttle = |burst_limit| Throttle {
            burst_limit,
            rate_limit: Rate::ONE,
        };
        let first = allowances.bucket(id.clone(), throttle(2));
        assert!(first.try_take(0).is_ok());
        let second = allowances.bucket(id.clone(), throttle(3));
        assert!(Arc::ptr_eq(&first, &second));
        // One of three is taken: the limit changed, what was spent stays spent.
        assert_eq!(second.remaining(0), 2);
        drop((first, second));
        allowances.lock().sweep();
        assert_eq!(allowances.bucket(id, throttle(3)).remaining(0), 3);
    }
}
