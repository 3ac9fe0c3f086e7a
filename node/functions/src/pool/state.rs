//! The decisions of a pool as a plain value: which process gets which invocation, when to start
//! one, when to end one, who is told what when one is gone. No clock, no task, no lock in here, so
//! that every race can be played through in a test. This file is the way of an invocation through
//! the pool; the life of the processes is in [`lifecycle`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::back_off::{BackOff, InitFailure};
use super::counters::{Counters, FunctionState, count};
use super::slot::{Job, Phase, Reply, Running, Slot, SlotId, Tally, Work};
use crate::InvokeError;
use crate::limits::EXIT_GRACE;
use crate::spec::Policy;

mod lifecycle;
#[cfg(test)]
mod tests;

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
            return Err(failure.into());
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

    /// The process answers: its invocation is handed out, and the process settles. `answered`:
    /// the answer is complete, as opposed to one that is streamed from now on.
    pub(crate) fn answer(
        &mut self,
        id: SlotId,
        request_id: &str,
        answered: Option<Instant>,
    ) -> Result<Running, Refusal> {
        self.works_on(id, request_id)?;
        self.settle(id, answered).ok_or(Refusal::RequestId)
    }

    /// A streamed answer is complete.
    pub(crate) fn streamed(&mut self, id: SlotId, now: Instant) {
        if let Some(slot) = self.slots.get_mut(&id)
            && let Phase::Settling { answered, .. } = &mut slot.phase
        {
            *answered = Some(now);
        }
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

    /// The pool at this moment.
    pub(crate) fn observe(&self, state: &mut FunctionState) {
        state.starting += self.tally.starting;
        state.idle += self.tally.idle;
        state.busy += self.tally.busy + self.tally.settling;
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
        let settling = Phase::Settling {
            answered: None,
            deadline: now + self.policy.timeout,
        };
        let Some(Phase::Idle { waker, .. }) = self.set_phase(id, settling) else {
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

    /// The process is no longer busy with its invocation, which is handed out.
    fn settle(&mut self, id: SlotId, answered: Option<Instant>) -> Option<Running> {
        let deadline = match self.slots.get(&id).map(|slot| &slot.phase) {
            Some(Phase::Busy { deadline, .. }) => *deadline,
            _ => return None,
        };
        match self.set_phase(id, Phase::Settling { answered, deadline }) {
            Some(Phase::Busy { running, .. }) => Some(running),
            _ => None,
        }
    }

    fn set_phase(&mut self, id: SlotId, phase: Phase) -> Option<Phase> {
        let slot = self.slots.get_mut(&id)?;
        *self.tally.of(&phase) += 1;
        let before = core::mem::replace(&mut slot.phase, phase);
        *self.tally.of(&before) -= 1;
        Some(before)
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
