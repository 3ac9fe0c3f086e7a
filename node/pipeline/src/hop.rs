//! Which header fields speak about one connection only (RFC 9110, section 7.6.1) and stop here.

use tollgate_message::{Body, HeaderList, Version};

/// Whether a field (name in lower case) is never passed on, in either direction.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    match name.len() {
        2 => name == "te",
        6 => name == "expect",
        7 => name == "upgrade" || name == "trailer",
        10 => name == "connection" || name == "keep-alive",
        16 => name == "proxy-connection",
        17 => name == "transfer-encoding",
        18 => name == "proxy-authenticate",
        19 => name == "proxy-authorization",
        _ => false,
    }
}

/// Names that `Connection` headers may add: more than a request may have fields
/// (`limits::HEADER_FIELDS_MAX`) name nothing, and each costs a comparison per field.
const NAMED_MAX: usize = tollgate_protocol::limits::HEADER_FIELDS_MAX;

/// The fields that a `Connection` header names beside the well-known ones. Nearly always none, so
/// nearly always nothing is allocated.
pub(crate) fn named_by_connection(headers: &HeaderList) -> Vec<String> {
    let mut named = Vec::new();
    for value in headers.get_all("connection") {
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if !token.is_empty() && !is_plain(token) && named.len() < NAMED_MAX {
                named.push(String::from_utf8_lossy(token).to_ascii_lowercase());
            }
        }
    }
    named
}

/// Options that name no field, and fields that frame or address the message: naming those would
/// make us drop what the back end needs, which is an attack and not a wish.
fn is_plain(token: &[u8]) -> bool {
    [
        &b"close"[..],
        b"keep-alive",
        b"upgrade",
        b"te",
        b"host",
        b"content-length",
        b"content-type",
    ]
    .iter()
    .any(|plain| token.eq_ignore_ascii_case(plain))
}

/// The protocols that the client asks to switch to (RFC 9110, section 7.8); HTTP/1.1 only. `h2c`
/// is none: HTTP/2 dropped it (RFC 9113, section 3.1), and behind a gateway it would open a way
/// around every check.
pub(crate) fn upgrade_wish(version: Version, headers: &HeaderList) -> Option<&[u8]> {
    if version != Version::Http11 {
        return None;
    }
    let wished = headers
        .get_all("connection")
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
    if !wished {
        return None;
    }
    headers.get("upgrade").filter(|value| {
        let h2c = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"h2c");
        !value.is_empty() && !value.split(|byte| *byte == b',').any(h2c)
    })
}

/// Parts the client's side of a connection that is to be upgraded from the body of a request: of
/// the two a request has one at most. The listener hands both in as a stream, but only a body ends
/// before there is an answer, so only a body may be read by what is not the other side.
///
/// Without framing there is no body in HTTP/1.1 (RFC 9112, section 6.3).
pub(crate) fn part_tunnel(version: Version, headers: &HeaderList, body: Body) -> (Body, Body) {
    let endless = matches!(body, Body::Stream { length: None, .. });
    if endless
        && version == Version::Http11
        && headers.contains("upgrade")
        && !headers.contains("transfer-encoding")
    {
        (Body::Empty, body)
    } else {
        (body, Body::Empty)
    }
}

/// Removes from a back end's response what speaks about its connection. `Content-Length` stays:
/// the listener frames by the body itself, but an answer to HEAD says its length only there.
pub(crate) fn strip_response(headers: &mut HeaderList) {
    let named = if headers.contains("connection") {
        named_by_connection(headers)
    } else {
        Vec::new()
    };
    headers.remove_if(|name, _| is_hop_by_hop(name) || named.iter().any(|it| it == name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_names_fields_but_not_framing() {
        let headers: HeaderList = [
            ("connection", "close, X-Private ,,Host"),
            ("connection", "x-b"),
        ]
        .into_iter()
        .collect();
        assert_eq!(named_by_connection(&headers), ["x-private", "x-b"]);
    }

    #[test]
    fn upgrades_need_both_fields_and_http11() {
        let both: HeaderList = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            upgrade_wish(Version::Http11, &both),
            Some(&b"websocket"[..])
        );
        assert_eq!(upgrade_wish(Version::Http2, &both), None);
        assert_eq!(upgrade_wish(Version::Http10, &both), None);
        let h2c: HeaderList = [
            ("connection", "Upgrade, HTTP2-Settings"),
            ("upgrade", "websocket, H2C"),
        ]
        .into_iter()
        .collect();
        assert_eq!(upgrade_wish(Version::Http11, &h2c), None);
        let one: HeaderList = [("upgrade", "websocket")].into_iter().collect();
        assert_eq!(upgrade_wish(Version::Http11, &one), None);
    }
}
