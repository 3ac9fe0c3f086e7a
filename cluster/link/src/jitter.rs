//! Pauses between dials: doubling, and spread so that a healed network is not met by all at once.

use std::time::Duration;

use crate::limits::{BACKOFF_MAX, BACKOFF_MIN};

/// Random numbers from a seed (SplitMix64, Steele and others 2014): good enough to spread pauses,
/// and one seed replays one simulated run.
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The pause after this many failures in a row, from 1: half of it is certain, half random.
    pub(crate) fn pause(&mut self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let longest = BACKOFF_MIN.saturating_mul(1 << doublings).min(BACKOFF_MAX);
        let half = longest / 2;
        let spread = u64::try_from(half.as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(self.next() % (spread + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_repeat_with_the_seed() {
        let pauses = |seed| {
            let mut jitter = Jitter::new(seed);
            (1..100).map(|n| jitter.pause(n)).collect::<Vec<_>>()
        };
        let some = pauses(7);
        assert_eq!(some, pauses(7));
        assert_ne!(some, pauses(8));
        assert!(some[0] >= BACKOFF_MIN / 2 && some[0] <= BACKOFF_MIN);
        for pause in &some[10..] {
            assert!(*pause >= BACKOFF_MAX / 2 && *pause <= BACKOFF_MAX);
        }
        let distinct: std::collections::BTreeSet<_> = some[10..].iter().collect();
        assert!(distinct.len() > 80, "{}", distinct.len());
    }
}
