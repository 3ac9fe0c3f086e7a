//! What of a service's response reaches the wire, decided for both protocols: its framing is ours.

use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll};
use std::panic::catch_unwind;

use bytes::{Bytes, BytesMut};
use tollgate_message::{
    Body, BodyError, BodyStream, HeaderList, Method, Response, Upgrade, Version,
};

use crate::call::panic_text;
use crate::reject::internal_error;

/// Header fields of a response. The map that HTTP/2 is written from panics at 24,576; no client
/// takes as many as this.
const FIELDS_MAX: usize = 8_192;

/// A response with its framing decided.
pub(crate) struct Outgoing {
    pub(crate) status: u16,
    pub(crate) headers: HeaderList,
    pub(crate) size: Size,
    pub(crate) body: Payload,
    /// The service wants the connection to end.
    pub(crate) close: bool,
    /// 101: the body is another protocol.
    pub(crate) tunnel: bool,
}

/// What the head says about the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Nothing, for there can be none.
    Unsaid,
    /// So many bytes.
    Exact(u64),
    /// It ends when it ends.
    Unknown,
}

/// Decides the framing of a response to a `method` request.
pub(crate) fn outgoing(mut response: Response, method: &Method, can_upgrade: bool) -> Outgoing {
    let tunnel = response.status == 101 && can_upgrade;
    if !(200..600).contains(&response.status) && !tunnel {
        tracing::debug!(status = response.status, "a response that cannot be final");
        response = internal_error();
    }
    if response.headers.len() > FIELDS_MAX {
        let fields = response.headers.len();
        tracing::debug!(fields, "a response with more fields than can be written");
        response = internal_error();
    }
    let Response {
        status,
        mut headers,
        body,
    } = response;
    let close = headers
        .get("connection")
        .is_some_and(|v| v.eq_ignore_ascii_case(b"close"));
    let claimed = headers
        .get_str("content-length")
        .and_then(|text| text.parse::<u64>().ok());
    let keep_upgrade = tunnel || status == 426;
    headers.remove_if(|name, _| is_framing(name) || (name == "upgrade" && !keep_upgrade));
    let head = *method == Method::Head;
    let size = match status {
        _ if tunnel => Size::Unknown,
        204 | 304 => Size::Unsaid,
        205 => Size::Exact(0),
        // What a GET would have given; a service that answers HEAD itself says it in the header.
        _ if head && matches!(body, Body::Empty) => claimed.map_or(Size::Unsaid, Size::Exact),
        _ => body.length().map_or(Size::Unknown, Size::Exact),
    };
    let misplaced = matches!(body, Body::Upgrade(_)) && !tunnel;
    let bodiless = head || misplaced || matches!(status, 204 | 205 | 304);
    let body = if bodiless {
        Payload::Empty
    } else {
        Payload::new(body)
    };
    Outgoing {
        status,
        headers,
        size,
        body,
        close,
        tunnel,
    }
}

/// One allocation for all the values of a header block.
pub(crate) struct ValueBuffer(BytesMut);

impl ValueBuffer {
    pub(crate) fn new(headers: &HeaderList) -> Self {
        Self(BytesMut::with_capacity(headers.byte_len()))
    }

    /// The value as a part of the buffer.
    pub(crate) fn take(&mut self, value: &[u8]) -> Bytes {
        self.0.extend_from_slice(value);
        self.0.split().freeze()
    }
}

/// Fields about this connection or this message's framing (RFC 9110, section 7.6.1).
fn is_framing(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "content-length"
            | "transfer-encoding"
            | "keep-alive"
            | "proxy-connection"
            | "trailer"
    )
}

/// A response body on its way out.
pub(crate) enum Payload {
    Empty,
    Full(Bytes),
    Stream {
        stream: BodyStream,
        remaining: Option<u64>,
    },
    /// Another protocol takes the connection over.
    Upgrade(Upgrade),
}

impl Payload {
    fn new(body: Body) -> Self {
        match body {
            Body::Empty => Self::Empty,
            Body::Full(bytes) => Self::Full(bytes),
            Body::Stream { stream, length } => Self::Stream {
                stream,
                remaining: length,
            },
            Body::Upgrade(upgrade) => Self::Upgrade(upgrade),
        }
    }

    /// What takes the connection over, if anything does.
    pub(crate) fn take_upgrade(&mut self) -> Option<Upgrade> {
        match core::mem::replace(self, Self::Empty) {
            Self::Upgrade(upgrade) => Some(upgrade),
            other => {
                *self = other;
                None
            }
        }
    }

    /// The next chunk, never an empty one. More or fewer bytes than announced, and a panic of the
    /// stream, are errors.
    pub(crate) fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        match self {
            Self::Empty | Self::Upgrade(_) => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = core::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready(if bytes.is_empty() {
                    None
                } else {
                    Some(Ok(bytes))
                })
            }
            Self::Stream { stream, remaining } => {
                let polled = poll_stream(stream, remaining, cx);
                // A stream is not asked again after its end, however it ended.
                if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                    *self = Self::Empty;
                }
                polled
            }
        }
    }
}

fn poll_stream(
    stream: &mut BodyStream,
    remaining: &mut Option<u64>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Bytes, BodyError>>> {
    loop {
        let polled = catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll_next(cx)));
        let chunk = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(chunk)) => chunk,
            Err(panic) => {
                tracing::error!(panic = panic_text(&*panic), "response body panicked");
                return Poll::Ready(Some(Err(BodyError::Closed)));
            }
        };
        return Poll::Ready(match (chunk, &mut *remaining) {
            (Some(Ok(bytes)), _) if bytes.is_empty() => continue,
            (Some(Ok(bytes)), Some(rest)) => {
                let length = bytes.len() as u64;
                if length > *rest {
                    return Poll::Ready(Some(Err(too_long())));
                }
                *rest -= length;
                Some(Ok(bytes))
            }
            (None, Some(rest)) if *rest > 0 => Some(Err(BodyError::Closed)),
            (chunk, _) => chunk,
        });
    }
}

fn too_long() -> BodyError {
    BodyError::Framing("more bytes than announced".to_owned())
}

/// Whether a response of unknown length needs the end of the connection as its end.
pub(crate) fn ends_with_connection(size: Size, version: Version) -> bool {
    size == Size::Unknown && version == Version::Http10
}
