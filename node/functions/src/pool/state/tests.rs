//! Races and orders of events that real processes do not show on demand.

use core::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot::{self, Receiver};

use super::*;
use crate::limits::SETTLE_MAX;
use crate::pool::slot::Check;
use crate::{Outcome, Payload, TimeoutCause};

const SECOND: Duration = Duration::from_secs(1);

struct Play {
    state: State,
    now: Instant,
}

impl Play {
    fn new(concurrency: usize, warm: usize) -> Self {
        let policy = Policy {
            concurrency,
            warm,
            queue_max: 3,
            timeout: 3 * SECOND,
            init_timeout: 10 * SECOND,
            idle_timeout: 60 * SECOND,
        };
        Self {
            state: State::new(policy, Arc::default()),
            now: Instant::now(),
        }
    }

    fn submit(&mut self, id: &str) -> Result<(u64, Submitted, Receiver<Reply>), InvokeError> {
        let (sender, reply) = oneshot::channel();
        let work = Work {
            payload: Bytes::new(),
            request_id: id.into(),
            trace_id: None,
        };
        let (number, submitted) = self.state.submit(work, sender, self.now)?;
        Ok((number, submitted, reply))
    }

    fn start(&mut self) -> Vec<SlotId> {
        self.state.plan(self.now).start
    }

    /// A process asks for work; what it would get at once, and what it would get later.
    fn next(&mut self, id: SlotId) -> (Option<Work>, Receiver<Work>) {
        let (waker, later) = oneshot::channel();
        (self.state.next(id, waker, self.now).unwrap(), later)
    }

    fn answer(&mut self, id: SlotId, request_id: &str) {
        let running = self.state.answer(id, request_id, Some(self.now)).unwrap();
        let outcome = Outcome {
            payload: Payload::Buffered(Bytes::new()),
            function_error: None,
            cold_start: running.cold_start,
            duration: Duration::ZERO,
        };
        send(running.reply, Ok(outcome));
    }

    fn check_tally(&self) {
        let mut seen = Tally::default();
        for slot in self.state.slots.values() {
            *seen.of(&slot.phase) += 1;
        }
        assert_eq!(seen, self.state.tally);
        assert_eq!(seen.idle, self.state.idle.len());
    }
}

fn told(reply: &mut Receiver<Reply>) -> Option<Result<(), InvokeError>> {
    reply.try_recv().ok().map(|reply| reply.map(|_| ()))
}

#[test]
fn an_invocation_waits_for_a_process_that_just_answered_but_not_for_long() {
    let mut play = Play::new(4, 0);
    let _first = play.submit("a").unwrap();
    let started = play.start();
    assert_eq!(started.len(), 1);
    assert!(play.next(started[0]).0.is_some());
    play.answer(started[0], "a");
    let _second = play.submit("b").unwrap();
    let plan = play.state.plan(play.now);
    assert_eq!(
        (plan.start.len(), plan.ask_at),
        (0, Some(play.now + SETTLE_MAX))
    );
    play.now += SETTLE_MAX;
    assert_eq!(play.start().len(), 1, "it is late");
    play.check_tally();
}

#[test]
fn a_streaming_process_is_not_waited_for() {
    let mut play = Play::new(4, 0);
    let _first = play.submit("a").unwrap();
    let id = play.start()[0];
    play.next(id);
    play.state.answer(id, "a", None).unwrap();
    let _second = play.submit("b").unwrap();
    assert_eq!(play.start().len(), 1);
    play.state.streamed(id, play.now);
    assert!(
        play.next(id).0.is_some(),
        "and yet it takes the work when it comes first"
    );
    play.check_tally();
}

#[test]
fn a_closed_request_for_work_loses_no_invocation() {
    let mut play = Play::new(2, 2);
    let started = play.start();
    let (_, first) = play.next(started[0]);
    let (_, second) = play.next(started[1]);
    drop(second);
    let (_, submitted, mut reply) = play.submit("a").unwrap();
    assert_eq!(
        submitted,
        Submitted::Running,
        "the one that still listens has it"
    );
    drop(first);
    assert!(told(&mut reply).is_none());
    let (_, submitted, _reply) = play.submit("b").unwrap();
    assert_eq!(submitted, Submitted::Queued);
    // The process comes back on a new connection.
    assert_eq!(&*play.next(started[1]).0.unwrap().request_id, "b");
    play.state.gone(started[0], "signal: 9", play.now);
    assert_eq!(
        told(&mut reply),
        Some(Err(InvokeError::Crashed {
            exit: "signal: 9".into()
        }))
    );
    play.check_tally();
}

#[test]
fn who_gave_up_waiting_costs_no_place_and_no_process() {
    let mut play = Play::new(1, 0);
    let numbers = ["a", "b", "c"].map(|id| play.submit(id).unwrap());
    assert_eq!(
        play.submit("d").unwrap_err(),
        InvokeError::Overloaded { waiting: 3 }
    );
    assert!(play.state.cancel(numbers[1].0));
    assert!(!play.state.cancel(numbers[1].0));
    assert!(!play.state.cancel(77));
    let _last = play.submit("d").unwrap();
    let id = play.start()[0];
    let mut order = Vec::new();
    for _ in 0..3 {
        let work = play.next(id).0.unwrap();
        play.answer(id, &work.request_id);
        order.push(work.request_id.to_string());
    }
    assert_eq!(order, ["a", "c", "d"]);
    assert!(play.next(id).0.is_none());
    play.check_tally();
}

#[test]
fn an_answer_after_the_timeout_is_refused() {
    let mut play = Play::new(1, 1);
    let id = play.start()[0];
    play.now += SECOND;
    // The start may take longer than an invocation: it must not hide the deadline of the first.
    assert_eq!(
        play.state.check(id, play.now),
        Check::Until(play.now + 3 * SECOND)
    );
    let (_, _work) = play.next(id);
    let (_, _, mut reply) = play.submit("a").unwrap();
    play.now += 3 * SECOND;
    assert_eq!(play.state.check(id, play.now), Check::Kill);
    let timeout = InvokeError::Timeout {
        after_ms: 3000,
        cause: TimeoutCause::Function,
    };
    assert_eq!(told(&mut reply), Some(Err(timeout)));
    assert!(play.state.answer(id, "a", None).is_err());
    assert_eq!(play.state.check(id, play.now), Check::Kill);
    play.state.gone(id, "signal: 9", play.now);
    let mut seen = FunctionState::default();
    seen.count(&play.state.counters);
    assert_eq!((seen.timeouts, seen.errors, seen.restarts), (1, 0, 1));
    assert_eq!(play.start().len(), 1);
    play.check_tally();
}

#[test]
fn one_failed_start_fails_nobody_whom_another_process_can_serve() {
    let mut play = Play::new(2, 2);
    let started = play.start();
    let (_, mut work) = play.next(started[0]);
    let (_, _, _running) = play.submit("a").unwrap();
    assert!(work.try_recv().is_ok());
    let (_, _, mut waiting) = play.submit("b").unwrap();
    play.state.gone(started[1], "exit status: 1", play.now);
    assert!(told(&mut waiting).is_none());
    assert_eq!(play.start().len(), 0, "not before the pause is over");
    play.answer(started[0], "a");
    assert_eq!(&*play.next(started[0]).0.unwrap().request_id, "b");
    play.check_tally();
}

#[test]
fn a_process_that_ends_before_its_first_invocation_counts_as_a_failed_start() {
    let mut play = Play::new(1, 1);
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let id = play.start()[0];
        let _later = play.next(id);
        play.state.gone(id, "exit status: 0", play.now);
        let until = play.state.plan(play.now).ask_at.unwrap();
        pauses.push((until - play.now).as_millis());
        let error = play.submit("a").unwrap_err();
        assert!(matches!(error, InvokeError::InitFailed { .. }), "{error:?}");
        play.now = until;
    }
    assert_eq!(pauses, [100, 200, 400, 800], "it must not spin");
}

#[test]
fn draining_finishes_what_runs_and_waits_and_then_ends() {
    let mut play = Play::new(1, 1);
    let id = play.start()[0];
    let _later = play.next(id);
    let _running = play.submit("a").unwrap();
    let _waiting = play.submit("b").unwrap();
    play.state.stop(Mode::Draining, play.now);
    assert_eq!(play.submit("c").unwrap_err(), InvokeError::Stopped);
    play.answer(id, "a");
    assert_eq!(&*play.next(id).0.unwrap().request_id, "b");
    play.answer(id, "b");
    let (work, mut later) = play.next(id);
    assert!(work.is_none() && later.try_recv().is_err());
    assert_eq!(play.state.check(id, play.now), Check::Terminate);
    assert!(matches!(play.state.check(id, play.now), Check::Until(_)));
    assert_eq!(play.state.check(id, play.now + EXIT_GRACE), Check::Kill);
    assert!(!play.state.plan(play.now).finished);
    play.state.gone(id, "signal: 15", play.now);
    let plan = play.state.plan(play.now);
    assert!(plan.finished && plan.start.is_empty());
}

#[test]
fn stopping_tells_everybody() {
    let mut play = Play::new(1, 1);
    let id = play.start()[0];
    let _later = play.next(id);
    let (_, _, mut running) = play.submit("a").unwrap();
    let (_, _, mut waiting) = play.submit("b").unwrap();
    play.state.stop(Mode::Draining, play.now);
    play.state.stop(Mode::Stopped, play.now);
    assert_eq!(told(&mut waiting), Some(Err(InvokeError::Stopped)));
    assert_eq!(play.state.check(id, play.now), Check::Kill);
    play.state.gone(id, "signal: 9", play.now);
    assert_eq!(told(&mut running), Some(Err(InvokeError::Stopped)));
    assert!(play.state.plan(play.now).finished);
}

#[test]
fn the_longest_idle_end_first_and_never_the_warm_ones() {
    let mut play = Play::new(3, 1);
    let _queued = ["a", "b", "c"].map(|id| play.submit(id).unwrap());
    let started = play.start();
    assert_eq!(started.len(), 3);
    for id in &started {
        let work = play.next(*id).0.unwrap();
        play.answer(*id, &work.request_id);
    }
    let mut wakers = Vec::new();
    for id in &started {
        wakers.push(play.next(*id).1);
        play.now += SECOND;
    }
    let idle_since = play.now - 3 * SECOND;
    assert_eq!(
        play.state.plan(play.now).ask_at,
        Some(idle_since + 60 * SECOND)
    );
    play.now = idle_since + 120 * SECOND;
    play.state.plan(play.now);
    assert_eq!(play.state.idle, [started[2]]);
    play.check_tally();
}

#[test]
fn starts_are_bounded() {
    let mut play = Play::new(1000, 1000);
    assert_eq!(play.start().len(), 16);
    assert_eq!(play.start().len(), 0);
}
