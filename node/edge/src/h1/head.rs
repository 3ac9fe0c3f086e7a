//! A request head: where it ends, and what it says.

use core::mem::MaybeUninit;

use tollgate_message::{Body, HeaderList, Method, Request, Version};

use crate::EdgeLimits;
use crate::reject::Rejection;
use crate::target::{is_host, parse_target};

/// A method token in bytes; the longest registered one has 17.
const METHOD_BYTES_MAX: usize = 32;
/// What a request line has beside method and target: two spaces, `HTTP/1.1`, CR and LF.
const REQUEST_LINE_REST: usize = 12;

/// How the body of a request is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is no body.
    Empty,
    /// So many bytes, at least one.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Whatever comes until the end of the connection, after an upgrade.
    Tunnel,
}

/// A request head.
#[derive(Debug)]
pub(crate) struct Head {
    /// The request, as yet without its body.
    pub(crate) request: Request,
    pub(crate) framing: Framing,
    /// Whether the client wants the connection to go on after the response.
    pub(crate) keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
}

/// Finds the end of a head in bytes that arrive in pieces, looking at each byte once.
#[derive(Default)]
pub(crate) struct Scanner {
    seen: usize,
    line: usize,
    lines: usize,
    first_line: usize,
}

impl Scanner {
    /// The length of the head in `bytes` with its empty line, or `None` when there is more to
    /// come. The scanner is ready for the next head after `Some`.
    pub(crate) fn scan(
        &mut self,
        bytes: &[u8],
        limits: &EdgeLimits,
    ) -> Result<Option<usize>, Rejection> {
        if bytes.first().is_some_and(|&byte| !is_token_byte(byte)) {
            return Err(Rejection::Head);
        }
        while let Some(found) = memchr::memchr(b'\n', &bytes[self.seen..]) {
            let end = self.seen + found;
            if end == 0 || bytes[end - 1] != b'\r' {
                return Err(Rejection::Head);
            }
            let blank = end - 1 == self.line;
            self.seen = end + 1;
            self.line = self.seen;
            if blank {
                return self.finish(limits).map(Some);
            }
            if self.lines == 0 {
                self.first_line = self.seen;
            }
            self.lines += 1;
            if self.lines
                > limits
                    .header_fields_max
                    .min(EdgeLimits::HEADER_FIELDS_CEILING)
                    + 1
            {
                return Err(Rejection::HeadTooLarge);
            }
        }
        self.seen = bytes.len();
        self.check_size(bytes.len(), limits)?;
        Ok(None)
    }

    fn finish(&mut self, limits: &EdgeLimits) -> Result<usize, Rejection> {
        let length = self.seen;
        let checked = self.check_size(length, limits);
        *self = Self::default();
        checked.map(|()| length)
    }

    fn check_size(&self, length: usize, limits: &EdgeLimits) -> Result<(), Rejection> {
        let first_line = if self.lines == 0 {
            length
        } else {
            self.first_line
        };
        if first_line > limits.url_bytes_max + METHOD_BYTES_MAX + REQUEST_LINE_REST {
            return Err(Rejection::UrlTooLong);
        }
        if length > limits.header_bytes_max {
            return Err(Rejection::HeadTooLarge);
        }
        Ok(())
    }
}

/// Parses a complete head.
pub(crate) fn parse(bytes: &[u8], limits: &EdgeLimits) -> Result<Head, Rejection> {
    let mut fields = [const { MaybeUninit::uninit() }; EdgeLimits::HEADER_FIELDS_CEILING];
    let mut parsed = httparse::Request::new(&mut []);
    match parsed.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Rejection::HeadTooLarge),
        _ => return Err(Rejection::Head),
    }
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Rejection::Head);
    };
    if method.len() > METHOD_BYTES_MAX || method == "CONNECT" {
        return Err(Rejection::Head);
    }
    if target.len() > limits.url_bytes_max {
        return Err(Rejection::UrlTooLong);
    }
    let target = parse_target(target)?;
    let version = if minor == 1 {
        Version::Http11
    } else {
        Version::Http10
    };
    let mut facts = Facts::default();
    let mut headers = HeaderList::with_capacity(parsed.headers.len(), bytes.len());
    for field in parsed.headers.iter() {
        let value = field.value.trim_ascii();
        facts.note(field.name, value)?;
        headers.append(field.name, value);
    }
    facts.check_host(&headers, version, target.authority)?;
    Ok(Head {
        framing: facts.framing(method, version)?,
        keep_alive: facts.keep_alive(version),
        expects_continue: facts.expects_continue && version == Version::Http11,
        request: Request {
            method: Method::from_token(method),
            path: target.path.to_owned(),
            query: target.query.map(str::to_owned),
            version,
            headers,
            body: Body::Empty,
        },
    })
}

/// What the fields say about framing and the connection.
#[derive(Default)]
struct Facts {
    hosts: usize,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    upgrade_websocket: bool,
    upgrade_h2c: bool,
    expects_continue: bool,
}

impl Facts {
    fn note(&mut self, name: &str, value: &[u8]) -> Result<(), Rejection> {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // The length is asked first: most fields are none of these.
        match name.len() {
            4 if is("host") => {
                self.hosts += 1;
                if self.hosts > 1 || !is_host(value) {
                    return Err(Rejection::Host);
                }
            }
            14 if is("content-length") => {
                if self.length.is_some() {
                    return Err(Rejection::Framing);
                }
                self.length = Some(parse_length(value).ok_or(Rejection::Framing)?);
            }
            17 if is("transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Rejection::Framing);
                }
                self.chunked = true;
            }
            10 if is("connection") => {
                self.close |= has_token(value, b"close");
                self.keep_alive |= has_token(value, b"keep-alive");
                self.connection_upgrade |= has_token(value, b"upgrade");
            }
            7 if is("upgrade") => {
                self.upgrade_websocket |= has_token(value, b"websocket");
                self.upgrade_h2c |= has_token(value, b"h2c");
            }
            6 if is("expect") => self.expects_continue |= has_token(value, b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    fn check_host(
        &self,
        headers: &HeaderList,
        version: Version,
        authority: Option<&str>,
    ) -> Result<(), Rejection> {
        match (headers.get("host"), authority) {
            (None, _) if version == Version::Http11 => Err(Rejection::Host),
            (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority.as_bytes()) => {
                Err(Rejection::Host)
            }
            _ => Ok(()),
        }
    }

    fn framing(&self, method: &str, version: Version) -> Result<Framing, Rejection> {
        if self.chunked && (self.length.is_some() || version == Version::Http10) {
            return Err(Rejection::Framing);
        }
        // HTTP/2 dropped `h2c` (RFC 9113, section 3.1): nobody behind the edge passes it on.
        let upgrades = self.connection_upgrade
            && self.upgrade_websocket
            && !self.upgrade_h2c
            && method == "GET";
        Ok(match self.length {
            _ if self.chunked => Framing::Chunked,
            Some(length) if length > 0 => Framing::Length(length),
            // Only what can become a tunnel is one; an upgrade that is not wanted, such as curl's
            // `Upgrade: h2c`, is ignored (RFC 9110, section 7.8).
            _ if upgrades && version == Version::Http11 => Framing::Tunnel,
            _ => Framing::Empty,
        })
    }

    fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }
}

/// Digits only: no sign, no list, no more than fit (RFC 9110, section 8.6).
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

fn has_token(value: &[u8], token: &[u8]) -> bool {
    value
        .split(|&byte| byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

/// Whether this byte may be in a token, such as a method or a field name (RFC 9110, section 5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN_BYTES[usize::from(byte)]
}

const TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let signs = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < signs.len() {
        table[signs[at] as usize] = true;
        at += 1;
    }
    table
};
