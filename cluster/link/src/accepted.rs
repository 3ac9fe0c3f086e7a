//! The acceptor's end of a lane: calls that came in, their handlers, and answers to be sent.

use std::collections::{BTreeMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

use crate::contact::Contacts;
use crate::error::Refusal;
use crate::frame::{Frame, Shape};
use crate::handler::{Caller, Handler, Incoming};
use crate::limits::{ACCEPTED_BYTES_MAX, BODY_BYTES_MAX, CALL_WITHIN_MAX};
use crate::pump::{Endpoint, Next};

/// What the other end may do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) caller: Caller,
    /// Calls under way.
    pub(crate) calls_max: usize,
    /// The one kind that it may call, once.
    pub(crate) only: Option<u8>,
}

struct Running {
    task: AbortHandle,
    bytes: usize,
}

#[derive(Default)]
struct State {
    running: BTreeMap<u64, Running>,
    answers: VecDeque<Frame>,
    /// Of bodies of running calls and of answers.
    bytes: usize,
    calls: u64,
    told: Option<Refusal>,
    ended: bool,
}

/// See the module.
pub(crate) struct Accepted {
    this: Weak<Self>,
    terms: Terms,
    handler: Arc<dyn Handler>,
    contacts: Arc<Contacts>,
    state: Mutex<State>,
    wake: Notify,
    room: Notify,
}

impl Accepted {
    pub(crate) fn new(
        terms: Terms,
        handler: Arc<dyn Handler>,
        contacts: Arc<Contacts>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            terms,
            handler,
            contacts,
            state: Mutex::new(State::default()),
            wake: Notify::new(),
            room: Notify::new(),
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn call(&self, frame: Frame) -> Result<(), Refusal> {
        let overloaded = Refusal::new(Refusal::OVERLOADED, "more calls than the lane may have");
        let barred = self.terms.only.is_some_and(|only| only != frame.kind);
        let Some(this) = self.this.upgrade() else {
            return Err(Refusal::new(Refusal::CLOSING, "the node stops"));
        };
        self.with(|state| {
            let under_way = state.running.len() + state.answers.len();
            let again = self.terms.only.is_some() && state.calls > 0;
            if under_way >= self.terms.calls_max || again {
                return Err(overloaded);
            }
            if state.running.contains_key(&frame.call) || frame.call == 0 {
                return Err(Refusal::new(Refusal::MALFORMED, "a call's number twice"));
            }
            state.calls += 1;
            if barred {
                let refusal = Refusal::new(Refusal::NOT_A_MEMBER, "only members may call this");
                state
                    .answers
                    .push_back(Frame::refused(frame.call, &refusal));
                self.wake.notify_one();
                return Ok(());
            }
            let bytes = frame.body.len();
            state.bytes += bytes;
            let call = frame.call;
            let within = Duration::from_millis(frame.within_ms.into()).min(CALL_WITHIN_MAX);
            let incoming = Incoming {
                caller: self.terms.caller,
                kind: frame.kind,
                body: frame.body,
                deadline: Instant::now() + within,
            };
            let task = tokio::spawn(answer(this, call, incoming)).abort_handle();
            state.running.insert(call, Running { task, bytes });
            Ok(())
        })
    }

    fn finish(&self, call: u64, result: Result<Bytes, Refusal>) {
        let frame = match result {
            Ok(body) if body.len() > BODY_BYTES_MAX => {
                let text = format!("an answer of {} bytes is too large", body.len());
                let refusal = Refusal::new(Refusal::ANSWER_TOO_LARGE, text);
                Frame::refused(call, &refusal)
            }
            Ok(body) => Frame::plain(Shape::Answer, call, body),
            Err(refusal) => Frame::refused(call, &refusal),
        };
        self.with(|state| {
            if let Some(running) = state.running.remove(&call) {
                state.bytes = state.bytes + frame.body.len() - running.bytes;
                state.answers.push_back(frame);
            }
        });
        self.wake.notify_one();
    }

    fn cancel(&self, call: u64) {
        self.with(|state| {
            if let Some(running) = state.running.remove(&call) {
                running.task.abort();
                state.bytes -= running.bytes;
            }
            if let Some(at) = state.answers.iter().position(|frame| frame.call == call) {
                state.bytes -= state.answers.remove(at).map_or(0, |frame| frame.body.len());
            }
        });
        self.room.notify_one();
    }

    /// Drops every handler: nobody is left to hear its answer.
    pub(crate) fn end(&self) {
        let running = self.with(|state| {
            state.ended = true;
            state.answers.clear();
            std::mem::take(&mut state.running)
        });
        running
            .into_values()
            .for_each(|running| running.task.abort());
    }
}

async fn answer(accepted: Arc<Accepted>, call: u64, incoming: Incoming) {
    let deadline = incoming.deadline;
    let handler = Arc::clone(&accepted.handler);
    let handling = AssertUnwindSafe(async move { handler.call(incoming).await }).catch_unwind();
    let result = match timeout_at(deadline, handling).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => {
            tracing::error!(caller = ?accepted.terms.caller, "a call's handler panicked");
            Err(Refusal::new(Refusal::FAILED, "the call failed"))
        }
        Err(_) => Err(Refusal::new(Refusal::LATE, "the deadline passed")),
    };
    accepted.finish(call, result);
}

impl Endpoint for Accepted {
    fn next(&self, _now: Instant) -> Next {
        let next = self.with(|state| {
            if let Some(refusal) = state.told.take() {
                return Next::Last(refusal);
            }
            match state.answers.pop_front() {
                Some(frame) => {
                    state.bytes -= frame.body.len().min(state.bytes);
                    Next::Frame(frame)
                }
                None => Next::Nothing,
            }
        });
        self.room.notify_one();
        next
    }

    fn wake(&self) -> &Notify {
        &self.wake
    }

    fn receive(&self, frame: Frame) -> Result<(), Refusal> {
        match frame.shape {
            Shape::Call => self.call(frame),
            Shape::Cancel => {
                self.cancel(frame.call);
                Ok(())
            }
            _ => Err(Refusal::new(Refusal::MALFORMED, "not a call")),
        }
    }

    fn heard(&self, now: Instant) {
        if let Caller::Node(node) = self.terms.caller {
            self.contacts.called(node, now);
        }
    }

    fn measured(&self, _round_trip: Duration) {}

    async fn room(&self) {
        while self.with(|state| state.bytes > ACCEPTED_BYTES_MAX) {
            self.room.notified().await;
        }
    }

    fn tell(&self, refusal: Refusal) {
        self.with(|state| state.told = Some(refusal));
        self.wake.notify_one();
    }
}
