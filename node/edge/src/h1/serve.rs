//! The loop of a connection: a head, the service, a response, until one of the ends has enough.
//!
//! Everything runs in the one task of the connection. While the service or its body is waited for,
//! the connection is watched ([`Wire::watch`]), so that a reset drops what the service is doing.

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::pin;
use core::task::Poll;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use tollgate_message::{Method, Response, Upgrade, Version};

use super::body::{BodyFault, open};
use super::encode::{After, ResponseHead};
use super::head::{Framing, Head};
use super::wire::{Last, Wire};
use crate::call::{InFlight, call};
use crate::reject::rejection;
use crate::response::{Outgoing, Payload, ends_with_connection, outgoing};
use crate::server::Shared;
use crate::transport::Io;
use crate::{BadRequest, ConnInfo, Service};

/// Ends the connection when the loop does, also when the loop is dropped: a body that the service
/// kept must not keep the socket.
struct Open<T: Io>(Rc<RefCell<Wire<T>>>);

impl<T: Io> Drop for Open<T> {
    fn drop(&mut self) {
        self.0.borrow_mut().end();
    }
}

/// A connection that another protocol takes over.
pub(crate) struct HandOver<T> {
    pub(crate) io: T,
    /// What was read behind the request.
    pub(crate) ahead: Bytes,
    pub(crate) upgrade: Upgrade,
}

/// What follows on a response.
enum Next {
    Request,
    End,
    Upgrade(Upgrade),
}

/// Serves a connection to its end, or until another protocol takes it over. Then nothing of this
/// one is left.
pub(crate) async fn serve<T: Io, S: Service>(
    wire: Rc<RefCell<Wire<T>>>,
    service: &S,
    conn: &Rc<ConnInfo>,
    shared: &Arc<Shared>,
) -> io::Result<Option<HandOver<T>>> {
    let open = Open(wire);
    let wire = &open.0;
    loop {
        match poll_fn(|cx| wire.borrow_mut().poll_next(cx)).await {
            Ok(head) => match answer(wire, service, conn, shared, head).await? {
                Next::Request => {}
                Next::End => break,
                Next::Upgrade(upgrade) => {
                    poll_fn(|cx| wire.borrow_mut().poll_flush(cx)).await?;
                    let handed = wire.borrow_mut().hand_over();
                    return Ok(handed.map(|(io, ahead)| HandOver { io, ahead, upgrade }));
                }
            },
            Err(Last::Rejected(reason)) => {
                let refused = outgoing(rejection(reason), &Method::Get, false);
                respond(wire, refused, Version::Http11, After::Close).await?;
                break;
            }
            Err(Last::End) => break,
            Err(Last::Lost(error)) => return Err(error),
        }
    }
    poll_fn(|cx| wire.borrow_mut().poll_shutdown(cx)).await?;
    Ok(None)
}

/// Answers a request; says how the connection goes on.
async fn answer<T: Io, S: Service>(
    wire: &Rc<RefCell<Wire<T>>>,
    service: &S,
    conn: &Rc<ConnInfo>,
    shared: &Arc<Shared>,
    head: Head,
) -> io::Result<Next> {
    let _in_flight = InFlight::new(&**shared);
    let Head {
        mut request,
        framing,
        keep_alive,
        ..
    } = head;
    let version = request.version;
    if version == Version::Http10 && !request.headers.contains("host") {
        // HTTP/1.0 knows no Host; the address that was connected to is what it would say.
        request.headers.append("host", conn.local.to_string());
    }
    request.body = open(wire, framing);
    let asked = match request.method {
        Method::Head => Method::Head,
        _ => Method::Get,
    };
    let response = {
        let mut calling = pin!(call(service, request, conn, shared));
        poll_fn(|cx| match calling.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(Ok(response)),
            Poll::Pending => match wire.borrow_mut().watch(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        })
        .await?
    };
    let mut out = settle(wire, response, &asked, framing).await;
    let after = after(&wire.borrow(), &out, version, keep_alive, framing);
    let upgrade = out.body.take_upgrade();
    respond(wire, out, version, after).await?;
    if let Some(upgrade) = upgrade {
        return Ok(Next::Upgrade(upgrade));
    }
    discard(wire).await;
    let mut wire = wire.borrow_mut();
    let goes_on = after == After::KeepAlive && !wire.in_body();
    if !goes_on {
        wire.cut_body();
        return Ok(Next::End);
    }
    Ok(Next::Request)
}

/// Decides the framing of the response, after a look at what the client sent of its body.
async fn settle<T: Io>(
    wire: &Rc<RefCell<Wire<T>>>,
    response: Response,
    asked: &Method,
    framing: Framing,
) -> Outgoing {
    let out = outgoing(response, asked, framing == Framing::Tunnel);
    discard(wire).await;
    if wire.borrow().fault == Some(BodyFault::Framing) {
        return outgoing(rejection(BadRequest::BodyFraming), asked, false);
    }
    out
}

/// Takes what is here of a body that the service let go of.
async fn discard<T: Io>(wire: &Rc<RefCell<Wire<T>>>) {
    let unwanted = {
        let wire = wire.borrow();
        wire.abandoned && wire.in_body()
    };
    if unwanted {
        poll_fn(|cx| {
            wire.borrow_mut().discard(cx);
            Poll::Ready(())
        })
        .await;
    }
}

fn after<T: Io>(
    wire: &Wire<T>,
    out: &Outgoing,
    version: Version,
    keep_alive: bool,
    framing: Framing,
) -> After {
    if out.tunnel {
        return After::Upgrade;
    }
    let close = out.close
        || !keep_alive
        // What the client sends next is another protocol, or it is not.
        || framing == Framing::Tunnel
        || wire.draining()
        || wire.fault.is_some()
        || (wire.abandoned && wire.in_body())
        || ends_with_connection(out.size, version);
    if close {
        After::Close
    } else {
        After::KeepAlive
    }
}

/// Writes a response. Short ones are only gathered; the loop writes them when it has nothing else
/// to do. An error is the end of the connection, and not a clean one.
async fn respond<T: Io>(
    wire: &Rc<RefCell<Wire<T>>>,
    out: Outgoing,
    version: Version,
    after: After,
) -> io::Result<()> {
    let head = ResponseHead {
        version,
        status: out.status,
        headers: &out.headers,
        size: out.size,
        after,
    };
    let chunked = head.is_chunked();
    wire.borrow_mut().push_head(&head);
    match out.body {
        Payload::Empty | Payload::Upgrade(_) => {}
        Payload::Full(bytes) => {
            wire.borrow_mut().push_piece(bytes, chunked);
            make_room(wire).await?;
        }
        Payload::Stream { .. } => stream(wire, out.body, chunked).await?,
    }
    wire.borrow_mut().end_response();
    Ok(())
}

/// Writes a body as it comes.
async fn stream<T: Io>(
    wire: &Rc<RefCell<Wire<T>>>,
    mut body: Payload,
    chunked: bool,
) -> io::Result<()> {
    loop {
        let chunk = poll_fn(|cx| match body.poll_chunk(cx) {
            Poll::Ready(chunk) => Poll::Ready(Ok(chunk)),
            Poll::Pending => match wire.borrow_mut().watch(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        })
        .await?;
        match chunk {
            Some(Ok(bytes)) => wire.borrow_mut().push_piece(bytes, chunked),
            Some(Err(error)) => {
                tracing::debug!(%error, "a response broke off");
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            None if chunked => {
                wire.borrow_mut().push_last_chunk();
                return Ok(());
            }
            None => return Ok(()),
        }
        make_room(wire).await?;
    }
}

/// Writes what was gathered when it is much.
async fn make_room<T: Io>(wire: &Rc<RefCell<Wire<T>>>) -> io::Result<()> {
    if wire.borrow().is_full() {
        poll_fn(|cx| wire.borrow_mut().poll_flush(cx)).await?;
    }
    Ok(())
}
