//! The request body, from the dispatcher to the service.

use core::cell::{Cell, RefCell};
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::rc::Rc;

use bytes::Bytes;
use futures_core::Stream;
use tollgate_message::{Body, BodyError};

use super::exchange::Exchange;
use super::head::Framing;
use crate::BadRequest;

/// How far the request body was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// The service holds the body.
    Held,
    /// The service let go of the body before its end.
    Abandoned,
    /// The body was read to its end or its error.
    Ended,
}

/// The request body, shared so that its rest can be looked at when the service let go of it.
pub(crate) struct Upload {
    payload: RefCell<actix_http::Payload>,
    state: Cell<Reading>,
}

impl Upload {
    /// Makes the body for the service, and the handle to its rest; no handle when there is none.
    pub(crate) fn open(
        payload: actix_http::Payload,
        framing: Framing,
        exchange: &Rc<Exchange>,
    ) -> (Option<Rc<Self>>, Body) {
        let length = match framing {
            Framing::Empty => return (None, Body::Empty),
            Framing::Length(length) => Some(length),
            Framing::Chunked | Framing::Tunnel => None,
        };
        let tunnel = framing == Framing::Tunnel;
        let upload = Rc::new(Self {
            payload: RefCell::new(payload),
            state: Cell::new(Reading::Held),
        });
        let body = RequestBody {
            upload: Rc::clone(&upload),
            exchange: Rc::clone(exchange),
            tunnel,
            limit: exchange.shared.limits.body_bytes_max.filter(|_| !tunnel),
            read: 0,
        };
        let stream = Box::pin(body);
        (Some(upload), Body::Stream { stream, length })
    }

    /// Whether the service let go of the body before its end.
    pub(crate) fn abandoned(&self) -> bool {
        self.state.get() == Reading::Abandoned
    }

    /// Reads the rest of an abandoned body as far as it is here already, so that refusing a small
    /// upload does not cost the connection. It never waits for the client.
    pub(crate) async fn drain_what_is_there(&self) {
        let mut waited = false;
        poll_fn(|cx| {
            while self.abandoned() {
                match self.poll(cx) {
                    Poll::Ready(_) => {}
                    // One more round lets the dispatcher decode what it has read.
                    Poll::Pending if !waited => {
                        waited = true;
                        cx.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Ready(()),
                }
            }
            Poll::Ready(())
        })
        .await;
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>> {
        let polled = Pin::new(&mut *self.payload.borrow_mut()).poll_next(cx);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.state.set(Reading::Ended);
        }
        polled.map(|chunk| chunk.map(|chunk| chunk.map_err(|_| ())))
    }
}

/// The request body, as the service reads it.
struct RequestBody {
    upload: Rc<Upload>,
    exchange: Rc<Exchange>,
    tunnel: bool,
    limit: Option<u64>,
    read: u64,
}

impl Stream for RequestBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.upload.state.get() != Reading::Held {
            return Poll::Ready(None);
        }
        self.upload.poll(cx).map(|chunk| match chunk {
            None => None,
            // The other protocol knows what its end means.
            Some(Err(())) if self.tunnel => None,
            Some(Err(())) => Some(Err(self.exchange.body_error())),
            Some(Ok(bytes)) => {
                self.read += bytes.len() as u64;
                match self.limit {
                    Some(max) if self.read > max => {
                        self.exchange
                            .shared
                            .counters
                            .bad_request(BadRequest::BodyTooLarge);
                        self.upload.state.set(Reading::Abandoned);
                        Some(Err(BodyError::TooLarge(max)))
                    }
                    _ => Some(Ok(bytes)),
                }
            }
        })
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if self.upload.state.get() == Reading::Held {
            self.upload.state.set(Reading::Abandoned);
        }
    }
}
