//! What is written for a request and kept of a response.

use std::time::Instant;

use tollgate_message::{Body, Version};

use super::*;

fn request(fields: &[(&str, &str)]) -> Request {
    Request {
        path: "/a%2Fb//c".to_owned(),
        query: Some("x=1&&y=%zz".to_owned()),
        headers: fields.iter().copied().collect(),
        ..Request::default()
    }
}

fn written(request: &Request) -> Result<http::Request<SendBody>, UpstreamError> {
    outgoing(request, SendBody::Empty, Scheme::Https)
}

#[test]
fn path_and_end_to_end_fields_are_as_given() {
    let request = request(&[
        ("host", "a.example"),
        ("x-b", "1"),
        ("x-b", "2"),
        ("x-raw", "caf\u{e9}"),
        ("connection", "keep-alive, x-gone"),
        ("x-gone", "1"),
        ("te", "gzip, trailers"),
        ("transfer-encoding", "chunked"),
        ("content-length", "77"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
    ]);
    let out = written(&request).unwrap();
    assert_eq!(
        out.uri().to_string(),
        "https://a.example/a%2Fb//c?x=1&&y=%zz"
    );
    let mut fields: Vec<_> = out
        .headers()
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes().to_vec()))
        .collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            ("te", b"trailers".to_vec()),
            ("x-b", b"1".to_vec()),
            ("x-b", b"2".to_vec()),
            ("x-raw", "caf\u{e9}".as_bytes().to_vec()),
        ]
    );
}

#[test]
fn http2_takes_the_authority_from_host() {
    let out = written(&request(&[("host", "a.example:81")])).unwrap();
    assert_eq!(
        out.uri().to_string(),
        "https://a.example:81/a%2Fb//c?x=1&&y=%zz"
    );
    assert!(!out.headers().contains_key(HOST));
    assert!(written(&request(&[("host", "a b")])).is_err());
}

#[test]
fn what_http_cannot_carry_is_refused() {
    let bad = [
        Request {
            path: "no-slash".to_owned(),
            ..request(&[("host", "h")])
        },
        Request {
            path: "/a b".to_owned(),
            ..request(&[("host", "h")])
        },
        Request {
            path: "/a#b".to_owned(),
            ..request(&[("host", "h")])
        },
        Request {
            path: "/a?b".to_owned(),
            ..request(&[("host", "h")])
        },
        Request {
            path: "/a\r\nx: y".to_owned(),
            ..request(&[("host", "h")])
        },
        Request {
            query: Some("a\nb".to_owned()),
            ..request(&[("host", "h")])
        },
        request(&[("host", "h"), ("x", "a\r\nb: c")]),
        request(&[("x y", "a")]),
        Request {
            method: Method::from_token("BAD METHOD"),
            ..request(&[("host", "h")])
        },
        Request {
            method: Method::from_token("CONNECT"),
            ..request(&[("host", "h")])
        },
    ];
    for request in bad {
        let kind = written(&request).err().map(|error| error.kind);
        assert_eq!(kind, Some(UpstreamErrorKind::InvalidRequest), "{request:?}");
    }
}

#[test]
fn the_body_decides_the_length() {
    let stream = |length| Body::Stream {
        stream: Box::pin(NoStream),
        length,
    };
    for (method, body, length) in [
        (Method::Get, Body::Empty, None),
        (Method::Post, Body::Empty, Some("0")),
        (Method::Post, Body::Full("abc".into()), Some("3")),
        (Method::Get, stream(None), None),
        (Method::Put, stream(Some(9)), Some("9")),
    ] {
        let mut request = request(&[("host", "h"), ("content-length", "55")]);
        request.method = method;
        let body = SendBody::new(body, Instant::now());
        let out = outgoing(&request, body, Scheme::Http).unwrap();
        let found = out.headers().get("content-length");
        let found = found.map(|value| value.to_str().unwrap());
        assert_eq!(found, length, "{request:?}");
        assert!(!out.headers().contains_key("transfer-encoding"));
    }
}

#[test]
fn responses_lose_what_is_for_us() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("connection", "close, x-gone"),
        ("x-gone", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("proxy-authenticate", "Basic"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    let kept = incoming(&headers);
    let kept: Vec<_> = kept.iter().collect();
    assert_eq!(kept, [("set-cookie", &b"a=1"[..]), ("set-cookie", b"b=2")]);
}

#[test]
fn an_upgrade_needs_both_fields_and_http11() {
    let fields = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "websocket"),
    ];
    let mut request = request(&fields);
    assert!(asks_upgrade(&request));
    request.version = Version::Http2;
    assert!(!asks_upgrade(&request));
    request.version = Version::Http11;
    for (name, value) in [("content-length", "3"), ("transfer-encoding", "chunked")] {
        request.headers.append(name, value);
        assert!(!asks_upgrade(&request), "a body would have to go first");
        request.headers.remove(name);
    }
    request.headers.set("upgrade", "h2c");
    assert!(!asks_upgrade(&request), "a way around the gateway");
    request.headers.set("upgrade", "websocket");
    request.headers.remove("connection");
    assert!(!asks_upgrade(&request));
}

struct NoStream;

impl futures_core::Stream for NoStream {
    type Item = Result<Bytes, tollgate_message::BodyError>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(None)
    }
}
