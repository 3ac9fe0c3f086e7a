//! Reading: into the worker's buffer, and what is done about what was read.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::ReadBuf;

use super::{Ahead, Busy, Inner, Phase, Step};
use crate::close::{Cause, CloseFrame};
use crate::decode::{Event, Message};
use crate::limits::LINGER_BYTES_MAX;
use crate::wheel::NEVER;
use crate::{Opcode, encode};

impl Inner {
    /// Reads once and handles what came.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        on_message: &mut impl FnMut(Message) -> Option<Busy>,
    ) -> Poll<io::Result<Step>> {
        if self.phase == Phase::Open && !self.listens() {
            return Poll::Pending;
        }
        if self.phase == Phase::Open
            && self.busy.is_none()
            && let Some(ahead) = self.ahead.take()
        {
            return Poll::Ready(Ok(self.catch_up(ahead, on_message)));
        }
        if self.ended {
            return match self.phase {
                Phase::Finishing => Poll::Pending,
                _ => Poll::Ready(Ok(Step::End)),
            };
        }
        if !self.leftover.is_empty() {
            let mut bytes = BytesMut::from(core::mem::take(&mut self.leftover));
            return Poll::Ready(Ok(self.understand(&mut bytes, on_message)));
        }
        let mut buffer = self.local.take_read();
        let mut into = ReadBuf::new(&mut buffer);
        let polled = Pin::new(&mut *self.io).poll_read(cx, &mut into);
        let count = into.filled().len();
        let step = match polled {
            Poll::Ready(Ok(())) if count == 0 && self.is_busy() => {
                self.ahead = Some(Ahead::End);
                Poll::Ready(Ok(Step::Go))
            }
            Poll::Ready(Ok(())) if count == 0 => {
                self.ended = self.phase == Phase::Finishing;
                let over = if self.ended { Step::Go } else { Step::End };
                Poll::Ready(Ok(over))
            }
            Poll::Ready(Ok(())) => {
                self.deadlines.heard(&self.limits, &self.local);
                Poll::Ready(Ok(self.understand(&mut buffer[..count], on_message)))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        self.local.give_read(buffer);
        let step = ready!(step)?;
        Poll::Ready(Ok(step))
    }

    /// Whether the client is to be heard now: not while a message of its own is being answered and
    /// another waits, and not while it leaves what others want to tell it.
    pub(super) fn listens(&self) -> bool {
        let stuck = self.deadlines.blocked != NEVER;
        let waits = self.busy.is_some() && self.ahead.is_some();
        !(waits || stuck && self.receiver.is_crowded())
    }

    /// Whether a message is being answered that the next must wait for.
    fn is_busy(&self) -> bool {
        self.phase == Phase::Open && self.busy.is_some()
    }

    /// Does what waited for the answer to a message.
    fn catch_up(
        &mut self,
        ahead: Ahead,
        on_message: &mut impl FnMut(Message) -> Option<Busy>,
    ) -> Step {
        match ahead {
            Ahead::Event(event) => self.handle(event, on_message),
            Ahead::Violation(violation) => self.violated(violation),
            Ahead::End => return Step::End,
        }
        Step::Go
    }

    fn understand(
        &mut self,
        mut input: &mut [u8],
        on_message: &mut impl FnMut(Message) -> Option<Busy>,
    ) -> Step {
        while self.phase < Phase::Finishing {
            let busy = self.is_busy();
            if (busy && self.ahead.is_some()) || self.turn.is_over() {
                self.leftover = Bytes::copy_from_slice(input);
                return Step::Go;
            }
            let decoded = {
                let mut inflate = self.local.inflate.borrow_mut();
                self.decoder.decode(&mut input, &mut inflate)
            };
            match decoded {
                Ok(Some(event)) => {
                    self.turn.spend(event.payload_bytes());
                    self.note_begun();
                    let control = matches!(event, Event::Ping(_) | Event::Pong(_));
                    if busy && !control {
                        self.ahead = Some(Ahead::Event(event));
                    } else {
                        self.handle(event, on_message);
                    }
                }
                Ok(None) => {
                    self.note_begun();
                    return Step::Go;
                }
                Err(violation) if busy => self.ahead = Some(Ahead::Violation(violation)),
                Err(violation) => self.violated(violation),
            }
        }
        self.lingered += input.len();
        if self.lingered > LINGER_BYTES_MAX {
            Step::End
        } else {
            Step::Go
        }
    }

    /// A message that was begun must be whole before long.
    fn note_begun(&mut self) {
        let begun = !self.decoder.is_idle();
        self.deadlines.begun(begun, &self.limits, &self.local);
    }

    fn handle(&mut self, event: Event, on_message: &mut impl FnMut(Message) -> Option<Busy>) {
        let open = self.phase == Phase::Open;
        match event {
            Event::Message(message) if open => {
                self.deadlines.active(&self.limits, &self.local);
                self.receiver.touch();
                self.busy = on_message(message);
            }
            Event::Ping(payload) if open => {
                self.deadlines.active(&self.limits, &self.local);
                let mut pong = BytesMut::new();
                encode(Opcode::Pong, true, false, &payload, None, &mut pong);
                self.writing.pong = Some(pong.freeze());
            }
            Event::Close(frame) if open => {
                let echo = CloseFrame::new(frame.code, "");
                self.give_up(&echo, Cause::Peer);
                if let Some(closed) = &mut self.closed {
                    closed.reason = frame.reason;
                }
            }
            Event::Close(_) => self.phase = Phase::Finishing,
            Event::Message(_) | Event::Ping(_) | Event::Pong(_) => {}
        }
    }
}
