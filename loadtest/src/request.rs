//! The one request of a run, turned into bytes once: every send writes the same buffer.

use bytes::{BufMut, Bytes, BytesMut};

use crate::target::Target;

/// Why a request cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not a token of RFC 9110, section 5.6.2.
    #[error("the method {0:?} is not a token")]
    Method(String),
    /// Not `NAME: VALUE`, or with characters that would break the head apart.
    #[error("the header {0:?} is not of the form NAME: VALUE")]
    Header(String),
    /// A header that the generator itself writes.
    #[error("the header {0} is written by the generator")]
    Reserved(String),
}

/// A request ready to be written.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Bytes,
    head: bool,
}

impl Request {
    /// Builds the request for `target`. `headers` are `NAME: VALUE`; a `Host` among them replaces
    /// the target's own. `Content-Length` is written when there is a body or the method means one.
    ///
    /// # Errors
    /// If the method or a header is malformed, or a header is reserved.
    pub fn new(
        target: &Target,
        method: &str,
        headers: &[String],
        body: &[u8],
    ) -> Result<Self, Error> {
        if method.is_empty() || !method.bytes().all(is_token_byte) {
            return Err(Error::Method(method.to_owned()));
        }
        let mut bytes = BytesMut::with_capacity(512 + body.len());
        for part in [method, " ", &target.path, " HTTP/1.1\r\n"] {
            bytes.put_slice(part.as_bytes());
        }
        let mut host = false;
        let mut lines = BytesMut::new();
        for header in headers {
            let (name, value) = split_header(header)?;
            host |= name.eq_ignore_ascii_case("host");
            for part in [name, ": ", value, "\r\n"] {
                lines.put_slice(part.as_bytes());
            }
        }
        if !host {
            bytes.put_slice(format!("Host: {}\r\n", target.authority).as_bytes());
        }
        bytes.put_slice(&lines);
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            bytes.put_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.put_slice(b"\r\n");
        bytes.put_slice(body);
        Ok(Self {
            bytes: bytes.freeze(),
            head: method == "HEAD",
        })
    }

    /// Head and body as they go onto the wire.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether answers carry no body whatever their headers say.
    pub fn is_head(&self) -> bool {
        self.head
    }
}

fn split_header(header: &str) -> Result<(&str, &str), Error> {
    let malformed = || Error::Header(header.to_owned());
    let (name, value) = header.split_once(':').ok_or_else(malformed)?;
    let value = value.trim_matches([' ', '\t']);
    let clean = |byte: u8| byte == b'\t' || (byte >= 0x20 && byte != 0x7f);
    if name.is_empty() || !name.bytes().all(is_token_byte) || !value.bytes().all(clean) {
        return Err(malformed());
    }
    let reserved = [
        "content-length",
        "transfer-encoding",
        "connection",
        "expect",
        "upgrade",
    ];
    if reserved
        .iter()
        .any(|reserved| name.eq_ignore_ascii_case(reserved))
    {
        return Err(Error::Reserved(name.to_owned()));
    }
    Ok((name, value))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(method: &str, headers: &[&str], body: &[u8]) -> Result<String, Error> {
        let target = "http://127.0.0.1:81/a?b".parse().unwrap();
        let headers: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
        Request::new(&target, method, &headers, body)
            .map(|request| String::from_utf8(request.bytes().to_vec()).unwrap())
    }

    #[test]
    fn a_get_has_a_host_and_no_length() {
        assert_eq!(
            build("GET", &["X-Api-Key:  k "], b"").unwrap(),
            "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:81\r\nX-Api-Key: k\r\n\r\n"
        );
    }

    #[test]
    fn a_body_has_its_length_and_a_given_host_wins() {
        assert_eq!(
            build("POST", &["host: shop"], b"abc").unwrap(),
            "POST /a?b HTTP/1.1\r\nhost: shop\r\nContent-Length: 3\r\n\r\nabc"
        );
        assert!(
            build("PUT", &[], b"")
                .unwrap()
                .contains("Content-Length: 0\r\n")
        );
    }

    #[test]
    fn nothing_splits_the_head() {
        assert!(matches!(build("GE T", &[], b""), Err(Error::Method(_))));
        assert!(matches!(build("", &[], b""), Err(Error::Method(_))));
        for header in [
            "X",
            ": v",
            "X Y: v",
            "X: a\r\nY: b",
            "X: a\nb",
            "X: \0",
            "X\r\n: v",
        ] {
            assert!(
                matches!(build("GET", &[header], b""), Err(Error::Header(_))),
                "{header:?}"
            );
        }
        for header in [
            "Content-Length: 1",
            "transfer-encoding: chunked",
            "Connection: close",
        ] {
            assert!(
                matches!(build("GET", &[header], b""), Err(Error::Reserved(_))),
                "{header:?}"
            );
        }
    }
}
