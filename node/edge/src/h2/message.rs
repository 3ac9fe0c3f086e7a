//! HTTP/2 messages in hyper's types and in ours.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;
use tollgate_message::{Body, BodyError, HeaderList, Method, Request, Version};

use super::Stream;
use crate::BadRequest;
use crate::deadline::Deadline;
use crate::reject::Rejection;
use crate::response::{Outgoing, Payload, Size, ValueBuffer};
use crate::server::Shared;
use crate::target::{is_host, parse_target};

/// How long what is left of a request is read on after its response (see [`read_on`]).
const READ_ON: Duration = Duration::from_secs(1);
/// How many bytes of it: a stream's window, which the client may have sent already.
const READ_ON_BYTES_MAX: usize = 256 * 1024;

/// Makes a request of hyper's, by the rules that hold for HTTP/1.1 too.
pub(crate) fn request(
    request: http::Request<Incoming>,
    shared: &Arc<Shared>,
) -> Result<Request, Rejection> {
    let (parts, body) = request.into_parts();
    let limits = &shared.limits;
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    if parts.method == http::Method::CONNECT {
        return Err(Rejection::Head);
    }
    if target.len() > limits.url_bytes_max {
        return Err(Rejection::UrlTooLong);
    }
    let target = parse_target(target)?;
    let headers = fields(&parts, limits.header_fields_max)?;
    if headers.byte_len() + target.path.len() > limits.header_bytes_max {
        return Err(Rejection::HeadTooLarge);
    }
    let length = headers
        .get_str("content-length")
        .and_then(|text| text.parse::<u64>().ok());
    if let (Some(length), Some(max)) = (length, limits.body_bytes_max)
        && length > max
    {
        return Err(Rejection::BodyTooLarge);
    }
    let body = if body.is_end_stream() {
        Body::Empty
    } else {
        let stream = RequestBody {
            body: Some(body),
            shared: Arc::clone(shared),
            idle: Deadline::default(),
            read: 0,
        };
        Body::Stream {
            stream: Box::pin(stream),
            length,
        }
    };
    Ok(Request {
        method: Method::from_token(parts.method.as_str()),
        path: target.path.to_owned(),
        query: target.query.map(str::to_owned),
        version: Version::Http2,
        headers,
        body,
    })
}

/// The fields with `Host` first, whether it came as `:authority` or as `host`, and the crumbs of
/// `Cookie` put together (RFC 9113, sections 8.3.1 and 8.2.3).
fn fields(parts: &http::request::Parts, fields_max: usize) -> Result<HeaderList, Rejection> {
    let fields = &parts.headers;
    if fields.len() > fields_max {
        return Err(Rejection::HeadTooLarge);
    }
    let authority = parts
        .uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let mut hosts = fields.get_all(HOST).iter().map(HeaderValue::as_bytes);
    let host = match (authority, hosts.next()) {
        (Some(authority), Some(host)) if !authority.eq_ignore_ascii_case(host) => None,
        (authority, host) => authority.or(host),
    };
    let host = host.filter(|host| is_host(host)).ok_or(Rejection::Host)?;
    if hosts.next().is_some() {
        return Err(Rejection::Host);
    }
    let bytes = fields
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum::<usize>();
    let mut list =
        HeaderList::with_capacity(fields.len() + 1, bytes + host.len() + HOST.as_str().len());
    list.append("host", host);
    for (name, value) in fields {
        if *name != HOST && *name != COOKIE {
            list.append(name.as_str(), value);
        }
    }
    let mut crumbs = fields.get_all(COOKIE).iter().map(HeaderValue::as_bytes);
    match (crumbs.next(), crumbs.next()) {
        (None, _) => {}
        (Some(cookie), None) => list.append("cookie", cookie),
        (Some(first), Some(second)) => {
            let all = [first, second]
                .into_iter()
                .chain(crumbs)
                .collect::<Vec<_>>();
            list.append("cookie", all.join(&b"; "[..]));
        }
    }
    Ok(list)
}

/// A request body with its limits.
struct RequestBody {
    /// There until it is dropped.
    body: Option<Incoming>,
    shared: Arc<Shared>,
    idle: Deadline,
    read: u64,
}

impl futures_core::Stream for RequestBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let limits = &this.shared.limits;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        loop {
            let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) else {
                let idle = Duration::from_millis(limits.body_idle_timeout_ms);
                this.idle.start(|| Instant::now() + idle);
                if this.idle.poll_expired(cx) {
                    this.shared.counters.bad_request(BadRequest::BodyTimeout);
                    return Poll::Ready(Some(Err(BodyError::Stalled)));
                }
                return Poll::Pending;
            };
            this.idle.clear();
            return Poll::Ready(match frame {
                None => None,
                Some(Err(_)) => Some(Err(BodyError::Closed)),
                // Trailers end a body; nothing behind the edge has a place for them.
                Some(Ok(frame)) => match frame.into_data() {
                    Err(_) => continue,
                    Ok(bytes) => {
                        this.read += bytes.len() as u64;
                        match limits.body_bytes_max {
                            Some(max) if this.read > max => {
                                this.shared.counters.bad_request(BadRequest::BodyTooLarge);
                                Some(Err(BodyError::TooLarge(max)))
                            }
                            _ => Some(Ok(bytes)),
                        }
                    }
                },
            });
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        // Where no runtime is any more, nobody waits for the rest.
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream())
            && tokio::runtime::Handle::try_current().is_ok()
        {
            tokio::task::spawn_local(read_on(body));
        }
    }
}

/// Reads the rest of a request that was answered before its end, for a while. A stream that is let
/// go before is reset (RFC 9113, section 8.1), and some clients take that for a failure although
/// they have their answer: whoever announces a length often ends the stream in a frame of its own,
/// which is still on its way when a fast back end has answered.
async fn read_on(mut body: Incoming) {
    let rest = async {
        let mut left = READ_ON_BYTES_MAX;
        while let Some(Ok(frame)) =
            core::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(bytes) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    // Past the time the stream is reset after all.
    drop(tokio::time::timeout(READ_ON, rest).await);
}

/// Makes hyper's response of ours.
pub(crate) fn response(out: Outgoing, stream: Stream) -> http::Response<ResponseBody> {
    let size = out.size;
    let mut response = http::Response::new(ResponseBody {
        payload: out.body,
        size,
        stream,
    });
    *response.status_mut() =
        http::StatusCode::from_u16(out.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.reserve(out.headers.len() + 2);
    let mut values = ValueBuffer::new(&out.headers);
    for (name, value) in &out.headers {
        let value = HeaderValue::from_maybe_shared(values.take(value));
        match (HeaderName::from_lowercase(name.as_bytes()), value) {
            (Ok(name), Ok(value)) => {
                headers.append(name, value);
            }
            _ => tracing::debug!(name, "a response field that cannot be written"),
        }
    }
    if let Size::Exact(length) = size {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

/// A response body, as hyper reads it.
pub(crate) struct ResponseBody {
    payload: Payload,
    size: Size,
    stream: Stream,
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.stream.asked();
        let chunk = ready!(self.payload.poll_chunk(cx));
        if matches!(chunk, Some(Ok(_))) {
            self.stream.gave();
        }
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.payload, Payload::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self.size {
            Size::Exact(length) if !self.is_end_stream() => SizeHint::with_exact(length),
            _ => SizeHint::default(),
        }
    }
}
