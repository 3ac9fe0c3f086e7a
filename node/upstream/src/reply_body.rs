//! A response body as our stream: pulled by the reader, bounded in idleness.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body as _;
use hyper::body::Incoming;
use tollgate_message::{Body, BodyError};

use crate::deadline::{Deadline, after};
use crate::group::Group;
use crate::limits::EARLY_TURNS_MAX;
use crate::pool::Lease;
use crate::send_body::Upload;
use crate::server::{Outstanding, Server};

/// A response body. When it ends the connection goes back to its pool; when it is dropped before
/// its end the connection is closed, so the server learns that nobody listens.
pub(crate) struct ReplyBody {
    incoming: Incoming,
    idle: Duration,
    deadline: Deadline,
    /// When the wait for the next chunk is over; set while waiting.
    due: Option<Instant>,
    /// `None` after the end.
    held: Option<Held>,
    /// What came with the head, to be read first.
    early: [Option<Result<Bytes, BodyError>>; 2],
}

/// What a request holds until its response has ended.
pub(crate) struct Held {
    pub(crate) lease: Lease,
    pub(crate) upload: Option<Rc<Upload>>,
    pub(crate) group: Arc<Group>,
    pub(crate) server: Arc<Server>,
    pub(crate) _outstanding: Outstanding,
}

impl ReplyBody {
    pub(crate) fn new(incoming: Incoming, idle: Duration, deadline: Deadline, held: Held) -> Self {
        Self {
            incoming,
            idle,
            deadline,
            due: None,
            held: Some(held),
            early: [None, None],
        }
    }

    /// The body, whole if it came with the head.
    ///
    /// Most responses are small and arrive in one segment. Known as a whole, such a body needs no
    /// stream, and the listener can write it with its head at once. Finding out never waits for
    /// the network: the connection's task gets its turn, no more.
    pub(crate) async fn into_body(mut self) -> Body {
        let length = self.incoming.size_hint().exact();
        let mut turns = 0;
        poll_fn(|cx| self.gather(cx, &mut turns)).await;
        if self.held.is_some() || matches!(self.early[0], Some(Err(_))) || self.early[1].is_some() {
            return Body::Stream {
                stream: Box::pin(self),
                length,
            };
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
            held.lease.finish(held.upload, self.idle);
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
        let this = self;
        if this.held.is_none() {
            return Poll::Ready(None);
        }
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.due = None;
                    // Trailers have no place in our messages.
                    let Ok(chunk) = frame.into_data() else {
                        continue;
                    };
                    if this.incoming.is_end_stream() {
                        this.end();
                    }
                    if !chunk.is_empty() {
                        return Poll::Ready(Some(Ok(chunk)));
                    }
                    if this.held.is_none() {
                        return Poll::Ready(None);
                    }
                }
                Poll::Ready(Some(Err(error))) => return this.fail(body_error(&error)),
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let idle = this.idle;
                    let due = *this.due.get_or_insert_with(|| after(Instant::now(), idle));
                    return match this.deadline.poll(cx, due) {
                        Poll::Ready(()) => this.fail(BodyError::Stalled),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
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
