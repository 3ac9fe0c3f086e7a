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

fn written(request: &Request, wire: Wire) -> Result<http::Request<SendBody>, UpstreamError> {
    outgoing(request, SendBody::Empty, wire).map_err(|failed| failed.0)
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
    let out = written(&request, Wire::Http1).ok().unwrap();
    assert_eq!(out.uri().to_string(), "/a%2Fb//c?x=1&&y=%zz");
    let mut fields: Vec<_> = out
        .headers()
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_bytes().to_vec()))
        .collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            ("host", b"a.example".to_vec()),
            ("te", b"trailers".to_vec()),
            ("x-b", b"1".to_vec()),
            ("x-b", b"2".to_vec()),
            ("x-raw", "caf\u{e9}".as_bytes().to_vec()),
        ]
    );
}

#[test]
fn http2_takes_the_authority_from_host() {
    let out = written(
        &request(&[("host", "a.example:81")]),
        Wire::Http2(Scheme::Https),
    )
    .unwrap();
    assert_eq!(
        out.uri().to_string(),
        "https://a.example:81/a%2Fb//c?x=1&&y=%zz"
    );
    assert!(!out.headers().contains_key(HOST));
    assert!(written(&request(&[("host", "a b")]), Wire::Http2(Scheme::Http)).is_err());
}

#[test]
fn what_http_cannot_carry_is_refused() {
    let bad = [
        Request {
            path: "no-slash".to_owned(),
            ..Request::default()
        },
        Request {
            path: "/a b".to_owned(),
            ..Request::default()
        },
        Request {
            path: "/a#b".to_owned(),
            ..Request::default()
        },
        Request {
            path: "/a?b".to_owned(),
            ..Request::default()
        },
        Request {
            path: "/a\r\nx: y".to_owned(),
            ..Request::default()
        },
        Request {
            query: Some("a\nb".to_owned()),
            ..request(&[])
        },
        request(&[("x", "a\r\nb: c")]),
        request(&[("x y", "a")]),
        Request {
            method: Method::from_token("BAD METHOD"),
            ..request(&[])
        },
        Request {
            method: Method::from_token("CONNECT"),
            ..request(&[])
        },
    ];
    for request in bad {
        let kind = written(&request, Wire::Http1).err().map(|error| error.kind);
        assert_eq!(kind, Some(UpstreamErrorKind::InvalidRequest), "{request:?}");
    }
}

#[test]
fn the_body_decides_the_framing() {
    let stream = |length| Body::Stream {
        stream: Box::pin(NoStream),
        length,
    };
    for (method, body, wire, field) in [
        (Method::Get, Body::Empty, Wire::Http1, None),
        (
            Method::Post,
            Body::Empty,
            Wire::Http1,
            Some(("content-length", "0")),
        ),
        (
            Method::Post,
            Body::Full("abc".into()),
            Wire::Http1,
            Some(("content-length", "3")),
        ),
        (
            Method::Get,
            stream(None),
            Wire::Http1,
            Some(("transfer-encoding", "chunked")),
        ),
        (
            Method::Put,
            stream(Some(9)),
            Wire::Http1,
            Some(("content-length", "9")),
        ),
        (Method::Put, stream(None), Wire::Http2(Scheme::Http), None),
    ] {
        let mut request = request(&[("host", "h"), ("content-length", "55")]);
        request.method = method;
        let body = SendBody::new(body, Instant::now());
        let out = outgoing(&request, body, wire)
            .map_err(|failed| failed.0)
            .unwrap();
        let found = ["content-length", "transfer-encoding"]
            .iter()
            .find_map(|name| {
                out.headers()
                    .get(*name)
                    .map(|value| (*name, value.to_str().unwrap()))
            });
        assert_eq!(found, field, "{request:?}");
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
        ("content-length", "5"),
        ("proxy-authenticate", "Basic"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ] {
        headers.append(name, HeaderValue::from_static(value));
    }
    let kept = incoming(&headers, false);
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
