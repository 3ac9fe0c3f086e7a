//! Latency histograms of our own: sixteen counters each, which a request increments in place.
//!
//! The exporter's keep every sample until somebody sorts them into buckets: a clock read and a
//! list for each request, a round over all series several times a second, and 2 KB a series.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tollgate_protocol::metrics::{self as names, Metric};

/// Upper bounds of the buckets, in microseconds and as Prometheus shows them, in seconds: from a
/// cache hit to a patient long poll.
const BOUNDS: [(u64, &str); 14] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
];

/// How long something took, counted in buckets.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// One for each bound, and one for what is above all of them.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

/// The histograms of a stage.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    /// From the request's head to the end of the response's head.
    pub(super) whole: Histogram,
    /// Of that, the integration's.
    pub(super) integration: Histogram,
}

/// One histogram of a stage.
type Part = fn(&Latencies) -> &Histogram;

/// The histograms of all stages that have series of their own, by the labels `api` and `stage`.
/// Whoever asks bounds the names.
#[derive(Debug, Default)]
pub(super) struct LatencySeries {
    stages: Mutex<Stages>,
}

type Stages = BTreeMap<[Arc<str>; 2], Arc<Latencies>>;

impl Histogram {
    /// Counts one that took `us` microseconds.
    pub(super) fn record_us(&self, us: u64) {
        let bucket = BOUNDS.partition_point(|(bound_us, _)| *bound_us < us);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    fn render(&self, text: &mut String, name: &str, labels: &str) -> std::fmt::Result {
        let mut count = 0;
        let bounds = BOUNDS.iter().map(|(_, shown)| *shown).chain(["+Inf"]);
        for (bucket, bound) in self.buckets.iter().zip(bounds) {
            count += bucket.load(Ordering::Relaxed);
            writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}")?;
        }
        let sum_us = self.sum_us.load(Ordering::Relaxed);
        let (seconds, micros) = (sum_us / 1_000_000, sum_us % 1_000_000);
        writeln!(text, "{name}_sum{{{labels}}} {seconds}.{micros:06}")?;
        writeln!(text, "{name}_count{{{labels}}} {count}")
    }
}

impl LatencySeries {
    /// The histograms of a stage: the same ones for the same names.
    pub(super) fn of(&self, api: &Arc<str>, stage: &Arc<str>) -> Arc<Latencies> {
        let name = [Arc::clone(api), Arc::clone(stage)];
        Arc::clone(self.lock().entry(name).or_default())
    }

    /// Adds everything in Prometheus's text format.
    pub(super) fn render(&self, text: &mut String) {
        let stages = self.lock().clone();
        if stages.is_empty() {
            return;
        }
        let of: [(&Metric, Part); 2] = [
            (&names::LATENCY, |it| &it.whole),
            (&names::INTEGRATION_LATENCY, |it| &it.integration),
        ];
        for (metric, histogram) in of {
            let (name, help) = (metric.name, metric.help);
            let [api_label, stage_label] = [metric.labels[0], metric.labels[1]];
            let mut write = || -> std::fmt::Result {
                writeln!(text, "# HELP {name} {help}")?;
                writeln!(text, "# TYPE {name} histogram")?;
                for ([api, stage], latencies) in &stages {
                    let (api, stage) = (escape(api), escape(stage));
                    let labels = format!("{api_label}=\"{api}\",{stage_label}=\"{stage}\"");
                    histogram(latencies).render(text, name, &labels)?;
                }
                writeln!(text)
            };
            write().expect("writing to a string does not fail");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stages> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As Prometheus's text format wants label values.
fn escape(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_add_up_and_a_bound_belongs_to_its_bucket() {
        let series = LatencySeries::default();
        let (api, stage): (Arc<str>, Arc<str>) = ("a\"b".into(), "$default".into());
        for us in [0, 500, 501, 30_000_000, 30_000_001] {
            series.of(&api, &stage).whole.record_us(us);
        }
        let mut text = String::new();
        series.render(&mut text);
        let name = "tollgate_edge_request_duration_seconds";
        let labels = "api=\"a\\\"b\",stage=\"$default\"";
        for line in [
            format!("# TYPE {name} histogram"),
            format!("{name}_bucket{{{labels},le=\"0.0005\"}} 2"),
            format!("{name}_bucket{{{labels},le=\"0.001\"}} 3"),
            format!("{name}_bucket{{{labels},le=\"10\"}} 3"),
            format!("{name}_bucket{{{labels},le=\"30\"}} 4"),
            format!("{name}_bucket{{{labels},le=\"+Inf\"}} 5"),
            format!("{name}_sum{{{labels}}} 60.001002"),
            format!("{name}_count{{{labels}}} 5"),
            format!("tollgate_upstream_request_duration_seconds_count{{{labels}}} 0"),
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }

    #[test]
    fn bounds_are_shown_as_what_they_are() {
        for (us, shown) in BOUNDS {
            let seconds: f64 = shown.parse().unwrap();
            assert_eq!((seconds * 1e6).round() as u64, us);
        }
        assert!(BOUNDS.is_sorted());
    }
}
