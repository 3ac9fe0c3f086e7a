//! The request body: how it is framed, how long it may take, and how the service reads it.

use core::cell::RefCell;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::rc::Rc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures_core::Stream;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;
use tollgate_message::{Body, BodyError};

use super::chunked::{Chunked, Step};
use super::head::{Framing, Head};
use super::wire::{Waiting, Wire};
use crate::BadRequest;
use crate::transport::Io;

/// What a client that waits for it gets before the response (RFC 9110, section 10.1.1).
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// From so many expected bytes on, a body is read into memory of its own and not copied.
const DIRECT_BYTES_MIN: u64 = 4 * 1024;
/// How much of a large body is read at a time.
const DIRECT_BYTES_MAX: usize = 64 * 1024;
/// How much of a body that nobody wants is taken to keep the connection.
const DISCARD_BYTES_MAX: usize = 256 * 1024;

/// Where in the client's messages the connection is.
pub(crate) enum Phase {
    /// Between requests or inside of a head.
    Head,
    /// Inside of a body of known length, with so many bytes to come, at least one.
    Length(u64),
    /// Inside of a chunked body.
    Chunked(Chunked),
    /// After a request for an upgrade: bytes of another protocol.
    Tunnel,
    /// Nothing more is read.
    Ended,
}

/// Why the body of the current request ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// The client closed.
    Closed,
    /// The chunks are broken; the request is answered 400 whatever the service says.
    Framing,
    /// Nothing came for too long.
    Stalled,
}

impl BodyFault {
    /// The error for the reader of the body.
    fn error(self) -> BodyError {
        match self {
            Self::Closed => BodyError::Closed,
            Self::Framing => BodyError::Framing("bad chunk".to_owned()),
            Self::Stalled => BodyError::Stalled,
        }
    }
}

/// What can be done next inside of a body.
enum Turn {
    /// So many bytes are data.
    Data(u64),
    /// Framing is to come.
    Framing,
    End,
}

/// What a read gave.
enum Filled {
    /// The client sends nothing more.
    End,
    /// More in `raw`.
    Raw,
    /// A piece of the body.
    Piece(Bytes),
}

impl<T: Io> Wire<T> {
    pub(super) fn begin_body(&mut self, head: &Head) {
        self.request += 1;
        self.fault = None;
        self.abandoned = false;
        if head.framing == Framing::Tunnel {
            // Whoever read a body before reads nothing more.
            self.reader.wake();
        }
        self.phase = match head.framing {
            Framing::Empty => Phase::Head,
            Framing::Length(length) => Phase::Length(length),
            Framing::Chunked => Phase::Chunked(Chunked::default()),
            Framing::Tunnel => Phase::Tunnel,
        };
        self.continue_due = head.expects_continue && self.in_body();
        if let Phase::Chunked(chunked) = &self.phase
            && chunked.check(&self.raw).is_err()
        {
            // Known before anybody could have begun to answer otherwise.
            self.fail_body(BodyFault::Framing);
        }
    }

    /// Whether more of a body is to come.
    pub(super) fn in_body(&self) -> bool {
        matches!(self.phase, Phase::Length(_) | Phase::Chunked(_))
    }

    /// The whole body when it is here already and of known length.
    fn take_whole(&mut self) -> Option<Bytes> {
        let Phase::Length(length) = self.phase else {
            return None;
        };
        let length = usize::try_from(length).ok()?;
        let bytes = Bytes::copy_from_slice(self.raw.get(..length)?);
        self.raw.advance(length);
        self.continue_due = false;
        self.phase = Phase::Head;
        Some(bytes)
    }

    fn turn(&mut self) -> Turn {
        match &mut self.phase {
            Phase::Head | Phase::Ended => Turn::End,
            Phase::Length(rest) => Turn::Data(*rest),
            Phase::Tunnel => Turn::Data(u64::MAX),
            Phase::Chunked(chunked) => {
                let mut rest = &self.raw[..];
                let step = chunked.step(&mut rest);
                let used = self.raw.len() - rest.len();
                self.raw.advance(used);
                match step {
                    Ok(Step::Data(rest)) => Turn::Data(rest),
                    Ok(Step::More) => Turn::Framing,
                    Ok(Step::Done) => {
                        self.phase = Phase::Head;
                        Turn::End
                    }
                    Err(_) => {
                        self.fail_body(BodyFault::Framing);
                        Turn::End
                    }
                }
            }
        }
    }

    /// The next piece of the body; `None` at its end or when it failed (`fault`).
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let expected = match self.turn() {
                Turn::End => {
                    self.room = BytesMut::new();
                    self.server.wake_other(cx);
                    return Poll::Ready(None);
                }
                Turn::Data(rest) if !self.raw.is_empty() => {
                    let here = self.raw.len();
                    let count = usize::try_from(rest).map_or(here, |rest| rest.min(here));
                    let bytes = Bytes::copy_from_slice(&self.raw[..count]);
                    self.raw.advance(count);
                    self.passed(count, cx);
                    return Poll::Ready(Some(bytes));
                }
                Turn::Data(rest) => rest,
                Turn::Framing => 0,
            };
            if core::mem::take(&mut self.continue_due) {
                self.push_continue();
                if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                    self.fail_io(cx, &error);
                    return Poll::Ready(None);
                }
                // Who serves the connection goes on with it if it could not be written now.
                self.server.wake_other(cx);
            }
            let read = if expected >= DIRECT_BYTES_MIN {
                self.poll_direct(cx, expected)
            } else {
                let filled = self.poll_fill(cx);
                filled.map_ok(|some| if some { Filled::Raw } else { Filled::End })
            };
            match ready!(self.settle(cx, read)) {
                Filled::End => return Poll::Ready(None),
                Filled::Raw => {}
                Filled::Piece(bytes) => {
                    self.passed(bytes.len(), cx);
                    return Poll::Ready(Some(bytes));
                }
            }
        }
    }

    /// Reads data of the body, of which `expected` bytes are to come, without a copy.
    fn poll_direct(&mut self, cx: &mut Context<'_>, expected: u64) -> Poll<io::Result<Filled>> {
        let (Some(io), false) = (&mut self.io, self.eof) else {
            return Poll::Ready(Ok(Filled::End));
        };
        let most = usize::try_from(expected).map_or(DIRECT_BYTES_MAX, |n| n.min(DIRECT_BYTES_MAX));
        if self.room.capacity() < most.min(DIRECT_BYTES_MAX / 4) {
            self.room.reserve(most);
        }
        let count = ready!(pin!(io.read_buf(&mut (&mut self.room).limit(most))).poll(cx))?;
        self.eof = count == 0;
        Poll::Ready(Ok(match count {
            0 => Filled::End,
            _ => Filled::Piece(self.room.split().freeze()),
        }))
    }

    /// After a read: notes why the body ends when it does, and for how long it may pause.
    fn settle(&mut self, cx: &mut Context<'_>, read: Poll<io::Result<Filled>>) -> Poll<Filled> {
        let tunnel = matches!(self.phase, Phase::Tunnel);
        match read {
            Poll::Ready(Ok(Filled::End)) if tunnel => self.phase = Phase::Ended,
            Poll::Ready(Ok(Filled::End)) => self.fail_body(BodyFault::Closed),
            Poll::Ready(Ok(filled)) => {
                self.timer.clear();
                return Poll::Ready(filled);
            }
            Poll::Ready(Err(error)) => self.fail_io(cx, &error),
            Poll::Pending => {
                self.reader.register(cx);
                if tunnel {
                    return Poll::Pending;
                }
                let idle = Duration::from_millis(self.shared.limits.body_idle_timeout_ms);
                self.timer.start(|| Instant::now() + idle);
                if !self.timer.poll_expired(cx) {
                    return Poll::Pending;
                }
                self.fail_body(BodyFault::Stalled);
            }
        }
        self.server.wake_other(cx);
        Poll::Ready(Filled::End)
    }

    /// So many bytes of data were taken.
    fn passed(&mut self, count: usize, cx: &Context<'_>) {
        let count = count as u64;
        match &mut self.phase {
            Phase::Length(rest) if *rest > count => *rest -= count,
            Phase::Length(_) => {
                self.phase = Phase::Head;
                self.room = BytesMut::new();
                self.server.wake_other(cx);
            }
            Phase::Chunked(chunked) => chunked.passed(count),
            Phase::Head | Phase::Tunnel | Phase::Ended => {}
        }
    }

    pub(super) fn fail_body(&mut self, fault: BodyFault) {
        self.timer.clear();
        self.phase = Phase::Ended;
        self.fault = Some(fault);
        match fault {
            BodyFault::Closed => {}
            BodyFault::Framing => self.shared.counters.bad_request(BadRequest::BodyFraming),
            BodyFault::Stalled => self.shared.counters.bad_request(BadRequest::BodyTimeout),
        }
    }

    /// The connection is lost.
    fn fail_io(&mut self, cx: &Context<'_>, error: &io::Error) {
        tracing::debug!(%error, "the body cannot be read");
        self.fail_body(BodyFault::Closed);
        self.failed = true;
        self.server.wake_other(cx);
    }

    /// Reads the rest of an abandoned body as far as it is here already, so that refusing a small
    /// upload does not cost the connection. It never waits for the client.
    pub(crate) fn discard(&mut self, cx: &mut Context<'_>) {
        self.continue_due = false;
        let mut taken = 0;
        while taken < DISCARD_BYTES_MAX
            && let Poll::Ready(Some(bytes)) = self.poll_body(cx)
        {
            taken += bytes.len();
        }
        self.timer.clear();
    }

    /// Ends the body of a request that was answered without it.
    pub(crate) fn cut_body(&mut self) {
        if self.in_body() {
            self.fail_body(BodyFault::Closed);
        } else if matches!(self.phase, Phase::Tunnel) {
            self.phase = Phase::Ended;
        }
        self.reader.wake();
    }
}

/// The body for the service.
pub(crate) fn open<T: Io>(wire: &Rc<RefCell<Wire<T>>>, framing: Framing) -> Body {
    let length = match framing {
        Framing::Empty => return Body::Empty,
        Framing::Length(length) => Some(length),
        Framing::Chunked | Framing::Tunnel => None,
    };
    let mut this = wire.borrow_mut();
    if let Some(bytes) = this.take_whole() {
        return Body::Full(bytes);
    }
    let tunnel = framing == Framing::Tunnel;
    let body = RequestBody {
        wire: Rc::clone(wire),
        request: this.request,
        limit: this.shared.limits.body_bytes_max.filter(|_| !tunnel),
        read: 0,
        ended: false,
    };
    Body::Stream {
        stream: Box::pin(body),
        length,
    }
}

/// The request body, as the service reads it.
struct RequestBody<T: Io> {
    wire: Rc<RefCell<Wire<T>>>,
    request: u64,
    limit: Option<u64>,
    read: u64,
    ended: bool,
}

impl<T: Io> Stream for RequestBody<T> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut wire = this.wire.borrow_mut();
        if this.ended || wire.request != this.request {
            return Poll::Ready(None);
        }
        let Some(bytes) = ready!(wire.poll_body(cx)) else {
            this.ended = true;
            return Poll::Ready(wire.fault.map(|fault| Err(fault.error())));
        };
        this.read += bytes.len() as u64;
        match this.limit {
            Some(max) if this.read > max => {
                wire.shared.counters.bad_request(BadRequest::BodyTooLarge);
                wire.abandoned = true;
                this.ended = true;
                Poll::Ready(Some(Err(BodyError::TooLarge(max))))
            }
            _ => Poll::Ready(Some(Ok(bytes))),
        }
    }
}

impl<T: Io> Drop for RequestBody<T> {
    fn drop(&mut self) {
        // Nobody drops a body while the connection is being polled.
        if let Ok(mut wire) = self.wire.try_borrow_mut()
            && wire.request == self.request
        {
            wire.abandoned |= wire.in_body();
            if matches!(wire.phase, Phase::Tunnel) {
                // Who serves the connection watches it instead.
                wire.reader = Waiting::default();
                wire.server.wake();
            }
        }
    }
}
