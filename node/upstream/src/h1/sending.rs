//! A request on its way into a connection: the head and what of the body is at hand, in as few
//! writes as possible, and never more of the body than the server takes.

use std::io;
use std::io::{IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;
use tollgate_message::BodyError;

use crate::limits::H1_JOIN_BYTES_MAX;
use crate::send_body::SendBody;

/// Bytes that wait to be written, in order. Kept with the connection for the next request.
#[derive(Default)]
pub(super) struct Outbox {
    pub(super) bytes: Vec<u8>,
    /// How many of `bytes` are written.
    at: usize,
    /// A large chunk, behind `bytes`.
    tail: Bytes,
    /// What ends the chunk.
    tail_end: &'static [u8],
    needs_flush: bool,
}

/// Why a request could not be sent to its end.
pub(super) enum SendFault {
    /// The connection does not take any more.
    Io(io::Error),
    /// The body ended early.
    Body(BodyError),
}

/// A request that is being sent.
pub(super) struct Sending {
    body: SendBody,
    is_chunked: bool,
    /// Whether all of the body is in the outbox or written.
    is_queued: bool,
    /// Whether chunks were taken from the sender, who cannot give them again.
    is_touched: bool,
    /// Bytes that the connection took.
    pub(super) written: u64,
}

impl Sending {
    /// The body behind a head that is in the outbox already.
    pub(super) fn new(body: SendBody, is_chunked: bool, outbox: &mut Outbox) -> Self {
        let is_queued = match &body {
            SendBody::Empty => true,
            SendBody::Full(bytes) => {
                outbox.push(bytes, false);
                true
            }
            SendBody::Stream { .. } => false,
        };
        Self {
            body,
            is_chunked,
            is_queued,
            is_touched: false,
            written: 0,
        }
    }

    /// The body, when nothing of the request was sent.
    pub(super) fn unsent(self) -> Option<SendBody> {
        (self.written == 0 && !self.is_touched).then_some(self.body)
    }

    /// Writes as much as the connection takes; ready when all of it is written.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &mut Outbox,
        mut io: impl AsyncWrite + Unpin,
    ) -> Poll<Result<(), SendFault>> {
        loop {
            self.fill(cx, outbox).map_err(SendFault::Body)?;
            if outbox.is_empty() {
                if outbox.needs_flush {
                    ready!(Pin::new(&mut io).poll_flush(cx)).map_err(SendFault::Io)?;
                    outbox.needs_flush = false;
                }
                return if self.is_queued {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                };
            }
            let written = ready!(outbox.poll_write(cx, Pin::new(&mut io)));
            self.written += written.map_err(SendFault::Io)?;
        }
    }

    /// Takes chunks from the sender while there is room for them.
    fn fill(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Result<(), BodyError> {
        while !self.is_queued && outbox.has_room() {
            match self.body.poll_chunk(cx) {
                Poll::Ready(Some(chunk)) => {
                    self.is_touched = true;
                    let chunk = chunk?;
                    // An empty chunk would be the last one.
                    if !chunk.is_empty() {
                        outbox.push(&chunk, self.is_chunked);
                    }
                    // The sender need not say that an announced length is its end.
                    self.is_queued = self.body.length() == Some(0);
                }
                Poll::Ready(None) => {
                    self.is_queued = true;
                    if self.is_chunked {
                        outbox.bytes.extend_from_slice(b"0\r\n\r\n");
                    }
                }
                Poll::Pending => break,
            }
        }
        Ok(())
    }
}

impl Outbox {
    /// Forgets what was written, and keeps the memory within bounds.
    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(2 * H1_JOIN_BYTES_MAX);
        self.at = 0;
        self.tail = Bytes::new();
        self.tail_end = b"";
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.tail.is_empty() && self.tail_end.is_empty()
    }

    /// Whether another chunk may be taken. Nothing fits behind a tail.
    fn has_room(&self) -> bool {
        self.tail.is_empty() && self.tail_end.is_empty() && self.bytes.len() < H1_JOIN_BYTES_MAX
    }

    fn push(&mut self, chunk: &Bytes, is_chunked: bool) {
        let end: &'static [u8] = if is_chunked {
            write!(self.bytes, "{:x}\r\n", chunk.len()).expect("a vector takes any bytes");
            b"\r\n"
        } else {
            b""
        };
        if self.bytes.len() + chunk.len() <= H1_JOIN_BYTES_MAX {
            self.bytes.extend_from_slice(chunk);
            self.bytes.extend_from_slice(end);
        } else {
            self.tail = chunk.clone();
            self.tail_end = end;
        }
    }

    /// Writes once; how many bytes the connection took.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut impl AsyncWrite>,
    ) -> Poll<io::Result<u64>> {
        let first = &self.bytes[self.at..];
        let written = if self.tail.is_empty() && self.tail_end.is_empty() {
            ready!(io.poll_write(cx, first))?
        } else {
            let all = [first, &self.tail, self.tail_end].map(IoSlice::new);
            ready!(io.poll_write_vectored(cx, &all))?
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.needs_flush = true;
        self.advance(written);
        Poll::Ready(Ok(written as u64))
    }

    fn advance(&mut self, written: usize) {
        let of_first = written.min(self.bytes.len() - self.at);
        self.at += of_first;
        if self.at == self.bytes.len() {
            self.bytes.clear();
            self.at = 0;
        }
        let of_tail = (written - of_first).min(self.tail.len());
        self.tail.advance(of_tail);
        self.tail_end = &self.tail_end[written - of_first - of_tail..];
    }
}
