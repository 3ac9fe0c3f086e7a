//! The decisions of a pool as a plain value: which process gets which invocation, when to start
//! one, when to end one, who is told what when one is gone. No clock, no task, no lock in here, so
//! that every race can be played through in a test.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::back_off::{BackOff, InitFailure};
use super::counters::{Counters, FunctionState, count};
use super::slot::{Check, Job, Phase, Reply, Running, Slot, SlotId, Tally, Verdict, Work};
use crate::InvokeError;
use crate::limits::{EXIT_GRACE, PARALLEL_STARTS_MAX};
use crate::spec::Policy;

/// Whether a pool takes invocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Takes invocations.
    Serving,
    /// Takes none, and ends its processes once nothing waits or runs.
    Draining,
    /// Takes none and kills.
    Stopped,
}

/// Where an invocation went.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// A process has it.
    Running,
    /// It waits.
    Queued,
}

/// Why a call of a process was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The process is in a phase in which the call makes no sense.
    Transition(&'static str),
    /// The id is not that of the invocation it works on.
    RequestId,
}

/// What to do next for a pool as a whole.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Processes to start.
    pub(crate) start: Vec<SlotId>,
    /// When to ask again at the latest.
    pub(crate) ask_at: Option<Instant>,
    /// Nothing is left, and nothing will come.
    pub(crate) finished: bool,
}

/// A pool.
pub(crate) struct State {
    policy: Policy,
    counters: Arc<Counters>,
    mode: Mode,
    queue: VecDeque<Job>,
    slots: BTreeMap<SlotId, Slot>,
    /// Idle processes, the one that became idle last at the end. It gets the next invocation, so
    /// that those at the front grow old and can be stopped.
    idle: Vec<SlotId>,
    tally: Tally,
    back_off: BackOff,
    next_slot: SlotId,
    next_job: u64,
}

impl State {
    pub(crate) fn new(policy: Policy, counters: Arc<Counters>) -> Self {
        Self {
            policy,
            counters,
            mode: Mode::Serving,
            queue: VecDeque::new(),
            slots: BTreeMap::new(),
            idle: Vec::new(),
            tally: Tally::default(),
            back_off: BackOff::default(),
            next_slot: 0,
            next_job: 0,
        }
    }

    /// Takes an invocation: gives it to an idle process, or lets it wait. With the number by
    /// which [`Self::cancel`] finds it.
    pub(crate) fn submit(
        &mut self,
        work: Work,
        reply: oneshot::Sender<Reply>,
        now: Instant,
    ) -> Result<(u64, Submitted), InvokeError> {
        if self.mode != Mode::Serving {
            return Err(InvokeError::Stopped);
        }
        let number = self.next_job;
        self.next_job += 1;
        let mut job = Job {
            number,
            work,
            reply,
        };
        while let Some(id) = self.idle.pop() {
            match self.hand_over(id, job, now) {
                None => return Ok((number, Submitted::Running)),
                Some(back) => job = back,
            }
        }
        if let Some(failure) = self.cannot_start(now) {
            return Err(init_failed(failure));
        }
        if self.queue.len() >= self.policy.queue_max {
            count(&self.counters.overloads);
            return Err(InvokeError::Overloaded {
                waiting: self.queue.len(),
            });
        }
        self.queue.push_back(job);
        Ok((number, Submitted::Queued))
    }

    /// Forgets an invocation that waits: nobody wants the answer. Says whether it waited.
    pub(crate) fn cancel(&mut self, number: u64) -> bool {
        let at = self.queue.partition_point(|job| job.number < number);
        if self.queue.get(at).is_some_and(|job| job.number == number) {
            self.queue.remove(at);
            return true;
        }
        false
    }

    /// A process asks for work. `Some`: here it is; `None`: it will come through the waker.
    pub(crate) fn next(
        &mut self,
        id: SlotId,
        waker: oneshot::Sender<Work>,
        now: Instant,
    ) -> Result<Option<Work>, Refusal> {
        let slot = self
            .slots
            .get(&id)
            .ok_or(Refusal::Transition("the process is unknown"))?;
        match &slot.phase {
            Phase::Starting { .. } if slot.init_error.is_none() => {}
            Phase::Settling { .. } => {}
            Phase::Idle { waker, .. } if waker.is_closed() => self.idle.retain(|idle| *idle != id),
            Phase::Starting { .. } => return Err(Refusal::Transition("the start failed")),
            Phase::Idle { .. } => return Err(Refusal::Transition("the process waits already")),
            Phase::Busy { .. } => return Err(Refusal::Transition("an invocation is unanswered")),
            Phase::Ending { .. } => return Err(Refusal::Transition("the process is ending")),
        }
        let first = slot.served == 0;
        self.back_off.ready();
        while let Some(job) = self.queue.pop_front() {
            if !job.reply.is_closed() {
                let work = job.work.clone();
                self.begin(id, job, first, now);
                return Ok(Some(work));
            }
        }
        if self.mode == Mode::Serving {
            self.set_phase(id, Phase::Idle { waker, since: now });
            self.idle.push(id);
        } else {
            self.end(id, now);
        }
        Ok(None)
    }

    /// Whether the process works on this invocation.
    pub(crate) fn works_on(&self, id: SlotId, request_id: &str) -> Result<(), Refusal> {
        match self.slots.get(&id).map(|slot| &slot.phase) {
            Some(Phase::Busy { running, .. }) if &*running.request_id == request_id => Ok(()),
            Some(Phase::Busy { .. }) => Err(Refusal::RequestId),
            _ => Err(Refusal::Transition("no invocation is unanswered")),
        }
    }

    /// The process answers: its invocation is handed out, and the process settles.
    pub(crate) fn answer(&mut self, id: SlotId, request_id: &str) -> Result<Running, Refusal> {
        self.works_on(id, request_id)?;
        let Some(Phase::Busy { running, .. }) = self.settle(id) else {
            return Err(Refusal::RequestId);
        };
        Ok(running)
    }

    /// The process reports that it cannot start. It may end by itself, but not take its time.
    pub(crate) fn init_error(
        &mut self,
        id: SlotId,
        failure: InitFailure,
        now: Instant,
    ) -> Result<(), Refusal> {
        let slot = self.slots.get_mut(&id);
        match slot {
            Some(slot) if matches!(slot.phase, Phase::Starting { .. }) => {
                slot.init_error = Some(failure);
                slot.phase = Phase::Starting {
                    deadline: now + EXIT_GRACE,
                };
                slot.recheck.notify_one();
                Ok(())
            }
            _ => Err(Refusal::Transition("the start is over")),
        }
    }

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
            Phase::Idle { .. } => return Check::Until(now + timeout),
            Phase::Ending { told, .. } if !*told => {
                *told = true;
                return Check::Terminate;
            }
            // It may get work any moment, which may have an earlier deadline than the start.
            Phase::Starting { deadline } if now < *deadline => {
                return Check::Until((*deadline).min(now + timeout));
            }
            Phase::Starting { deadline }
            | Phase::Busy { deadline, .. }
            | Phase::Settling { deadline }
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
        if let Some(Phase::Busy { running, .. }) = self.settle(id) {
            let after_ms = millis(now - running.since);
            let cause = crate::TimeoutCause::Function;
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
        let unproven = slot.served == 0;
        match slot.phase {
            Phase::Starting { .. } | Phase::Idle { .. } | Phase::Settling { .. }
                if unproven && self.mode != Mode::Stopped =>
            {
                let failure = slot
                    .init_error
                    .unwrap_or_else(|| init_exit(slot.verdict, exit));
                self.start_failed(failure, now);
            }
            Phase::Busy { running, .. } => {
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
            }
            _ => {}
        }
    }

    /// What to do next for the pool: starts processes that are missing, ends those too many.
    pub(crate) fn plan(&mut self, now: Instant) -> Plan {
        let mut plan = Plan {
            ask_at: self.end_surplus(now),
            ..Plan::default()
        };
        if let Some(until) = self.back_off.closed_until(now) {
            plan.ask_at = Some(plan.ask_at.map_or(until, |at| at.min(until)));
        } else {
            while self.wants_process() {
                plan.start.push(self.add_slot(now));
            }
        }
        plan.finished =
            self.mode != Mode::Serving && self.slots.is_empty() && self.queue.is_empty();
        plan
    }

    /// Whether [`Self::plan`] would start a process if the back-off allowed it.
    pub(crate) fn wants_process(&self) -> bool {
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
        self.tally.live() < self.policy.concurrency
            && self.tally.starting < starts_max
            && self.tally.starting + self.tally.idle < self.queue.len() + warm
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

    /// The pool at this moment.
    pub(crate) fn observe(&self, state: &mut FunctionState) {
        state.starting += self.tally.starting;
        state.idle += self.tally.idle;
        state.busy += self.tally.busy;
        state.queued += self.queue.len();
        if let Some(failure) = self.back_off.last() {
            state.init_error = Some(format!("{}: {}", failure.error_type, failure.message));
        }
    }

    /// An invocation ended with an error that the function reported.
    pub(crate) fn failed(&mut self) {
        count(&self.counters.errors);
    }

    /// Whether the pool takes invocations.
    pub(crate) fn is_serving(&self) -> bool {
        self.mode == Mode::Serving
    }

    /// What the supervisor of a process waits on between two checks.
    pub(crate) fn recheck(&self, id: SlotId) -> Option<Arc<Notify>> {
        self.slots.get(&id).map(|slot| Arc::clone(&slot.recheck))
    }

    /// The invocation that a line of the log of this process belongs to.
    pub(crate) fn request_id(&self, id: SlotId) -> Option<Arc<str>> {
        self.slots.get(&id).and_then(|slot| slot.request_id.clone())
    }

    fn hand_over(&mut self, id: SlotId, job: Job, now: Instant) -> Option<Job> {
        let work = job.work.clone();
        let Some(Phase::Idle { waker, .. }) = self.settle_until(id, now + self.policy.timeout)
        else {
            return Some(job);
        };
        // The request was closed: the process may come back with another one, or be gone soon.
        if waker.send(work).is_err() {
            return Some(job);
        }
        self.begin(id, job, false, now);
        None
    }

    fn begin(&mut self, id: SlotId, job: Job, cold_start: bool, now: Instant) {
        self.back_off.worked();
        count(&self.counters.invocations);
        if cold_start {
            count(&self.counters.cold_starts);
        }
        let request_id = job.work.request_id;
        if let Some(slot) = self.slots.get_mut(&id) {
            slot.served += 1;
            slot.request_id = Some(Arc::clone(&request_id));
        }
        let running = Running {
            request_id,
            reply: job.reply,
            since: now,
            cold_start,
        };
        let deadline = now + self.policy.timeout;
        self.set_phase(id, Phase::Busy { running, deadline });
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

    fn end(&mut self, id: SlotId, now: Instant) {
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

    fn settle(&mut self, id: SlotId) -> Option<Phase> {
        let deadline = match self.slots.get(&id).map(|slot| &slot.phase) {
            Some(Phase::Busy { deadline, .. }) => *deadline,
            _ => return None,
        };
        self.settle_until(id, deadline)
    }

    fn settle_until(&mut self, id: SlotId, deadline: Instant) -> Option<Phase> {
        self.set_phase(id, Phase::Settling { deadline })
    }

    fn set_phase(&mut self, id: SlotId, phase: Phase) -> Option<Phase> {
        let slot = self.slots.get_mut(&id)?;
        *self.tally.of(&phase) += 1;
        let before = core::mem::replace(&mut slot.phase, phase);
        *self.tally.of(&before) -= 1;
        Some(before)
    }

    /// A start failed: the next one has to wait, and so nobody waits for it unless another
    /// process can take the work.
    fn start_failed(&mut self, failure: InitFailure, now: Instant) {
        count(&self.counters.init_failures);
        if self.tally.live() == 0 {
            self.fail_queue(&init_failed(&failure));
        }
        self.back_off.failed(failure, now);
    }

    fn fail_queue(&mut self, error: &InvokeError) {
        for job in self.queue.drain(..) {
            send(job.reply, Err(error.clone()));
        }
    }

    fn cannot_start(&self, now: Instant) -> Option<&InitFailure> {
        self.back_off.closed_until(now)?;
        if self.tally.live() > 0 {
            None
        } else {
            self.back_off.last()
        }
    }
}

/// Tells the caller; one that is gone does not mind.
pub(crate) fn send(to: oneshot::Sender<Reply>, reply: Reply) {
    drop(to.send(reply));
}

/// Whole milliseconds.
pub(crate) fn millis(duration: core::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn init_failed(failure: &InitFailure) -> InvokeError {
    InvokeError::InitFailed {
        error_type: Arc::clone(&failure.error_type),
        message: Arc::clone(&failure.message),
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
