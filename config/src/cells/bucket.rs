//! A token bucket, or a node's share of one, in one atomic word.
//!
//! The generic cell rate algorithm (ITU-T I.371) keeps one number, the time at which the bucket
//! would be full again. A request is let in when paying its share still leaves that time within a
//! whole bucket of now. That is the token bucket exactly: `burst` at once, then `rate` per second,
//! without a task that refills anything.
//!
//! A share of a bucket is the same algorithm with a dearer token: half of rate and burst is a token
//! that takes twice the time, while the depth in time stays. So the share travels in the low bits
//! of the very word that requests swap, and a request pays by the share that it saw or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use tollgate_model::Throttle;
use tollgate_protocol::Rate;

use super::Tenure;

/// A whole bucket, as a share: divisible by 2 to 10, so that equal shares of so many nodes lose
/// nothing, and fine enough that a thousand nodes (`limits::NODES_MAX`) lose 0.8 %, and that a
/// tenth of it is still a part for each of them.
pub const WHOLE: u16 = 15_120;

/// Names a bucket on every node alike: 128 bits of the SHA-256 of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BucketKey(pub u128);

/// A bucket of `burst` tokens that gains `rate` tokens per second, or a share of one.
#[derive(Debug)]
pub struct TokenBucket {
    /// When the share is full again, in ticks of the caller's monotonic clock; the share.
    word: AtomicU64,
    /// Millionths of a request per second, of the whole bucket. 0 when nothing is let in.
    rate_micros: AtomicU64,
    /// Ticks from empty to full, whatever the share.
    depth: AtomicU64,
    /// The tokens of a full bucket.
    burst: AtomicU32,
    /// Requests let in and refused since somebody last looked. The first is no counter but an
    /// estimate: concurrent additions may be lost.
    taken: AtomicU32,
    refused: AtomicU32,
    key: BucketKey,
    /// For how long the share holds; `None` for a bucket that is nobody else's.
    tenure: Option<Arc<Tenure>>,
}

/// The request is over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Microseconds until a token is there again.
    pub retry_after_us: u64,
    /// This node has no part of the bucket: another one holds all of it and can be asked.
    pub elsewhere: bool,
}

/// What a bucket was asked for since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Requests let in, about.
    pub taken: u32,
    /// Requests refused.
    pub refused: u32,
}

const SHARE_BITS: u32 = 14;
const SHARE_MASK: u64 = (1 << SHARE_BITS) - 1;
/// A tick is 125 ns: the word then lasts for 4.5 years of uptime. A token takes whole ticks, so one
/// node that gets all of a rate of 100,000 a second loses at most 1.25 % of it to rounding.
const TICKS_PER_US: u64 = 8;
const TICKS_MAX: u64 = u64::MAX >> SHARE_BITS;
/// Ticks of a second times millionths of a request.
const TICK_MICROS: u64 = TICKS_PER_US * 1_000_000 * 1_000_000;
/// What a refusal without end says: an hour.
const LONG_US: u64 = 3_600_000_000;
/// How long a word from elsewhere is believed at most: a limit may be raised meanwhile.
const DENIED_US_MAX: u64 = 1_000_000;

const fn share_of(word: u64) -> u64 {
    word & SHARE_MASK
}

const fn pack(full_at: u64, share: u64) -> u64 {
    let full_at = if full_at > TICKS_MAX {
        TICKS_MAX
    } else {
        full_at
    };
    (full_at << SHARE_BITS) | share
}

const fn ticks(us: u64) -> u64 {
    us.saturating_mul(TICKS_PER_US)
}

impl TokenBucket {
    /// A full bucket that is this node's alone.
    #[must_use]
    pub fn new(throttle: Throttle) -> Self {
        let bucket = Self {
            word: AtomicU64::new(pack(0, u64::from(WHOLE))),
            rate_micros: 0.into(),
            depth: 0.into(),
            burst: 0.into(),
            taken: 0.into(),
            refused: 0.into(),
            key: BucketKey::default(),
            tenure: None,
        };
        bucket.set(throttle, 0);
        bucket
    }

    /// A node's share of a cluster-wide bucket: full, or, when what was spent before is not known,
    /// empty at `empty_at_us`.
    #[must_use]
    pub fn shared(
        throttle: Throttle,
        key: BucketKey,
        tenure: Arc<Tenure>,
        share: u16,
        empty_at_us: Option<u64>,
    ) -> Self {
        let mut bucket = Self::new(throttle);
        (bucket.key, bucket.tenure) = (key, Some(tenure));
        let full_at = empty_at_us.map_or(0, |at| {
            ticks(at).saturating_add(bucket.depth.load(Ordering::Relaxed))
        });
        *bucket.word.get_mut() = pack(full_at, u64::from(share.min(WHOLE)));
        bucket
    }

    /// Sets the limit anew; what was taken stays taken.
    pub fn set(&self, throttle: Throttle, now_us: u64) {
        let before = self.limit();
        let micros = match throttle.burst_limit {
            0 => 0,
            _ => throttle.rate_limit.micros(),
        };
        let whole = Self::token(micros, u64::from(WHOLE)).unwrap_or(0);
        let depth = whole.saturating_mul(u64::from(throttle.burst_limit));
        self.burst.store(throttle.burst_limit, Ordering::Relaxed);
        self.depth.store(depth.min(TICKS_MAX), Ordering::Relaxed);
        self.rate_micros.store(micros, Ordering::Relaxed);
        let old = before.rate_limit.micros();
        if old == 0 || old == micros || micros == 0 {
            return;
        }
        // As many tokens are owed as before; each takes another time now.
        let now = ticks(now_us);
        self.update(|word| {
            let owed = (word >> SHARE_BITS).saturating_sub(now);
            let owed = u128::from(owed) * u128::from(old) / u128::from(micros);
            let owed = u64::try_from(owed).unwrap_or(TICKS_MAX).min(TICKS_MAX);
            pack(now.saturating_add(owed), share_of(word))
        });
    }

    /// Ticks per token, rounded up so that rounding never lets one more in; `None` when nothing is
    /// let in.
    fn token(micros: u64, share: u64) -> Option<u64> {
        // At most 10^15 times WHOLE, 1.5 * 10^19.
        let part = micros * share;
        (part > 0).then(|| (TICK_MICROS * WHOLE as u64).div_ceil(part))
    }

    /// Takes a token.
    ///
    /// # Errors
    /// [`Refused`] when there is none; nothing is taken then.
    pub fn try_take(&self, now_us: u64) -> Result<(), Refused> {
        let mut word = self.word.load(Ordering::Acquire);
        // The word first: a share that was raised was given with a tenure that is seen then.
        if let Some(tenure) = &self.tenure
            && now_us >= tenure.until_us()
        {
            word = self.lapse(tenure, now_us, word);
        }
        let now = ticks(now_us);
        let micros = self.rate_micros.load(Ordering::Relaxed);
        let latest = now
            .saturating_add(self.depth.load(Ordering::Relaxed))
            .min(TICKS_MAX);
        loop {
            let Some(token) = Self::token(micros, share_of(word)) else {
                return Err(self.refuse_all(word, now));
            };
            let paid = (word >> SHARE_BITS).max(now) + token;
            if paid > latest {
                return Err(self.refuse((paid - latest) / TICKS_PER_US + 1));
            }
            match self.word.compare_exchange_weak(
                word,
                pack(paid, share_of(word)),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => break,
                Err(seen) => word = seen,
            }
        }
        let taken = self.taken.load(Ordering::Relaxed);
        self.taken.store(taken.wrapping_add(1), Ordering::Relaxed);
        Ok(())
    }

    /// Nothing is let in by what this node has: by nothing at all, or by a bucket that another
    /// node has all of and that may have been asked lately.
    #[cold]
    fn refuse_all(&self, word: u64, now: u64) -> Refused {
        let central = |tenure: &Arc<Tenure>| tenure.is_central(self.burst());
        let limited = self.rate_micros.load(Ordering::Relaxed) > 0;
        if !limited {
            return self.refuse(LONG_US);
        }
        if !self.tenure.as_ref().is_some_and(central) {
            return self.refuse(DENIED_US_MAX);
        }
        let denied = (word >> SHARE_BITS).saturating_sub(now);
        Refused {
            retry_after_us: denied.div_ceil(TICKS_PER_US),
            elsewhere: denied == 0,
        }
    }

    /// Who has all of the bucket said that there is nothing for so long: nobody asks before.
    pub fn deny(&self, now_us: u64, retry_after_us: u64) {
        let until = ticks(now_us.saturating_add(retry_after_us.min(DENIED_US_MAX)));
        let word = self.word.load(Ordering::Acquire);
        if share_of(word) == 0 {
            // A share that came meanwhile is worth more than the word.
            self.word
                .compare_exchange(word, pack(until, 0), Ordering::AcqRel, Ordering::Acquire)
                .ok();
        }
    }

    #[cold]
    fn refuse(&self, retry_after_us: u64) -> Refused {
        if let Some(tenure) = &self.tenure {
            // The first refusal since the last look is told.
            if self.refused.fetch_add(1, Ordering::AcqRel) == 0 && !tenure.low(self.key) {
                self.refused.store(0, Ordering::Release);
            }
        }
        Refused {
            retry_after_us: retry_after_us.min(LONG_US),
            elsewhere: false,
        }
    }

    /// The tenure is over: the share falls back to the floor, from the moment at which it ended.
    #[cold]
    fn lapse(&self, tenure: &Tenure, now_us: u64, mut word: u64) -> u64 {
        loop {
            let until_us = tenure.until_us();
            let floor = u64::from(tenure.floor(self.burst()));
            if now_us < until_us || share_of(word) <= floor {
                return word;
            }
            let moved = self.moved(word, ticks(until_us), floor);
            match self
                .word
                .compare_exchange(word, moved, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => {
                    tenure.set_lapsed();
                    return moved;
                }
                Err(seen) => word = seen,
            }
        }
    }

    /// The word with another share from a moment on: what is more than the new share holds is
    /// gone, and a larger one begins with what the smaller one held.
    fn moved(&self, word: u64, at: u64, to: u64) -> u64 {
        let depth = self.depth.load(Ordering::Relaxed);
        if to == 0 {
            return pack(0, 0);
        }
        let owed = (word >> SHARE_BITS).saturating_sub(at);
        let level = u128::from(depth.saturating_sub(owed)) * u128::from(share_of(word));
        let level = u64::try_from(level / u128::from(to)).unwrap_or(depth);
        pack(at.saturating_add(depth - level.min(depth)), to)
    }

    fn update(&self, change: impl Fn(u64) -> u64) {
        let mut word = self.word.load(Ordering::Acquire);
        while let Err(seen) =
            self.word
                .compare_exchange_weak(word, change(word), Ordering::AcqRel, Ordering::Acquire)
        {
            word = seen;
        }
    }

    /// Gives the bucket another share from `at_us` on; for the one who keeps the node's shares.
    pub fn set_share(&self, share: u16, at_us: u64) {
        let to = u64::from(share.min(WHOLE));
        self.update(|word| {
            if share_of(word) == to {
                word
            } else {
                self.moved(word, ticks(at_us), to)
            }
        });
    }

    /// The share that requests are let in by, of [`WHOLE`].
    #[must_use]
    pub fn share(&self) -> u16 {
        // At most WHOLE.
        share_of(self.word.load(Ordering::Acquire)) as u16
    }

    /// The share that a request at `now_us` is let in by, of [`WHOLE`].
    #[must_use]
    pub fn share_at(&self, now_us: u64) -> u16 {
        let tenure = self.tenure.as_ref();
        match tenure.filter(|it| now_us >= it.until_us()) {
            Some(over) => self.share().min(over.floor(self.burst())),
            None => self.share(),
        }
    }

    /// What it was asked for since the last look.
    pub fn demand(&self) -> Demand {
        Demand {
            taken: self.taken.swap(0, Ordering::AcqRel),
            refused: self.refused.swap(0, Ordering::AcqRel),
        }
    }

    /// Gives back a token that was taken for a request which a later level refused.
    pub fn put_back(&self) {
        let micros = self.rate_micros.load(Ordering::Relaxed);
        self.update(|word| match Self::token(micros, share_of(word)) {
            // A full bucket does not overflow: `full_at` in the past counts as now.
            Some(token) => pack((word >> SHARE_BITS).saturating_sub(token), share_of(word)),
            None => word,
        });
    }

    /// The tokens at hand, on this node.
    #[must_use]
    pub fn remaining(&self, now_us: u64) -> u64 {
        let word = self.word.load(Ordering::Acquire);
        let micros = self.rate_micros.load(Ordering::Relaxed);
        let Some(token) = Self::token(micros, share_of(word)) else {
            return 0;
        };
        let owed = (word >> SHARE_BITS).saturating_sub(ticks(now_us));
        self.depth.load(Ordering::Relaxed).saturating_sub(owed) / token
    }

    fn burst(&self) -> u32 {
        self.burst.load(Ordering::Relaxed)
    }

    /// The limit that is in force, over all nodes.
    #[must_use]
    pub fn limit(&self) -> Throttle {
        Throttle {
            burst_limit: self.burst(),
            rate_limit: Rate::from_micros(self.rate_micros.load(Ordering::Relaxed)),
        }
    }

    /// Its name in the cluster.
    #[must_use]
    pub fn key(&self) -> BucketKey {
        self.key
    }
}

#[cfg(test)]
mod tests;
