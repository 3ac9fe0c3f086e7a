//! The protocol of one connection over any stream: what is sent, what was read, where the
//! response is.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tollgate_message::{BodyError, HeaderList, Method, Request};

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::limits::{
    H1_BUFFER_BYTES_MAX, H1_COPY_BYTES_MAX, H1_GATHER_BYTES_MAX, H1_READ_BYTES_MAX,
    H1_READ_BYTES_MIN, INTERIM_RESPONSES_MAX,
};
use crate::send_body::SendBody;

use super::framing::Framing;
use super::request::{BodyFraming, write_head};
use super::response;
use super::sending::{Outbox, SendFault, Sending};

/// The protocol's side of a connection.
pub(crate) struct Wire<Io> {
    pub(super) io: Io,
    /// Whether a write that failed took none of its bytes; not known of encrypted ones.
    fails_whole: bool,
    pub(super) inbox: BytesMut,
    outbox: Outbox,
    /// How many bytes of `inbox` are known to hold no complete head.
    scanned: usize,
    /// How much is read at once.
    read_bytes: usize,
    /// Whether reading failed; what follows such a failure looks like a clean end.
    is_broken: bool,
    /// Whether a byte came since the present request began.
    pub(super) head_started: bool,
    /// What is to come of the present response.
    framing: Framing,
    /// Whether the present response lets another one follow it.
    keeps_alive: bool,
    /// Whether the present request is sent in full.
    is_sent: bool,
}

/// What belongs to the present request only.
pub(crate) struct Turn {
    /// `None` when all of it is written, or nothing more can be.
    pub(super) sending: Option<Sending>,
    /// Why nothing more can be written. The answer may have come before.
    send_error: Option<io::Error>,
    interim: u32,
    to_head: bool,
}

/// The head of a response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderList,
    /// The length of the body when it was announced.
    pub(crate) length: Option<u64>,
}

/// A request that got no answer.
pub(crate) struct Unanswered {
    pub(crate) error: UpstreamError,
    /// The body, when no byte of the request was sent.
    pub(crate) unsent: Option<SendBody>,
}

/// A piece of a response body.
pub(crate) struct Piece {
    /// Empty only at the end or before an error.
    pub(crate) bytes: Bytes,
    /// `None` when more is to come.
    pub(crate) end: Option<Result<(), BodyError>>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Wire<Io> {
    pub(super) fn new(io: Io, fails_whole: bool) -> Self {
        Self {
            io,
            fails_whole,
            inbox: BytesMut::new(),
            outbox: Outbox::default(),
            scanned: 0,
            read_bytes: H1_READ_BYTES_MIN,
            is_broken: false,
            head_started: false,
            framing: Framing::Length(0),
            keeps_alive: true,
            is_sent: true,
        }
    }

    /// Begins a request: nothing is written yet.
    ///
    /// # Errors
    /// Kind `invalid_request` when something cannot be written in HTTP; the connection is as good
    /// as before.
    pub(crate) fn begin(
        &mut self,
        request: &Request,
        body: SendBody,
        keeps_upgrade: bool,
    ) -> Result<Turn, UpstreamError> {
        self.outbox.reset();
        self.head_started = false;
        self.scanned = 0;
        let framing = body
            .length()
            .map_or(BodyFraming::Chunked, BodyFraming::Length);
        write_head(&mut self.outbox.bytes, request, framing, keeps_upgrade)?;
        self.is_sent = false;
        self.keeps_alive = false;
        let is_chunked = framing == BodyFraming::Chunked;
        Ok(Turn {
            sending: Some(Sending::new(body, is_chunked, &mut self.outbox)),
            send_error: None,
            interim: 0,
            to_head: request.method == Method::Head,
        })
    }

    /// Sends the request and waits for the head of the response, which may come first.
    pub(crate) fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
        turn: &mut Turn,
    ) -> Poll<Result<Answer, Unanswered>> {
        if let Err(failed) = self.send(cx, turn) {
            return Poll::Ready(Err(failed));
        }
        loop {
            if self.may_hold_head() {
                match response::parse(&self.inbox, turn.to_head) {
                    Ok(Some((head, length))) => {
                        self.inbox.advance(length);
                        self.scanned = 0;
                        if matches!(head.status, 100 | 102..=199) {
                            turn.interim += 1;
                            if turn.interim > INTERIM_RESPONSES_MAX {
                                return protocol("too many interim responses");
                            }
                            continue;
                        }
                        self.framing = head.framing;
                        self.keeps_alive = head.keeps_alive;
                        return Poll::Ready(Ok(Answer {
                            status: head.status,
                            headers: head.headers,
                            length: head.framing.length(),
                        }));
                    }
                    Ok(None) => self.scanned = self.inbox.len(),
                    Err(broken) => return protocol(broken),
                }
                if self.inbox.len() >= H1_BUFFER_BYTES_MAX {
                    return protocol("too long a head");
                }
            }
            match ready!(self.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Err(self.ended(turn))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(reset(turn, &error.to_string()))),
            }
        }
    }

    /// What to say of a connection that ended before a head did.
    fn ended(&self, turn: &mut Turn) -> Unanswered {
        match response::parse(&self.inbox, turn.to_head) {
            Err(broken) => unanswered(UpstreamError::new(UpstreamErrorKind::Protocol, broken)),
            Ok(_) => reset(turn, "connection closed"),
        }
    }

    /// Sends what can be sent. A connection that takes no more may still have an answer.
    fn send(&mut self, cx: &mut Context<'_>, turn: &mut Turn) -> Result<(), Unanswered> {
        let Some(sending) = &mut turn.sending else {
            return Ok(());
        };
        match sending.poll(cx, &mut self.outbox, &mut self.io) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => {
                self.is_sent = true;
                turn.sending = None;
            }
            Poll::Ready(Err(SendFault::Body(fault))) => {
                let detail = fault.to_string();
                let kind = UpstreamErrorKind::RequestBody(fault);
                return Err(unanswered(UpstreamError::new(kind, detail)));
            }
            Poll::Ready(Err(SendFault::Io(error))) => {
                let sending = turn.sending.take();
                if self.fails_whole
                    && let Some(body) = sending.and_then(Sending::unsent)
                {
                    let detail = error.to_string();
                    return Err(Unanswered {
                        error: UpstreamError::new(UpstreamErrorKind::Reset, detail),
                        unsent: Some(body),
                    });
                }
                turn.send_error = Some(error);
            }
        }
        Ok(())
    }

    /// Whether reading the inbox as a head could tell anything new. After a first look only an
    /// empty line can, so a head in a thousand pieces is not read a thousand times.
    fn may_hold_head(&self) -> bool {
        let from = self.scanned.saturating_sub(3);
        let bytes = &self.inbox[..];
        self.scanned == 0 && !bytes.is_empty()
            || bytes.len() >= H1_BUFFER_BYTES_MAX
            || bytes[from..].windows(2).any(|two| two == b"\n\n")
            || bytes[from..].windows(3).any(|three| three == b"\n\r\n")
    }

    /// Reads once; 0 at the end of the connection.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if self.inbox.capacity() - self.inbox.len() < self.read_bytes / 2 {
            self.inbox.reserve(self.read_bytes);
        }
        let room = self.inbox.capacity() - self.inbox.len();
        let read = ready!(pin!(self.io.read_buf(&mut self.inbox)).poll(cx));
        match &read {
            Ok(0) => {}
            Ok(read) => {
                self.head_started = true;
                if *read == room {
                    self.read_bytes = (self.read_bytes * 2).min(H1_READ_BYTES_MAX);
                }
            }
            Err(_) => self.is_broken = true,
        }
        Poll::Ready(read)
    }

    /// Sends the rest of a request whose answer has begun.
    pub(super) fn poll_rest(
        &mut self,
        cx: &mut Context<'_>,
        sending: &mut Sending,
    ) -> Poll<Result<(), SendFault>> {
        let sent = ready!(sending.poll(cx, &mut self.outbox, &mut self.io));
        self.is_sent = sent.is_ok();
        Poll::Ready(sent)
    }

    /// What of the body came with the head and needs no waiting.
    pub(crate) fn gather(&mut self, cx: &mut Context<'_>) -> Piece {
        if let Framing::Length(length) = self.framing
            && (1..=H1_GATHER_BYTES_MAX).contains(&length)
        {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            while self.inbox.len() < length {
                self.inbox
                    .reserve(length - self.inbox.len() + self.read_bytes);
                // An end or an error shows again when the rest is read.
                if !matches!(self.poll_fill(cx), Poll::Ready(Ok(1..))) {
                    break;
                }
            }
        }
        self.take_body()
    }

    /// The next piece of the body.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        loop {
            let piece = self.take_body();
            if piece.end.is_some() || !piece.bytes.is_empty() {
                return Poll::Ready(piece);
            }
            let end = match ready!(self.poll_fill(cx)) {
                Ok(1..) => continue,
                Ok(0) if self.framing == Framing::Close => Ok(()),
                Ok(0) | Err(_) => Err(BodyError::Closed),
            };
            return Poll::Ready(Piece {
                bytes: Bytes::new(),
                end: Some(end),
            });
        }
    }

    /// All of the body that is in the inbox, as one piece.
    fn take_body(&mut self) -> Piece {
        let mut bytes = Bytes::new();
        let mut joined = BytesMut::new();
        let end = loop {
            let step = match self.framing.step(&self.inbox) {
                Ok(step) => step,
                Err(broken) => break Some(Err(BodyError::Framing(broken.to_owned()))),
            };
            self.inbox.advance(step.skip);
            if step.data > 0 && bytes.is_empty() {
                bytes = take(&mut self.inbox, step.data);
            } else if step.data > 0 {
                if joined.is_empty() {
                    joined.reserve(bytes.len() + self.inbox.len());
                    joined.extend_from_slice(&bytes);
                }
                joined.extend_from_slice(&self.inbox[..step.data]);
                self.inbox.advance(step.data);
            }
            if step.is_last {
                break Some(Ok(()));
            }
            if step.data == 0 || self.inbox.is_empty() {
                break None;
            }
        };
        if !joined.is_empty() {
            bytes = joined.freeze();
        }
        Piece { bytes, end }
    }

    /// Whether another request may follow, after the end of a response. Bytes behind that end are
    /// no response to anything: whoever gets them would read another's answer.
    pub(super) fn is_clean(&self) -> bool {
        self.keeps_alive
            && self.is_sent
            && self.framing.is_done()
            && self.inbox.is_empty()
            && !self.is_broken
    }

    /// Lets go of what only a large message needed.
    pub(super) fn shrink(&mut self) {
        self.outbox.reset();
        if self.read_bytes > H1_READ_BYTES_MIN || self.inbox.capacity() > 2 * H1_READ_BYTES_MIN {
            self.read_bytes = H1_READ_BYTES_MIN;
            self.inbox = BytesMut::new();
        }
    }
}

impl Turn {
    /// Whether some of the request is still to be written, and can be.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending.is_some()
    }
}

/// The first bytes of a buffer. Small ones are copied, which leaves the buffer whole.
fn take(inbox: &mut BytesMut, length: usize) -> Bytes {
    if length > H1_COPY_BYTES_MAX {
        return inbox.split_to(length).freeze();
    }
    let bytes = Bytes::copy_from_slice(&inbox[..length]);
    inbox.advance(length);
    bytes
}

fn unanswered(error: UpstreamError) -> Unanswered {
    Unanswered {
        error,
        unsent: None,
    }
}

fn protocol<T>(broken: &'static str) -> Poll<Result<T, Unanswered>> {
    let error = UpstreamError::new(UpstreamErrorKind::Protocol, broken);
    Poll::Ready(Err(unanswered(error)))
}

fn reset(turn: &mut Turn, detail: &str) -> Unanswered {
    // The first error says most.
    let detail = turn
        .send_error
        .take()
        .map_or_else(|| detail.to_owned(), |error| error.to_string());
    unanswered(UpstreamError::new(UpstreamErrorKind::Reset, detail))
}

#[cfg(test)]
mod tests;
