//! CORS as HTTP APIs do it (AWS: "Configure CORS for HTTP APIs"; Fetch standard, section 3.2).

use tollgate_harness::{Answer, Backend, Node, NodeOptions, Request, Response};
use tollgate_tests::files;

const ORIGIN: &str = "https://app.example.test";

fn start(backend: &Backend) -> Node {
    let url = backend.url();
    Node::start(NodeOptions::api(format!(
        "apis:
  - name: {}
    corsConfiguration:
      allowOrigins: ['{ORIGIN}']
      allowMethods: [GET, POST]
      allowHeaders: [x-own]
      exposeHeaders: [x-shown]
      maxAge: 600
      allowCredentials: true
    routes:
      - routeKey: ANY /{{proxy+}}
        integration: {url}/{{proxy}}
",
        files::API
    )))
}

fn preflight(node: &Node, origin: &str) -> Response {
    node.send(
        &Request::new("OPTIONS", "/x")
            .host(files::HOST)
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "x-own"),
    )
}

#[test]
fn a_preflight_is_answered_by_the_gateway() {
    let backend = Backend::echo();
    let node = start(&backend);
    let response = preflight(&node, ORIGIN);
    assert!([200, 204].contains(&response.status), "{response:?}");
    for (name, value) in [
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-credentials", "true"),
        ("access-control-max-age", "600"),
    ] {
        assert_eq!(response.header(name), Some(value), "{response:?}");
    }
    let methods = response.header("access-control-allow-methods").unwrap();
    assert!(
        methods.contains("GET") && methods.contains("POST"),
        "{methods}"
    );
    assert_eq!(backend.requests(), 0);
}

#[test]
fn a_strangers_preflight_is_given_nothing() {
    let backend = Backend::echo();
    let node = start(&backend);
    for origin in ["https://evil.test", "http://app.example.test", "null"] {
        let response = preflight(&node, origin);
        assert_eq!(
            response.header("access-control-allow-origin"),
            None,
            "{origin}: {response:?}"
        );
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn the_gateways_word_replaces_the_back_ends() {
    let backend = Backend::start(|_| Answer::Respond {
        status: 200,
        headers: vec![
            ("Access-Control-Allow-Origin".to_owned(), "*".to_owned()),
            ("X-Shown".to_owned(), "1".to_owned()),
        ],
        body: Vec::new(),
    });
    let node = start(&backend);
    let response = node.send(
        &Request::get("/x")
            .host(files::HOST)
            .header("Origin", ORIGIN),
    );
    let allowed: Vec<&str> = response
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("access-control-allow-origin"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(allowed, [ORIGIN]);
    assert_eq!(
        response.header("access-control-expose-headers"),
        Some("x-shown")
    );
    let vary = response
        .header("vary")
        .unwrap_or_default()
        .to_ascii_lowercase();
    assert!(
        vary.contains("origin"),
        "a cache would mix origins: {response:?}"
    );
}
