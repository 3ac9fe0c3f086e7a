//! A key's allowance of a quota on this node.
//!
//! The node holds a lease: tokens that the replicated state has already counted against the
//! quota. A request takes one by a compare-and-swap; when the lease is used up the node asks for
//! more. What was never granted is never admitted, so nothing here can exceed a quota.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use tollgate_model::Quota;
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};

use super::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// What taking a token gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Take {
    /// The request is admitted.
    Taken,
    /// The request is admitted, and it is time to ask for more. Said once per grant.
    TakenLow,
    /// The quota is used up everywhere until this time.
    Exhausted {
        /// When the next period begins.
        reset: Millis,
    },
    /// Nothing at hand: ask, wait for the answer and take again.
    Ask,
}

/// The tokens of one period that this node holds.
#[derive(Debug)]
pub struct LeaseCell {
    /// When the period began.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
    /// The quota, for headers.
    pub limit: u64,
    left: AtomicI64,
    low_water: AtomicI64,
    exhausted: AtomicBool,
    elsewhere: AtomicU64,
}

/// What `left` is once a cell is sealed: every later attempt sees a negative number.
const SEALED: i64 = i64::MIN / 2;

impl LeaseCell {
    /// A cell that holds nothing yet.
    #[must_use]
    pub fn new(start: Millis, end: Millis, limit: u64) -> Self {
        Self {
            start,
            end,
            limit,
            left: AtomicI64::new(0),
            low_water: AtomicI64::new(-1),
            exhausted: AtomicBool::new(false),
            elsewhere: AtomicU64::new(0),
        }
    }

    /// Adds granted tokens. The next ask is due when `low_water` are left; `elsewhere` is what the
    /// quota has beside them (a hint, for headers); `exhausted` says that no more can be granted.
    pub fn grant(&self, tokens: u64, low_water: u64, elsewhere: u64, exhausted: bool) {
        self.elsewhere.store(elsewhere, Ordering::Relaxed);
        self.low_water.store(
            if exhausted { -1 } else { signed(low_water) },
            Ordering::Relaxed,
        );
        self.left.fetch_add(signed(tokens), Ordering::AcqRel);
        self.exhausted.store(exhausted, Ordering::Release);
    }

    /// Takes all but `keep` tokens away for giving back; returns how many. Take first, report
    /// after: the other order could hand the same token to two nodes. What is given back somebody
    /// can ask for again, so a cell that was exhausted is not any more, before a token goes.
    pub fn withdraw(&self, keep: u64) -> u64 {
        self.reopen();
        let mut left = self.left.load(Ordering::Acquire);
        loop {
            let taken = left - signed(keep);
            if taken <= 0 {
                return 0;
            }
            match self.left.compare_exchange_weak(
                left,
                left - taken,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return taken.unsigned_abs(),
                Err(seen) => left = seen,
            }
        }
    }

    /// Closes the cell for good and returns what was left in it.
    pub fn seal(&self) -> u64 {
        let left = self.left.swap(SEALED, Ordering::AcqRel);
        left.max(0).unsigned_abs()
    }

    /// The tokens at hand, 0 once sealed.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Acquire).max(0).unsigned_abs()
    }

    /// Whether the last answer was that no more can be granted.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Acquire)
    }

    /// Forgets that no more can be granted: the quota changed, and the next request asks again.
    pub fn reopen(&self) {
        self.exhausted.store(false, Ordering::Release);
    }

    pub(super) fn take(&self) -> Take {
        if let Some(taken) = self.try_take() {
            return taken;
        }
        if !self.exhausted.load(Ordering::Acquire) {
            return Take::Ask;
        }
        // The last grant says in one go what it brings and that nothing will follow: whoever saw
        // nothing at hand before it, and the end after it, must look again.
        if let Some(taken) = self.try_take() {
            return taken;
        }
        if self.left.load(Ordering::Acquire) > SEALED / 2 {
            Take::Exhausted { reset: self.end }
        } else {
            Take::Ask
        }
    }

    fn try_take(&self) -> Option<Take> {
        let mut left = self.left.load(Ordering::Acquire);
        while left > 0 {
            match self.left.compare_exchange_weak(
                left,
                left - 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    let low = left - 1 == self.low_water.load(Ordering::Relaxed);
                    return Some(if low { Take::TakenLow } else { Take::Taken });
                }
                Err(seen) => left = seen,
            }
        }
        None
    }
}

/// Where a key's current lease is found; the slot stays, its cell changes with the period.
#[derive(Debug)]
pub struct QuotaSlot {
    /// The plan.
    pub plan: PlanId,
    /// The key.
    pub key: KeyId,
    quota: ArcSwapOption<Quota>,
    cell: ArcSwapOption<LeaseCell>,
    waiting: AtomicU64,
}

/// A request that waits for a token of a slot, from its first ask until it is answered.
#[derive(Debug)]
pub struct Waiting<'a>(&'a QuotaSlot);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

impl QuotaSlot {
    /// A slot that holds nothing.
    #[must_use]
    pub fn new(plan: PlanId, key: KeyId, quota: Quota) -> Self {
        Self {
            plan,
            key,
            quota: ArcSwapOption::from_pointee(quota),
            cell: ArcSwapOption::empty(),
            waiting: AtomicU64::new(0),
        }
    }

    /// Counts a request as waiting while the value lives: tokens that are on their way to it are
    /// not given back.
    pub fn begin_wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        Waiting(self)
    }

    /// Requests that wait for a token.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Acquire)
    }

    /// The quota that is in force.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.quota.load().as_deref().copied().unwrap_or_default()
    }

    /// Sets the quota anew.
    pub fn set_quota(&self, quota: Quota) {
        self.quota.store(Some(Arc::new(quota)));
    }

    /// Puts another cell in place and returns the old one, which its owner then seals.
    pub fn replace(&self, cell: Option<Arc<LeaseCell>>) -> Option<Arc<LeaseCell>> {
        self.cell.swap(cell)
    }

    /// The current cell.
    #[must_use]
    pub fn cell(&self) -> Option<Arc<LeaseCell>> {
        self.cell.load_full()
    }

    /// Takes a token for a request at `now`.
    #[must_use]
    pub fn take(&self, now: Millis) -> Take {
        match self.cell.load().as_deref() {
            Some(cell) if now >= cell.start && now < cell.end => cell.take(),
            _ => Take::Ask,
        }
    }

    /// What is left of the period as far as this node knows, and when it ends.
    #[must_use]
    pub fn remaining(&self, now: Millis) -> Option<(u64, Millis)> {
        let cell = self.cell.load();
        let cell = cell
            .as_deref()
            .filter(|cell| now >= cell.start && now < cell.end)?;
        Some((
            cell.left() + cell.elsewhere.load(Ordering::Relaxed),
            cell.end,
        ))
    }
}

fn signed(tokens: u64) -> i64 {
    // Quotas end at 2^53 (`limits::QUOTA_MAX`).
    i64::try_from(tokens)
        .unwrap_or(i64::MAX / 4)
        .min(i64::MAX / 4)
}
