//! Reference 7.1 and 7.2: events field by field, against committed golden files.

use serde_json::Value;
use tollgate_config::snapshot::Snapshot;
use tollgate_message::Request;
use tollgate_model::PayloadFormat;

use crate::plans::{HOST, api, domain, function, route, snapshot, stage};
use crate::support::{RequestExt, World, request, send};

fn functions(format: PayloadFormat) -> Snapshot {
    let routes = || {
        vec![
            route("ANY /pets/{id}/{rest+}", function(format)),
            route("$default", function(format)),
        ]
    };
    let shop = api(
        "shop",
        None,
        vec![
            stage("$default", routes()),
            stage("prod", routes())
                .variable("table", "pets")
                .variable("level", "3"),
        ],
    );
    let mut snapshot = snapshot(vec![shop.clone()]);
    let mapped = domain("api.example.com", &[("v1/shop", &shop, "prod")]);
    snapshot.domains.insert("api.example.com".into(), mapped);
    snapshot
}

fn event(format: PayloadFormat, wanted: Request) -> Value {
    let world = World::new();
    let response = send(&world, &functions(format), wanted);
    assert_eq!(response.status, 200);
    assert_eq!(world.0.invoked.borrow()[0].0, "hello");
    world.last_event()
}

fn rich() -> Request {
    request(
        "POST",
        HOST,
        "/prod/pets/a%20b/c%2Fd/e?q=1&q=x+y%26&Empty=&flag",
    )
    .header("Content-Type", "application/json; charset=utf-8")
    .header("Content-Length", "13")
    .header("User-Agent", "tests/1")
    .header("X-Two", "a")
    .header("Cookie", "one=1; two=2")
    .header("x-two", "b")
    .header("cookie", "three=3")
    .header("X-Bytes", b"\xff")
    .header("X-Empty", "")
    .header("connection", "keep-alive, x-hop")
    .header("x-hop", "1")
    .header("x-forwarded-for", "6.6.6.6")
    .body("{\"name\":\"Rex\"}")
}

/// Compares with a golden file; `UPDATE=1` writes it anew for review.
fn is_golden(name: &str, found: &Value) {
    let path = format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let found = serde_json::to_string_pretty(found).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    assert_eq!(found, std::fs::read_to_string(&path).unwrap(), "{name}");
}

#[test]
fn format_1_in_full() {
    let found = event(PayloadFormat::V1, rich());
    is_golden("event_v1_full", &found);
}

#[test]
fn format_1_of_little() {
    let found = event(PayloadFormat::V1, request("GET", HOST, "/"));
    is_golden("event_v1_bare", &found);
}

#[test]
fn format_2_in_full() {
    let found = event(PayloadFormat::V2, rich());
    is_golden("event_v2_full", &found);
}

#[test]
fn format_2_of_little() {
    let found = event(PayloadFormat::V2, request("GET", HOST, "/"));
    is_golden("event_v2_bare", &found);
}

#[test]
fn paths_by_address() {
    for (host, target, raw, v1) in [
        (HOST, "/prod/pets/1/x", "/prod/pets/1/x", "/pets/1/x"),
        (HOST, "/pets/1/x", "/pets/1/x", "/pets/1/x"),
        (
            "api.example.com",
            "/v1/shop/pets/1/x",
            "/v1/shop/pets/1/x",
            "/v1/shop/pets/1/x",
        ),
        (
            "10.0.0.1",
            "/_aws/execute-api/shop/prod/pets/1/x",
            "/prod/pets/1/x",
            "/pets/1/x",
        ),
        (
            "10.0.0.1",
            "/_aws/execute-api/shop/$default/pets/1/x",
            "/pets/1/x",
            "/pets/1/x",
        ),
    ] {
        let two = event(PayloadFormat::V2, request("GET", host, target));
        assert_eq!(two["rawPath"], raw, "{host}{target}");
        assert_eq!(two["requestContext"]["http"]["path"], raw);
        assert_eq!(two["pathParameters"]["id"], "1");
        let one = event(PayloadFormat::V1, request("GET", host, target));
        assert_eq!(one["path"], v1, "{host}{target}");
        assert_eq!(one["requestContext"]["path"], raw);
        assert_eq!(
            one["requestContext"]["domainPrefix"],
            host.split('.').next().unwrap()
        );
    }
}

#[test]
fn bodies_are_text_or_base64() {
    for (content_type, encoding, body, text) in [
        (Some("text/plain"), None, &b"hi"[..], true),
        (Some("TEXT/HTML; charset=x"), None, b"hi", true),
        (Some("application/json"), None, b"{}", true),
        (Some("application/javascript"), None, b"x", true),
        (Some("application/xml"), None, b"x", true),
        (
            Some("application/x-www-form-urlencoded"),
            None,
            b"a=b",
            true,
        ),
        (Some("application/problem+json"), None, b"{}", true),
        (Some("image/svg+xml"), None, b"<", true),
        (None, None, b"hi", true),
        (Some("application/octet-stream"), None, b"hi", false),
        (Some("image/png"), None, b"hi", false),
        (Some("multipart/form-data; boundary=x"), None, b"hi", false),
        (Some("application/json"), Some("gzip"), b"hi", false),
        (Some("application/json"), Some("identity"), b"hi", true),
        (Some("text/plain"), None, b"\xff\x00", false),
    ] {
        for format in [PayloadFormat::V1, PayloadFormat::V2] {
            let mut sent = request("POST", HOST, "/").body(bytes::Bytes::from_static(body));
            if let Some(value) = content_type {
                sent = sent.header("content-type", value);
            }
            if let Some(value) = encoding {
                sent = sent.header("content-encoding", value);
            }
            let found = event(format, sent);
            assert_eq!(
                found["isBase64Encoded"], !text,
                "{content_type:?} {encoding:?}"
            );
            let shown = found["body"].as_str().unwrap();
            if text {
                assert_eq!(shown.as_bytes(), body);
            } else {
                use base64::Engine;
                let decoded = base64::engine::general_purpose::STANDARD
                    .decode(shown)
                    .unwrap();
                assert_eq!(decoded, body);
            }
        }
    }
}
