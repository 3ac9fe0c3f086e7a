//! The opening handshake (RFC 6455, section 4.2) as a function of a request.

mod offers;
#[cfg(test)]
mod tests;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollgate_message::{HeaderList, Method, Request, Response, Version};

use crate::limits::PROTOCOLS_MAX;

/// What is appended to a key before it is hashed (section 1.3).
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The one version.
const VERSION: &str = "13";
/// Bytes of a decoded key.
const KEY_BYTES: usize = 16;

/// Why a request does not open a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not ask for an upgrade to `websocket`, as a `GET` of HTTP/1.1 without a body would.
    #[error("not an upgrade to websocket")]
    NotUpgrade,
    /// It asks for another version than 13.
    #[error("unknown websocket version")]
    Version,
    /// Its key is none: not 16 bytes in base64, missing or there twice.
    #[error("bad Sec-WebSocket-Key")]
    Key,
    /// Its list of subprotocols is none.
    #[error("bad Sec-WebSocket-Protocol")]
    Protocols,
}

impl Refusal {
    /// The answer: 426 with what is spoken here, or 400.
    #[must_use]
    pub fn response(self) -> Response {
        match self {
            Self::NotUpgrade | Self::Version => Response::new(426)
                .with_header("upgrade", "websocket")
                .with_header("sec-websocket-version", VERSION),
            Self::Key | Self::Protocols => Response::new(400),
        }
    }
}

/// A request that may open a connection.
#[derive(Debug, Clone)]
pub struct Offer {
    accept: String,
    protocols: Vec<String>,
    /// The parameters of our answer to the first offer of compression that we can meet.
    deflate: Option<String>,
}

/// What was agreed on.
#[derive(Debug)]
pub struct Agreed {
    /// The header fields of the response with status 101.
    pub headers: HeaderList,
    /// Whether messages may be compressed.
    pub deflate: bool,
}

/// Reads a handshake.
///
/// # Errors
/// What is wrong with it.
pub fn accept(request: &Request) -> Result<Offer, Refusal> {
    let headers = &request.headers;
    let upgrades = request.method == Method::Get
        && request.version == Version::Http11
        && has_token(headers, "connection", "upgrade")
        && has_token(headers, "upgrade", "websocket")
        // As the listener reads it (RFC 9113, section 3.1), which makes no tunnel of these.
        && !has_token(headers, "upgrade", "h2c")
        && !headers.contains("transfer-encoding")
        && headers.get("content-length").is_none_or(|length| length == b"0");
    if !upgrades {
        return Err(Refusal::NotUpgrade);
    }
    if one(headers, "sec-websocket-version") != Some(VERSION.as_bytes()) {
        return Err(Refusal::Version);
    }
    let key = one(headers, "sec-websocket-key").ok_or(Refusal::Key)?;
    let decoded = STANDARD.decode(key).map_err(|_| Refusal::Key)?;
    if decoded.len() != KEY_BYTES {
        return Err(Refusal::Key);
    }
    Ok(Offer {
        accept: accept_key(key),
        protocols: protocols(headers)?,
        deflate: offers::deflate(headers),
    })
}

impl Offer {
    /// The subprotocols that the client speaks, its favourite first.
    #[must_use]
    pub fn protocols(&self) -> &[String] {
        &self.protocols
    }

    /// Agrees. `protocol` is sent only if the client speaks it: anything else would make it fail
    /// the connection (section 4.1). `deflate` allows compression.
    #[must_use]
    pub fn agree(self, protocol: Option<&str>, deflate: bool) -> Agreed {
        let mut headers = HeaderList::new();
        headers.append("upgrade", "websocket");
        headers.append("sec-websocket-accept", &self.accept);
        if let Some(protocol) = protocol.filter(|&it| self.protocols.iter().any(|p| p == it)) {
            headers.append("sec-websocket-protocol", protocol);
        }
        let answer = self.deflate.filter(|_| deflate);
        if let Some(answer) = &answer {
            headers.append("sec-websocket-extensions", answer);
        }
        Agreed {
            headers,
            deflate: answer.is_some(),
        }
    }
}

/// What proves that the server read the key.
fn accept_key(key: &[u8]) -> String {
    // The handshake is no secret: the hash only has to be the one of the RFC.
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[key, KEY_SUFFIX].concat());
    STANDARD.encode(hash)
}

/// The value of a field that must be there once.
fn one<'h>(headers: &'h HeaderList, name: &'h str) -> Option<&'h [u8]> {
    let mut values = headers.get_all(name);
    let value = values.next()?;
    values.next().is_none().then(|| value.trim_ascii())
}

fn has_token(headers: &HeaderList, name: &str, token: &str) -> bool {
    headers.get_all(name).any(|value| {
        value
            .split(|&byte| byte == b',')
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

fn protocols(headers: &HeaderList) -> Result<Vec<String>, Refusal> {
    let mut protocols: Vec<String> = Vec::new();
    for value in headers.get_all("sec-websocket-protocol") {
        for item in value.split(|&byte| byte == b',') {
            let item = item.trim_ascii();
            let token = core::str::from_utf8(item).ok();
            let token = token.filter(|token| offers::is_token(token));
            let token = token.ok_or(Refusal::Protocols)?;
            if protocols.len() == PROTOCOLS_MAX || protocols.iter().any(|it| it == token) {
                return Err(Refusal::Protocols);
            }
            protocols.push(token.to_owned());
        }
    }
    Ok(protocols)
}
