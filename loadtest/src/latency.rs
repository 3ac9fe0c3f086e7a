//! Latencies of a run: an HDR histogram over the whole, and a coarser one per interval.
//!
//! Recorded in nanoseconds and published in microseconds. Three significant digits over the whole
//! (an error below 0.1 %), two per interval (below 1 %), which is what a plot can show.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::limits::{LATENCY_NS_MAX, TIMELINE_INTERVAL_MIN, TIMELINE_SLOTS, TIMELINE_SLOTS_MAX};

/// Latencies in nanoseconds.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// The usual figures of a distribution, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Values recorded.
    pub count: u64,
    /// Smallest.
    pub min_us: f64,
    /// Arithmetic mean.
    pub mean_us: f64,
    /// Half are at or below.
    pub p50_us: f64,
    /// 90 % are at or below.
    pub p90_us: f64,
    /// 99 % are at or below.
    pub p99_us: f64,
    /// 99.9 % are at or below.
    pub p999_us: f64,
    /// 99.99 % are at or below.
    pub p9999_us: f64,
    /// Largest.
    pub max_us: f64,
}

impl Latencies {
    /// Empty, with `digits` significant decimal digits (1 to 5).
    pub fn new(digits: u8) -> Self {
        Self(
            Histogram::new_with_bounds(1, LATENCY_NS_MAX, digits)
                .expect("the bounds are constants and valid"),
        )
    }

    /// Counts one latency; one above [`LATENCY_NS_MAX`] counts as that.
    pub fn record(&mut self, latency: Duration) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(ns.max(1));
    }

    /// Adds all values of `other`.
    pub fn add(&mut self, other: &Self) {
        self.0
            .add(&other.0)
            .expect("all latencies have the same bounds");
    }

    /// Values recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value that `quantile` (0 to 1) of all are at or below, in microseconds.
    pub fn quantile_us(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    /// The usual figures; all zero when nothing was recorded.
    pub fn summary(&self) -> Summary {
        if self.0.is_empty() {
            return Summary::default();
        }
        Summary {
            count: self.0.len(),
            min_us: self.0.min() as f64 / 1e3,
            mean_us: self.0.mean() / 1e3,
            p50_us: self.quantile_us(0.5),
            p90_us: self.quantile_us(0.9),
            p99_us: self.quantile_us(0.99),
            p999_us: self.quantile_us(0.999),
            p9999_us: self.quantile_us(0.9999),
            max_us: self.0.max() as f64 / 1e3,
        }
    }

    /// Points (quantile below 1, microseconds) of the percentile curve, denser towards the tail and
    /// ending where a further point would stand for less than one recorded value.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let mut points = Vec::new();
        if self.0.is_empty() {
            return points;
        }
        let finest = 1.0 / self.0.len() as f64;
        // Eight points per halving of the distance to 1: the x axis is logarithmic in 1 / (1 - q).
        for step in 0.. {
            let distance = 0.5_f64.powf(f64::from(step) / 8.0);
            points.push((1.0 - distance, self.quantile_us(1.0 - distance)));
            if distance <= finest {
                break;
            }
        }
        points
    }
}

/// Counts and latencies per interval of a run, by the time of completion.
#[derive(Debug, Clone)]
pub struct Timeline {
    interval: Duration,
    slots: Vec<Slot>,
}

#[derive(Debug, Clone)]
struct Slot {
    latencies: Latencies,
    errors: u64,
}

/// One interval as it is published.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Start of the interval after the start of the measured part, in seconds.
    pub at_s: f64,
    /// Answers per second.
    pub answers_per_s: f64,
    /// Failed requests per second.
    pub errors_per_s: f64,
    /// Median latency.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// Largest latency.
    pub max_us: f64,
}

impl Timeline {
    /// Intervals for a measured part of `duration`.
    pub fn new(duration: Duration) -> Self {
        let interval = (duration / TIMELINE_SLOTS).max(TIMELINE_INTERVAL_MIN);
        Self {
            interval,
            slots: Vec::new(),
        }
    }

    /// Counts an answer that came `at` after the start of the measured part.
    pub fn answer(&mut self, at: Duration, latency: Duration) {
        self.slot(at).latencies.record(latency);
    }

    /// Counts a failed request.
    pub fn error(&mut self, at: Duration) {
        self.slot(at).errors += 1;
    }

    fn slot(&mut self, at: Duration) -> &mut Slot {
        let index = (at.as_nanos() / self.interval.as_nanos()) as usize;
        let index = index.min(TIMELINE_SLOTS_MAX - 1);
        while self.slots.len() <= index {
            self.slots.push(Slot {
                latencies: Latencies::new(2),
                errors: 0,
            });
        }
        &mut self.slots[index]
    }

    /// Adds the counts of another worker of the same run.
    pub fn add(&mut self, other: &Self) {
        debug_assert_eq!(
            self.interval, other.interval,
            "workers of one run share the interval"
        );
        while self.slots.len() < other.slots.len() {
            self.slots.push(Slot {
                latencies: Latencies::new(2),
                errors: 0,
            });
        }
        for (slot, more) in self.slots.iter_mut().zip(&other.slots) {
            slot.latencies.add(&more.latencies);
            slot.errors += more.errors;
        }
    }

    /// All intervals up to the last that saw anything.
    pub fn points(&self) -> Vec<Point> {
        let interval_s = self.interval.as_secs_f64();
        let point = |(index, slot): (usize, &Slot)| {
            let summary = slot.latencies.summary();
            Point {
                at_s: index as f64 * interval_s,
                answers_per_s: summary.count as f64 / interval_s,
                errors_per_s: slot.errors as f64 / interval_s,
                p50_us: summary.p50_us,
                p99_us: summary.p99_us,
                max_us: summary.max_us,
            }
        };
        self.slots.iter().enumerate().map(point).collect()
    }
}

/// The middle value, or the mean of the two middle ones; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, expected: f64) -> bool {
        (value - expected).abs() <= expected * 0.001
    }

    #[test]
    fn percentiles_of_a_known_distribution() {
        let mut latencies = Latencies::new(3);
        for us in 1..=10_000 {
            latencies.record(Duration::from_micros(us));
        }
        let summary = latencies.summary();
        assert_eq!(summary.count, 10_000);
        assert!(close(summary.min_us, 1.0), "{summary:?}");
        assert!(close(summary.mean_us, 5_000.5), "{summary:?}");
        assert!(close(summary.p50_us, 5_000.0), "{summary:?}");
        assert!(close(summary.p90_us, 9_000.0), "{summary:?}");
        assert!(close(summary.p99_us, 9_900.0), "{summary:?}");
        assert!(close(summary.p999_us, 9_990.0), "{summary:?}");
        assert!(close(summary.p9999_us, 9_999.0), "{summary:?}");
        assert!(close(summary.max_us, 10_000.0), "{summary:?}");
    }

    #[test]
    fn one_outlier_is_the_tail_and_not_the_median() {
        let mut latencies = Latencies::new(3);
        for _ in 0..999 {
            latencies.record(Duration::from_micros(100));
        }
        latencies.record(Duration::from_secs(2));
        let summary = latencies.summary();
        assert!(
            close(summary.p99_us, 100.0) && close(summary.max_us, 2e6),
            "{summary:?}"
        );
    }

    #[test]
    fn extremes_are_counted_and_not_lost() {
        let mut latencies = Latencies::new(3);
        latencies.record(Duration::ZERO);
        latencies.record(Duration::from_secs(1_000_000));
        assert_eq!(latencies.count(), 2);
        assert!(close(
            latencies.summary().max_us,
            LATENCY_NS_MAX as f64 / 1e3
        ));
        assert_eq!(Latencies::new(3).summary(), Summary::default());
    }

    #[test]
    fn histograms_of_workers_add_up() {
        let (mut one, mut two) = (Latencies::new(3), Latencies::new(3));
        one.record(Duration::from_millis(1));
        two.record(Duration::from_millis(3));
        one.add(&two);
        assert_eq!(one.count(), 2);
        assert!(close(one.summary().mean_us, 2_000.0));
    }

    #[test]
    fn the_curve_rises_to_the_largest_value() {
        let mut latencies = Latencies::new(3);
        for us in 1..=1000 {
            latencies.record(Duration::from_micros(us));
        }
        let curve = latencies.curve();
        assert!(
            curve
                .windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1)
        );
        assert!(curve.iter().all(|point| (0.0..1.0).contains(&point.0)));
        let (quantile, us) = curve[curve.len() - 1];
        assert!(quantile >= 0.999 && close(us, 1000.0), "{quantile} {us}");
        assert!(Latencies::new(3).curve().is_empty());
    }

    #[test]
    fn the_timeline_places_by_completion_and_is_bounded() {
        let mut timeline = Timeline::new(Duration::from_secs(6));
        timeline.answer(Duration::from_millis(50), Duration::from_micros(10));
        timeline.answer(Duration::from_millis(99), Duration::from_micros(30));
        timeline.error(Duration::from_millis(250));
        let mut other = Timeline::new(Duration::from_secs(6));
        other.answer(Duration::from_millis(120), Duration::from_micros(20));
        timeline.add(&other);
        let points = timeline.points();
        assert_eq!(points.len(), 3);
        assert!(close(points[0].answers_per_s, 20.0) && close(points[1].answers_per_s, 10.0));
        assert!(close(points[2].errors_per_s, 10.0) && points[2].answers_per_s == 0.0);
        timeline.error(Duration::from_secs(100_000));
        assert_eq!(timeline.points().len(), TIMELINE_SLOTS_MAX);
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0, 4.0]), Some(3.5));
    }
}
