//! The last step: what every response gets, and the watch over its body until it ends.

use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tollgate_message::{Body, BodyError, BodyStream, Method, Response};

use crate::finished::{Completion, FinishGuard};
use crate::mapping::poll_body;
use crate::ports::Ports;

/// Finishes a response. The event goes out at once when the body is at hand, else when it ends.
pub(crate) fn send<P: Ports>(
    mut guard: FinishGuard<P>,
    now_us: u64,
    mut response: Response,
) -> Response {
    let finished = &mut guard.finished;
    response
        .headers
        .set("apigw-requestid", &finished.head.request_id);
    let record = &mut finished.record;
    record.status = response.status;
    record.head_latency_us = now_us.saturating_sub(finished.head.started_us);
    if !has_body(&finished.head.method, response.status) {
        drop_body(&mut response, finished.head.method == Method::Head);
    }
    match core::mem::take(&mut response.body) {
        Body::Stream { stream, length } => {
            if length == Some(0) {
                record.completion = Completion::Complete;
            }
            let watched: BodyStream = Box::pin(Watched {
                body: Body::Stream { stream, length },
                left: length,
                guard: Some(guard),
            });
            response.body = Body::Stream {
                stream: watched,
                length,
            };
        }
        whole => {
            record.response_bytes = whole.length().unwrap_or_default();
            record.completion = Completion::Complete;
            response.body = whole;
        }
    }
    response
}

/// Whether a response carries a body at all (RFC 9110, section 6.4.1).
pub(crate) fn has_body(method: &Method, status: u16) -> bool {
    *method != Method::Head && !matches!(status, 204 | 205 | 304)
}

/// A response to HEAD keeps the length that GET's would have (RFC 9110, section 9.3.2).
fn drop_body(response: &mut Response, head: bool) {
    let length = response.body.length().filter(|it| *it > 0);
    response.body = Body::Empty;
    if let Some(length) = length.filter(|_| head) {
        response.headers.set("content-length", length.to_string());
    }
}

/// A body that is being sent. Holds the request's event until the last byte.
struct Watched<P: Ports> {
    body: Body,
    /// Bytes to come, when that is known: a reader that has them all need not ask for the end.
    left: Option<u64>,
    guard: Option<FinishGuard<P>>,
}

impl<P: Ports> Stream for Watched<P> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = poll_body(&mut this.body, cx);
        if let Poll::Ready(item) = &next {
            this.note(item.as_ref());
        }
        next
    }
}

impl<P: Ports> Watched<P> {
    fn note(&mut self, item: Option<&Result<Bytes, BodyError>>) {
        let Some(guard) = &mut self.guard else { return };
        let record = &mut guard.finished.record;
        match item {
            Some(Ok(chunk)) => {
                let bytes = chunk.len() as u64;
                record.response_bytes += bytes;
                self.left = self.left.map(|left| left.saturating_sub(bytes));
                if self.left == Some(0) {
                    record.completion = Completion::Complete;
                }
                return;
            }
            Some(Err(error)) => {
                record.completion = Completion::Broken;
                record.integration.error_message = Some(error.to_string().into());
            }
            None => record.completion = Completion::Complete,
        }
        // The guard hands the event over as it goes.
        self.guard = None;
    }
}
