//! Whether a request is within its limits: single atomic operations on cells in memory.

use std::hint::black_box;
use std::sync::Arc;

use tollgate_config::cells::{QuotaSlot, Take, TokenBucket};
use tollgate_model::{Quota, Throttle};
use tollgate_protocol::{Millis, Rate};

use crate::measure::Operation;

/// More tokens than any measurement takes.
pub(crate) const PLENTY: u64 = 1 << 40;

/// A limit that is checked and never reached.
pub(crate) fn wide() -> Throttle {
    Throttle {
        burst_limit: 1_000_000,
        rate_limit: Rate::from_f64(1_000_000.0).expect("a rate"),
    }
}

/// Gives a quota a lease that does not run out, for the period around `now`.
pub(crate) fn lease(slot: &QuotaSlot, now: Millis) {
    slot.cell().open(Millis(0), Millis(now.0 * 2));
    slot.cell().grant(PLENTY, 1, 0, false);
}

struct Check {
    buckets: Vec<Arc<TokenBucket>>,
    quota: Option<Arc<QuotaSlot>>,
    now_us: u64,
}

impl Operation for Check {
    fn run(&mut self) {
        // A token comes back each microsecond.
        self.now_us += 1;
        for bucket in &self.buckets {
            assert!(black_box(bucket).try_take(black_box(self.now_us)).is_ok());
        }
        if let Some(slot) = &self.quota {
            let take = black_box(slot).take(black_box(Millis(1_000)));
            assert!(matches!(take, Take::Taken));
        }
    }
}

fn check(buckets: usize, quota: bool) -> Box<dyn Operation> {
    let slot = Arc::new(QuotaSlot::new(
        "plan".into(),
        "key".into(),
        Quota::default(),
    ));
    lease(&slot, Millis(1_000));
    Box::new(Check {
        buckets: (0..buckets)
            .map(|_| Arc::new(TokenBucket::new(wide())))
            .collect(),
        quota: quota.then_some(slot),
        now_us: 5_000_000,
    })
}

pub(super) fn bucket() -> Box<dyn Operation> {
    check(1, false)
}

pub(super) fn quota() -> Box<dyn Operation> {
    check(0, true)
}

pub(super) fn all() -> Box<dyn Operation> {
    check(2, true)
}
