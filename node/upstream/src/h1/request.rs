//! The head of an HTTP/1.1 request as bytes (RFC 9112, section 3).
//!
//! Everything is checked byte by byte while it is written: a CR, LF or NUL that got this far would
//! let a client write requests of its own to the server.

use std::io::Write as _;

use tollgate_message::{Method, Request};

use crate::error::{UpstreamError, UpstreamErrorKind};
use crate::hop::{HopFilter, has_token};
use crate::limits::TARGET_BYTES_MAX;

/// How the body of a request is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// The exact length in bytes.
    Length(u64),
    /// Chunks until the last one.
    Chunked,
}

/// Room for the fields that are written beside the request's own.
const OWN_BYTES: usize = 96;

/// Appends the head of a request to `out`; `keeps_upgrade` passes its `Upgrade` on.
///
/// # Errors
/// Kind `invalid_request` when something cannot be written in HTTP; `out` is of no use then.
pub(crate) fn write_head(
    out: &mut Vec<u8>,
    request: &Request,
    framing: BodyFraming,
    keeps_upgrade: bool,
) -> Result<(), UpstreamError> {
    write_line(out, request)?;
    let list = &request.headers;
    // Two bytes before and behind each value, and the fields of our own.
    out.reserve(list.byte_len() + 4 * list.len() + OWN_BYTES);
    let filter = HopFilter::new(list.get_all("connection"));
    for (name, value) in list {
        let keep =
            filter.passes(name) && name != "content-length" || keeps_upgrade && name == "upgrade";
        if !keep {
            continue;
        }
        if name.is_empty() || !all(name, NAME) {
            return Err(invalid("a header name"));
        }
        if !is_value(value) {
            return Err(invalid(format!("the value of {name}")));
        }
        field(out, name, value);
    }
    if has_token(list, "te", "trailers") {
        field(out, "te", b"trailers");
    }
    if keeps_upgrade {
        field(out, "connection", b"upgrade");
    }
    match framing {
        // RFC 9110, section 8.6: a method that anticipates content says that there is none.
        BodyFraming::Length(0) => {
            if matches!(request.method, Method::Post | Method::Put | Method::Patch) {
                field(out, "content-length", b"0");
            }
        }
        BodyFraming::Length(length) => {
            write!(out, "content-length: {length}\r\n").expect("a vector takes any bytes");
        }
        BodyFraming::Chunked => field(out, "transfer-encoding", b"chunked"),
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn write_line(out: &mut Vec<u8>, request: &Request) -> Result<(), UpstreamError> {
    let method = request.method.as_str();
    if let Method::Other(token) = &request.method {
        // A tunnel to anywhere is not what a gateway sells, and it changes the framing.
        let is_token = !token.is_empty() && all(token, NAME);
        if !is_token || method == "CONNECT" {
            return Err(invalid("method"));
        }
    }
    let path = &request.path;
    let begins = path.starts_with('/') || path == "*" && request.query.is_none();
    if !begins || !all(path, PATH) {
        return Err(invalid("path"));
    }
    let query = request.query.as_deref();
    if path.len() + query.map_or(0, str::len) > TARGET_BYTES_MAX {
        return Err(invalid("path: too long"));
    }
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    out.extend_from_slice(path.as_bytes());
    if let Some(query) = query {
        if !all(query, QUERY) {
            return Err(invalid("query"));
        }
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    Ok(())
}

fn field(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn invalid(what: impl Into<String>) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::InvalidRequest, what)
}

/// Visible bytes, blanks and what is above ASCII (RFC 9110, section 5.5). Values are most of a
/// head; without an early exit this compiles to a few instructions for 16 bytes.
fn is_value(value: &[u8]) -> bool {
    let breaks = |byte: u8| (byte < b' ') & (byte != b'\t') | (byte == 0x7f);
    !value.iter().fold(false, |any, byte| any | breaks(*byte))
}

/// Whether every byte of a text may stand there.
fn all(text: &str, class: u8) -> bool {
    let common = text
        .bytes()
        .fold(class, |common, byte| common & CLASSES[usize::from(byte)]);
    common != 0
}

/// Bits of [`CLASSES`]: where a byte may stand.
const NAME: u8 = 1;
const PATH: u8 = 2;
const QUERY: u8 = 4;

/// Names and methods are tokens (RFC 9110, section 5.6.2). A path or query is what the `http`
/// package and browsers let through: wider than RFC 3986, as servers get such bytes from real clients, but never one that
/// ends a line, a word or the path.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0_u8; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        let at = byte as u8;
        let mut class = 0;
        if at.is_ascii_alphanumeric()
            || matches!(
                at,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            )
        {
            class |= NAME;
        }
        if at > b' ' && at != 0x7f {
            if !matches!(at, b'#' | b'<' | b'>' | b'?' | b'`') {
                class |= PATH;
            }
            if !matches!(at, b'"' | b'#' | b'<' | b'>') {
                class |= QUERY;
            }
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests;
