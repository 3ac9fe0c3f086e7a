//! The place of one process in a pool: its phase and what it works on.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::back_off::InitFailure;
use crate::{InvokeError, Outcome};

/// What an invocation ends with.
pub(crate) type Reply = Result<Outcome, InvokeError>;

/// The number of a process in its pool.
pub(crate) type SlotId = u64;

/// What a process gets to work on.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) payload: Bytes,
    pub(crate) request_id: Arc<str>,
    pub(crate) trace_id: Option<Arc<str>>,
}

/// An invocation that waits.
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) work: Work,
    pub(crate) reply: oneshot::Sender<Reply>,
}

/// An invocation that a process works on.
pub(crate) struct Running {
    pub(crate) request_id: Arc<str>,
    pub(crate) reply: oneshot::Sender<Reply>,
    pub(crate) since: Instant,
    pub(crate) cold_start: bool,
}

/// What a process is doing.
pub(crate) enum Phase {
    /// Started, has not asked for work yet. Killed at the deadline.
    Starting { deadline: Instant },
    /// Waits for work with an open request.
    Idle {
        waker: oneshot::Sender<Work>,
        since: Instant,
    },
    /// Works. Killed at the deadline.
    Busy { running: Running, deadline: Instant },
    /// Has answered and not asked for more work yet. Killed at the deadline. `answered`: since
    /// when the answer is complete, so that it will ask any moment; `None` while one is streamed.
    Settling {
        answered: Option<Instant>,
        deadline: Instant,
    },
    /// Was told to end, or soon will be. Killed at the deadline, if there is one.
    Ending { told: bool, deadline: Instant },
}

/// Why a process was killed, when it was this package that did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It took too long to start, work or settle.
    TooLong,
    /// It used too much memory.
    OutOfMemory { used_mib: u64, limit_mib: u64 },
}

/// A process of a pool.
pub(crate) struct Slot {
    pub(crate) phase: Phase,
    /// Wakes the supervisor of the process, which then asks what to do.
    pub(crate) recheck: Arc<Notify>,
    /// Invocations handed to it.
    pub(crate) served: u64,
    /// What it reported as `init/error`.
    pub(crate) init_error: Option<InitFailure>,
    /// Why it was killed.
    pub(crate) verdict: Option<Verdict>,
    /// The id of the invocation it works on or last worked on, for log lines.
    pub(crate) request_id: Option<Arc<str>>,
}

/// What the supervisor of a process has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing before that time.
    Until(Instant),
    /// Ask the process to end (SIGTERM), then ask again.
    Terminate,
    /// End it (SIGKILL).
    Kill,
}

/// How many processes are in which phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) starting: usize,
    pub(crate) idle: usize,
    pub(crate) busy: usize,
    pub(crate) settling: usize,
    pub(crate) ending: usize,
}

impl Tally {
    /// Processes that count towards the concurrency.
    pub(crate) fn live(self) -> usize {
        self.starting + self.idle + self.busy + self.settling
    }

    /// The number to change for a phase.
    pub(crate) fn of(&mut self, phase: &Phase) -> &mut usize {
        match phase {
            Phase::Starting { .. } => &mut self.starting,
            Phase::Idle { .. } => &mut self.idle,
            Phase::Busy { .. } => &mut self.busy,
            Phase::Settling { .. } => &mut self.settling,
            Phase::Ending { .. } => &mut self.ending,
        }
    }
}
