//! What proxies say about their clients is believed from named networks only.

use tollgate_harness::{Backend, Node, NodeOptions, Received, Request};
use tollgate_tests::files;

/// What the back end was told after a client sent these headers.
fn told(trusted: &str, headers: &[(&str, &str)]) -> Received {
    let backend = Backend::echo();
    let options = NodeOptions::api(files::proxy(&backend.url()));
    let node = Node::start(options.env("TOLLGATE_TRUSTED_PROXIES", trusted));
    let mut request = Request::get("/x").host(files::HOST);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    assert_eq!(node.send(&request).status, 200);
    backend.received().pop().expect("a request")
}

#[test]
fn a_trusted_proxy_names_the_client() {
    for (sent, client) in [
        ("203.0.113.7", "203.0.113.7"),
        // Whoever stands before the last untrusted one is only claimed.
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, 127.0.0.9", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
    ] {
        let received = told("127.0.0.0/8", &[("X-Forwarded-For", sent)]);
        let chain = received.header("x-forwarded-for").unwrap_or_default();
        let forwarded = received.header("forwarded").unwrap_or_default();
        assert!(chain.contains(client), "{sent}: {chain}");
        assert!(forwarded.contains(client), "{sent}: {forwarded}");
    }
    let event = source_ip("127.0.0.0/8", "198.51.100.1, 203.0.113.7");
    assert_eq!(event, "203.0.113.7");
}

#[test]
fn a_stranger_names_nobody() {
    let received = told(
        "192.0.2.0/24",
        &[
            ("X-Forwarded-For", "203.0.113.7"),
            ("Forwarded", "for=203.0.113.7;proto=https"),
            ("X-Forwarded-Proto", "https"),
        ],
    );
    for (name, value) in &received.headers {
        assert!(!value.contains("203.0.113.7"), "{name}: {value}");
    }
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(source_ip("192.0.2.0/24", "203.0.113.7"), "127.0.0.1");
}

/// `$context.identity.sourceIp`, by which access is logged.
fn source_ip(trusted: &str, sent: &str) -> String {
    let text = files::api(
        "      - routeKey: GET /x
        integration: {fixedResponse: {body: '${context.identity.sourceIp}'}}
",
    );
    let options = NodeOptions::api(text).env("TOLLGATE_TRUSTED_PROXIES", trusted);
    let request = Request::get("/x").host(files::HOST);
    Node::start(options)
        .send(&request.header("X-Forwarded-For", sent))
        .text()
}
