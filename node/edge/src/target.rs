//! Request targets and host names (RFC 9112, section 3.2; RFC 9110, section 7.2), by the strict
//! reading: what two parsers could read in two ways is refused.

use crate::reject::Rejection;

/// A host name in bytes (RFC 1035: 255 with its dots) with room for a port.
const HOST_BYTES_MAX: usize = 262;

/// A request target taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    /// The path, beginning with `/`.
    pub(crate) path: &'a str,
    /// The query without its `?`.
    pub(crate) query: Option<&'a str>,
    /// The authority of an absolute-form target.
    pub(crate) authority: Option<&'a str>,
}

/// Takes an origin-form or absolute-form target apart.
///
/// Refused: fragments, bytes outside of visible ASCII, authority-form (a gateway is no tunnel)
/// and asterisk-form (it has no route).
pub(crate) fn parse_target(target: &str) -> Result<Target<'_>, Rejection> {
    if !target
        .bytes()
        .all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#')
    {
        return Err(Rejection::Target);
    }
    if target.starts_with('/') {
        return Ok(split(target, None));
    }
    let rest = strip_scheme(target).ok_or(Rejection::Target)?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !is_host(authority.as_bytes()) {
        return Err(Rejection::Target);
    }
    Ok(split(path, Some(authority)))
}

fn split<'a>(path_and_query: &'a str, authority: Option<&'a str>) -> Target<'a> {
    let (path, query) = match path_and_query.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path_and_query, None),
    };
    Target {
        path: if path.is_empty() { "/" } else { path },
        query,
        authority,
    }
}

fn strip_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let start = target.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &target[scheme.len()..])
    })
}

/// Whether this is a host name, an IPv4 address or a bracketed IPv6 address, with or without a
/// port. Percent-encoding and user information are refused although RFC 3986 knows them: no
/// client sends them in `Host`, and what follows disagrees about their meaning.
pub(crate) fn is_host(host: &[u8]) -> bool {
    if host.is_empty() || host.len() > HOST_BYTES_MAX {
        return false;
    }
    let (name, port) = if host[0] == b'[' {
        let Some(end) = host.iter().position(|&byte| byte == b']') else {
            return false;
        };
        (&host[..=end], &host[end + 1..])
    } else {
        host.split_at(
            host.iter()
                .position(|&byte| byte == b':')
                .unwrap_or(host.len()),
        )
    };
    let name_is_good = if name.first() == Some(&b'[') {
        core::str::from_utf8(&name[1..name.len() - 1])
            .is_ok_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
    } else {
        !name.is_empty()
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte))
    };
    name_is_good && is_port(port)
}

fn is_port(port: &[u8]) -> bool {
    let Some((b':', digits)) = port.split_first() else {
        return port.is_empty();
    };
    digits.iter().all(u8::is_ascii_digit)
        && digits.len() <= 5
        && core::str::from_utf8(digits)
            .is_ok_and(|digits| digits.is_empty() || digits.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_forms() {
        let target = parse_target("/a%20b?c=d?e").unwrap();
        assert_eq!(
            (target.path, target.query, target.authority),
            ("/a%20b", Some("c=d?e"), None)
        );
        let target = parse_target("HTTP://Api.Example:8080?q").unwrap();
        assert_eq!(
            (target.path, target.query, target.authority),
            ("/", Some("q"), Some("Api.Example:8080"))
        );
        assert_eq!(parse_target("/").unwrap().query, None);
        assert_eq!(parse_target("/?").unwrap().query, Some(""));
    }

    #[test]
    fn refuses_what_has_two_readings() {
        for bad in [
            "",
            "*",
            "a",
            "example.com:443",
            "/a b",
            "/a#b",
            "/\u{e9}",
            "/a\tb",
            "ftp://a/",
            "http://",
            "http:///a",
            "http://user@host/",
            "http://a b/",
            "//",
            "http://[::1/",
        ] {
            let parsed = parse_target(bad);
            // `//` is a path with an empty segment: allowed, and not an authority.
            if bad == "//" {
                assert_eq!(parsed.unwrap().path, "//");
            } else {
                assert_eq!(parsed, Err(Rejection::Target), "{bad:?}");
            }
        }
    }

    #[test]
    fn knows_hosts() {
        for good in [
            "a",
            "api.example.com",
            "a_b.c:80",
            "127.0.0.1:65535",
            "[::1]",
            "[::1]:8",
        ] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in [
            "", ":80", "a:65536", "a:b", "a:1:2", "[::1", "[::1]x", "[zz]", "[]", "a/b", "a@b",
            "a b", "a,b", "a%2eb", "\u{e9}", "a:+1", "a\0",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad:?}");
        }
    }
}
