//! When requests should leave: a sequence of offsets from the start that is fixed before the run and
//! never waits for an answer. It is its own file because the whole method rests on it.

use std::time::Duration;

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// Evenly: the k-th arrival is at k / rate.
    Constant,
    /// With exponentially distributed gaps, as independent clients produce them.
    Poisson,
}

impl Arrivals {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "evenly spaced",
            Self::Poisson => "spaced as by independent clients (Poisson)",
        }
    }
}

/// The arrivals of one worker, in order, ending before `end`.
///
/// Shares of workers add up to one schedule of the whole rate: constant arrivals are dealt out in
/// turn, and Poisson processes of rate/workers superpose to a Poisson process of the rate.
#[derive(Debug, Clone)]
pub struct Schedule {
    arrivals: Arrivals,
    rate_per_s: f64,
    end: Duration,
    worker: u64,
    workers: u64,
    index: u64,
    elapsed_s: f64,
    random: SplitMix64,
}

impl Schedule {
    /// The share of `worker` (from 0) among `workers` of `rate_per_s` arrivals per second in all.
    ///
    /// # Panics
    /// If the rate is not positive, or `worker` is not below `workers`: callers parse both.
    pub fn new(
        arrivals: Arrivals,
        rate_per_s: f64,
        end: Duration,
        worker: usize,
        workers: usize,
        seed: u64,
    ) -> Self {
        assert!(
            rate_per_s > 0.0 && rate_per_s.is_finite(),
            "a rate is positive"
        );
        assert!(worker < workers, "a worker is one of the workers");
        let worker = worker as u64;
        Self {
            arrivals,
            rate_per_s,
            end,
            worker,
            workers: workers as u64,
            index: 0,
            elapsed_s: 0.0,
            random: SplitMix64::new(seed ^ worker.wrapping_mul(0xa076_1d64_78bd_642f)),
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let at_s = match self.arrivals {
            // From the index, not by adding gaps: rounding must not drift over an hour.
            Arrivals::Constant => {
                (self.index * self.workers + self.worker) as f64 / self.rate_per_s
            }
            Arrivals::Poisson => {
                let gap_rate = self.rate_per_s / self.workers as f64;
                self.elapsed_s += -(1.0 - self.random.unit()).ln() / gap_rate;
                self.elapsed_s
            }
        };
        // A tiny rate can put an arrival beyond what a Duration holds: that is past any end, too.
        let at = Duration::try_from_secs_f64(at_s)
            .ok()
            .filter(|at| *at < self.end)?;
        self.index += 1;
        Some(at)
    }
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): eight
/// lines that repeat exactly for a seed, which a comparison needs and a random crate does not promise.
#[derive(Debug, Clone)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1) with 53 bits.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(arrivals: Arrivals, rate: f64, end_s: u64, workers: usize) -> Vec<Duration> {
        let mut all: Vec<Duration> = (0..workers)
            .flat_map(|worker| {
                Schedule::new(
                    arrivals,
                    rate,
                    Duration::from_secs(end_s),
                    worker,
                    workers,
                    1,
                )
            })
            .collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn constant_arrivals_are_rate_times_time_evenly_spaced() {
        let all = whole(Arrivals::Constant, 1000.0, 2, 1);
        assert_eq!(all.len(), 2000);
        assert_eq!(all[0], Duration::ZERO);
        assert_eq!(all[1], Duration::from_millis(1));
        assert_eq!(all[1999], Duration::from_millis(1999));
    }

    #[test]
    fn the_shares_of_workers_make_up_the_same_constant_schedule() {
        assert_eq!(
            whole(Arrivals::Constant, 1000.0, 2, 3),
            whole(Arrivals::Constant, 1000.0, 2, 1)
        );
    }

    #[test]
    fn constant_arrivals_do_not_drift_over_an_hour() {
        // A third of a request per second has no exact gap: the last arrival must still be exact.
        let mut schedule =
            Schedule::new(Arrivals::Constant, 3.0, Duration::from_secs(3600), 0, 1, 1);
        assert_eq!(schedule.nth(3 * 3599), Some(Duration::from_secs(3599)));
        assert_eq!(schedule.count(), 2);
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_their_name() {
        for workers in [1, 4] {
            let all = whole(Arrivals::Poisson, 10_000.0, 10, workers);
            // 100 000 expected with a deviation of sqrt(100 000) = 316: five deviations.
            assert!(
                all.len().abs_diff(100_000) < 1_581,
                "{} arrivals",
                all.len()
            );
            let gaps: Vec<f64> = all
                .windows(2)
                .map(|pair| (pair[1] - pair[0]).as_secs_f64())
                .collect();
            let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
            let variance =
                gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
            // An exponential distribution's deviation is its mean; even gaps would give 0.
            let ratio = variance.sqrt() / mean;
            assert!((ratio - 1.0).abs() < 0.03, "deviation / mean = {ratio}");
        }
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let at = |seed| -> Vec<Duration> {
            Schedule::new(Arrivals::Poisson, 100.0, Duration::from_secs(1), 0, 1, seed).collect()
        };
        assert_eq!(at(7), at(7));
        assert_ne!(at(7), at(8));
    }

    #[test]
    fn an_arrival_beyond_any_clock_ends_the_schedule() {
        let mut schedule =
            Schedule::new(Arrivals::Constant, 1e-300, Duration::from_secs(1), 0, 1, 1);
        assert_eq!(schedule.next(), Some(Duration::ZERO));
        assert_eq!(schedule.next(), None);
    }
}
