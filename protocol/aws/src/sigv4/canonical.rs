//! The canonical request: what both sides hash.
//!
//! The path is taken as on the wire and encoded once more (so every escape is encoded twice), for
//! every service but S3. The query is decoded and encoded anew, so that clients may leave more or
//! fewer characters bare. Header values lose outer white space, inner runs become one space.

use crate::uri::{Decoded, push_encoded};

/// How the path enters the canonical request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathStyle {
    /// Dot segments and empty segments removed, then encoded: what AWS specifies.
    Normalized,
    /// Encoded as it is: what some SDKs do (Go), and the strictest reading.
    Literal,
    /// Decoded and encoded once, nothing removed: S3.
    Single,
}

/// Appends the canonical path.
pub(super) fn push_path(out: &mut Vec<u8>, raw: &str, style: PathStyle) {
    let encode = |out: &mut Vec<u8>, bytes: &[u8]| {
        bytes.iter().for_each(|byte| match byte {
            b'/' => out.push(b'/'),
            _ => push_encoded(out, *byte),
        });
    };
    match style {
        PathStyle::Literal if raw.is_empty() => out.push(b'/'),
        PathStyle::Literal => encode(out, raw.as_bytes()),
        PathStyle::Normalized if is_normal(raw) => encode(out, raw.as_bytes()),
        PathStyle::Normalized => encode(out, normalize(raw).as_bytes()),
        PathStyle::Single if raw.is_empty() => out.push(b'/'),
        PathStyle::Single => {
            for (index, segment) in raw.split('/').enumerate() {
                if index > 0 {
                    out.push(b'/');
                }
                Decoded::path(segment.as_bytes()).for_each(|byte| push_encoded(out, byte));
            }
        }
    }
}

/// Whether removing dot segments and empty segments would change nothing.
pub(super) fn is_normal(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    path == "/"
        || rest
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | ".."))
}

fn normalize(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    let end = if path.ends_with('/') && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/"))
}

/// Appends the canonical query, without the pair named `leave_out`.
pub(super) fn push_query(out: &mut Vec<u8>, query: Option<&str>, leave_out: Option<&str>) {
    let Some(query) = query.filter(|query| !query.is_empty()) else {
        return;
    };
    let mut arena = Vec::with_capacity(query.len() * 2);
    // Of each pair: start of the key, end of the key, end of the value.
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let start = arena.len();
        Decoded::query(key.as_bytes()).for_each(|byte| push_encoded(&mut arena, byte));
        let middle = arena.len();
        if leave_out.is_some_and(|name| name.as_bytes() == &arena[start..middle]) {
            arena.truncate(start);
            continue;
        }
        Decoded::query(value.as_bytes()).for_each(|byte| push_encoded(&mut arena, byte));
        spans.push((start, middle, arena.len()));
    }
    spans.sort_unstable_by(|a, b| {
        arena[a.0..a.1]
            .cmp(&arena[b.0..b.1])
            .then_with(|| arena[a.1..a.2].cmp(&arena[b.1..b.2]))
    });
    for (index, (start, middle, end)) in spans.into_iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(&arena[start..middle]);
        out.push(b'=');
        out.extend_from_slice(&arena[middle..end]);
    }
}

/// Appends `name:value\n`, repeats joined by a comma in wire order; says whether it was there.
pub(super) fn push_header<'a>(
    out: &mut Vec<u8>,
    name: &str,
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> bool {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    let mut found = false;
    for (_, value) in headers.filter(|(other, _)| other.eq_ignore_ascii_case(name)) {
        if found {
            out.push(b',');
        }
        found = true;
        push_folded(out, value);
    }
    out.push(b'\n');
    found
}

fn push_folded(out: &mut Vec<u8>, value: &[u8]) {
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let words = value.split(is_space).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str, style: PathStyle) -> String {
        let mut out = Vec::new();
        push_path(&mut out, raw, style);
        String::from_utf8(out).unwrap()
    }

    fn query(raw: &str) -> String {
        let mut out = Vec::new();
        push_query(&mut out, Some(raw), Some("X-Amz-Signature"));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn paths() {
        for (raw, canonical) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/a%20b/%2f", "/a%2520b/%252f"),
            ("/foo/../bar/./baz//", "/bar/baz/"),
            ("/../..", "/"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/$default/é", "/%24default/%C3%A9"),
        ] {
            assert_eq!(path(raw, PathStyle::Normalized), canonical, "{raw}");
        }
        assert_eq!(path("/a//./b%20", PathStyle::Literal), "/a//./b%2520");
        assert_eq!(path("/a//./b%20+", PathStyle::Single), "/a//./b%20%2B");
    }

    #[test]
    fn queries() {
        for (raw, canonical) in [
            ("b=2&a=1", "a=1&b=2"),
            ("a=2&a=1&A=3", "A=3&a=1&a=2"),
            ("a-b=1&a=2", "a=2&a-b=1"),
            ("flag&x=", "flag=&x="),
            ("a=b+c&d=e%20f&g=%2b", "a=b%20c&d=e%20f&g=%2B"),
            ("=v&&", "=v"),
            ("a=1=2", "a=1%3D2"),
            ("a=%zz", "a=%25zz"),
            ("X-Amz-Signature=x&a=1", "a=1"),
            ("X%2DAmz-Signature=x&a=1", "a=1"),
        ] {
            assert_eq!(query(raw), canonical, "{raw}");
        }
    }

    #[test]
    fn header_values_are_folded_and_joined() {
        let headers: [(&str, &[u8]); 4] = [
            ("X-A", b"  a \t\r\n  b  "),
            ("x-b", b""),
            ("x-a", b"c"),
            ("X-a", b" "),
        ];
        let mut out = Vec::new();
        assert!(push_header(&mut out, "x-a", headers.into_iter()));
        assert!(push_header(&mut out, "x-b", headers.into_iter()));
        assert!(!push_header(&mut out, "x-c", headers.into_iter()));
        assert_eq!(String::from_utf8(out).unwrap(), "x-a:a b,c,\nx-b:\nx-c:\n");
    }
}
