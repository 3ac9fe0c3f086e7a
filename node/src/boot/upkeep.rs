//! What a node does again and again although nobody asked.

use std::time::Duration;

use crate::metrics::Metrics;

/// Between two rounds: at 100,000 requests a second the samples that wait take less than 1 MiB.
const INTERVAL: Duration = Duration::from_millis(250);

/// Moves the samples of requests into their buckets until the node ends. A scrape does the same,
/// but nobody need scrape a node, and until then every request leaves two samples.
pub(super) async fn run(metrics: Metrics) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        metrics.upkeep();
    }
}
