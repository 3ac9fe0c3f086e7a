//! The service behind the dispatcher: gets the parsed head from the exchange, the body from the
//! dispatcher, and decides how the response is framed.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::rc::Rc;

use actix_http::body::{BodySize, MessageBody};
use actix_http::h1::{ExpectHandler, H1ServiceHandler, UpgradeHandler};
use actix_http::header::{HeaderName, HeaderValue};
use actix_http::{ConnectionType, HttpService, KeepAlive, StatusCode};
use actix_service::{ServiceFactory, fn_factory};
use bytes::Bytes;
use futures_core::future::LocalBoxFuture;
use tollgate_message::{BodyError, Method, Request, Response, Version};

use super::Wire;
use super::exchange::{BodyFault, Exchange, Incoming};
use super::head::{Framing, Head};
use super::upload::Upload;
use crate::call::{InFlight, call};
use crate::reject::{internal_error, rejection};
use crate::response::{Outgoing, Payload, Size, ValueBuffer, ends_with_connection, outgoing};
use crate::{BadRequest, Service};

/// Turns a [`Wire`] into a future that serves it.
pub(crate) type Handler<S> =
    H1ServiceHandler<Wire, Adapter<S>, ResponseBody, ExpectHandler, UpgradeHandler>;

/// Makes the handler of a worker. All timers are the wire's, so the dispatcher's are off.
pub(crate) async fn handler<S: Service>(service: Rc<S>) -> Result<Handler<S>, ()> {
    let adapter = Adapter(service);
    HttpService::build()
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(Duration::ZERO)
        .on_connect_ext(|wire: &Wire, extensions| {
            extensions.insert(Rc::clone(wire.exchange()));
        })
        .h1(fn_factory(move || {
            let adapter = adapter.clone();
            async move { Ok::<_, Infallible>(adapter) }
        }))
        .new_service(())
        .await
}

/// The service in the dispatcher's terms.
pub(crate) struct Adapter<S>(Rc<S>);

impl<S> Clone for Adapter<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

type Reply = actix_http::Response<ResponseBody>;

impl<S: Service> actix_service::Service<actix_http::Request> for Adapter<S> {
    type Response = Reply;
    type Error = actix_http::Error;
    // Boxed, or every idle connection would hold the room that the service's future takes.
    type Future = LocalBoxFuture<'static, Result<Reply, actix_http::Error>>;

    actix_service::always_ready!();

    fn call(&self, mut request: actix_http::Request) -> Self::Future {
        let service = Rc::clone(&self.0);
        let exchange = request.conn_data::<Rc<Exchange>>().cloned();
        let payload = request.take_payload();
        drop(request);
        Box::pin(async move {
            let Some(exchange) = exchange else {
                // Every wire carries its exchange (`handler`).
                return Ok(actix_http::Response::with_body(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ResponseBody {
                        payload: Payload::Empty,
                        size: Size::Unsaid,
                        guard: None,
                    },
                ));
            };
            Ok(match exchange.take() {
                Some(Incoming::Request(head)) => answer(&*service, &exchange, head, payload).await,
                Some(Incoming::Rejected(reason)) => refuse(&exchange, rejection(reason)),
                None => refuse(&exchange, internal_error()),
            })
        })
    }
}

/// Ends the exchange when the response is written or given up.
struct Guard {
    exchange: Rc<Exchange>,
    complete: bool,
    _in_flight: Option<InFlight>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.complete {
            self.exchange.break_off();
        }
        self.exchange.response_ended();
    }
}

fn refuse(exchange: &Rc<Exchange>, response: Response) -> Reply {
    let guard = Guard {
        exchange: Rc::clone(exchange),
        complete: false,
        _in_flight: None,
    };
    let mut out = outgoing(response, &Method::Get, false);
    out.close = true;
    reply(out, guard, Version::Http11)
}

async fn answer<S: Service>(
    service: &S,
    exchange: &Rc<Exchange>,
    head: Head,
    payload: actix_http::Payload,
) -> Reply {
    let shared = &exchange.shared;
    let in_flight = Some(InFlight::new(shared));
    let guard = Guard {
        exchange: Rc::clone(exchange),
        complete: false,
        _in_flight: in_flight,
    };
    let Head {
        method,
        path,
        query,
        version,
        mut headers,
        framing,
        ..
    } = head;
    if version == Version::Http10 && !headers.contains("host") {
        // HTTP/1.0 knows no Host; the address that was connected to is what it would say.
        headers.append("host", exchange.conn.local.to_string());
    }
    let (upload, body) = Upload::open(payload, framing, exchange);
    let asked = method.clone();
    let request = Request {
        method,
        path,
        query,
        version,
        headers,
        body,
    };
    let mut response = call(service, request, &exchange.conn, shared).await;
    let tunnel = framing == Framing::Tunnel;
    let upload = upload.filter(|_| !tunnel);
    if let Some(upload) = &upload {
        upload.drain_what_is_there().await;
    }
    if exchange.fault() == Some(BodyFault::Framing) {
        response = rejection(BadRequest::BodyFraming);
    }
    let mut out = outgoing(response, &asked, tunnel);
    out.close |= exchange.draining() && !out.tunnel;
    out.close |= upload.is_some_and(|upload| upload.abandoned()) || exchange.fault().is_some();
    out.close |= ends_with_connection(out.size, version);
    reply(out, guard, version)
}

fn reply(out: Outgoing, mut guard: Guard, version: Version) -> Reply {
    // The dispatcher asks for no chunk then.
    guard.complete = matches!(out.size, Size::Unsaid | Size::Exact(0));
    let status = StatusCode::from_u16(out.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let exchange = Rc::clone(&guard.exchange);
    let body = ResponseBody {
        payload: out.body,
        size: out.size,
        guard: Some(guard),
    };
    let mut reply = actix_http::Response::with_body(status, body);
    let head = reply.head_mut();
    let mut values = ValueBuffer::new(&out.headers);
    for (name, value) in &out.headers {
        let value = HeaderValue::from_maybe_shared(values.take(value));
        match (HeaderName::from_lowercase(name.as_bytes()), value) {
            (Ok(name), Ok(value)) => head.headers.append(name, value),
            // Writing it would let the service forge other fields or another response.
            _ => tracing::debug!(name, "a response field that cannot be written"),
        }
    }
    if out.tunnel {
        head.set_connection_type(ConnectionType::Upgrade);
    } else if out.close {
        head.set_connection_type(ConnectionType::Close);
        exchange.close();
    }
    head.no_chunking(version == Version::Http10);
    reply
}

/// The response body, as the dispatcher reads it.
pub(crate) struct ResponseBody {
    payload: Payload,
    size: Size,
    guard: Option<Guard>,
}

impl MessageBody for ResponseBody {
    type Error = BodyError;

    fn size(&self) -> BodySize {
        match self.size {
            Size::Unsaid => BodySize::None,
            Size::Exact(length) => BodySize::Sized(length),
            Size::Unknown => BodySize::Stream,
        }
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let polled = self.payload.poll_chunk(cx);
        if let Some(guard) = &mut self.guard {
            match polled {
                Poll::Ready(None) => guard.complete = true,
                // An error here would be logged as one of ours. The wire fails instead, which
                // ends the connection too; this task polls it next.
                Poll::Ready(Some(Err(_))) => {
                    guard.exchange.break_off();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                _ => {}
            }
        }
        polled
    }
}
