//! Percent-encoding of path labels and query strings as AWS clients write them.
//!
//! The unreserved set of RFC 3986 is the only one that stays as it is, in paths, queries and
//! signatures alike, so one table serves them all.

use std::borrow::Cow;

/// Whether a byte stays as it is: RFC 3986, section 2.3.
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// Appends a byte, percent-encoded with upper-case digits unless it is unreserved.
pub(crate) fn push_encoded(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if is_unreserved(byte) {
        out.push(byte);
    } else {
        out.extend([
            b'%',
            HEX[usize::from(byte >> 4)],
            HEX[usize::from(byte & 15)],
        ]);
    }
}

/// The value of a hexadecimal digit in any case.
pub(crate) const fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The bytes that a text stands for; a `%` without two digits stands for itself.
pub(crate) struct Decoded<'a> {
    rest: &'a [u8],
    plus_is_space: bool,
}

impl<'a> Decoded<'a> {
    pub(crate) fn path(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            plus_is_space: false,
        }
    }

    pub(crate) fn query(text: &'a [u8]) -> Self {
        Self {
            rest: text,
            plus_is_space: true,
        }
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        if first == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            self.rest = after;
            return Some(high << 4 | low);
        }
        Some(if first == b'+' && self.plus_is_space {
            b' '
        } else {
            first
        })
    }
}

/// The text of a path label; `None` when it is not UTF-8.
#[must_use]
pub fn decode_label(segment: &str) -> Option<Cow<'_, str>> {
    if segment.contains('%') {
        String::from_utf8(Decoded::path(segment.as_bytes()).collect())
            .ok()
            .map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(segment))
    }
}

/// A text as one path segment or query component: all but unreserved bytes are encoded.
#[must_use]
pub fn encode_label(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    text.bytes().for_each(|byte| push_encoded(&mut out, byte));
    String::from_utf8(out).unwrap_or_default()
}

/// The decoded pairs of a query string in wire order, see [`query_pairs`].
#[derive(Debug, Clone)]
pub struct QueryPairs<'a> {
    parts: core::str::Split<'a, char>,
}

/// Reads `a=1&b=x%20y&flag`: a key without `=` has an empty value, `+` is a space, empty parts are
/// skipped, bytes that are not UTF-8 become U+FFFD.
#[must_use]
pub fn query_pairs(query: &str) -> QueryPairs<'_> {
    QueryPairs {
        parts: query.split('&'),
    }
}

impl<'a> Iterator for QueryPairs<'a> {
    type Item = (Cow<'a, str>, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.parts.find(|part| !part.is_empty())?;
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        Some((decode_query(key), decode_query(value)))
    }
}

fn decode_query(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        let bytes: Vec<u8> = Decoded::query(text.as_bytes()).collect();
        Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_round_trip() {
        for text in ["", "a", "GET /pets/{id}", "äß🚀", "%", "a+b", "(none)"] {
            assert_eq!(decode_label(&encode_label(text)).as_deref(), Some(text));
        }
        assert_eq!(encode_label("a/b c~"), "a%2Fb%20c~");
        assert_eq!(decode_label("a+b").as_deref(), Some("a+b"));
        assert_eq!(decode_label("%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(decode_label("%ff"), None);
    }

    #[test]
    fn pairs_keep_order_and_repeats() {
        let pairs: Vec<_> = query_pairs("embed=a&&flag&=v&embed=b+c%2B&x=1=2&bad=%ff").collect();
        let expected = [
            ("embed", "a"),
            ("flag", ""),
            ("", "v"),
            ("embed", "b c+"),
            ("x", "1=2"),
            ("bad", "\u{fffd}"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(k, v)| (Cow::Borrowed(k), Cow::Borrowed(v)))
        );
    }
}
