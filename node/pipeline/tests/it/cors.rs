//! Reference 5.2: preflights and normal replies.

use tollgate_message::{HeaderList, Response};
use tollgate_model::Cors;

use crate::plans::{HOST, api, proxy, route, snapshot, stage};
use crate::support::{RequestExt, World, request, send};

fn list(values: &[&str]) -> Vec<String> {
    values.iter().map(|it| (*it).to_owned()).collect()
}

fn cors(origins: &[&str]) -> Cors {
    Cors {
        allow_origins: list(origins),
        allow_methods: list(&["GET", "PUT"]),
        allow_headers: list(&["content-type", "x-one"]),
        expose_headers: list(&["x-total", "x-page"]),
        max_age: Some(600),
        allow_credentials: false,
    }
}

fn all(headers: &HeaderList, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect()
}

fn with_cors(settings: Option<Cors>, origin: Option<&str>, method: &str) -> (World, Response) {
    let shop = api(
        "shop",
        settings,
        vec![stage("$default", vec![route("GET /pets", proxy())])],
    );
    let world = World::new();
    world.on_http(|_| {
        Ok(Response::new(200)
            .with_header("access-control-allow-origin", "https://backend")
            .with_header("access-control-allow-private-network", "true")
            .with_header("vary", "Accept"))
    });
    let mut wanted = request(method, HOST, "/pets");
    if let Some(origin) = origin {
        wanted = wanted.header("origin", origin);
    }
    if method == "OPTIONS" {
        wanted = wanted.header("access-control-request-method", "PUT");
    }
    let response = send(&world, &snapshot(vec![shop]), wanted);
    (world, response)
}

#[test]
fn preflights_are_answered_without_a_route_and_a_back_end() {
    let (world, response) = with_cors(
        Some(cors(&["https://a.test"])),
        Some("https://a.test"),
        "OPTIONS",
    );
    assert_eq!(response.status, 204);
    for (name, value) in [
        ("access-control-allow-origin", "https://a.test"),
        ("access-control-allow-methods", "GET,PUT"),
        ("access-control-allow-headers", "content-type,x-one"),
        ("access-control-max-age", "600"),
        ("vary", "origin"),
    ] {
        assert_eq!(all(&response.headers, name), [value], "{name}");
    }
    assert!(
        !response
            .headers
            .contains("access-control-allow-credentials")
    );
    assert_eq!(world.sent_count(), 0);
    assert_eq!(world.last().status, 204);
}

#[test]
fn origins() {
    for (origins, origin, credentials, answer) in [
        (&["*"][..], "https://a.test", false, Some("*")),
        (&["*"], "https://a.test", true, Some("https://a.test")),
        (
            &["https://a.test", "https://b.test"],
            "https://b.test",
            false,
            Some("https://b.test"),
        ),
        (&["https://a.test"], "https://a.test.evil", false, None),
        (&["https://a.test"], "http://a.test", false, None),
        (&["https://a.test"], "null", false, None),
        (
            &["https://*"],
            "https://anything.test:8443",
            true,
            Some("https://anything.test:8443"),
        ),
        (&["https://*"], "http://anything.test", false, None),
        (
            &["http://*"],
            "http://anything.test",
            false,
            Some("http://anything.test"),
        ),
        (&["https://*"], "https://", false, None),
        (&[], "https://a.test", false, None),
    ] {
        for method in ["OPTIONS", "GET"] {
            let settings = Cors {
                allow_credentials: credentials,
                ..cors(origins)
            };
            let (_, response) = with_cors(Some(settings), Some(origin), method);
            let headers = &response.headers;
            let wanted: Vec<&str> = answer.into_iter().collect();
            assert_eq!(
                all(headers, "access-control-allow-origin"),
                wanted,
                "{origins:?} {origin}"
            );
            assert_eq!(
                headers.contains("access-control-allow-credentials"),
                credentials && answer.is_some(),
                "{origins:?} {origin}"
            );
            assert_eq!(response.status, if method == "GET" { 200 } else { 204 });
        }
    }
}

#[test]
fn normal_replies_get_our_fields_and_not_the_back_ends() {
    let (_, response) = with_cors(
        Some(cors(&["https://a.test"])),
        Some("https://a.test"),
        "GET",
    );
    assert_eq!(
        all(&response.headers, "access-control-allow-origin"),
        ["https://a.test"]
    );
    assert_eq!(
        all(&response.headers, "access-control-expose-headers"),
        ["x-total,x-page"]
    );
    assert!(
        !response
            .headers
            .contains("access-control-allow-private-network")
    );
    assert_eq!(all(&response.headers, "vary"), ["Accept", "origin"]);
    // Without an origin there is nothing to grant, but a cache must still tell the two apart.
    let (_, response) = with_cors(Some(cors(&["https://a.test"])), None, "GET");
    assert!(!response.headers.contains("access-control-allow-origin"));
    assert_eq!(all(&response.headers, "vary"), ["Accept", "origin"]);
}

#[test]
fn without_configuration_the_back_end_decides() {
    let (_, response) = with_cors(None, Some("https://a.test"), "GET");
    assert_eq!(
        all(&response.headers, "access-control-allow-origin"),
        ["https://backend"]
    );
    let (_, response) = with_cors(None, Some("https://a.test"), "OPTIONS");
    assert_eq!(response.status, 404, "no OPTIONS route, no preflight");
}

#[test]
fn an_options_request_that_is_no_preflight_is_routed() {
    let shop = api(
        "shop",
        Some(cors(&["*"])),
        vec![stage("$default", vec![route("OPTIONS /pets", proxy())])],
    );
    let world = World::new();
    let plain = request("OPTIONS", HOST, "/pets").header("origin", "https://a.test");
    assert_eq!(send(&world, &snapshot(vec![shop]), plain).status, 200);
    assert_eq!(world.sent_count(), 1);
}

#[test]
fn errors_of_the_gateway_are_readable_by_scripts_too() {
    let shop = api(
        "shop",
        Some(cors(&["*"])),
        vec![stage("$default", Vec::new())],
    );
    let wanted = request("GET", HOST, "/nothing").header("origin", "https://a.test");
    let response = send(&World::new(), &snapshot(vec![shop]), wanted);
    assert_eq!(response.status, 404);
    assert_eq!(all(&response.headers, "access-control-allow-origin"), ["*"]);
}
