//! What one worker counted, and how workers' counts become the outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::latency::{Latencies, Timeline};
use crate::outcome::ErrorKind;

/// The measured part of a run.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// When the load begins.
    pub start: Instant,
    /// When counting begins: `start` plus the warm-up.
    pub from: Instant,
    /// When counting, and the schedule, end.
    pub until: Instant,
}

impl Window {
    /// Whether `at` is in the measured part.
    pub fn contains(&self, at: Instant) -> bool {
        at >= self.from && at < self.until
    }

    /// Length of the measured part.
    pub fn duration(&self) -> Duration {
        self.until - self.from
    }
}

/// Counts of one worker or of all.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Latencies of the measured part.
    pub latencies: Latencies,
    /// How late the generator itself was, over the whole run.
    pub generator_lag: Latencies,
    /// Latencies by time.
    pub timeline: Timeline,
    /// Answers of the measured part by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Failures of the measured part by kind.
    pub errors: BTreeMap<ErrorKind, u64>,
    /// Answers of the whole run.
    pub answers_total: u64,
    /// When the last counted answer came, after the beginning of the measured part.
    pub last_answer_at: Duration,
    /// Arrivals of the measured part that were never sent.
    pub unsent: u64,
    /// Bytes read in the whole run.
    pub read_bytes: u64,
    /// Bytes written in the whole run.
    pub written_bytes: u64,
}

impl Tally {
    /// Nothing counted yet, for a measured part of `duration`.
    pub fn new(duration: Duration) -> Self {
        Self {
            latencies: Latencies::new(3),
            generator_lag: Latencies::new(2),
            timeline: Timeline::new(duration),
            statuses: BTreeMap::new(),
            errors: BTreeMap::new(),
            answers_total: 0,
            last_answer_at: Duration::ZERO,
            unsent: 0,
            read_bytes: 0,
            written_bytes: 0,
        }
    }

    /// Counts an answer of the measured part that came `at` after its beginning.
    pub fn answer(&mut self, status: u16, at: Duration, latency: Duration) {
        self.latencies.record(latency);
        self.timeline.answer(at, latency);
        self.last_answer_at = self.last_answer_at.max(at);
        *self.statuses.entry(status).or_default() += 1;
    }

    /// Counts a delivery of the measured part, which has no status.
    pub fn delivery(&mut self, at: Duration, latency: Duration) {
        self.latencies.record(latency);
        self.timeline.answer(at, latency);
        self.last_answer_at = self.last_answer_at.max(at);
    }

    /// Counts failures of which no more than their number is known.
    pub fn errors_of(&mut self, kind: ErrorKind, count: u64) {
        if count > 0 {
            *self.errors.entry(kind).or_default() += count;
        }
    }

    /// Counts a failure of the measured part.
    pub fn error(&mut self, kind: ErrorKind, at: Duration) {
        self.timeline.error(at);
        *self.errors.entry(kind).or_default() += 1;
    }

    /// Adds the counts of another worker.
    pub fn add(&mut self, other: &Self) {
        self.latencies.add(&other.latencies);
        self.generator_lag.add(&other.generator_lag);
        self.timeline.add(&other.timeline);
        for (status, count) in &other.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        for (kind, count) in &other.errors {
            *self.errors.entry(*kind).or_default() += count;
        }
        self.answers_total += other.answers_total;
        self.last_answer_at = self.last_answer_at.max(other.last_answer_at);
        self.unsent += other.unsent;
        self.read_bytes += other.read_bytes;
        self.written_bytes += other.written_bytes;
    }
}
