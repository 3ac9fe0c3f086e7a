//! The dialler's end of a lane: calls that wait to be sent and calls that wait for their answer.
//!
//! One value outlives the connections of its lane. It alone knows whether a call was sent, and so
//! what may be said of it when its connection ends or its time is up.

use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, ready};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::contact::Contacts;
use crate::error::{CallError, Refusal, Unreachable};
use crate::frame::{Frame, Shape};
use crate::limits::{BODY_BYTES_MAX, IDLE_MAX, LANE_BYTES_MAX};
use crate::pump::{Endpoint, Next};
use tollgate_protocol::ids::NodeId;

type Answer = Result<Bytes, CallError>;

/// Whether calls may come, and what those hear that may not.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Open,
    /// Dialling failed, and is not tried again yet.
    Down(CallError),
    Closed(CallError),
}

struct Call {
    kind: u8,
    /// Taken when it is sent.
    body: Option<Bytes>,
    bytes: usize,
    deadline: Instant,
    answer: oneshot::Sender<Answer>,
}

struct State {
    phase: Phase,
    last: u64,
    calls: BTreeMap<u64, Call>,
    unsent: VecDeque<u64>,
    /// Calls that were sent and are no longer waited for; each still has its place among those
    /// under way, until the peer is told.
    cancelled: VecDeque<u64>,
    /// Of bodies of all calls.
    bytes: usize,
    used: Instant,
    told: Option<Refusal>,
}

impl State {
    fn remove(&mut self, call: u64) -> Option<Call> {
        let removed = self.calls.remove(&call)?;
        self.bytes -= removed.bytes;
        Some(removed)
    }
}

/// See the module.
pub(crate) struct Calls {
    state: Mutex<State>,
    wake: Notify,
    calls_max: usize,
    contacts: Arc<Contacts>,
    node: NodeId,
}

impl Calls {
    pub(crate) fn new(node: NodeId, calls_max: usize, contacts: Arc<Contacts>) -> Self {
        let state = State {
            phase: Phase::Open,
            last: 0,
            calls: BTreeMap::new(),
            unsent: VecDeque::new(),
            cancelled: VecDeque::new(),
            bytes: 0,
            used: Instant::now(),
            told: None,
        };
        Self {
            state: Mutex::new(state),
            wake: Notify::new(),
            calls_max,
            contacts,
            node,
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a call in line.
    pub(crate) fn begin(
        self: &Arc<Self>,
        kind: u8,
        body: Bytes,
        deadline: Instant,
    ) -> Result<Waiting, CallError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(CallError::TooLarge(body.len()));
        }
        let (sender, answer) = oneshot::channel();
        let call = self.with(|state| {
            if let Phase::Down(why) | Phase::Closed(why) = &state.phase {
                return Err(why.clone());
            }
            let under_way = state.calls.len() + state.cancelled.len();
            if under_way >= self.calls_max || state.bytes + body.len() > LANE_BYTES_MAX {
                return Err(CallError::Overloaded);
            }
            state.last += 1;
            state.used = Instant::now();
            let bytes = body.len();
            state.bytes += bytes;
            state.unsent.push_back(state.last);
            let call = Call {
                kind,
                body: Some(body),
                bytes,
                deadline,
                answer: sender,
            };
            state.calls.insert(state.last, call);
            Ok(state.last)
        })?;
        self.wake.notify_one();
        Ok(Waiting {
            calls: Arc::clone(self),
            call,
            answer,
        })
    }

    /// Forgets a call; whether it was sent.
    fn abandon(&self, call: u64) -> bool {
        let sent = self.with(|state| {
            let abandoned = state.remove(call)?;
            match abandoned.body {
                Some(_) => {
                    state.unsent.retain(|unsent| *unsent != call);
                    Some(false)
                }
                None => {
                    state.cancelled.push_back(call);
                    Some(true)
                }
            }
        });
        if sent == Some(true) {
            self.wake.notify_one();
        }
        sent.unwrap_or(true)
    }

    /// Waits until there is something to connect for.
    pub(crate) async fn wanted(&self) {
        while self.with(|state| state.unsent.is_empty() && !matches!(state.phase, Phase::Closed(_)))
        {
            self.wake.notified().await;
        }
    }

    /// Fails what was not sent, and with `down` whatever is asked until [`Calls::reopen`].
    pub(crate) fn fail_unsent(&self, why: &CallError, down: bool) {
        let failed: Vec<Call> = self.with(|state| {
            if down && state.phase == Phase::Open {
                state.phase = Phase::Down(why.clone());
            }
            let unsent = std::mem::take(&mut state.unsent);
            unsent
                .into_iter()
                .filter_map(|call| state.remove(call))
                .collect()
        });
        answer_all(failed, why);
    }

    /// The connection is gone: of what was sent nobody knows.
    pub(crate) fn fail_sent(&self) {
        let failed: Vec<Call> = self.with(|state| {
            state.cancelled.clear();
            state.told = None;
            let sent = state.calls.iter().filter(|(_, call)| call.body.is_none());
            let sent: Vec<u64> = sent.map(|(number, _)| *number).collect();
            sent.into_iter()
                .filter_map(|call| state.remove(call))
                .collect()
        });
        answer_all(failed, &CallError::Lost);
    }

    pub(crate) fn reopen(&self) {
        self.with(|state| {
            if matches!(state.phase, Phase::Down(_)) {
                state.phase = Phase::Open;
            }
        });
    }

    /// No calls from now on, for good.
    pub(crate) fn close(&self, why: CallError) {
        self.with(|state| state.phase = Phase::Closed(why.clone()));
        self.fail_unsent(&why, false);
        self.wake.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.with(|state| matches!(state.phase, Phase::Closed(_)))
    }
}

fn answer_all(calls: Vec<Call>, why: &CallError) {
    for call in calls {
        // A caller that no longer waits has nothing to hear.
        drop(call.answer.send(Err(why.clone())));
    }
}

impl Endpoint for Calls {
    fn next(&self, now: Instant) -> Next {
        self.with(|state| {
            if let Some(refusal) = state.told.take() {
                return Next::Last(refusal);
            }
            if let Some(call) = state.cancelled.pop_front() {
                return Next::Frame(Frame::plain(Shape::Cancel, call, Bytes::new()));
            }
            while let Some(number) = state.unsent.pop_front() {
                let Some(call) = state.calls.get_mut(&number) else {
                    continue;
                };
                let body = call.body.take().unwrap_or_default();
                let left = call.deadline.saturating_duration_since(now);
                return Next::Frame(Frame {
                    shape: Shape::Call,
                    kind: call.kind,
                    call: number,
                    within_ms: u32::try_from(left.as_millis()).unwrap_or(u32::MAX),
                    body,
                });
            }
            let unused = now.saturating_duration_since(state.used) >= IDLE_MAX;
            match state.phase {
                Phase::Closed(_) => Next::Close,
                _ if unused && state.calls.is_empty() => Next::Close,
                _ => Next::Nothing,
            }
        })
    }

    fn wake(&self) -> &Notify {
        &self.wake
    }

    fn receive(&self, frame: Frame) -> Result<(), Refusal> {
        let malformed = |text| Refusal::new(Refusal::MALFORMED, text);
        let answer = match frame.shape {
            Shape::Answer => Ok(frame.body),
            Shape::Refused => {
                let refusal = frame.refusal();
                Err(CallError::Refused(
                    refusal.map_err(|error| malformed(error.to_string()))?,
                ))
            }
            _ => return Err(malformed("not an answer".to_owned())),
        };
        let call = self.with(|state| {
            state.used = Instant::now();
            match state.calls.get(&frame.call) {
                Some(call) if call.body.is_some() => Err(()),
                _ => Ok(state.remove(frame.call)),
            }
        });
        match call {
            // The answer to a cancelled call may have been on its way.
            Ok(None) => Ok(()),
            Ok(Some(call)) => {
                // A caller that no longer waits has nothing to hear.
                drop(call.answer.send(answer));
                Ok(())
            }
            Err(()) => Err(malformed("an answer before the call".to_owned())),
        }
    }

    fn heard(&self, now: Instant) {
        self.contacts.answered(self.node, now);
    }

    fn measured(&self, round_trip: Duration) {
        self.contacts.measured(self.node, round_trip);
    }

    fn room(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }

    fn tell(&self, refusal: Refusal) {
        self.with(|state| state.told = Some(refusal));
        self.wake.notify_one();
    }
}

/// A call under way. Dropping it stops the wait and tells the peer.
pub(crate) struct Waiting {
    calls: Arc<Calls>,
    call: u64,
    answer: oneshot::Receiver<Answer>,
}

impl Waiting {
    /// The answer, or what is known when the time is up.
    pub(crate) async fn until(mut self, deadline: Instant) -> Answer {
        match tokio::time::timeout_at(deadline, &mut self.answer).await {
            Ok(answer) => answer.unwrap_or(Err(CallError::Lost)),
            Err(_) if self.calls.abandon(self.call) => Err(CallError::Timeout),
            Err(_) => Err(CallError::Unreachable(Unreachable::NotInTime)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.calls.abandon(self.call);
    }
}
