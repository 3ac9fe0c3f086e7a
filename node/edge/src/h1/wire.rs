//! The stream that the dispatcher reads: requests in canonical form.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::io;
use std::rc::Rc;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::canonical::{write_head, write_refused};
use super::chunked::{Chunked, Step};
use super::exchange::{BodyFault, Exchange, Incoming};
use super::head::{Framing, Head, Scanner, parse};
use crate::deadline::Deadline;
use crate::reject::Rejection;
use crate::stage::DRAIN_GRACE;
use crate::transport::Transport;

/// Bytes read at a time while a head or chunk framing is expected.
const READ_BYTES: usize = 8 * 1024;
/// Bytes of further requests that are read before the current one is answered.
const READ_AHEAD_BYTES_MAX: usize = 8 * 1024;
/// How long what the client still sends is taken and thrown away after the last response, so that
/// the response is not lost in a reset (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// How many bytes are thrown away at most.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

enum Phase {
    /// Between requests or inside of a head.
    Head,
    /// Inside of a body of known length, with so many bytes to come.
    Length(u64),
    /// Inside of a chunked body.
    Chunked(Chunked),
    /// After an upgrade: bytes of another protocol.
    Tunnel,
    /// Nothing more is read.
    Ended,
}

/// A client connection, as the dispatcher sees it.
pub(crate) struct Wire {
    transport: Transport,
    exchange: Rc<Exchange>,
    phase: Phase,
    /// Read and not yet understood.
    raw: BytesMut,
    /// Understood and not yet handed on.
    out: BytesMut,
    scanner: Scanner,
    timer: Deadline,
    /// When the first head must be there; counted from accept.
    first_head: Option<Instant>,
    drain_end: Option<Instant>,
    leading_line: bool,
    head_begun: bool,
    eof: bool,
    /// Closed while idle: the client has nothing in flight that could spoil a response.
    idle_end: bool,
    lingering: Option<usize>,
}

impl Wire {
    pub(crate) fn new(transport: Transport, exchange: Rc<Exchange>, first_head: Instant) -> Self {
        Self {
            transport,
            exchange,
            phase: Phase::Head,
            raw: BytesMut::new(),
            out: BytesMut::new(),
            scanner: Scanner::default(),
            timer: Deadline::default(),
            first_head: Some(first_head),
            drain_end: None,
            leading_line: false,
            head_begun: false,
            eof: false,
            idle_end: false,
            lingering: None,
        }
    }

    pub(crate) fn exchange(&self) -> &Rc<Exchange> {
        &self.exchange
    }

    /// Reads more into `raw`; false at the end of the stream.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.eof {
            return Poll::Ready(Ok(false));
        }
        self.raw.reserve(READ_BYTES);
        let read = core::pin::pin!(self.transport.read_buf(&mut self.raw));
        let count = ready!(read.poll(cx))?;
        self.eof = count == 0;
        Poll::Ready(Ok(count > 0))
    }

    /// Until the next head is staged in `out`; false when there will be none.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.exchange.busy() {
                return self.poll_reset(cx);
            }
            if self.exchange.closing() {
                return Poll::Ready(Ok(false));
            }
            match self.find_head() {
                Ok(Some(head)) => {
                    self.stage(head);
                    return Poll::Ready(Ok(true));
                }
                Ok(None) => {}
                Err(reason) => {
                    self.stage_rejection(reason);
                    return Poll::Ready(Ok(true));
                }
            }
            match self.poll_fill(cx)? {
                Poll::Ready(true) => {}
                // A head that breaks off is no request: there is nobody to answer.
                Poll::Ready(false) => return Poll::Ready(Ok(false)),
                Poll::Pending => return self.poll_head_timer(cx),
            }
        }
    }

    /// While the current request is answered, a reset ends it; the end of the client's half does
    /// not, for the client may have closed its half on purpose.
    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.timer.clear();
        self.exchange.register_reader(cx);
        while !self.eof && self.raw.len() < READ_AHEAD_BYTES_MAX {
            ready!(self.poll_fill(cx))?;
        }
        Poll::Pending
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
        let limits = &self.exchange.shared.limits;
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
        if self.raw.is_empty() {
            // An idle connection holds no buffer.
            self.raw = BytesMut::new();
        }
        Ok(Some(head))
    }

    /// Hands a request on.
    fn stage(&mut self, head: Head) {
        self.begin_message();
        write_head(&mut self.out, &head);
        self.phase = match head.framing {
            Framing::Empty => Phase::Head,
            Framing::Length(length) => Phase::Length(length),
            Framing::Chunked => Phase::Chunked(Chunked::default()),
            Framing::Tunnel => Phase::Tunnel,
        };
        self.exchange.offer(Incoming::Request(head));
    }

    /// Lets the dispatcher ask for the answer to a request that is refused, so that it comes
    /// after the answers before it.
    fn stage_rejection(&mut self, reason: Rejection) {
        self.begin_message();
        write_refused(&mut self.out);
        self.phase = Phase::Ended;
        self.exchange.shared.counters.bad_request(reason);
        self.exchange.offer(Incoming::Rejected(reason));
    }

    fn begin_message(&mut self) {
        self.timer.clear();
        self.first_head = None;
        self.leading_line = false;
        self.head_begun = false;
    }

    /// Idle: closed without a word. Inside of a head: refused.
    fn poll_head_timer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let limits = &self.exchange.shared.limits;
        let now = Instant::now();
        if self.raw.is_empty() {
            self.exchange.register_reader(cx);
            let idle = Duration::from_millis(limits.keep_alive_ms);
            let first_head = self.first_head;
            self.timer.start(|| first_head.unwrap_or(now + idle));
            if self.exchange.draining() && self.drain_end.is_none() {
                self.drain_end = Some(now + DRAIN_GRACE);
                self.timer.set(now + DRAIN_GRACE);
            }
        } else if !self.head_begun {
            self.head_begun = true;
            let patience = Duration::from_millis(limits.header_timeout_ms);
            self.timer.set(self.first_head.unwrap_or(now + patience));
        }
        if !self.timer.poll_expired(cx) {
            return Poll::Pending;
        }
        if self.raw.is_empty() {
            self.idle_end = true;
            return Poll::Ready(Ok(false));
        }
        self.stage_rejection(Rejection::HeadTimeout);
        Poll::Ready(Ok(true))
    }

    /// Hands on up to `limit` bytes of a body; gives their number.
    fn poll_pass(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        limit: u64,
    ) -> Poll<io::Result<u64>> {
        let limit = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .min(buf.remaining());
        if !self.raw.is_empty() {
            let count = limit.min(self.raw.len());
            buf.put_slice(&self.raw[..count]);
            self.raw.advance(count);
            return Poll::Ready(Ok(count as u64));
        }
        if self.eof {
            return Poll::Ready(Ok(0));
        }
        let before = buf.filled().len();
        if limit == buf.remaining() {
            ready!(Pin::new(&mut self.transport).poll_read(cx, buf))?;
        } else {
            let mut part = ReadBuf::new(buf.initialize_unfilled_to(limit));
            ready!(Pin::new(&mut self.transport).poll_read(cx, &mut part))?;
            let count = part.filled().len();
            buf.advance(count);
        }
        let count = buf.filled().len() - before;
        self.eof = count == 0;
        Poll::Ready(Ok(count as u64))
    }

    /// Fails once the response broke off, which ends the connection.
    fn check(&self) -> io::Result<()> {
        if self.exchange.broken() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }

    fn fail_body(&mut self, fault: BodyFault) {
        self.timer.clear();
        self.phase = Phase::Ended;
        self.exchange.fail_body(fault);
    }

    /// After a read inside of a body: bytes, none yet, or the end.
    fn settle(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<io::Result<u64>>,
    ) -> Poll<io::Result<u64>> {
        match read {
            Poll::Ready(Ok(0)) => self.fail_body(BodyFault::Closed),
            Poll::Ready(_) => self.timer.clear(),
            Poll::Pending => {
                let idle = Duration::from_millis(self.exchange.shared.limits.body_idle_timeout_ms);
                self.timer.start(|| Instant::now() + idle);
                self.exchange.register_reader(cx);
                if self.timer.poll_expired(cx) {
                    self.fail_body(BodyFault::Stalled);
                    return Poll::Ready(Ok(0));
                }
            }
        }
        read
    }

    /// One step through a chunked body; true when something was handed on or staged.
    fn poll_chunked(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let Phase::Chunked(chunked) = &mut self.phase else {
            return Poll::Ready(Ok(false));
        };
        match chunked.step(&mut self.raw, &mut self.out) {
            Err(_) => {
                self.fail_body(BodyFault::Framing);
                Poll::Ready(Ok(false))
            }
            Ok(Step::Done) => {
                self.timer.clear();
                self.phase = Phase::Head;
                Poll::Ready(Ok(true))
            }
            Ok(_) if !self.out.is_empty() => Poll::Ready(Ok(true)),
            Ok(Step::More) => {
                let read = self.poll_fill(cx).map_ok(u64::from);
                ready!(self.settle(cx, read))?;
                Poll::Ready(Ok(false))
            }
            Ok(Step::Data(rest)) => {
                let read = self.poll_pass(cx, buf, rest);
                let count = ready!(self.settle(cx, read))?;
                if let Phase::Chunked(chunked) = &mut self.phase {
                    chunked.passed(count);
                }
                Poll::Ready(Ok(count > 0))
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        wire.check()?;
        let before = buf.filled().len();
        loop {
            if !wire.out.is_empty() {
                let count = buf.remaining().min(wire.out.len());
                buf.put_slice(&wire.out[..count]);
                wire.out.advance(count);
                return Poll::Ready(Ok(()));
            }
            if wire.exchange.closing() && !wire.exchange.busy() {
                wire.phase = Phase::Ended;
            }
            match &mut wire.phase {
                Phase::Head => {
                    if !ready!(wire.poll_head(cx))? {
                        wire.phase = Phase::Ended;
                    }
                }
                Phase::Length(0) => wire.phase = Phase::Head,
                Phase::Length(rest) => {
                    let rest = *rest;
                    let read = wire.poll_pass(cx, buf, rest);
                    let count = ready!(wire.settle(cx, read))?;
                    if count > 0 {
                        wire.phase = Phase::Length(rest - count);
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::Chunked(_) => {
                    let handed_on = ready!(wire.poll_chunked(cx, buf))?;
                    if handed_on && buf.filled().len() > before {
                        return Poll::Ready(Ok(()));
                    }
                }
                Phase::Tunnel => {
                    let count = ready!(wire.poll_pass(cx, buf, u64::MAX))?;
                    if count == 0 {
                        wire.phase = Phase::Ended;
                    }
                    return Poll::Ready(Ok(()));
                }
                // The dispatcher must not see the end while the request that was refused is
                // before it; it closes after the answer.
                Phase::Ended
                    if wire.exchange.busy() && wire.exchange.fault().is_none() && !wire.eof =>
                {
                    return Poll::Pending;
                }
                Phase::Ended => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    /// Ends our half, then takes what the client still sends, for a bounded time.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        if wire.lingering.is_none() {
            ready!(Pin::new(&mut wire.transport).poll_shutdown(cx))?;
            wire.lingering = Some(0);
            wire.timer.set(Instant::now() + LINGER);
            let read_all = matches!(wire.phase, Phase::Head) && wire.raw.is_empty();
            wire.eof |= read_all || wire.idle_end;
        }
        while let Some(count) = &mut wire.lingering
            && !wire.eof
            && *count < LINGER_BYTES_MAX
        {
            wire.raw.clear();
            wire.raw.reserve(READ_BYTES);
            let read = core::pin::pin!(wire.transport.read_buf(&mut wire.raw));
            match read.poll(cx) {
                Poll::Ready(Ok(0) | Err(_)) => wire.eof = true,
                Poll::Ready(Ok(more)) => *count += more,
                Poll::Pending if wire.timer.poll_expired(cx) => wire.eof = true,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.exchange.broken() {
            self.transport.reset_on_drop();
        }
    }
}
