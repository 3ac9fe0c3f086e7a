//! Bodies that stream, for data trace: their first bytes are kept while they pass, and logged when
//! the last one has passed or nobody wants more. No chunk waits, and none is changed.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use tollgate_config::snapshot::StagePlan;
use tollgate_message::{Body, BodyError, BodyStream};

use super::{LINE_BYTES_MAX, write_line};
use crate::mapping::poll_body;
use crate::ports::Ports;

/// Bytes that are kept of a body, of each direction of a request: a line shows no more.
const SEEN_BYTES_MAX: usize = LINE_BYTES_MAX;

/// Which body it is, and what is told behind it.
pub(super) enum Side {
    /// The request's, on its way to an HTTP back end.
    Request,
    /// The response's, on its way to the client. The end of the execution is told behind it.
    Response {
        /// The header as it is shown, with secrets masked.
        headers: String,
        /// The status.
        status: u16,
    },
}

/// How far a body came.
enum End {
    /// Its sender broke off.
    Broken(BodyError),
    /// Every byte passed.
    Complete,
    /// Its reader wanted no more, or left.
    GivenUp,
}

/// A body that streams through the log. Whatever ends it logs it, once.
struct Streamed<P: Ports> {
    body: Body,
    /// Bytes to come, when that is known: a reader that has them all need not ask for the end.
    left: Option<u64>,
    seen: Vec<u8>,
    /// Taken when it is logged.
    side: Option<Side>,
    ports: P,
    stage: Arc<StagePlan>,
    request_id: Box<str>,
}

/// Wraps a body that streams; any other one is not for here and stays what it is.
pub(super) fn streamed<P: Ports>(
    body: Body,
    side: Side,
    ports: &P,
    stage: &Arc<StagePlan>,
    request_id: &str,
) -> Body {
    let Body::Stream { length, .. } = body else {
        return body;
    };
    let stream: BodyStream = Box::pin(Streamed {
        body,
        left: length,
        seen: Vec::new(),
        side: Some(side),
        ports: ports.clone(),
        stage: Arc::clone(stage),
        request_id: request_id.into(),
    });
    Body::Stream { stream, length }
}

impl<P: Ports> Stream for Streamed<P> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = poll_body(&mut this.body, cx);
        match &next {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(chunk))) => this.pass(chunk),
            Poll::Ready(Some(Err(error))) => this.end(&End::Broken(error.clone())),
            Poll::Ready(None) => this.end(&End::Complete),
        }
        next
    }
}

impl<P: Ports> Streamed<P> {
    fn pass(&mut self, chunk: &Bytes) {
        let room = SEEN_BYTES_MAX - self.seen.len();
        self.seen.extend_from_slice(&chunk[..chunk.len().min(room)]);
        self.left = self
            .left
            .map(|left| left.saturating_sub(chunk.len() as u64));
    }

    fn end(&mut self, end: &End) {
        let Some(side) = self.side.take() else { return };
        let line = |text: core::fmt::Arguments<'_>| {
            write_line(&self.ports, &self.stage, &self.request_id, text);
        };
        let seen = String::from_utf8_lossy(&self.seen);
        match side {
            Side::Request => {
                line(format_args!(
                    "Endpoint request body after transformations: {seen}"
                ));
            }
            Side::Response { headers, status } => {
                line(format_args!(
                    "Method response body after transformations: {seen}"
                ));
                line(format_args!("Method response headers: {headers}"));
                match end {
                    End::Complete => line(format_args!("Successfully completed execution")),
                    End::Broken(error) => line(format_args!("Execution failed: {error}")),
                    End::GivenUp => line(format_args!(
                        "Execution failed: the client left before the end of the body"
                    )),
                }
                line(format_args!("Method completed with status: {status}"));
            }
        }
    }
}

impl<P: Ports> Drop for Streamed<P> {
    fn drop(&mut self) {
        self.end(match self.left {
            Some(0) => &End::Complete,
            _ => &End::GivenUp,
        });
    }
}
