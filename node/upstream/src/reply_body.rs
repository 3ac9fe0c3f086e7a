//! A response body as our stream: pulled by the reader, bounded in idleness.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use http_body::Body as _;
use hyper::body::Incoming;
use tollgate_message::BodyError;

use crate::deadline::{Deadline, after};
use crate::group::Group;
use crate::pool::Lease;
use crate::send_body::Upload;
use crate::server::{Outstanding, Server};

/// A response body. When it ends the connection goes back to its pool; when it is dropped before
/// its end the connection is closed, so the server learns that nobody listens.
pub(crate) struct ReplyBody {
    pub(crate) incoming: Incoming,
    pub(crate) idle: Duration,
    pub(crate) deadline: Deadline,
    /// When the wait for the next chunk is over; set while waiting.
    pub(crate) due: Option<Instant>,
    /// `None` after the end.
    pub(crate) held: Option<Held>,
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
