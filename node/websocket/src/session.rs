//! One upgraded connection, from the first byte after the handshake to its end.
//!
//! A session is a state machine that is polled by the connection's own task: it has no task, timer
//! or buffer of its own. What is read goes into the worker's buffer and is decoded there; what is
//! to be written is taken from the queue as it is. So a connection that waits holds this struct,
//! its place in the wheel and its end of the queue, and nothing else.

mod deadlines;
mod read;
#[cfg(test)]
mod tests;
mod write;

use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use std::io;
use std::rc::Rc;

use bytes::Bytes;
use tokio::task::yield_now;
use tollgate_message::{Duplex, Upgraded};

use crate::channel::Receiver;
use crate::close::{Cause, CloseFrame, Closed, code};
use crate::decode::{Decoder, Event, Message, Policy};
use crate::limits::{LINGER_BYTES_MAX, TURN_BYTES_MAX, TURN_EVENTS_MAX, TURN_READS_MAX};
use crate::local::{Local, Timer};
use crate::wheel::NEVER;
use crate::{Limits, Violation};
use deadlines::Deadlines;
use write::Writing;

/// What a message that takes time is waiting for. It is dropped with the session: what must be
/// done whatever becomes of the connection belongs on a task of its own.
pub type Busy = Pin<Box<dyn Future<Output = ()>>>;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Open,
    /// We closed; the client's own close is waited for, and messages are no longer delivered.
    Closing,
    /// Both said so, or the client is not listened to any more: what is left is written.
    Finishing,
    /// Our half is ended. What still comes is thrown away, lest a reset take our last words along.
    Lingering,
}

/// What a connection may still do before the others of its worker get their turn.
struct Turn {
    bytes: usize,
    events: usize,
}

impl Turn {
    const WHOLE: Self = Self {
        bytes: TURN_BYTES_MAX,
        events: TURN_EVENTS_MAX,
    };

    /// Something of so many bytes was understood.
    fn spend(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_sub(bytes);
        self.events = self.events.saturating_sub(1);
    }

    fn is_over(&self) -> bool {
        self.bytes == 0 || self.events == 0
    }
}

/// What was read of the client while a message of its own is being answered, and comes behind that.
enum Ahead {
    /// A message, or its close.
    Event(Event),
    Violation(Violation),
    /// The end of its half.
    End,
}

/// What came of reading.
enum Step {
    /// There may be more to do at once.
    Go,
    /// The client's half is at its end.
    End,
}

/// Drives one connection.
pub struct Session(Box<Inner>);

struct Inner {
    io: Box<dyn Duplex>,
    draining: Box<dyn Fn() -> bool>,
    receiver: Receiver,
    decoder: Decoder,
    limits: Rc<Limits>,
    local: Rc<Local>,
    timer: Timer,
    deadlines: Deadlines,
    writing: Writing,
    turn: Turn,
    /// Read, and not decoded because a message before it takes time, or the turn was over.
    leftover: Bytes,
    busy: Option<Busy>,
    /// One thing at most; what is read behind it waits in `leftover` and in the kernel.
    ahead: Option<Ahead>,
    phase: Phase,
    closed: Option<Closed>,
    /// Bytes that were thrown away at the end.
    lingered: usize,
    /// The client's half is at its end, and there is something left to write.
    ended: bool,
}

impl Session {
    /// A session over a connection whose handshake is done. `deflate` says whether compression was
    /// agreed on ([`crate::Agreed::deflate`]).
    #[must_use]
    pub fn new(
        upgraded: Upgraded,
        receiver: Receiver,
        limits: Rc<Limits>,
        deflate: bool,
        local: &Rc<Local>,
    ) -> Self {
        receiver.set_deflates(deflate);
        let timer = Timer::new(local);
        Self(Box::new(Inner {
            io: upgraded.io,
            draining: upgraded.draining,
            receiver,
            decoder: Decoder::new(Policy::server(&limits, deflate)),
            deadlines: Deadlines::new(&limits, local),
            limits,
            local: Rc::clone(local),
            timer,
            writing: Writing::default(),
            turn: Turn::WHOLE,
            leftover: upgraded.ahead,
            busy: None,
            ahead: None,
            phase: Phase::Open,
            closed: None,
            lingered: 0,
            ended: false,
        }))
    }

    /// Runs the connection to its end, which the client has been told of where it could be.
    /// `on_message` is called with each message; if it gives a future, the next message waits until
    /// that ends, while messages of others go on being written and pings in front of the next
    /// message are answered.
    pub async fn run(mut self, mut on_message: impl FnMut(Message) -> Option<Busy>) -> Closed {
        poll_fn(|cx| self.0.poll(cx, &mut on_message)).await
    }
}

impl Inner {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        on_message: &mut impl FnMut(Message) -> Option<Busy>,
    ) -> Poll<Closed> {
        self.turn = Turn::WHOLE;
        for _ in 0..TURN_READS_MAX {
            if self.turn.is_over() {
                break;
            }
            if self.expire() {
                return Poll::Ready(self.end());
            }
            self.poll_busy(cx);
            self.take_close();
            let written = match self.poll_write(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(_)) => return Poll::Ready(self.end()),
                Poll::Pending => false,
            };
            if written && self.phase == Phase::Finishing {
                self.finish(cx);
            }
            match self.poll_read(cx, on_message) {
                Poll::Ready(Ok(Step::Go)) => {}
                Poll::Ready(Ok(Step::End) | Err(_)) => return Poll::Ready(self.end()),
                Poll::Pending => {
                    if self.rest(cx, written) {
                        return Poll::Pending;
                    }
                }
            }
        }
        // Behind what the kernel has for the others meanwhile, which waking alone would not be.
        pin!(yield_now()).poll(cx).map(|()| self.end())
    }

    fn poll_busy(&mut self, cx: &mut Context<'_>) {
        if let Some(busy) = &mut self.busy
            && busy.as_mut().poll(cx).is_ready()
        {
            self.busy = None;
            self.deadlines.active(&self.limits, &self.local);
        }
    }

    /// Begins the close that somebody asked for: the client is told behind what is queued, and
    /// heard no more from now on.
    fn take_close(&mut self) {
        if self.phase == Phase::Open
            && let Some(frame) = self.receiver.take_close()
        {
            self.begin_close(&frame, Cause::Requested);
        }
    }

    /// Waits for what the kernel does not tell of; false when there is something to do.
    fn rest(&mut self, cx: &mut Context<'_>, written: bool) -> bool {
        if self.phase == Phase::Open && !self.receiver.wait(cx.waker(), written) {
            return false;
        }
        self.timer.arm(self.deadlines.next(), cx.waker());
        true
    }

    /// Ends our half of TCP.
    fn finish(&mut self, cx: &mut Context<'_>) {
        // A failure shows again in reading.
        let ended = Pin::new(&mut *self.io).poll_shutdown(cx);
        if ended.is_ready() {
            self.phase = Phase::Lingering;
        }
    }

    /// Closes behind what is queued and waits for the client to do the same.
    fn begin_close(&mut self, frame: &CloseFrame, cause: Cause) {
        self.leave(frame, cause);
        self.decoder.discard();
        self.phase = match self.ahead.take() {
            None | Some(Ahead::Event(Event::Message(_))) => Phase::Closing,
            // The client has nothing more to say.
            Some(Ahead::Event(_) | Ahead::Violation(_) | Ahead::End) => Phase::Finishing,
        };
    }

    /// Closes behind what is queued without waiting for anything more from the client.
    fn give_up(&mut self, frame: &CloseFrame, cause: Cause) {
        self.leave(frame, cause);
        self.phase = Phase::Finishing;
    }

    fn leave(&mut self, frame: &CloseFrame, cause: Cause) {
        if cause == Cause::Slow {
            self.writing.drop_unsent(&self.receiver);
            self.receiver.close();
        } else {
            self.writing.take_last(&self.receiver);
        }
        self.writing.push_close(frame.encode());
        self.closed = Some(Closed {
            code: frame.code,
            reason: frame.reason.clone(),
            cause,
        });
        self.deadlines.closing(&self.limits, &self.local);
    }

    /// The client broke a rule.
    fn violated(&mut self, violation: Violation) {
        if self.phase == Phase::Open {
            let frame = CloseFrame::new(violation.close_code(), &violation.to_string());
            self.give_up(&frame, Cause::Violation(violation));
        } else {
            self.phase = Phase::Finishing;
        }
    }

    /// Looks at the time; true when the connection is over.
    fn expire(&mut self) -> bool {
        let now = self.local.now();
        if self.phase != Phase::Open {
            return self.deadlines.close <= now;
        }
        if self.deadlines.drain == NEVER && (self.draining)() {
            let drain = self.local.ticks(self.limits.drain_ms);
            self.deadlines.drain = now + self.local.spread(drain);
        }
        if self.deadlines.next() > now {
            return false;
        }
        let away = CloseFrame::new(code::GOING_AWAY, "Going away");
        if !self.listens() {
            // Nothing is read meanwhile, so nothing can be said about the client.
            self.deadlines.excuse(&self.limits, &self.local);
        } else if self.busy.is_some() {
            self.deadlines.active(&self.limits, &self.local);
        }
        if self.deadlines.blocked <= now {
            let slow = CloseFrame::new(code::POLICY, "too slow");
            self.begin_close(&slow, Cause::Slow);
        } else if self.deadlines.message <= now {
            self.violated(Violation::MessageTooSlow);
        } else if self.deadlines.drain <= now {
            self.begin_close(&away, Cause::Drain);
        } else if self.deadlines.age <= now {
            self.begin_close(&away, Cause::Age);
        } else if self.deadlines.idle <= now {
            self.begin_close(&away, Cause::Idle);
        } else if self.deadlines.pong <= now {
            self.closed = Some(Closed {
                code: code::ABNORMAL,
                reason: String::new(),
                cause: Cause::Silent,
            });
            return true;
        } else if self.deadlines.ping <= now {
            self.deadlines.asked(&self.limits, &self.local);
            self.writing.push_ping();
        }
        false
    }

    fn end(&mut self) -> Closed {
        self.receiver.close();
        let cause = self.closed.as_ref().map(|closed| closed.cause);
        // A reset takes along what the client has not read yet. So only for one who does not read
        // or is gone, for whom the kernel would keep it, and one who does not stop.
        let late = self.phase > Phase::Open && self.deadlines.close <= self.local.now();
        let deaf = cause == Some(Cause::Silent) || (late && cause == Some(Cause::Slow));
        let flooded = self.lingered > LINGER_BYTES_MAX;
        let cut = deaf || flooded || !self.writing.is_empty();
        if cut && let Err(error) = self.io.reset_on_drop() {
            // It is gone already, which is what was wanted.
            debug_assert_ne!(error.kind(), io::ErrorKind::InvalidInput);
        }
        self.closed.take().unwrap_or(Closed {
            code: code::ABNORMAL,
            reason: String::new(),
            cause: Cause::Lost,
        })
    }
}
