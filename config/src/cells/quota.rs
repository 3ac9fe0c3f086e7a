//! A key's allowance of a quota on this node.
//!
//! The node holds a lease: tokens that the replicated state has already counted against the
//! quota. A request takes one by a compare-and-swap; when the lease is used up the node asks for
//! more. What was never granted is never admitted, so nothing here can exceed a quota.
//!
//! The cell lies in the slot and stays when the period changes: a pointer to another one would
//! cost a request twice what the rest does. What the pointer would say is in the word that
//! requests swap: a count of the leases that were open here. So a request that looked at one
//! period cannot take a token of another.

use tollgate_model::{Period, Quota};
use tollgate_protocol::Millis;
use tollgate_protocol::ids::{KeyId, PlanId};

use super::atomic::{AtomicU64, Ordering};

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

/// The tokens of one period that this node holds. Requests take; everything else is for the one
/// owner of the slot.
#[derive(Debug)]
pub struct LeaseCell {
    /// From low to high bits: the tokens at hand; whether no more can be granted; how many leases
    /// were open here.
    word: AtomicU64,
    /// The period, milliseconds since the epoch. Written only while there is no token: whoever sees
    /// one of another lease in the word sees this lease's period, and whoever sees the next lease's
    /// period fails to swap the word.
    start: AtomicU64,
    end: AtomicU64,
    low_water: AtomicU64,
    elsewhere: AtomicU64,
}

/// The tokens at hand: quotas end at 2^53 (`limits::QUOTA_MAX`).
const LEFT: u64 = (1 << 54) - 1;
/// No more can be granted. In the word, so that the last grant says in one go what it brings and
/// that nothing will follow: nobody is refused with a token at hand.
const EXHAUSTED: u64 = 1 << 54;
/// One lease more. The count wraps at 512: nobody sleeps through so many leases of a key between
/// two instructions, and who did would still take a token that was granted.
const LEASE: u64 = 1 << 55;
/// No low-water mark: no number of tokens is this.
const NEVER: u64 = u64::MAX;

impl Default for LeaseCell {
    fn default() -> Self {
        Self::new()
    }
}

impl LeaseCell {
    /// A cell without a lease.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            start: AtomicU64::new(0),
            end: AtomicU64::new(0),
            low_water: AtomicU64::new(NEVER),
            elsewhere: AtomicU64::new(0),
        }
    }

    /// Begins a lease of the period from `start` to before `end`, without a token. The one before
    /// must have been sealed.
    pub fn open(&self, start: Millis, end: Millis) {
        debug_assert_eq!(self.left(), 0, "the lease before was not sealed");
        self.low_water.store(NEVER, Ordering::Relaxed);
        self.elsewhere.store(0, Ordering::Relaxed);
        self.start.store(start.0, Ordering::Release);
        self.end.store(end.0, Ordering::Release);
    }

    /// The period of the lease, `None` when there is none.
    #[must_use]
    pub fn period(&self) -> Option<(Millis, Millis)> {
        let end = self.end.load(Ordering::Acquire);
        (end > 0).then(|| (Millis(self.start.load(Ordering::Acquire)), Millis(end)))
    }

    /// Adds granted tokens. The next ask is due when `low_water` are left; `elsewhere` is what the
    /// quota has beside them (a hint, for headers); `exhausted` says that no more can be granted.
    pub fn grant(&self, tokens: u64, low_water: u64, elsewhere: u64, exhausted: bool) {
        self.elsewhere.store(elsewhere, Ordering::Relaxed);
        let low_water = if exhausted { NEVER } else { low_water };
        self.low_water.store(low_water, Ordering::Relaxed);
        self.update(|word| {
            let left = (word & LEFT).saturating_add(tokens).min(LEFT);
            let end = if exhausted { EXHAUSTED } else { 0 };
            (word & !(LEFT | EXHAUSTED)) | left | end
        });
    }

    /// Takes all but `keep` tokens away for giving back; returns how many. Take first, report
    /// after: the other order could hand the same token to two nodes. What is given back somebody
    /// can ask for again, so a cell that was exhausted is not any more, when a token goes.
    pub fn withdraw(&self, keep: u64) -> u64 {
        let taken = |word: u64| (word & LEFT).saturating_sub(keep);
        let before = self.update(|word| (word & !EXHAUSTED) - taken(word));
        taken(before)
    }

    /// Ends the lease and returns what was left of it.
    pub fn seal(&self) -> u64 {
        let before = self.update(|word| (word & !(LEFT | EXHAUSTED)).wrapping_add(LEASE));
        // After the word: who sees no period any more, or the next one, fails to swap.
        self.end.store(0, Ordering::Release);
        before & LEFT
    }

    /// The tokens at hand.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.word.load(Ordering::Acquire) & LEFT
    }

    /// Whether the last answer was that no more can be granted.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.word.load(Ordering::Acquire) & EXHAUSTED != 0
    }

    /// Forgets that no more can be granted: the quota changed, and the next request asks again.
    pub fn reopen(&self) {
        self.word.fetch_and(!EXHAUSTED, Ordering::AcqRel);
    }

    /// Changes the word; returns what it was before.
    fn update(&self, change: impl Fn(u64) -> u64) -> u64 {
        let mut word = self.word.load(Ordering::Acquire);
        while let Err(seen) =
            self.word
                .compare_exchange_weak(word, change(word), Ordering::AcqRel, Ordering::Acquire)
        {
            word = seen;
        }
        word
    }

    /// The hot path: inlined, for a request pays little more than the swap.
    #[inline]
    pub(super) fn take(&self, now: Millis) -> Take {
        let mut word = self.word.load(Ordering::Acquire);
        loop {
            let end = self.end.load(Ordering::Acquire);
            if now.0 >= end || now.0 < self.start.load(Ordering::Acquire) {
                return Take::Ask;
            }
            let left = word & LEFT;
            if left == 0 {
                return self.dry(word, Millis(end));
            }
            match self.word.compare_exchange_weak(
                word,
                word - 1,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) if left - 1 == self.low_water.load(Ordering::Relaxed) => {
                    return Take::TakenLow;
                }
                Ok(_) => return Take::Taken,
                Err(seen) => word = seen,
            }
        }
    }

    #[cold]
    fn dry(&self, word: u64, end: Millis) -> Take {
        // The end that was seen is this lease's if the word is still the same.
        if word & EXHAUSTED != 0 && self.word.load(Ordering::Acquire) == word {
            Take::Exhausted { reset: end }
        } else {
            Take::Ask
        }
    }
}

/// Where a key's current lease is found, for as long as the key is in the plan.
#[derive(Debug)]
pub struct QuotaSlot {
    /// The plan.
    pub plan: PlanId,
    /// The key.
    pub key: KeyId,
    /// The quota: its limit; its offset and its period.
    limit: AtomicU64,
    shape: AtomicU64,
    cell: LeaseCell,
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
            limit: AtomicU64::new(quota.limit),
            shape: AtomicU64::new(shape(&quota)),
            cell: LeaseCell::new(),
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

    /// The requests of a period, as of the quota that is in force.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit.load(Ordering::Acquire)
    }

    /// The quota that is in force, for the slot's owner: while it changes, others may see the limit
    /// of one and the period of another.
    #[must_use]
    pub fn quota(&self) -> Quota {
        let shape = self.shape.load(Ordering::Acquire);
        Quota {
            limit: self.limit(),
            // The upper half.
            offset: (shape >> 32) as u32,
            period: match shape & 3 {
                0 => Period::Day,
                1 => Period::Week,
                _ => Period::Month,
            },
        }
    }

    /// Sets the quota anew.
    pub fn set_quota(&self, quota: Quota) {
        self.shape.store(shape(&quota), Ordering::Release);
        self.limit.store(quota.limit, Ordering::Release);
    }

    /// What the node holds.
    #[must_use]
    pub fn cell(&self) -> &LeaseCell {
        &self.cell
    }

    /// Takes a token for a request at `now`.
    #[must_use]
    #[inline]
    pub fn take(&self, now: Millis) -> Take {
        self.cell.take(now)
    }

    /// What is left of the period as far as this node knows, and when it ends.
    #[must_use]
    pub fn remaining(&self, now: Millis) -> Option<(u64, Millis)> {
        let (start, end) = self.cell.period()?;
        let elsewhere = self.cell.elsewhere.load(Ordering::Relaxed);
        (now >= start && now < end).then(|| (self.cell.left() + elsewhere, end))
    }
}

fn shape(quota: &Quota) -> u64 {
    let period = match quota.period {
        Period::Day => 0,
        Period::Week => 1,
        Period::Month => 2,
    };
    u64::from(quota.offset) << 32 | period
}
