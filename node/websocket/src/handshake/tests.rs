//! Upgrades that are taken, and those that are refused with the reason.

use super::*;

fn request(fields: &[(&str, &str)]) -> Request {
    let mut headers: HeaderList = [
        ("host", "a"),
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ]
    .into_iter()
    .collect();
    for (name, _) in fields {
        headers.remove(name);
    }
    for (name, value) in fields.iter().filter(|(_, value)| *value != "-") {
        headers.append(name, value);
    }
    Request {
        headers,
        ..Request::default()
    }
}

fn refusal(fields: &[(&str, &str)]) -> Option<Refusal> {
    accept(&request(fields)).err()
}

#[test]
fn the_example_of_rfc_6455() {
    let offer = accept(&request(&[("sec-websocket-protocol", "chat, superchat")])).unwrap();
    assert_eq!(offer.protocols(), ["chat", "superchat"]);
    let agreed = offer.clone().agree(Some("chat"), true);
    let fields: Vec<_> = agreed.headers.iter().collect();
    assert_eq!(
        fields,
        [
            ("upgrade", &b"websocket"[..]),
            ("sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            ("sec-websocket-protocol", b"chat"),
        ]
    );
    // What the client does not speak is not said.
    let other = offer.agree(Some("other"), true);
    assert!(!other.headers.contains("sec-websocket-protocol"));
}

#[test]
fn what_is_no_handshake_is_refused() {
    for (fields, wanted) in [
        (&[("connection", "keep-alive")][..], Refusal::NotUpgrade),
        (&[("connection", "-")], Refusal::NotUpgrade),
        (&[("upgrade", "h2c")], Refusal::NotUpgrade),
        (&[("upgrade", "websockets")], Refusal::NotUpgrade),
        (&[("upgrade", "websocket, h2c")], Refusal::NotUpgrade),
        (&[("content-length", "2")], Refusal::NotUpgrade),
        (&[("transfer-encoding", "chunked")], Refusal::NotUpgrade),
        (&[("sec-websocket-version", "8")], Refusal::Version),
        (&[("sec-websocket-version", "-")], Refusal::Version),
        (
            &[
                ("sec-websocket-version", "13"),
                ("sec-websocket-version", "13"),
            ],
            Refusal::Version,
        ),
        (&[("sec-websocket-key", "-")], Refusal::Key),
        (&[("sec-websocket-key", "")], Refusal::Key),
        (
            &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ")],
            Refusal::Key,
        ),
        (
            &[("sec-websocket-key", "dGhlIHNhbXBsZSBub25j")],
            Refusal::Key,
        ),
        (
            &[("sec-websocket-key", "dGhlIHNhbXBs*SBub25jZQ==")],
            Refusal::Key,
        ),
        (&[("sec-websocket-protocol", "a,,b")], Refusal::Protocols),
        (&[("sec-websocket-protocol", "")], Refusal::Protocols),
        (&[("sec-websocket-protocol", "a, a")], Refusal::Protocols),
        (&[("sec-websocket-protocol", "a b")], Refusal::Protocols),
    ] {
        assert_eq!(refusal(fields), Some(wanted), "{fields:?}");
    }
    let mut post = request(&[]);
    post.method = Method::Post;
    assert_eq!(accept(&post).err(), Some(Refusal::NotUpgrade));
    let mut old = request(&[]);
    old.version = Version::Http10;
    assert_eq!(accept(&old).err(), Some(Refusal::NotUpgrade));
    let many: Vec<_> = (0..=PROTOCOLS_MAX).map(|at| format!("p{at}")).collect();
    assert_eq!(
        refusal(&[("sec-websocket-protocol", &many.join(","))]),
        Some(Refusal::Protocols)
    );
    let response = Refusal::Version.response();
    assert_eq!(response.status, 426);
    assert_eq!(
        response.headers.get("sec-websocket-version"),
        Some(&b"13"[..])
    );
}

#[test]
fn offers_of_compression() {
    const BASE: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let windowed = format!("{BASE}; server_max_window_bits=12");
    for (offer, wanted) in [
        ("permessage-deflate", Some(BASE)),
        ("permessage-deflate; client_max_window_bits", Some(BASE)),
        ("permessage-deflate; client_max_window_bits=9", Some(BASE)),
        ("permessage-deflate;server_no_context_takeover", Some(BASE)),
        (
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            Some(&*windowed),
        ),
        (
            "permessage-deflate; server_max_window_bits=\"15\"",
            Some(&*windowed),
        ),
        ("x-webkit-deflate-frame, permessage-deflate", Some(BASE)),
        (
            "permessage-deflate; server_max_window_bits=9, permessage-deflate",
            Some(BASE),
        ),
        ("permessage-deflate; server_max_window_bits=11", None),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits=012", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; client_max_window_bits=7", None),
        ("permessage-deflate; client_max_window_bits=\"9", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; unknown", None),
        (
            "permessage-deflate; client_max_window_bits; client_max_window_bits",
            None,
        ),
        ("permessage-deflate; ", None),
        ("permessage-bzip2", None),
        ("", None),
    ] {
        let request = request(&[("sec-websocket-extensions", offer)]);
        let agreed = accept(&request).unwrap().agree(None, true);
        let said = agreed.headers.get_str("sec-websocket-extensions");
        assert_eq!(said, wanted, "{offer}");
        assert_eq!(agreed.deflate, wanted.is_some());
        let refused = accept(&request).unwrap().agree(None, false);
        assert!(!refused.deflate && !refused.headers.contains("sec-websocket-extensions"));
    }
}
