//! A client connection: bytes in, bytes out, where a head begins and ends, and how long it may
//! take. What is between two heads is [`super::body`]'s.

use core::cell::RefCell;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::body::{BodyFault, CONTINUE, Phase};
use super::encode::ResponseHead;
use super::head::{Framing, Head, Scanner, parse};
use super::outbox::Outbox;
use crate::deadline::Deadline;
use crate::reject::Rejection;
use crate::scratch::{BUFFER_BYTES, Scratch};
use crate::server::Shared;
use crate::stage::{DRAIN_GRACE, Draining};
use crate::transport::Io;

/// Bytes of further requests that are read before the current one is answered.
const READ_AHEAD_BYTES_MAX: usize = 8 * 1024;
/// Requests that are answered before the other connections of the worker get their turn.
const TURN_REQUESTS_MAX: usize = 32;
/// How long what the client still sends is taken and thrown away after the last response, so that
/// the response is not lost in a reset (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// How many bytes are thrown away at most.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Why there is no next request.
pub(crate) enum Last {
    /// The client sends none.
    End,
    /// It is refused, and nothing behind it is read.
    Rejected(Rejection),
    /// The connection is lost.
    Lost(io::Error),
}

impl From<io::Error> for Last {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// A client connection. It is shared with the request's body, which reads from it while the
/// connection's own loop writes; both do so within one poll at a time.
pub(crate) struct Wire<T> {
    /// `None` once the connection ended, which a body may outlive.
    pub(super) io: Option<T>,
    pub(super) shared: Arc<Shared>,
    scratch: Rc<Scratch>,
    draining: Draining,
    pub(super) phase: Phase,
    /// Read and not yet understood.
    pub(super) raw: BytesMut,
    /// Room for large pieces of a body.
    pub(super) room: BytesMut,
    pub(super) outbox: Outbox,
    scanner: Scanner,
    pub(super) timer: Deadline,
    /// When the first head must be there; counted from accept.
    first_head: Option<Instant>,
    drain_begun: bool,
    leading_line: bool,
    head_begun: bool,
    pub(super) eof: bool,
    /// A request is being answered.
    answering: bool,
    /// Requests since this connection last waited for anything.
    turn: usize,
    /// Reading the body failed in a way that ends the connection.
    pub(super) failed: bool,
    /// The number of the request, so that a body is not taken for that of another.
    pub(super) request: u64,
    pub(super) fault: Option<BodyFault>,
    /// The service let go of the body before its end.
    pub(super) abandoned: bool,
    /// The client waits for `100 Continue`.
    pub(super) continue_due: bool,
    /// Who serves the connection, while the body is somebody else's to read.
    pub(super) server: Waiting,
    /// Who reads the body.
    pub(super) reader: Waiting,
    lingering: Option<usize>,
}

/// A task that waits for something of this connection.
#[derive(Default)]
pub(crate) struct Waiting(Option<Waker>);

impl Waiting {
    pub(super) fn register(&mut self, cx: &Context<'_>) {
        match &mut self.0 {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.0 = Some(cx.waker().clone()),
        }
    }

    /// Wakes the task unless it is the one that is running.
    pub(super) fn wake_other(&mut self, cx: &Context<'_>) {
        if let Some(waker) = self.0.take_if(|waker| !waker.will_wake(cx.waker())) {
            waker.wake();
        }
    }

    pub(super) fn waits(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.0.take() {
            waker.wake();
        }
    }
}

impl<T: Io> Wire<T> {
    pub(crate) fn new(
        mut io: T,
        shared: Arc<Shared>,
        scratch: Rc<Scratch>,
        draining: Draining,
        first_head: Instant,
    ) -> Rc<RefCell<Self>> {
        let wire = Self {
            raw: io.take_ahead(),
            io: Some(io),
            shared,
            scratch,
            draining,
            phase: Phase::Head,
            room: BytesMut::new(),
            outbox: Outbox::default(),
            scanner: Scanner::default(),
            timer: Deadline::default(),
            first_head: Some(first_head),
            drain_begun: false,
            leading_line: false,
            head_begun: false,
            eof: false,
            answering: false,
            turn: 0,
            failed: false,
            request: 0,
            fault: None,
            abandoned: false,
            continue_due: false,
            server: Waiting::default(),
            reader: Waiting::default(),
            lingering: None,
        };
        Rc::new(RefCell::new(wire))
    }

    /// Whether every response is the last, and an idle connection ends soon.
    pub(crate) fn draining(&self) -> bool {
        self.draining.has_begun()
    }

    /// Reads more into `raw`; false at the end of the stream.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let (Some(io), false) = (&mut self.io, self.eof) else {
            return Poll::Ready(Ok(false));
        };
        if self.raw.capacity() == 0 {
            self.raw = self.scratch.take();
        }
        self.raw.reserve(BUFFER_BYTES);
        match pin!(io.read_buf(&mut self.raw)).poll(cx) {
            Poll::Ready(count) => {
                let count = count?;
                self.eof = count == 0;
                Poll::Ready(Ok(count > 0))
            }
            Poll::Pending => {
                self.turn = 0;
                // A connection that waits holds no buffer.
                if self.raw.is_empty() {
                    self.scratch.give(core::mem::take(&mut self.raw));
                    self.outbox.rest(&self.scratch);
                }
                Poll::Pending
            }
        }
    }

    /// Until everything that was gathered is written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Some(io) => self.outbox.poll_flush(io, cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Until the next head is there. Answers to the requests before it are written when there is
    /// no other request at hand, so that a batch of requests gets a batch of answers.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Head, Last>> {
        if self.turn >= TURN_REQUESTS_MAX {
            ready!(self.poll_flush(cx))?;
            self.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        loop {
            if self.outbox.is_full() {
                ready!(self.poll_flush(cx))?;
            }
            match self.find_head() {
                Ok(Some(head)) => {
                    self.turn += 1;
                    self.begin_message();
                    self.begin_body(&head);
                    return Poll::Ready(Ok(head));
                }
                Ok(None) => {}
                Err(reason) => return Poll::Ready(Err(self.reject(reason))),
            }
            ready!(self.poll_flush(cx))?;
            match self.poll_fill(cx)? {
                Poll::Ready(true) => {}
                // A head that breaks off is no request: there is nobody to answer.
                Poll::Ready(false) => return Poll::Ready(Err(Last::End)),
                Poll::Pending => return self.poll_head_timer(cx).map(Err),
            }
        }
    }

    fn find_head(&mut self) -> Result<Option<Head>, Rejection> {
        // One empty line before a request is allowed (RFC 9112, section 2.2).
        if !self.leading_line && self.raw.starts_with(b"\r\n") {
            self.raw.advance(2);
            self.leading_line = true;
        }
        if self.raw.is_empty() || (!self.leading_line && self.raw.as_ref() == b"\r") {
            return Ok(None);
        }
        let limits = &self.shared.limits;
        let Some(length) = self.scanner.scan(&self.raw, limits)? else {
            return Ok(None);
        };
        let head = parse(&self.raw[..length], limits)?;
        if let (Framing::Length(length), Some(max)) = (head.framing, limits.body_bytes_max)
            && length > max
        {
            return Err(Rejection::BodyTooLarge);
        }
        self.raw.advance(length);
        Ok(Some(head))
    }

    fn reject(&mut self, reason: Rejection) -> Last {
        self.begin_message();
        self.phase = Phase::Ended;
        self.shared.counters.bad_request(reason);
        Last::Rejected(reason)
    }

    fn begin_message(&mut self) {
        self.timer.clear();
        self.first_head = None;
        self.leading_line = false;
        self.head_begun = false;
        self.answering = true;
    }

    /// Idle: closed without a word. Inside of a head: refused.
    fn poll_head_timer(&mut self, cx: &mut Context<'_>) -> Poll<Last> {
        let limits = &self.shared.limits;
        let first_head = self.first_head;
        let after = |wait_ms| Instant::now() + Duration::from_millis(wait_ms);
        if self.raw.is_empty() {
            let idle = limits.keep_alive_ms;
            self.timer
                .start(|| first_head.unwrap_or_else(|| after(idle)));
            if self.draining.has_begun() && !self.drain_begun {
                self.drain_begun = true;
                self.timer.set(Instant::now() + DRAIN_GRACE);
            }
        } else if !self.head_begun {
            self.head_begun = true;
            let patience = limits.header_timeout_ms;
            self.timer
                .set(first_head.unwrap_or_else(|| after(patience)));
        }
        if !self.timer.poll_expired(cx) {
            return Poll::Pending;
        }
        if self.raw.is_empty() {
            // The client has nothing in flight that could spoil a response.
            self.eof = true;
            return Poll::Ready(Last::End);
        }
        Poll::Ready(self.reject(Rejection::HeadTimeout))
    }

    /// While a request is answered: writes what is gathered, and fails when the client reset the
    /// connection. The end of the client's half is no failure, for it may have been closed on
    /// purpose. Asks the kernel nothing before it has reported an event.
    pub(crate) fn watch(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.failed {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Err(error);
        }
        // Nobody waits for what comes through a tunnel: it is not there yet, or never will be.
        let unread = matches!(self.phase, Phase::Tunnel) && !self.reader.waits();
        if !matches!(self.phase, Phase::Head) && !unread {
            // Reading is up to who has the body.
            self.server.register(cx);
            return Ok(());
        }
        while !self.eof && self.raw.len() < READ_AHEAD_BYTES_MAX {
            match self.poll_fill(cx) {
                Poll::Ready(filled) => filled.map(drop)?,
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// Adds the head of a response.
    pub(crate) fn push_head(&mut self, head: &ResponseHead<'_>) {
        if core::mem::take(&mut self.continue_due) && self.in_body() && !self.abandoned {
            // The service still wants what the client holds back.
            self.push_continue();
        }
        head.write(self.outbox.gather(&self.scratch), &self.scratch);
    }

    /// Adds the word that lets a waiting client go on.
    pub(super) fn push_continue(&mut self) {
        let out = self.outbox.gather(&self.scratch);
        out.extend_from_slice(CONTINUE);
    }

    /// Adds a piece of a response's body.
    pub(crate) fn push_piece(&mut self, piece: Bytes, chunked: bool) {
        self.outbox.push(piece, chunked, &self.scratch);
    }

    /// Adds the end of a body in chunks.
    pub(crate) fn push_last_chunk(&mut self) {
        let out = self.outbox.gather(&self.scratch);
        out.extend_from_slice(b"0\r\n\r\n");
    }

    /// Whether what was pushed must be written before more is.
    pub(crate) fn is_full(&self) -> bool {
        self.outbox.is_full()
    }

    /// The response is complete, as far as it is ours to write.
    pub(crate) fn end_response(&mut self) {
        self.answering = false;
    }

    /// Ends our half, then takes what the client still sends, for a bounded time.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        let Some(io) = &mut self.io else {
            return Poll::Ready(Ok(()));
        };
        if self.lingering.is_none() {
            ready!(Pin::new(&mut *io).poll_shutdown(cx))?;
            self.lingering = Some(0);
            self.timer.set(Instant::now() + LINGER);
            self.eof |= matches!(self.phase, Phase::Head) && self.raw.is_empty();
        }
        while let Some(count) = &mut self.lingering
            && !self.eof
            && *count < LINGER_BYTES_MAX
        {
            self.raw.clear();
            self.raw.reserve(BUFFER_BYTES);
            match pin!(io.read_buf(&mut self.raw)).poll(cx) {
                Poll::Ready(Ok(0) | Err(_)) => self.eof = true,
                Poll::Ready(Ok(more)) => *count += more,
                Poll::Pending if self.timer.poll_expired(cx) => self.eof = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands the connection over to another protocol, with what was read ahead.
    pub(crate) fn hand_over(&mut self) -> Option<(T, Bytes)> {
        let ahead = Bytes::copy_from_slice(&self.raw);
        self.raw.clear();
        self.phase = Phase::Ended;
        Some((self.io.take()?, ahead))
    }

    /// Ends the connection. A response that is not complete must not look as if it were.
    pub(crate) fn end(&mut self) {
        if let Some(mut io) = self.io.take()
            && (self.answering || !self.outbox.is_empty())
            // Fails only on a socket that is gone already.
            && let Err(error) = io.reset_on_drop()
        {
            tracing::debug!(%error, "no reset");
        }
        self.scratch.give(core::mem::take(&mut self.raw));
        self.outbox.rest(&self.scratch);
        self.reader.wake();
    }
}
