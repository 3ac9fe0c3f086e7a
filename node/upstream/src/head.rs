//! Message heads between our types and those of the HTTP library, which speaks HTTP/2 for us.
//!
//! All values of a head share one allocation: they are written one after another into a block and
//! handed over as slices of it.

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tollgate_message::{HeaderList, Method, Request};

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::hop::{HopFilter, has_token};
use crate::send_body::SendBody;
use crate::spec::Scheme;

/// Whether a request asks for an upgrade that [`crate::Client::send`] passes on (RFC 9110, section
/// 7.8): HTTP/1.1, with `Upgrade` named by `Connection`, and without a body, as a body would have
/// to be sent first.
///
/// `h2c` is none: HTTP/2 dropped it (RFC 9113, section 3.1), and behind a gateway it would open a
/// way around every check. Such a request is an ordinary one, body included.
#[must_use]
pub fn asks_upgrade(request: &Request) -> bool {
    let headers = &request.headers;
    request.version == tollgate_message::Version::Http11
        && headers.contains("upgrade")
        && has_token(headers, "connection", "upgrade")
        && !has_token(headers, "upgrade", "h2c")
        && !headers.contains("transfer-encoding")
        && headers
            .get_all("content-length")
            .all(|length| length == b"0")
}

/// Makes the library's request of ours and its body.
///
/// # Errors
/// Kind `invalid_request` when something cannot be written in HTTP.
pub(crate) fn outgoing(
    request: &Request,
    body: SendBody,
    scheme: Scheme,
) -> Result<http::Request<SendBody>, UpstreamError> {
    let query_len = request.query.as_ref().map_or(0, |query| query.len() + 1);
    let block_len = request.path.len() + query_len + request.headers.byte_len();
    let mut block = BytesMut::with_capacity(block_len);
    let target = target(request, &mut block)?;
    let mut headers = headers(&request.headers, &mut block)?;
    frame(&mut headers, &request.method, &body);
    let host = headers.remove(HOST);
    let host = Bytes::copy_from_slice(host.as_ref().map_or(b"", HeaderValue::as_bytes));
    let authority = Authority::from_maybe_shared(host).map_err(|_| invalid("host".to_owned()))?;
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(match scheme {
        Scheme::Http => http::uri::Scheme::HTTP,
        Scheme::Https => http::uri::Scheme::HTTPS,
    });
    parts.authority = Some(authority);
    parts.path_and_query = Some(target);
    let uri = Uri::from_parts(parts).map_err(|e| invalid(e.to_string()))?;
    let method = method(&request.method)?;
    let mut out = http::Request::new(body);
    *out.method_mut() = method;
    *out.uri_mut() = uri;
    *out.headers_mut() = headers;
    Ok(out)
}

fn invalid(what: String) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::InvalidRequest, what)
}

fn method(method: &Method) -> Result<http::Method, UpstreamError> {
    Ok(match method {
        Method::Get => http::Method::GET,
        Method::Head => http::Method::HEAD,
        Method::Post => http::Method::POST,
        Method::Put => http::Method::PUT,
        Method::Delete => http::Method::DELETE,
        Method::Patch => http::Method::PATCH,
        Method::Options => http::Method::OPTIONS,
        // A tunnel to anywhere is not what a gateway sells, and it changes the framing.
        Method::Other(token) if &**token == "CONNECT" => return Err(invalid("method".to_owned())),
        Method::Other(token) => {
            http::Method::from_bytes(token.as_bytes()).map_err(|_| invalid("method".to_owned()))?
        }
    })
}

fn target(request: &Request, block: &mut BytesMut) -> Result<PathAndQuery, UpstreamError> {
    block.extend_from_slice(request.path.as_bytes());
    if let Some(query) = &request.query {
        block.extend_from_slice(b"?");
        block.extend_from_slice(query.as_bytes());
    }
    let target = block.split().freeze();
    // The parser would cut a fragment off silently, and would take a `?` in the path as the query.
    if target.contains(&b'#') || request.path.contains('?') {
        return Err(invalid("path".to_owned()));
    }
    PathAndQuery::from_maybe_shared(target).map_err(|e| invalid(format!("path: {e}")))
}

fn headers(list: &HeaderList, block: &mut BytesMut) -> Result<HeaderMap, UpstreamError> {
    let filter = HopFilter::new(list.get_all("connection"));
    // Room for `Content-Length` and `TE`.
    let mut headers = HeaderMap::with_capacity(list.len() + 2);
    for (name, value) in list {
        if !filter.passes(name) || name == "content-length" {
            continue;
        }
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed = parsed.map_err(|_| invalid("a header name".to_owned()))?;
        block.extend_from_slice(value);
        let value = HeaderValue::from_maybe_shared(block.split().freeze());
        let value = value.map_err(|_| invalid(format!("the value of {name}")))?;
        headers
            .try_append(parsed, value)
            .map_err(|_| invalid("too many headers".to_owned()))?;
    }
    if has_token(list, "te", "trailers") {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    Ok(headers)
}

/// Says the length explicitly where the library would guess from the method.
fn frame(headers: &mut HeaderMap, method: &Method, body: &SendBody) {
    match body.length() {
        Some(0) => {
            // RFC 9110, section 8.6: a method that anticipates content says that there is none.
            if matches!(method, Method::Post | Method::Put | Method::Patch) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {}
    }
}

/// The fields of a response that go on to the client.
pub(crate) fn incoming(headers: &HeaderMap) -> HeaderList {
    let connection = headers
        .get_all(CONNECTION)
        .into_iter()
        .map(HeaderValue::as_bytes);
    let filter = HopFilter::new(connection);
    let byte_len = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let mut list = HeaderList::with_capacity(headers.len() + 1, byte_len);
    for (name, value) in headers {
        if filter.passes(name.as_str()) {
            list.append(name.as_str(), value.as_bytes());
        }
    }
    list
}

#[cfg(test)]
mod tests;
