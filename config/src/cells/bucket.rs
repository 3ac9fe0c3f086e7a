//! A token bucket in one atomic word.
//!
//! The generic cell rate algorithm (ITU-T I.371) keeps one number, the time at which the bucket
//! would be full again. A request is let in when paying its share still leaves that time within a
//! whole bucket of now. That is the token bucket exactly: `burst` at once, then `rate` per second,
//! without a task that refills anything.

use std::sync::atomic::{AtomicU64, Ordering};

use tollgate_model::Throttle;
use tollgate_protocol::Rate;

/// A bucket of `burst` tokens that gains `rate` tokens per second.
#[derive(Debug)]
pub struct TokenBucket {
    /// When the bucket is full again, in nanoseconds of the caller's monotonic clock.
    full_at_ns: AtomicU64,
    /// Nanoseconds per token, rounded up so that rounding never lets one more in.
    /// [`NEVER`] when nothing is let in.
    token_ns: AtomicU64,
    /// The tokens of a full bucket.
    burst: AtomicU64,
}

/// The request is over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Microseconds until a token is there again.
    pub retry_after_us: u64,
}

const NEVER: u64 = u64::MAX;
/// What a refusal without end says: an hour.
const LONG_US: u64 = 3_600_000_000;

impl TokenBucket {
    /// A full bucket.
    #[must_use]
    pub fn new(throttle: Throttle) -> Self {
        let bucket = Self {
            full_at_ns: AtomicU64::new(0),
            token_ns: 0.into(),
            burst: AtomicU64::new(0),
        };
        bucket.set(throttle);
        bucket
    }

    /// Sets the limit anew; what was taken stays taken.
    pub fn set(&self, throttle: Throttle) {
        let micros = throttle.rate_limit.micros();
        let token_ns = if micros == 0 || throttle.burst_limit == 0 {
            NEVER
        } else {
            // 10^9 ns per second times 10^6 millionths per request.
            1_000_000_000_000_000_u64.div_ceil(micros)
        };
        self.burst
            .store(u64::from(throttle.burst_limit), Ordering::Relaxed);
        self.token_ns.store(token_ns, Ordering::Relaxed);
    }

    /// Takes a token.
    ///
    /// # Errors
    /// [`Refused`] when there is none; nothing is taken then.
    pub fn try_take(&self, now_us: u64) -> Result<(), Refused> {
        let token_ns = self.token_ns.load(Ordering::Relaxed);
        if token_ns == NEVER {
            return Err(Refused {
                retry_after_us: LONG_US,
            });
        }
        let now_ns = now_us.saturating_mul(1000);
        let depth_ns = token_ns.saturating_mul(self.burst.load(Ordering::Relaxed));
        let latest = now_ns.saturating_add(depth_ns);
        let mut full_at = self.full_at_ns.load(Ordering::Relaxed);
        loop {
            let paid = full_at.max(now_ns).saturating_add(token_ns);
            if paid > latest {
                return Err(Refused {
                    retry_after_us: ((paid - latest) / 1000).min(LONG_US) + 1,
                });
            }
            match self.full_at_ns.compare_exchange_weak(
                full_at,
                paid,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(seen) => full_at = seen,
            }
        }
    }

    /// Gives back a token that was taken for a request which a later level refused.
    pub fn put_back(&self) {
        let token_ns = self.token_ns.load(Ordering::Relaxed);
        if token_ns != NEVER {
            // A full bucket does not overflow: `full_at` in the past counts as now.
            let _previous =
                self.full_at_ns
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
                        Some(full_at.saturating_sub(token_ns))
                    });
        }
    }

    /// The tokens at hand.
    #[must_use]
    pub fn remaining(&self, now_us: u64) -> u64 {
        let token_ns = self.token_ns.load(Ordering::Relaxed);
        if token_ns == NEVER {
            return 0;
        }
        let now_ns = now_us.saturating_mul(1000);
        let owed = self
            .full_at_ns
            .load(Ordering::Relaxed)
            .saturating_sub(now_ns);
        self.burst
            .load(Ordering::Relaxed)
            .saturating_sub(owed.div_ceil(token_ns))
    }

    /// The limit that is in force.
    #[must_use]
    pub fn limit(&self) -> Throttle {
        let token_ns = self.token_ns.load(Ordering::Relaxed);
        let micros = if token_ns == NEVER {
            0
        } else {
            1_000_000_000_000_000 / token_ns.max(1)
        };
        Throttle {
            burst_limit: u32::try_from(self.burst.load(Ordering::Relaxed)).unwrap_or(u32::MAX),
            rate_limit: Rate::from_micros(micros),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(burst: u32, rate: f64) -> Throttle {
        Throttle {
            burst_limit: burst,
            rate_limit: Rate::from_f64(rate).unwrap(),
        }
    }

    fn admitted(bucket: &TokenBucket, tries: u32, now_us: u64) -> u32 {
        (0..tries)
            .map(|_| u32::from(bucket.try_take(now_us).is_ok()))
            .sum()
    }

    #[test]
    fn exactly_burst_at_once_then_rate_per_second() {
        for (burst, rate) in [
            (1, 1.0),
            (5, 2.0),
            (100, 10.0),
            (3, 0.5),
            (10, 1000.0),
            (7, 3.0),
        ] {
            let bucket = TokenBucket::new(throttle(burst, rate));
            let start = 50_000_000;
            assert_eq!(
                admitted(&bucket, burst * 2 + 10, start),
                burst,
                "{burst} at {rate}"
            );
            // Over ten seconds after the burst, asking every millisecond.
            let later: u32 = (1..=10_000)
                .map(|ms| admitted(&bucket, 2, start + ms * 1000))
                .sum();
            let wanted = rate * 10.0;
            assert!(f64::from(later) <= wanted, "{later} of {wanted}");
            assert!(f64::from(later) >= wanted - 1.0, "{later} of {wanted}");
        }
    }

    #[test]
    fn a_refusal_says_when_and_takes_nothing() {
        let bucket = TokenBucket::new(throttle(1, 2.0));
        assert!(bucket.try_take(0).is_ok());
        let refused = bucket.try_take(0).unwrap_err();
        assert!(
            (500_000..=500_002).contains(&refused.retry_after_us),
            "{refused:?}"
        );
        for _ in 0..100 {
            assert!(bucket.try_take(0).is_err());
        }
        assert!(bucket.try_take(refused.retry_after_us).is_ok());
    }

    #[test]
    fn zero_lets_nothing_in() {
        assert_eq!(admitted(&TokenBucket::new(throttle(0, 5.0)), 10, 1), 0);
        assert_eq!(admitted(&TokenBucket::new(throttle(5, 0.0)), 10, 1), 0);
    }

    #[test]
    fn what_is_put_back_can_be_taken_again_and_never_overflows() {
        let bucket = TokenBucket::new(throttle(3, 1.0));
        assert_eq!(admitted(&bucket, 5, 9_000_000), 3);
        bucket.put_back();
        assert_eq!(bucket.remaining(9_000_000), 1);
        assert_eq!(admitted(&bucket, 5, 9_000_000), 1);
        for _ in 0..50 {
            bucket.put_back();
        }
        assert_eq!(admitted(&bucket, 50, 9_000_000), 3);
    }

    #[test]
    fn threads_together_get_burst() {
        let bucket = TokenBucket::new(throttle(1000, 1.0));
        let total: u32 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| admitted(&bucket, 1000, 77)))
                .collect();
            workers.into_iter().map(|w| w.join().unwrap()).sum()
        });
        assert_eq!(total, 1000);
    }
}
