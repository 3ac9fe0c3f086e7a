//! A response body as our stream: pulled by the reader, bounded in idleness.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body as _;
use hyper::body::Incoming;
use tollgate_message::{Body, BodyError};

use crate::deadline::{Deadline, after};
use crate::group::Group;
use crate::h1::{Piece, Rest};
use crate::limits::EARLY_TURNS_MAX;
use crate::pool::Lease;
use crate::send_body::Upload;
use crate::server::{Outstanding, Server};

/// A response body. When it ends the connection goes back to its pool; when it is dropped before
/// its end the connection is closed, so the server learns that nobody listens.
pub(crate) struct ReplyBody {
    source: Source,
    idle: Duration,
    deadline: Deadline,
    /// When the wait for the next chunk is over; set while waiting.
    due: Option<Instant>,
    /// `None` after the end.
    held: Option<Held>,
    /// What came with the head, to be read first.
    early: [Option<Result<Bytes, BodyError>>; 2],
}

/// Where it comes from.
enum Source {
    /// The connection that is held.
    H1,
    H2(Incoming),
}

/// What a request holds until its response has ended.
pub(crate) struct Held {
    pub(crate) lease: Lease,
    /// What of the request is still being sent.
    pub(crate) rest: Option<Rest>,
    pub(crate) upload: Option<Rc<Upload>>,
    pub(crate) group: Arc<Group>,
    pub(crate) server: Arc<Server>,
    pub(crate) _outstanding: Outstanding,
}

impl ReplyBody {
    /// A body of HTTP/1, of which `first` came with the head.
    pub(crate) fn over_h1(first: Piece, idle: Duration, deadline: Deadline, held: Held) -> Self {
        let mut body = Self::new(Source::H1, idle, deadline, held);
        if let Poll::Ready(item) = body.pass(first) {
            body.early[0] = item;
        }
        body
    }

    pub(crate) fn over_h2(
        incoming: Incoming,
        idle: Duration,
        deadline: Deadline,
        held: Held,
    ) -> Self {
        Self::new(Source::H2(incoming), idle, deadline, held)
    }

    fn new(source: Source, idle: Duration, deadline: Deadline, held: Held) -> Self {
        Self {
            source,
            idle,
            deadline,
            due: None,
            held: Some(held),
            early: [None, None],
        }
    }

    pub(crate) fn into_stream(self, length: Option<u64>) -> Body {
        Body::Stream {
            stream: Box::pin(self),
            length,
        }
    }

    /// The body of HTTP/2, whole if it came with the head.
    ///
    /// Most responses are small and arrive in one segment. Known as a whole, such a body needs no
    /// stream, and the listener can write it with its head at once. Finding out never waits for
    /// the network: the connection's task gets its turn, no more.
    pub(crate) async fn into_body(mut self) -> Body {
        let length = match &self.source {
            Source::H1 => None,
            Source::H2(incoming) => incoming.size_hint().exact(),
        };
        let mut turns = 0;
        poll_fn(|cx| self.gather(cx, &mut turns)).await;
        if self.held.is_some() || matches!(self.early[0], Some(Err(_))) || self.early[1].is_some() {
            return self.into_stream(length);
        }
        match self.early[0].take() {
            Some(Ok(whole)) => Body::Full(whole),
            _ => Body::Empty,
        }
    }

    /// Ready when the body ended, when two chunks are at hand, or after a turn without any.
    fn gather(&mut self, cx: &mut Context<'_>, turns: &mut u32) -> Poll<()> {
        while let Some(free) = self.early.iter().position(Option::is_none) {
            match self.poll_incoming(cx) {
                Poll::Ready(Some(item)) => self.early[free] = Some(item),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending if *turns == EARLY_TURNS_MAX => return Poll::Ready(()),
                Poll::Pending => {
                    // Behind the connection's task, which the poll above has woken.
                    *turns += 1;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }

    fn end(&mut self) {
        if let Some(held) = self.held.take() {
            held.lease.finish(held.rest);
        }
    }

    /// Closes the connection; a reset in the middle of a response speaks against the server.
    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Bytes, BodyError>>> {
        let Some(held) = self.held.take() else {
            return Poll::Ready(None);
        };
        let request_failed = held
            .upload
            .as_ref()
            .is_some_and(|upload| upload.failed.borrow().is_some());
        if !request_failed {
            held.group.failed(&held.server, Instant::now());
        }
        tracing::debug!(server = %held.server.label, %error, "response body failed");
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let early = this.early.iter_mut().find_map(Option::take);
        if early.is_some() {
            return Poll::Ready(early);
        }
        this.poll_incoming(cx)
    }
}

impl ReplyBody {
    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let Some(held) = &self.held else {
                return Poll::Ready(None);
            };
            let Poll::Ready(piece) = self.source.poll(held, cx) else {
                let idle = self.idle;
                let due = *self.due.get_or_insert_with(|| after(Instant::now(), idle));
                ready!(self.deadline.poll(cx, due));
                return self.fail(BodyError::Stalled);
            };
            self.due = None;
            if let Poll::Ready(item) = self.pass(piece) {
                return Poll::Ready(item);
            }
        }
    }

    /// What a piece means for the reader; pending when nothing.
    fn pass(&mut self, piece: Piece) -> Poll<Option<Result<Bytes, BodyError>>> {
        let fault = match piece.end {
            Some(Err(error)) => self.fail(error),
            Some(Ok(())) => {
                self.end();
                Poll::Ready(None)
            }
            None => Poll::Pending,
        };
        if piece.bytes.is_empty() {
            return fault;
        }
        if let Poll::Ready(fault) = fault {
            self.early[1] = fault;
        }
        Poll::Ready(Some(Ok(piece.bytes)))
    }
}

impl Source {
    fn poll(&mut self, held: &Held, cx: &mut Context<'_>) -> Poll<Piece> {
        let (bytes, end) = match self {
            Self::H1 => {
                let failed = held.rest.as_ref().is_some_and(|rest| rest.has_failed(cx));
                match held.lease.h1() {
                    Some(conn) if !failed => return conn.borrow_mut().wire.poll_body(cx),
                    _ => (Bytes::new(), Some(Err(BodyError::Closed))),
                }
            }
            Self::H2(incoming) => match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
                // Trailers have no place in our messages.
                Some(Ok(frame)) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    (bytes, incoming.is_end_stream().then_some(Ok(())))
                }
                Some(Err(error)) => (Bytes::new(), Some(Err(body_error(&error)))),
                None => (Bytes::new(), Some(Ok(()))),
            },
        };
        Poll::Ready(Piece { bytes, end })
    }
}

fn body_error(error: &hyper::Error) -> BodyError {
    let cause = std::error::Error::source(error);
    let io = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput) => {
            BodyError::Framing(cause.map(ToString::to_string).unwrap_or_default())
        }
        _ => BodyError::Closed,
    }
}
