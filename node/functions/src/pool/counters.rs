//! What a function did so far, for metrics. The counters outlive the processes and the
//! replacement of a function by a changed one.

use core::sync::atomic::{AtomicU64, Ordering};

/// Totals since the function was first declared.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) invocations: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) overloads: AtomicU64,
    pub(crate) starts: AtomicU64,
    pub(crate) restarts: AtomicU64,
    pub(crate) init_failures: AtomicU64,
    pub(crate) cold_starts: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A function at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FunctionState {
    /// Its name.
    pub name: String,
    /// Processes that start.
    pub starting: usize,
    /// Processes that wait for work.
    pub idle: usize,
    /// Processes that work.
    pub busy: usize,
    /// Invocations that wait for a process.
    pub queued: usize,
    /// Invocations handed to a process, total.
    pub invocations: u64,
    /// Of those: that ended with a function error, a crash or out of memory, total.
    pub errors: u64,
    /// Of those: that ran longer than `timeout_ms`, total.
    pub timeouts: u64,
    /// Invocations refused because too many waited, total.
    pub overloads: u64,
    /// Processes started, total.
    pub starts: u64,
    /// Processes that ended although they were wanted, total.
    pub restarts: u64,
    /// Starts that failed, total.
    pub init_failures: u64,
    /// Invocations that waited for a process to start, total.
    pub cold_starts: u64,
    /// Why the last start failed, while the function cannot start: `type: message`.
    pub init_error: Option<String>,
}

impl FunctionState {
    /// Fills in the totals.
    pub(crate) fn count(&mut self, counters: &Counters) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.invocations = read(&counters.invocations);
        self.errors = read(&counters.errors);
        self.timeouts = read(&counters.timeouts);
        self.overloads = read(&counters.overloads);
        self.starts = read(&counters.starts);
        self.restarts = read(&counters.restarts);
        self.init_failures = read(&counters.init_failures);
        self.cold_starts = read(&counters.cold_starts);
    }
}
