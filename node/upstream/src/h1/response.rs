//! The head of an HTTP/1 response (RFC 9112, sections 4 to 6), from bytes straight into our list.
//!
//! Strict where leniency would move the border between this response and the next one: whatever
//! two readers could frame differently is an error, as it is in other proxies.

use core::mem::MaybeUninit;

use httparse::{Header, ParserConfig, Status};
use tollgate_message::HeaderList;

use crate::hop::{HopFilter, tokens};
use crate::limits::RESPONSE_FIELDS_MAX;

use super::framing::Framing;

/// A response head.
pub(super) struct Head {
    pub(super) status: u16,
    /// What goes on to the client. Empty of an interim response other than 101.
    pub(super) headers: HeaderList,
    pub(super) framing: Framing,
    /// Whether the connection outlives the response.
    pub(super) keeps_alive: bool,
}

/// Why bytes are not a response head; in words for logs.
pub(super) type Broken = &'static str;

/// Reads a head at the beginning of `bytes` and says how long it is; `None` when it is not
/// complete. `to_head` says that the request was a HEAD.
pub(super) fn parse(bytes: &[u8], to_head: bool) -> Result<Option<(Head, usize)>, Broken> {
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; RESPONSE_FIELDS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let config = ParserConfig::default();
    let length = match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err("too many header fields"),
        Err(httparse::Error::HeaderName) => return Err("a header name"),
        Err(httparse::Error::HeaderValue) => return Err("a header value"),
        Err(httparse::Error::NewLine | httparse::Error::Token) => return Err("a line"),
        Err(httparse::Error::Status) => return Err("the status"),
        Err(httparse::Error::Version) => return Err("the version"),
    };
    let status = parsed
        .code
        .filter(|code| *code >= 100)
        .ok_or("the status")?;
    let is_http11 = parsed.version == Some(1);
    let about = About::read(parsed.headers, is_http11)?;
    let framing = match (status, about.framing) {
        // RFC 9112, section 6.3, rule 1.
        (100..=199 | 204 | 304, _) => Framing::Length(0),
        _ if to_head => Framing::Length(0),
        (_, framing) => framing,
    };
    let headers = match status {
        100 | 102..=199 => HeaderList::new(),
        _ => keep(parsed.headers, status == 101),
    };
    let head = Head {
        status,
        headers,
        framing,
        keeps_alive: about.keeps_alive && framing != Framing::Close,
    };
    Ok(Some((head, length)))
}

/// What the fields of a head say about its message and connection.
struct About {
    framing: Framing,
    /// As far as the version and `Connection` tell.
    keeps_alive: bool,
}

impl About {
    fn read(fields: &[Header<'_>], is_http11: bool) -> Result<Self, Broken> {
        let (mut length, mut is_chunked) = (None, false);
        let (mut closes, mut keeps) = (false, false);
        for field in fields {
            match field.name.len() {
                10 if is(field, "connection") => {
                    for token in tokens(field.value) {
                        closes |= token.eq_ignore_ascii_case(b"close");
                        keeps |= token.eq_ignore_ascii_case(b"keep-alive");
                    }
                }
                14 if is(field, "content-length") => {
                    length = Some(content_length(field.value, length)?);
                }
                17 if is(field, "transfer-encoding") => {
                    // No other coding was asked for, and none could be passed on. HTTP/1.0 has
                    // none at all (RFC 9112, section 6.1).
                    let plain = field.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                    if !plain || is_chunked || !is_http11 {
                        return Err("transfer-encoding");
                    }
                    is_chunked = true;
                }
                _ => {}
            }
        }
        let framing = match (is_chunked, length) {
            (true, None) => Framing::chunked(),
            // RFC 9112, section 6.3: "ought to be handled as an error".
            (true, Some(_)) => return Err("both transfer-encoding and content-length"),
            (false, Some(length)) => Framing::Length(length),
            (false, None) => Framing::Close,
        };
        Ok(Self {
            framing,
            keeps_alive: !closes && (is_http11 || keeps),
        })
    }
}

/// Lengths may be repeated, in one field or several, as long as they agree (RFC 9110, section
/// 8.6).
fn content_length(value: &[u8], before: Option<u64>) -> Result<u64, Broken> {
    const BROKEN: Broken = "content-length";
    let mut agreed = before;
    for part in value.split(|byte| *byte == b',') {
        let digits = part.trim_ascii();
        // `parse` alone would take a sign.
        if !digits.iter().all(u8::is_ascii_digit) {
            return Err(BROKEN);
        }
        let text = core::str::from_utf8(digits).map_err(|_| BROKEN)?;
        let length: u64 = text.parse().map_err(|_| BROKEN)?;
        if agreed.is_some_and(|agreed| agreed != length) {
            return Err("conflicting content-length");
        }
        agreed = Some(length);
    }
    agreed.ok_or(BROKEN)
}

/// The fields that go on to the client, in the order of the wire.
fn keep(fields: &[Header<'_>], is_upgrade: bool) -> HeaderList {
    let connection = fields.iter().filter(|field| is(field, "connection"));
    let filter = HopFilter::new(connection.map(|field| field.value));
    let byte_len = fields
        .iter()
        .map(|field| field.name.len() + field.value.len())
        .sum();
    let mut list = HeaderList::with_capacity(fields.len() + 1, byte_len);
    for field in fields {
        if filter.passes(field.name) || is_upgrade && is(field, "upgrade") {
            list.append(field.name, field.value);
        }
    }
    if is_upgrade {
        list.append("connection", "upgrade");
    }
    list
}

fn is(field: &Header<'_>, name: &str) -> bool {
    field.name.eq_ignore_ascii_case(name)
}
