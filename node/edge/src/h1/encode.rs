//! A response head and chunk framing, as bytes. Only what cannot change the meaning of anything
//! else on the connection is written: a service's field with a line break in it is left out.

use bytes::{BufMut, BytesMut};
use tollgate_message::{HeaderList, Version};

use super::head::is_token_byte;
use crate::response::Size;
use crate::scratch::Scratch;

/// What a head needs beside its fields: status line, `Date`, framing, `Connection`, the end.
const HEAD_REST_BYTES: usize = 192;
/// What a field needs beside name and value: colon, space, CR and LF.
const FIELD_REST_BYTES: usize = 4;
/// Digits of 2^64 - 1.
const DIGITS_MAX: usize = 20;

/// What becomes of the connection after a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    KeepAlive,
    Close,
    /// It speaks another protocol.
    Upgrade,
}

/// What the head of a response says.
pub(crate) struct ResponseHead<'a> {
    pub(crate) version: Version,
    pub(crate) status: u16,
    /// The service's fields; none is about framing or the connection.
    pub(crate) headers: &'a HeaderList,
    pub(crate) size: Size,
    pub(crate) after: After,
}

impl ResponseHead<'_> {
    /// Whether the body is written in chunks.
    pub(crate) fn is_chunked(&self) -> bool {
        self.size == Size::Unknown
            && self.version != Version::Http10
            && self.after != After::Upgrade
    }

    /// Writes the head with its empty line.
    pub(crate) fn write(&self, out: &mut BytesMut, scratch: &Scratch) {
        let fields = self.headers.byte_len() + self.headers.len() * FIELD_REST_BYTES;
        out.reserve(fields + HEAD_REST_BYTES);
        self.write_status_line(out);
        let mut dated = false;
        for (name, value) in self.headers {
            if !is_name(name) || !is_value(value) {
                // Writing it would let the service forge other fields or another response.
                tracing::debug!(name, "a response field that cannot be written");
                continue;
            }
            dated |= name == "date";
            out.put_slice(name.as_bytes());
            out.put_slice(b": ");
            out.put_slice(value);
            out.put_slice(b"\r\n");
        }
        if !dated {
            out.put_slice(b"date: ");
            scratch.write_date(out);
            out.put_slice(b"\r\n");
        }
        if self.is_chunked() {
            out.put_slice(b"transfer-encoding: chunked\r\n");
        } else if let Size::Exact(length) = self.size {
            out.put_slice(b"content-length: ");
            write_decimal(out, length);
            out.put_slice(b"\r\n");
        }
        match self.after {
            After::Close => out.put_slice(b"connection: close\r\n"),
            After::Upgrade => out.put_slice(b"connection: upgrade\r\n"),
            After::KeepAlive if self.version == Version::Http10 => {
                out.put_slice(b"connection: keep-alive\r\n");
            }
            After::KeepAlive => {}
        }
        out.put_slice(b"\r\n");
    }

    fn write_status_line(&self, out: &mut BytesMut) {
        if self.status == 200 && self.version != Version::Http10 {
            out.put_slice(b"HTTP/1.1 200 OK\r\n");
            return;
        }
        out.put_slice(if self.version == Version::Http10 {
            b"HTTP/1.0 "
        } else {
            b"HTTP/1.1 "
        });
        write_decimal(out, u64::from(self.status));
        out.put_u8(b' ');
        let reason = http::StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        out.put_slice(reason.unwrap_or_default().as_bytes());
        out.put_slice(b"\r\n");
    }
}

/// Writes the line before a chunk of `length` bytes, at least one.
pub(crate) fn write_chunk_size(out: &mut BytesMut, length: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut shift = length.max(1).ilog2() / 4 * 4;
    loop {
        out.put_u8(DIGITS[length >> shift & 0xf]);
        if shift == 0 {
            break;
        }
        shift -= 4;
    }
    out.put_slice(b"\r\n");
}

fn write_decimal(out: &mut BytesMut, mut number: u64) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    loop {
        at -= 1;
        digits[at] += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_byte)
}

/// RFC 9110, section 5.5: no control bytes but the tab. Without an early end, so that it is done
/// many bytes at a time.
fn is_value(value: &[u8]) -> bool {
    value.iter().fold(true, |good, &byte| {
        good & ((byte >= b' ') & (byte != 0x7f) | (byte == b'\t'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut BytesMut)) -> String {
        let mut out = BytesMut::new();
        write(&mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn numbers() {
        for number in [0, 7, 10, 200, 65_535, 1 << 40, u64::MAX] {
            assert_eq!(
                written(|out| write_decimal(out, number)),
                number.to_string()
            );
        }
        for length in [1, 15, 16, 255, 256, 0xfff, 0x1000, 123_456_789, usize::MAX] {
            assert_eq!(
                written(|out| write_chunk_size(out, length)),
                format!("{length:x}\r\n")
            );
        }
    }

    #[test]
    fn no_field_breaks_out() {
        let mut headers = HeaderList::new();
        for bad in [
            "a\r\nb: c",
            "a\nb",
            "a\rb",
            "a\0",
            "\u{7f}",
            "\u{1b}[0m",
            "\r\n",
        ] {
            headers.append("x-value", bad);
        }
        for bad in ["", "a b", "a:", "a\r\nb", "\u{e9}", "a\0", "(a)"] {
            headers.append(bad, "name");
        }
        headers.append("x-good", "a\tb \u{e9}");
        headers.append("date", "never");
        let head = ResponseHead {
            version: Version::Http11,
            status: 299,
            headers: &headers,
            size: Size::Exact(5),
            after: After::Close,
        };
        assert_eq!(
            written(|out| head.write(out, &Scratch::default())),
            "HTTP/1.1 299 \r\nx-good: a\tb \u{e9}\r\ndate: never\r\ncontent-length: 5\r\n\
             connection: close\r\n\r\n"
        );
    }

    #[test]
    fn framing_follows_the_version() {
        for (version, after, framing) in [
            (
                Version::Http11,
                After::KeepAlive,
                "transfer-encoding: chunked\r\n",
            ),
            (Version::Http11, After::Upgrade, "connection: upgrade\r\n"),
            (Version::Http10, After::Close, "connection: close\r\n"),
        ] {
            let head = ResponseHead {
                version,
                status: 200,
                headers: &HeaderList::new(),
                size: Size::Unknown,
                after,
            };
            let text = written(|out| head.write(out, &Scratch::default()));
            let (first, rest) = text.split_once("\r\ndate: ").unwrap();
            assert_eq!(first, format!("{} 200 OK", version.as_str()));
            assert_eq!(rest[29..], format!("\r\n{framing}\r\n"));
        }
    }
}
