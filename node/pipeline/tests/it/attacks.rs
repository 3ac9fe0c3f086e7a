//! What an attacker tried: each of these once did harm.

use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use tollgate_config::snapshot::{
    IntegrationPlan, MappingAction, MappingTarget, PathPiece, Variable,
};
use tollgate_message::{Body, BodyError, Request, Response};
use tollgate_model::{LoggingLevel, PayloadFormat};
use tollgate_pipeline::{CacheStatus, ClientInfo, FaultKind, FunctionReply, Scheme, serve};

use crate::plans::{
    HOST, cache_plan, domain, fixed, function, http, proxy, route, shop, step, value,
};
use crate::support::{RequestExt, World, client, poll, request, run, send, stream, text};

/// The client's side of an upgraded connection: it stays silent and does not end.
struct Silent;

impl futures_core::Stream for Silent {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}

fn upgrade(path: &str, protocols: &str) -> Request {
    request("GET", HOST, path)
        .header("connection", "Upgrade")
        .header("upgrade", protocols)
        .body(Body::Stream {
            stream: Box::pin(Silent),
            length: None,
        })
}

#[test]
fn an_upgrade_that_nobody_takes_is_answered_at_once() {
    let mut reading = http(vec![PathPiece::RequestPath]);
    reading.reads_request_body = true;
    reading.request_mapping = vec![step(
        MappingAction::Overwrite,
        MappingTarget::Header("x-body".into()),
        value(Variable::RequestBody(None)),
    )];
    let snapshot = shop(vec![
        route("GET /function", function(PayloadFormat::V2)),
        route("GET /fixed", fixed(200, "here")),
        route("GET /reading", IntegrationPlan::Http(reading)),
        route("GET /plain", proxy()),
    ]);
    let (world, client) = (World::new(), client());
    // What the back end is sent is read to its end, unless it is the other side of an upgrade.
    world.on_http(|sent| {
        let upgrades = sent.headers.contains("upgrade");
        assert_eq!(matches!(sent.body, Body::Stream { .. }), upgrades);
        Ok(Response::new(200).with_body(if upgrades { "upgrade" } else { "plain" }))
    });
    for (path, protocols, status, body) in [
        ("/function", "websocket", 200, ""),
        ("/fixed", "websocket", 200, "here"),
        ("/reading", "websocket", 200, "upgrade"),
        ("/plain", "websocket", 200, "upgrade"),
        ("/plain", "websocket, h2c", 200, "plain"),
    ] {
        let mut answer = Box::pin(serve(&world, &snapshot, upgrade(path, protocols), &client));
        let Poll::Ready(response) = poll(&mut answer) else {
            panic!("{path} waits for a body that is none");
        };
        assert_eq!(
            (response.status, &*text(response.body)),
            (status, body),
            "{path} {protocols}"
        );
    }
}

#[test]
fn a_dot_segment_does_not_lead_around_a_keyed_route() {
    let snapshot = shop(vec![
        route("GET /admin", proxy()).keyed(),
        route("$default", proxy()),
    ]);
    let world = World::new();
    for path in [
        "/x/../admin",
        "/./admin",
        "/x/%2e%2e/admin",
        "/x/..%2fadmin",
        "/x/..;/admin",
        "/..",
    ] {
        let response = send(&world, &snapshot, request("GET", HOST, path));
        assert_eq!((response.status, world.sent_count()), (400, 0), "{path}");
        assert_eq!(world.last().fault, Some(FaultKind::BadRequest));
    }
    send(&world, &snapshot, request("GET", HOST, "/a//b..c/.d/..."));
    assert_eq!(world.0.sent.borrow()[0].path, "/a//b..c/.d/...");
}

#[test]
fn a_strange_host_does_not_get_into_the_cache_of_others() {
    let mut snapshot = shop(vec![route("GET /page", proxy()).cached(cache_plan())]);
    let api = Arc::clone(&snapshot.apis["shop"]);
    snapshot.default_mapping = Some(domain("any", &[("", &api, "$default")]).mappings[0].clone());
    let world = World::new();
    // A back end that writes links as it is told its address is.
    world.on_http(|sent| {
        let host = sent.headers.get_str("x-forwarded-host").unwrap_or_default();
        Ok(Response::new(200).with_body(format!("https://{host}/next")))
    });
    let ask = |host: &str| text(send(&world, &snapshot, request("GET", host, "/page")).body);
    for host in ["evil.example", "good.example:666", "good.example"] {
        assert_eq!(ask(host), format!("https://{host}/next"));
    }
    assert_eq!(ask("Good.Example"), "https://good.example/next");
    assert_eq!(world.last().cache, CacheStatus::Hit);
}

#[test]
fn a_body_does_not_get_into_the_cache() {
    let snapshot = shop(vec![route("GET /page", proxy()).cached(cache_plan())]);
    let world = World::new();
    world.on_http(|sent| Ok(Response::new(200).with_body(sent.body)));
    let get = || request("GET", HOST, "/page");
    let with_body = || get().body(stream(vec![Ok(b"evil")], Some(4)));
    assert_eq!(text(send(&world, &snapshot, with_body()).body), "evil");
    assert_eq!(world.last().cache, CacheStatus::None);
    assert_eq!(text(send(&world, &snapshot, get()).body), "");
    assert_eq!(world.last().cache, CacheStatus::Miss);
    assert_eq!(text(send(&world, &snapshot, with_body()).body), "evil");
}

#[test]
fn a_status_that_is_none_is_the_back_ends_fault() {
    let snapshot = shop(vec![route("GET /x", proxy())]);
    let world = World::new();
    for status in [0, 150, 600, 999] {
        world.on_http(move |_| Ok(Response::new(status).with_body("x")));
        let response = send(&world, &snapshot, request("GET", HOST, "/x"));
        assert_eq!(response.status, 503, "{status}");
        assert!(response.headers.contains("apigw-requestid"));
        let seen = world.last();
        assert_eq!(seen.fault, Some(FaultKind::IntegrationFailure));
        assert_eq!((seen.status, seen.integration_status), (503, Some(status)));
    }
}

#[test]
fn a_function_cannot_answer_with_endless_headers() {
    let snapshot = shop(vec![route("GET /x", function(PayloadFormat::V2))]);
    let world = World::new();
    for (cookies, bytes, status) in [
        (100, 10, 200),
        (1, 60_000, 200),
        (40_000, 1, 500),
        (1, 5_000_000, 500),
    ] {
        world.on_function(move |_| {
            let cookies = vec!["c".repeat(bytes); cookies];
            let reply = serde_json::json!({"statusCode": 200, "cookies": cookies});
            Ok(FunctionReply::Buffered(reply.to_string().into()))
        });
        let response = send(&world, &snapshot, request("GET", HOST, "/x"));
        assert_eq!(response.status, status, "{cookies} of {bytes}");
    }
}

#[test]
fn secrets_in_an_event_do_not_reach_the_execution_log() {
    for format in [PayloadFormat::V1, PayloadFormat::V2] {
        let logged = route("POST /x", function(format)).logged(LoggingLevel::Info, true);
        let world = World::new();
        let wanted = request("POST", HOST, "/x?q=shown")
            .header("authorization", "Bearer secret")
            .header("x-api-key", "secret")
            .header("cookie", "a=secret")
            .header("x-a", "shown too")
            .body("question");
        send(&world, &shop(vec![logged]), wanted);
        let lines = world.0.exec_lines.take();
        assert!(
            lines.iter().all(|line| !line.contains("secret")),
            "{lines:#?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.contains("after transformations") && line.contains("shown too")),
            "{lines:#?}"
        );
        let event = world.last_event();
        assert_eq!(event["headers"]["x-api-key"], "secret");
    }
}

#[test]
fn a_stranger_cannot_speak_as_a_proxy() {
    let snapshot = shop(vec![
        route("GET /http", proxy()),
        route("GET /function", function(PayloadFormat::V2)),
    ]);
    let world = World::new();
    let trusted = Arc::from(["203.0.113.0/24".parse().unwrap()]);
    let proxies = ClientInfo::new([203, 0, 113, 9].into(), Scheme::Https, 443, trusted);
    for (client, kept) in [(client(), false), (proxies, true)] {
        for path in ["/http", "/function"] {
            let wanted = request("GET", HOST, path)
                .header("x-forwarded-user", "admin")
                .header("x-forwarded-scheme", "https")
                // To servers that make variables of headers this is the same name.
                .header("x_forwarded_for", "6.6.6.6")
                .header("x-forwarded_proto", "gopher")
                .header("x_forwarded_groups", "wheel")
                .header("x-forwardedness", "1");
            let answer = run(serve(&world, &snapshot, wanted, &client));
            assert_eq!(answer.status, 200);
        }
        let sent = world.0.sent.borrow();
        let sent: Vec<_> = sent.last().unwrap().headers.iter().collect();
        let event = world.last_event();
        for (name, value, there) in [
            ("x-forwarded-user", "admin", kept),
            ("x-forwarded-scheme", "https", kept),
            ("x_forwarded_groups", "wheel", kept),
            ("x_forwarded_for", "6.6.6.6", false),
            ("x-forwarded_proto", "gopher", false),
            ("x-forwardedness", "1", true),
        ] {
            assert_eq!(sent.contains(&(name, value.as_bytes())), there, "{name}");
            assert_eq!(event["headers"][name] == value, there, "{name}");
        }
    }
}
