//! The life of the processes of a pool: when one is started, killed, ended, and what its end
//! means to those who wait.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Mode, Plan, State, millis, send};
use crate::limits::{EXIT_GRACE, IDLE_CHECK_MIN, PARALLEL_STARTS_MAX, SETTLE_MAX};
use crate::pool::back_off::InitFailure;
use crate::pool::counters::count;
use crate::pool::slot::{Check, Phase, Slot, SlotId, Verdict};
use crate::{InvokeError, TimeoutCause};

impl State {
    /// What the supervisor of a process has to do now. Answers the caller when time is up.
    pub(crate) fn check(&mut self, id: SlotId, now: Instant) -> Check {
        let stopped = self.mode == Mode::Stopped;
        let timeout = self.policy.timeout;
        let Some(slot) = self.slots.get_mut(&id) else {
            return Check::Kill;
        };
        if stopped {
            return Check::Kill;
        }
        let deadline = match &mut slot.phase {
            // Whatever it gets to do after now has a later deadline than this.
            Phase::Idle { .. } => return Check::Until(now + timeout.max(IDLE_CHECK_MIN)),
            Phase::Ending { told, .. } if !*told => {
                *told = true;
                return Check::Terminate;
            }
            // It may get work any moment, which may have an earlier deadline than the start.
            Phase::Starting { deadline } if now < *deadline => {
                return Check::Until((*deadline).min(now + timeout.max(IDLE_CHECK_MIN)));
            }
            Phase::Starting { deadline }
            | Phase::Busy { deadline, .. }
            | Phase::Settling { deadline, .. }
            | Phase::Ending { deadline, .. } => *deadline,
        };
        if now < deadline {
            return Check::Until(deadline);
        }
        if slot.verdict.is_none() && !matches!(slot.phase, Phase::Ending { .. }) {
            slot.verdict = Some(Verdict::TooLong);
            if slot.served > 0 {
                count(&self.counters.timeouts);
            }
        }
        if let Some(running) = self.settle(id, None) {
            let after_ms = millis(now - running.since);
            let cause = TimeoutCause::Function;
            send(running.reply, Err(InvokeError::Timeout { after_ms, cause }));
        }
        Check::Kill
    }

    /// The process uses too much memory: it is killed.
    pub(crate) fn out_of_memory(&mut self, id: SlotId, used_mib: u64, limit_mib: u64) {
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.verdict.get_or_insert(Verdict::OutOfMemory {
                used_mib,
                limit_mib,
            });
        }
    }

    /// The process is gone. Whoever waits for it is told.
    pub(crate) fn gone(&mut self, id: SlotId, exit: &str, now: Instant) {
        let Some(slot) = self.slots.remove(&id) else {
            return;
        };
        *self.tally.of(&slot.phase) -= 1;
        self.idle.retain(|idle| *idle != id);
        if self.mode != Mode::Stopped && !matches!(slot.phase, Phase::Ending { .. }) {
            count(&self.counters.restarts);
        }
        let failed_start = slot.served == 0 && !matches!(slot.phase, Phase::Ending { .. });
        if let Phase::Busy { running, .. } = slot.phase {
            count(&self.counters.errors);
            let error = match slot.verdict {
                _ if self.mode == Mode::Stopped => InvokeError::Stopped,
                Some(Verdict::OutOfMemory {
                    used_mib,
                    limit_mib,
                }) => InvokeError::OutOfMemory {
                    used_mib,
                    limit_mib,
                },
                _ => InvokeError::Crashed { exit: exit.into() },
            };
            send(running.reply, Err(error));
        } else if failed_start && self.mode != Mode::Stopped {
            let failure = slot
                .init_error
                .unwrap_or_else(|| init_exit(slot.verdict, exit));
            self.start_failed(failure, now);
        }
    }

    /// What to do next for the pool: starts processes that are missing, ends those too many.
    pub(crate) fn plan(&mut self, now: Instant) -> Plan {
        let mut plan = Plan::default();
        let closed_until = self.back_off.closed_until(now);
        let (returning, returned_at) = self.returning(now);
        while closed_until.is_none() && self.wants(returning) {
            plan.start.push(self.add_slot(now));
        }
        let surplus_at = self.end_surplus(now);
        plan.ask_at = [surplus_at, closed_until, returned_at]
            .into_iter()
            .flatten()
            .min();
        plan.finished =
            self.mode != Mode::Serving && self.slots.is_empty() && self.queue.is_empty();
        plan
    }

    /// Whether [`Self::plan`] may have a process to start.
    pub(crate) fn wants_process(&self) -> bool {
        self.wants(0)
    }

    /// Whether a process is missing when so many will ask for work any moment.
    fn wants(&self, returning: usize) -> bool {
        let warm = match self.mode {
            Mode::Serving => self.policy.warm,
            Mode::Draining => 0,
            Mode::Stopped => return false,
        };
        let starts_max = if self.back_off.probing() {
            1
        } else {
            PARALLEL_STARTS_MAX
        };
        let waiting = self.queue.len().saturating_sub(returning);
        self.tally.live() < self.policy.concurrency
            && self.tally.starting < starts_max
            && self.tally.starting + self.tally.idle < waiting + warm
    }

    /// Processes that have just answered, and when the first of them is late to ask for more.
    fn returning(&self, now: Instant) -> (usize, Option<Instant>) {
        if self.queue.is_empty() || self.tally.settling == 0 {
            return (0, None);
        }
        let late_at = self.slots.values().filter_map(|slot| match slot.phase {
            Phase::Settling {
                answered: Some(since),
                ..
            } => Some(since + SETTLE_MAX),
            _ => None,
        });
        let late_at = late_at.filter(|at| *at > now);
        late_at.fold((0, None), |(n, first), at| {
            (n + 1, first.into_iter().chain([at]).min())
        })
    }

    /// Stops taking invocations. `Draining`: what waits and runs is finished. `Stopped`: what
    /// waits is refused, what runs is killed.
    pub(crate) fn stop(&mut self, mode: Mode, now: Instant) {
        if self.mode == Mode::Stopped {
            return;
        }
        self.mode = mode;
        if mode == Mode::Stopped {
            self.fail_queue(&InvokeError::Stopped);
        }
        let idle: Vec<SlotId> = self
            .slots
            .iter()
            .filter(|(_, slot)| match slot.phase {
                Phase::Idle { .. } => true,
                Phase::Starting { .. } => self.queue.is_empty(),
                _ => false,
            })
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            self.end(id, now);
        }
        for slot in self.slots.values() {
            slot.recheck.notify_one();
        }
    }

    fn add_slot(&mut self, now: Instant) -> SlotId {
        count(&self.counters.starts);
        let id = self.next_slot;
        self.next_slot += 1;
        let slot = Slot {
            phase: Phase::Starting {
                deadline: now + self.policy.init_timeout,
            },
            recheck: Arc::new(Notify::new()),
            served: 0,
            init_error: None,
            verdict: None,
            request_id: None,
        };
        self.tally.starting += 1;
        self.slots.insert(id, slot);
        id
    }

    /// Ends idle processes beyond the warm ones that are idle for long; says when the next is due.
    fn end_surplus(&mut self, now: Instant) -> Option<Instant> {
        let timeout = self.policy.idle_timeout;
        while self.idle.len() > self.policy.warm {
            let oldest = self.idle[0];
            let due = match self.slots.get(&oldest).map(|slot| &slot.phase) {
                Some(Phase::Idle { since, .. }) => *since + timeout,
                _ => now,
            };
            if due > now {
                return Some(due);
            }
            self.end(oldest, now);
        }
        // Whatever becomes idle after now is due later than this.
        (self.tally.live() > self.policy.warm).then(|| now + timeout)
    }

    pub(super) fn end(&mut self, id: SlotId, now: Instant) {
        self.idle.retain(|idle| *idle != id);
        self.set_phase(
            id,
            Phase::Ending {
                told: false,
                deadline: now + EXIT_GRACE,
            },
        );
        if let Some(slot) = self.slots.get(&id) {
            slot.recheck.notify_one();
        }
    }

    /// A start failed: the next one has to wait, and so nobody waits for it unless another
    /// process can take the work.
    fn start_failed(&mut self, failure: InitFailure, now: Instant) {
        count(&self.counters.init_failures);
        if self.tally.live() == 0 {
            self.fail_queue(&InvokeError::from(&failure));
        }
        self.back_off.failed(failure, now);
    }

    fn fail_queue(&mut self, error: &InvokeError) {
        for job in self.queue.drain(..) {
            send(job.reply, Err(error.clone()));
        }
    }
}

impl From<&InitFailure> for InvokeError {
    fn from(failure: &InitFailure) -> Self {
        Self::InitFailed {
            error_type: Arc::clone(&failure.error_type),
            message: Arc::clone(&failure.message),
        }
    }
}

fn init_exit(verdict: Option<Verdict>, exit: &str) -> InitFailure {
    let (error_type, message) = match verdict {
        Some(Verdict::TooLong) => (
            "Runtime.InitTimeout",
            "the process was not ready in time".into(),
        ),
        Some(Verdict::OutOfMemory {
            used_mib,
            limit_mib,
        }) => (
            "Runtime.OutOfMemory",
            format!("the process used {used_mib} MiB of {limit_mib} MiB"),
        ),
        None => (
            "Runtime.ExitError",
            format!("the process ended before it was ready: {exit}"),
        ),
    };
    InitFailure {
        error_type: error_type.into(),
        message: message.into(),
    }
}
