//! Metrics: handles that requests increment, and what is looked up when somebody scrapes.
//!
//! Handles are resolved once per stage and route by the first request and kept in the snapshot's
//! plans. Nothing here is global, so that two nodes in one process keep apart.

mod latency;

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tollgate_config::snapshot::{RoutePlan, StagePlan};
use tollgate_pipeline::{CacheStatus, FaultKind, Finished, Record, Side, SocketEventKind};
use tollgate_protocol::metrics::{self as names, Kind, Metric};

use latency::{Latencies, LatencySeries};

/// Routes with series of their own; later ones share the label `_other`.
const ROUTE_SERIES_MAX: usize = 2_000;
/// Stages with series of their own; later ones share the label `_other`.
const STAGE_SERIES_MAX: usize = 1_000;
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const OTHER: &str = "_other";

/// The node's metrics.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    latencies: Arc<LatencySeries>,
    routes: Arc<Named>,
    stages: Arc<Named>,
}

/// Which names have series of their own. Those that had them keep them through every change of
/// the configuration, which makes their plans anew.
#[derive(Default)]
struct Named {
    hasher: foldhash::fast::RandomState,
    seen: Mutex<HashSet<u64, foldhash::fast::RandomState>>,
}

impl Named {
    /// Whether this name is one of the first `max`.
    fn admits(&self, name: &[&str], max: usize) -> bool {
        let hash = self.hasher.hash_one(name);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.contains(&hash) || seen.len() < max && seen.insert(hash)
    }
}

/// The handles of a stage.
struct StageSeries {
    metrics: Metrics,
    latencies: Arc<Latencies>,
    cache_hits: OnceLock<Counter>,
    cache_misses: OnceLock<Counter>,
    /// Requests that matched no route.
    unrouted: Classes,
    labels: [Label; 2],
}

/// The handles of a route.
struct RouteSeries {
    route: Box<str>,
    classes: Classes,
}

/// A counter for each status class that occurred: five for each of thousands of routes would be
/// megabytes of zeros, here and in every scrape.
type Classes = [OnceLock<Counter>; CLASSES.len()];

const METADATA: Metadata<'static> = Metadata::new("tollgate", Level::INFO, None);

impl Default for Metrics {
    /// No series yet; every name is described.
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        for metric in names::ALL {
            let (name, help) = (metric.name.into(), metric.help.into());
            let unit = unit(metric);
            match metric.kind {
                Kind::Counter => recorder.describe_counter(name, unit, help),
                Kind::Gauge => recorder.describe_gauge(name, unit, help),
                // They describe themselves.
                Kind::Histogram => {}
            }
        }
        let handle = recorder.handle();
        Self {
            recorder: Arc::new(recorder),
            handle,
            latencies: Arc::default(),
            routes: Arc::default(),
            stages: Arc::default(),
        }
    }
}

impl Metrics {
    /// Everything in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        self.latencies.render(&mut text);
        text
    }

    /// The counter of a metric with these label values.
    pub fn counter(&self, metric: &Metric, values: &[&str]) -> Counter {
        self.recorder
            .register_counter(&key(metric, values), &METADATA)
    }

    /// The gauge of a metric with these label values.
    pub fn gauge(&self, metric: &Metric, values: &[&str]) -> Gauge {
        self.recorder
            .register_gauge(&key(metric, values), &METADATA)
    }

    /// Counts a request that ended.
    pub fn finish(&self, finished: &Finished) {
        let record = &finished.record;
        let Some(stage) = &record.stage else {
            self.counter(&names::REQUESTS, &["-", "-", "-", class(record.status).1])
                .increment(1);
            return;
        };
        let Some(series) = self.stage_series(stage) else {
            return;
        };
        let event = record.socket.as_ref().map(|it| it.kind);
        if let Some(event) = event {
            series.socket(event, record);
        }
        if event.is_some_and(|it| it != SocketEventKind::Connect) {
            return series.failed(record);
        }
        let latencies = &series.latencies;
        latencies.whole.record_us(record.head_latency_us);
        if let Some(latency_us) = record.integration.latency_us {
            latencies.integration.record_us(latency_us);
        }
        let (index, _) = class(record.status);
        match &record.route {
            Some(route) => {
                if let Some(RouteSeries { route, classes }) = series.route_series(route) {
                    series.answered(classes, route, index);
                }
            }
            None => series.answered(&series.unrouted, "-", index),
        }
        match record.cache {
            CacheStatus::Hit => series.cached(&series.cache_hits, &names::CACHE_HITS),
            CacheStatus::Miss | CacheStatus::Bypass => {
                series.cached(&series.cache_misses, &names::CACHE_MISSES);
            }
            CacheStatus::None => {}
        }
        series.failed(record);
    }

    fn stage_series<'p>(&self, stage: &'p StagePlan) -> Option<&'p StageSeries> {
        let series = stage.series.get_or_init(|| {
            let own = self
                .stages
                .admits(&[&stage.api_id, &stage.name], STAGE_SERIES_MAX);
            let api = if own {
                Arc::clone(&stage.api_id)
            } else {
                OTHER.into()
            };
            let name = if own {
                Arc::clone(&stage.name)
            } else {
                OTHER.into()
            };
            Box::new(StageSeries::new(self.clone(), &api, &name))
        });
        series.downcast_ref()
    }
}

impl StageSeries {
    fn new(metrics: Metrics, api: &Arc<str>, stage: &Arc<str>) -> Self {
        Self {
            latencies: metrics.latencies.of(api, stage),
            cache_hits: OnceLock::new(),
            cache_misses: OnceLock::new(),
            unrouted: Classes::default(),
            labels: [
                Label::new("api", Arc::clone(api)),
                Label::new("stage", Arc::clone(stage)),
            ],
            metrics,
        }
    }

    fn route_series<'p>(&self, route: &'p RoutePlan) -> Option<&'p RouteSeries> {
        let series = route.series.get_or_init(|| {
            let [api, stage] = self.names();
            let name = [api, stage, &*route.route_key];
            let own = self.metrics.routes.admits(&name, ROUTE_SERIES_MAX);
            Box::new(RouteSeries {
                route: if own { route.route_key.as_ref() } else { OTHER }.into(),
                classes: Classes::default(),
            })
        });
        series.downcast_ref()
    }

    /// Counts an event of a WebSocket connection.
    fn socket(&self, event: SocketEventKind, record: &Record) {
        let [api, stage] = self.names();
        match event {
            SocketEventKind::Connect => {
                let values = [api, stage, class(record.status).1];
                let counter = self.metrics.counter(&names::SOCKET_CONNECTS, &values);
                counter.increment(1);
            }
            SocketEventKind::Message => {
                if let Some(latency_us) = record.integration.latency_us {
                    self.latencies.integration.record_us(latency_us);
                }
                let series = record.route.as_ref().and_then(|it| self.route_series(it));
                let route = series.map_or("-", |it| &it.route);
                let outcome = match record.fault.map(FaultKind::side) {
                    None => "ok",
                    Some(Side::Client) => "client",
                    Some(Side::Gateway | Side::Upstream) => "integration",
                };
                let values = [api, stage, route, outcome];
                let counter = self.metrics.counter(&names::SOCKET_MESSAGES, &values);
                counter.increment(1);
            }
            SocketEventKind::Disconnect => {}
        }
    }

    /// Counts why something was refused or failed, if it did.
    fn failed(&self, record: &Record) {
        if let Some(reason) = record.fault.and_then(refusal) {
            self.count(&names::REFUSED, reason);
        }
        if let Some(kind) = record.integration.error {
            self.count(&names::INTEGRATION_ERRORS, kind.as_str());
        }
    }

    fn names(&self) -> [&str; 2] {
        [self.labels[0].value(), self.labels[1].value()]
    }

    /// Counts an answer of this class; `classes` are the route's.
    fn answered(&self, classes: &Classes, route: &str, index: usize) {
        let counter = classes[index].get_or_init(|| {
            let [api, stage] = self.names();
            let values = [api, stage, route, CLASSES[index]];
            self.metrics.counter(&names::REQUESTS, &values)
        });
        counter.increment(1);
    }

    fn cached(&self, counter: &OnceLock<Counter>, metric: &Metric) {
        counter
            .get_or_init(|| self.metrics.counter(metric, &self.names()))
            .increment(1);
    }

    /// Rare events: looked up each time.
    fn count(&self, metric: &Metric, value: &str) {
        let [api, stage] = [self.labels[0].value(), self.labels[1].value()];
        self.metrics
            .counter(metric, &[api, stage, value])
            .increment(1);
    }
}

/// Why a request was refused, for the label; `None` when it was not.
fn refusal(fault: FaultKind) -> Option<&'static str> {
    match fault {
        FaultKind::InvalidApiKey => Some("api_key"),
        FaultKind::Throttled => Some("rate"),
        FaultKind::QuotaExceeded => Some("quota"),
        _ => None,
    }
}

fn class(status: u16) -> (usize, &'static str) {
    let index = usize::from(status / 100).clamp(1, 5) - 1;
    (index, CLASSES[index])
}

fn unit(metric: &Metric) -> Option<Unit> {
    let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
    if name.ends_with("_seconds") {
        Some(Unit::Seconds)
    } else if name.ends_with("_bytes") {
        Some(Unit::Bytes)
    } else {
        None
    }
}

fn key(metric: &Metric, values: &[&str]) -> Key {
    debug_assert_eq!(metric.labels.len(), values.len(), "{}", metric.name);
    let labels: Vec<Label> = metric
        .labels
        .iter()
        .zip(values)
        .map(|(name, value)| Label::new(*name, (*value).to_owned()))
        .collect();
    Key::from_parts(metric.name, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sets_of_metrics_keep_apart() {
        let (one, two) = (Metrics::default(), Metrics::default());
        one.counter(&names::BAD_REQUESTS, &["head"]).increment(3);
        let text = one.render();
        assert!(
            text.contains("tollgate_edge_bad_requests_total{reason=\"head\"} 3"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE tollgate_edge_bad_requests_total counter"),
            "{text}"
        );
        assert!(!two.render().contains("head"));
    }

    #[test]
    fn a_name_that_has_series_keeps_them() {
        let named = Named::default();
        assert!(named.admits(&["a", "s", "GET /1"], 2));
        assert!(named.admits(&["a", "s", "GET /2"], 2));
        assert!(!named.admits(&["a", "s", "GET /3"], 2));
        for _ in 0..5 {
            assert!(named.admits(&["a", "s", "GET /1"], 2));
            assert!(!named.admits(&["a", "s", "GET /3"], 2));
        }
    }

    #[test]
    fn every_status_has_a_class() {
        for (status, wanted) in [
            (101, "1xx"),
            (200, "2xx"),
            (499, "4xx"),
            (599, "5xx"),
            (0, "1xx"),
        ] {
            assert_eq!(class(status).1, wanted);
        }
    }
}
