//! Small text work that several stages share: percent-encoding, query pairs, numbers, times.
//!
//! Each writes into a buffer of the caller, so that a request needs one scratch buffer in all.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use time::OffsetDateTime;

/// The pieces of a query, still encoded, in order. Only `&` separates (reference 4.1 is about REST
/// APIs). An empty piece is none.
pub(crate) fn query_pieces(query: &str) -> impl Iterator<Item = &str> + Clone {
    query.split('&').filter(|piece| !piece.is_empty())
}

/// The name and the value of a piece; no `=` is an empty value.
pub(crate) fn split_pair(piece: &str) -> (&str, &str) {
    piece.split_once('=').unwrap_or((piece, ""))
}

/// The pairs of a query, still encoded, in order.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> + Clone {
    query_pieces(query).map(split_pair)
}

/// Decodes a name or value of a query: `+` is a space, invalid UTF-8 becomes U+FFFD.
pub(crate) fn decode_query(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'+' || byte == b'%') {
        return Cow::Borrowed(text);
    }
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(
            percent_decode(spaced.as_bytes())
                .decode_utf8_lossy()
                .into_owned(),
        );
    }
    percent_decode(text.as_bytes()).decode_utf8_lossy()
}

/// Decodes a part of a path; invalid UTF-8 becomes U+FFFD.
pub(crate) fn decode_path(text: &str) -> Cow<'_, str> {
    percent_decode(text.as_bytes()).decode_utf8_lossy()
}

/// Appends text percent-encoded: everything but RFC 3986's unreserved characters.
pub(crate) fn push_encoded(out: &mut String, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Appends a path that may hold anything: what a path cannot hold is percent-encoded, slashes and
/// valid percent-triplets stay.
pub(crate) fn push_path(out: &mut String, text: &[u8]) {
    for (at, &byte) in text.iter().enumerate() {
        let triplet = byte == b'%'
            && text
                .get(at + 1..at + 3)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        if triplet || byte == b'/' || is_path_byte(byte) {
            out.push(char::from(byte));
        } else {
            push_encoded(out, &[byte]);
        }
    }
}

/// `pchar` of RFC 3986 without the percent sign.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// Whether a path has a `.` or `..` segment for any reader: one that decodes first, one that
/// takes `\` for a slash, one that decodes twice.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    if !path.contains(['.', '%']) {
        return false;
    }
    let mut text = Cow::Borrowed(path.as_bytes());
    for _ in 0..3 {
        if text.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dots) {
            return true;
        }
        if !text.contains(&b'%') {
            return false;
        }
        text = Cow::Owned(percent_decode(&text).collect());
    }
    text.split(|byte| matches!(byte, b'/' | b'\\')).any(is_dots)
}

/// `.`, `..`, and with parameters (`..;x`), which servlet containers cut off before they resolve.
fn is_dots(segment: &[u8]) -> bool {
    let name = segment
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    name == b"." || name == b".."
}

/// Appends a number in decimal.
pub(crate) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a time in the Common Log Format, UTC: `12/Mar/2020:19:03:58 +0000`.
pub(crate) fn push_clf_time(out: &mut Vec<u8>, ms: u64) {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    push_two(out, at.day());
    out.push(b'/');
    out.extend_from_slice(MONTHS[usize::from(u8::from(at.month()) - 1)].as_bytes());
    out.push(b'/');
    push_number(out, u64::from(at.year().unsigned_abs()));
    for part in [at.hour(), at.minute(), at.second()] {
        out.push(b':');
        push_two(out, part);
    }
    out.extend_from_slice(b" +0000");
}

/// A time in the Common Log Format as text.
pub(crate) fn clf_time(ms: u64) -> String {
    let mut out = Vec::with_capacity(26);
    push_clf_time(&mut out, ms);
    String::from_utf8(out).unwrap_or_default()
}

fn push_two(out: &mut Vec<u8>, number: u8) {
    out.push(b'0' + number / 10 % 10);
    out.push(b'0' + number % 10);
}

/// Whether a name can be the name of a header field (RFC 9110, `token`).
pub(crate) fn is_token(name: impl AsRef<[u8]>) -> bool {
    let name = name.as_ref();
    !name.is_empty() && name.iter().all(|byte| TOKEN[usize::from(*byte)])
}

/// The bytes of a `token`, in a table: a host is looked through for each request.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let marks = b"!#$%&'*+-.^_`|~";
    let mut at = 0;
    while at < table.len() {
        table[at] = (at as u8).is_ascii_alphanumeric();
        at += 1;
    }
    at = 0;
    while at < marks.len() {
        table[marks[at] as usize] = true;
        at += 1;
    }
    table
};

/// `str::split_once` for an ASCII byte and short texts, for which setting up its search costs more
/// than looking.
pub(crate) fn split_once(text: &str, byte: u8) -> Option<(&str, &str)> {
    debug_assert!(byte.is_ascii());
    let at = text.bytes().position(|it| it == byte)?;
    Some((&text[..at], &text[at + 1..]))
}

/// Whether bytes can be the value of a header field (RFC 9110, section 5.5).
pub(crate) fn is_field_value(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| *byte == b'\t' || (*byte >= 0x20 && *byte != 0x7f))
}

/// Makes bytes fit for a header field: control characters become spaces, the ends are trimmed. A
/// value taken from a request can so never begin another field.
pub(crate) fn make_field_value(value: &mut Vec<u8>) {
    for byte in value.iter_mut() {
        if (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f {
            *byte = b' ';
        }
    }
    let kept = value.trim_ascii_end().len();
    value.truncate(kept);
    let lead = value.len() - value.trim_ascii_start().len();
    value.drain(..lead);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_clf() {
        assert_eq!(clf_time(1_583_348_638_390), "04/Mar/2020:19:03:58 +0000");
        assert_eq!(clf_time(0), "01/Jan/1970:00:00:00 +0000");
        assert_eq!(clf_time(u64::MAX).len(), 26);
    }

    #[test]
    fn query_values_decode() {
        for (raw, decoded) in [
            ("a+b", "a b"),
            ("%C3%A9", "é"),
            ("%zz", "%zz"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decode_query(raw), decoded);
        }
        assert_eq!(
            query_pairs("a=1&&b&=x&c=d=e").collect::<Vec<_>>(),
            [("a", "1"), ("b", ""), ("", "x"), ("c", "d=e")]
        );
    }

    #[test]
    fn dot_segments_are_found_however_written() {
        for bad in [
            "..",
            "/a/../b",
            "a/.",
            "%2e%2e",
            ".%2E/x",
            "x%2f..",
            "..%2Fx",
            "..%5cx",
            "..\\x",
            "%252e%252e",
            "..;a=b",
            "%2e%2e%3bx/y",
            "a/%2e",
        ] {
            assert!(has_dot_segment(bad), "{bad}");
        }
        for good in [
            "a", "/a/b.c", "...", "a..b", "..a", "%2e%2ea", "v1.0/x", "%zz", "a%2fb",
        ] {
            assert!(!has_dot_segment(good), "{good}");
        }
    }

    #[test]
    fn paths_and_fields_are_made_safe() {
        let mut path = String::new();
        push_path(&mut path, "/a b?c#d%2f%zz/é".as_bytes());
        assert_eq!(path, "/a%20b%3Fc%23d%2f%25zz/%C3%A9");
        let mut value = b" a\r\nSet-Cookie: b\0 ".to_vec();
        make_field_value(&mut value);
        assert_eq!(value, b"a  Set-Cookie: b");
        assert!(is_field_value("é\t".as_bytes()) && !is_field_value(b"\n"));
        assert!(is_token("x-a.b") && !is_token("x a") && !is_token(""));
    }

    #[test]
    fn numbers_print() {
        for number in [0, 7, 10, 65_535, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }
}
