//! Which header fields stop here (RFC 9110, section 7.6.1).

use tollgate_message::HeaderList;

/// Fields that speak about one connection and are never passed on. `Trailer` is among them
/// because trailers are not passed on; `Expect` because the listener has answered it already.
fn is_hop_by_hop(name: &str) -> bool {
    // No two of them but these share a length.
    let known = match name.len() {
        2 => "te",
        6 => "expect",
        7 => return name.eq_ignore_ascii_case("upgrade") || name.eq_ignore_ascii_case("trailer"),
        10 if name.eq_ignore_ascii_case("keep-alive") => return true,
        10 => "connection",
        16 => "proxy-connection",
        17 => "transfer-encoding",
        18 => "proxy-authenticate",
        19 => "proxy-authorization",
        25 => "proxy-authentication-info",
        _ => return false,
    };
    name.eq_ignore_ascii_case(known)
}

/// Decides, for one header block, which fields are passed on.
pub(crate) struct HopFilter<'a> {
    named: Named<'a>,
}

/// What `Connection` names. Nearly always nothing, so nothing is allocated for it.
enum Named<'a> {
    Nothing,
    Tokens(Vec<&'a [u8]>),
}

impl<'a> HopFilter<'a> {
    /// Reads the values of `Connection` of a block.
    pub(crate) fn new(connection: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut named = Vec::new();
        for value in connection {
            named.extend(tokens(value).filter(|token| !is_plain_option(token)));
        }
        let named = if named.is_empty() {
            Named::Nothing
        } else {
            Named::Tokens(named)
        };
        Self { named }
    }

    /// Whether the field (name in any case) goes on to the other side.
    pub(crate) fn passes(&self, name: &str) -> bool {
        if is_hop_by_hop(name) {
            return false;
        }
        match &self.named {
            Named::Nothing => true,
            Named::Tokens(tokens) => !tokens
                .iter()
                .any(|token| token.eq_ignore_ascii_case(name.as_bytes())),
        }
    }
}

/// Options of `Connection` that name no field, or one that is hop-by-hop anyhow. Naming `Host`
/// or `Content-Length` there is an attempt to make us drop what frames the message: ignored.
fn is_plain_option(token: &[u8]) -> bool {
    [
        &b"close"[..],
        b"keep-alive",
        b"upgrade",
        b"te",
        b"host",
        b"content-length",
    ]
    .iter()
    .any(|plain| token.eq_ignore_ascii_case(plain))
}

/// The comma-separated tokens of a value.
pub(crate) fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !token.is_empty())
}

/// Whether any of the fields of this name has the token.
pub(crate) fn has_token(headers: &HeaderList, name: &str, token: &str) -> bool {
    headers
        .get_all(name)
        .flat_map(tokens)
        .any(|present| present.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_the_known_and_the_named() {
        let filter = HopFilter::new([&b"Close, X-Private"[..], b"x-other , ,"].into_iter());
        for name in [
            "connection",
            "te",
            "transfer-encoding",
            "x-private",
            "x-other",
            "upgrade",
            "Keep-Alive",
            "Transfer-Encoding",
            "X-Private",
        ] {
            assert!(!filter.passes(name), "{name}");
        }
        for name in [
            "accept",
            "x-public",
            "proxy-status",
            "authorization",
            "close",
        ] {
            assert!(filter.passes(name), "{name}");
        }
    }

    #[test]
    fn framing_cannot_be_named_away() {
        let filter = HopFilter::new([&b"host, Content-Length"[..]].into_iter());
        assert!(filter.passes("host"));
        assert!(filter.passes("content-length"));
    }

    #[test]
    fn finds_tokens_in_any_case_and_place() {
        let list: HeaderList = [("connection", "keep-alive, Upgrade"), ("te", "gzip")]
            .into_iter()
            .collect();
        assert!(has_token(&list, "connection", "upgrade"));
        assert!(!has_token(&list, "te", "trailers"));
    }
}
