//! Reference 5.3 to 5.5: what an HTTP back end gets and what comes back.

use std::sync::Arc;

use tollgate_config::snapshot::{HttpPlan, IntegrationPlan};
use tollgate_message::{HeaderList, Request, Response, Version};
use tollgate_pipeline::{ClientInfo, Scheme, serve};

use crate::plans::{HOST, api, http, param, piece, proxy, route, shop, snapshot, stage};
use crate::support::{RequestExt, World, client, request, run, send, stream, text};

fn all(headers: &HeaderList, name: &str) -> Vec<String> {
    headers
        .get_all(name)
        .map(|it| String::from_utf8_lossy(it).into_owned())
        .collect()
}

/// What the back end of `key` gets for a request.
fn through(key: &str, plan: HttpPlan, wanted: Request) -> (World, Response) {
    let world = World::new();
    let response = send(
        &world,
        &shop(vec![route(key, IntegrationPlan::Http(plan))]),
        wanted,
    );
    (world, response)
}

#[test]
fn paths_and_queries() {
    let pieces = || vec![piece("/v1/animals/"), param("id"), piece("/x")];
    for (target, path, query) in [
        ("/pets/7", "/v1/animals/7/x", None),
        (
            "/pets/a%2Fb?q=1&q=2",
            "/v1/animals/a%2Fb/x",
            Some("q=1&q=2"),
        ),
        ("/pets/a%20b?", "/v1/animals/a%20b/x", Some("")),
    ] {
        let (world, response) = through(
            "GET /pets/{id}",
            http(pieces()),
            request("GET", HOST, target),
        );
        assert_eq!(response.status, 200);
        let sent = &world.0.sent.borrow()[0];
        assert_eq!(
            (&*sent.path, sent.query.as_deref()),
            (path, query),
            "{target}"
        );
        assert_eq!((&*sent.group, sent.timeout_ms), ("backend", 30_000));
    }
    for target in [
        "/pets/..",
        "/pets/%2e%2e",
        "/pets/..%2F..%2Fadmin",
        "/pets/%252e%252e",
    ] {
        let (world, response) = through(
            "GET /pets/{id}",
            http(pieces()),
            request("GET", HOST, target),
        );
        assert_eq!((response.status, world.sent_count()), (400, 0), "{target}");
    }
    let mut plan = http(vec![piece("/search")]);
    plan.query = Some("source=gateway".into());
    let (world, _) = through("GET /s", plan, request("GET", HOST, "/s?q=1"));
    assert_eq!(
        world.0.sent.borrow()[0].query.as_deref(),
        Some("source=gateway&q=1")
    );
}

#[test]
fn the_default_route_forwards_the_path_without_the_stage() {
    let shop = api(
        "shop",
        None,
        vec![stage("prod", vec![route("$default", proxy())])],
    );
    let world = World::new();
    send(
        &world,
        &snapshot(vec![shop]),
        request("PATCH", HOST, "/prod/a//b/?x"),
    );
    let sent = &world.0.sent.borrow()[0];
    assert_eq!((&*sent.path, sent.method.as_str()), ("/a//b/", "PATCH"));
}

#[test]
fn the_integrations_method_replaces_the_clients() {
    let mut plan = http(vec![piece("/x")]);
    plan.method = Some("POST".into());
    let (world, _) = through("GET /s", plan, request("GET", HOST, "/s"));
    assert_eq!(world.0.sent.borrow()[0].method.as_str(), "POST");
}

#[test]
fn headers_of_the_connection_stop_here() {
    let wanted = request("GET", HOST, "/s")
        .header("connection", "close, X-Private, Host")
        .header("keep-alive", "5")
        .header("te", "trailers")
        .header("trailer", "x")
        .header("transfer-encoding", "chunked")
        .header("upgrade", "h2c")
        .header("proxy-authorization", "Basic x")
        .header("expect", "100-continue")
        .header("x-private", "1")
        .header("x-empty", "")
        .header("x-two", "a")
        .header("x-two", "b")
        .header("x-bytes", b"\xff\xfe")
        .header("authorization", "Bearer x")
        .header("x-api-key", "k")
        .header("cookie", "a=1");
    let (world, _) = through("GET /s", http(vec![piece("/x")]), wanted);
    let sent = world.0.sent.borrow();
    let names: Vec<&str> = sent[0].headers.iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        [
            "x-empty",
            "x-two",
            "x-two",
            "x-bytes",
            "authorization",
            "x-api-key",
            "cookie",
            "host",
            "x-forwarded-for",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-forwarded-host",
            "forwarded",
            "traceparent",
            "x-amzn-trace-id",
            "via",
        ]
    );
    assert_eq!(all(&sent[0].headers, "host"), ["backend.internal:8080"]);
    assert_eq!(sent[0].headers.get("x-bytes"), Some(&b"\xff\xfe"[..]));
    assert_eq!(all(&sent[0].headers, "via"), ["1.1 tollgate"]);
}

#[test]
fn an_upgrade_is_passed_on_by_http11_only() {
    for (version, passes) in [(Version::Http11, true), (Version::Http2, false)] {
        let mut wanted = request("GET", HOST, "/s")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "x");
        wanted.version = version;
        let (world, _) = through("GET /s", http(vec![piece("/x")]), wanted);
        let headers = &world.0.sent.borrow()[0].headers;
        assert_eq!(all(headers, "upgrade") == ["websocket"], passes);
        assert_eq!(all(headers, "connection") == ["upgrade"], passes);
        assert!(headers.contains("sec-websocket-key"));
    }
}

#[test]
fn a_strangers_forwarded_headers_are_replaced() {
    let wanted = request("GET", HOST, "/s")
        .header("x-forwarded-for", "127.0.0.1")
        .header("x-forwarded-proto", "http")
        .header("x-forwarded-host", "evil")
        .header("x-forwarded-port", "1")
        .header("x-forwarded-prefix", "/evil")
        .header("forwarded", "for=127.0.0.1");
    let (world, _) = through("GET /s", http(vec![piece("/x")]), wanted);
    let headers = &world.0.sent.borrow()[0].headers;
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", HOST),
        ("x-forwarded-port", "443"),
        (
            "forwarded",
            &*format!("for=203.0.113.9;host={HOST};proto=https"),
        ),
    ] {
        assert_eq!(all(headers, name), [value], "{name}");
    }
    assert!(!headers.contains("x-forwarded-prefix"));
}

fn behind_proxy(wanted: Request) -> (World, ClientInfo) {
    let trusted: Arc<[_]> = Arc::from(["10.0.0.0/8".parse().unwrap()]);
    let client = ClientInfo::new([10, 1, 2, 3].into(), Scheme::Http, 8080, trusted);
    let shop = api(
        "shop",
        None,
        vec![stage("$default", vec![route("$default", proxy())]).log("$context.identity.sourceIp")],
    );
    let world = World::new();
    run(serve(&world, &snapshot(vec![shop]), wanted, &client));
    (world, client)
}

#[test]
fn a_trusted_proxys_forwarded_headers_are_extended() {
    let (world, client) = behind_proxy(
        request("GET", HOST, "/s")
            .header("x-forwarded-for", "6.6.6.6, 198.51.100.7")
            .header("x-forwarded-for", "10.9.9.9")
            .header("x-forwarded-proto", "https")
            .header("x-forwarded-port", "8443"),
    );
    assert!(client.peer_trusted);
    let headers = &world.0.sent.borrow()[0].headers;
    assert_eq!(
        all(headers, "x-forwarded-for"),
        ["6.6.6.6, 198.51.100.7, 10.9.9.9, 10.1.2.3"]
    );
    assert_eq!(all(headers, "x-forwarded-proto"), ["https"]);
    assert_eq!(all(headers, "x-forwarded-port"), ["8443"]);
    assert_eq!(
        all(headers, "forwarded"),
        [format!(
            "for=6.6.6.6, for=198.51.100.7, for=10.9.9.9, for=10.1.2.3;host={HOST};proto=https"
        )]
    );
    // The nearest address that no trusted proxy has; what is further left anybody can write.
    assert_eq!(world.last().log_line.as_deref(), Some("198.51.100.7"));
}

#[test]
fn forwarded_of_a_trusted_proxy_is_read_and_extended() {
    for (header, value, ip) in [
        (
            "forwarded",
            "for=\"[2001:db8::1]:4711\";proto=https, for=10.0.0.2",
            "2001:db8::1",
        ),
        ("forwarded", "For=192.0.2.43:80", "192.0.2.43"),
        ("forwarded", "for=unknown", "10.1.2.3"),
        ("x-forwarded-for", "garbage", "10.1.2.3"),
        ("x-forwarded-for", "garbage, 10.0.0.9", "10.0.0.9"),
        ("x-forwarded-for", "::ffff:192.0.2.1", "192.0.2.1"),
        ("x-forwarded-for", "", "10.1.2.3"),
    ] {
        let (world, _) = behind_proxy(request("GET", HOST, "/s").header(header, value));
        assert_eq!(
            world.last().log_line.as_deref(),
            Some(ip),
            "{header}: {value}"
        );
        let headers = &world.0.sent.borrow()[0].headers;
        assert!(all(headers, header)[0].starts_with(value.trim()), "{value}");
    }
}

#[test]
fn traces_are_continued_or_begun() {
    let root = "67891233abcdef012345678912345678";
    let xray = "Root=1-67891233-abcdef012345678912345678";
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let own = "0af7651916cd43dd8448eb211c80319c";
    let both = |headers: &[(&str, &str)]| {
        let mut wanted = request("GET", HOST, "/s");
        for (name, value) in headers {
            wanted = wanted.header(name, value);
        }
        let (world, _) = through("GET /s", http(vec![piece("/x")]), wanted);
        let headers = &world.0.sent.borrow()[0].headers;
        (
            all(headers, "traceparent"),
            all(headers, "x-amzn-trace-id"),
            all(headers, "tracestate"),
        )
    };
    let span = "0000000000000001";
    for (headers, traceparent, amzn) in [
        (
            &[("traceparent", parent), ("tracestate", "v=1")][..],
            format!("00-{own}-{span}-01"),
            format!("Root=1-0af76519-16cd43dd8448eb211c80319c;Parent={span};Sampled=1"),
        ),
        (
            &[("x-amzn-trace-id", xray), ("tracestate", "v=1")],
            format!("00-{root}-{span}-00"),
            format!("{xray};Parent={span};Sampled=0"),
        ),
        (
            &[(
                "x-amzn-trace-id",
                &*format!("{xray};Parent=b7ad6b7169203331;Sampled=1"),
            )],
            format!("00-{root}-{span}-01"),
            format!("{xray};Parent={span};Sampled=1"),
        ),
        (
            &[("x-amzn-trace-id", xray), ("traceparent", parent)],
            format!("00-{own}-{span}-01"),
            format!("{xray};Parent={span};Sampled=1"),
        ),
        (
            &[("x-amzn-trace-id", "Root=nonsense"), ("traceparent", "zz")],
            format!("00-5e5ffb9e000000020000000000000003-{span}-00"),
            format!("Root=1-5e5ffb9e-000000020000000000000003;Parent={span};Sampled=0"),
        ),
    ] {
        let (found_parent, found_amzn, state) = both(headers);
        assert_eq!(found_parent, [traceparent], "{headers:?}");
        assert_eq!(found_amzn, [amzn], "{headers:?}");
        let continued = headers.contains(&("traceparent", parent));
        assert_eq!(
            state.is_empty(),
            !(continued && headers.len() == 2 && headers[1].0 == "tracestate")
        );
    }
}

#[test]
fn bodies_stream_both_ways() {
    let world = World::new();
    world.on_http(|sent| Ok(Response::new(200).with_body(sent.body)));
    let upload = stream(vec![Ok(b"one,"), Ok(b"two")], Some(7));
    let snapshot = shop(vec![route("POST /s", proxy())]);
    let response = send(&world, &snapshot, request("POST", HOST, "/s").body(upload));
    assert_eq!(response.body.length(), Some(7));
    assert_eq!(text(response.body), "one,two");
}

#[test]
fn a_back_ends_connection_headers_stop_here_too() {
    let world = World::new();
    world.on_http(|_| {
        Ok(Response::new(200)
            .with_header("connection", "keep-alive, x-internal")
            .with_header("keep-alive", "timeout=5")
            .with_header("transfer-encoding", "chunked")
            .with_header("x-internal", "1")
            .with_header("set-cookie", "a=1")
            .with_header("set-cookie", "b=2")
            .with_header("apigw-requestid", "forged"))
    });
    let snapshot = shop(vec![route("GET /s", proxy())]);
    let response = send(&world, &snapshot, request("GET", HOST, "/s"));
    let names: Vec<&str> = response.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["set-cookie", "set-cookie", "apigw-requestid"]);
    assert_eq!(
        all(&response.headers, "apigw-requestid"),
        ["JKJaXmPLvHcESHA="]
    );
}

#[test]
fn lambda_endpoints_are_called_signed() {
    use tollgate_config::snapshot::{FunctionPlan, FunctionTarget, SigningKey};
    let plan = |signing| {
        IntegrationPlan::Function(FunctionPlan {
            target: FunctionTarget::Endpoint {
                group: "lambda".into(),
                authority: "lambda.local:9001".into(),
                path: "/2015-03-31/functions/hello/invocations".into(),
                signing,
            },
            format: tollgate_model::PayloadFormat::V2,
            timeout_ms: 5_000,
            response_mapping: std::collections::BTreeMap::new(),
        })
    };
    let key = SigningKey {
        access_key_id: "AKID".into(),
        secret_access_key: "secret".into(),
        region: "eu-central-1".into(),
    };
    let snapshot = shop(vec![
        route("GET /", plan(Some(key))),
        route("GET /plain", plan(None)),
    ]);
    let world = World::new();
    world.on_http(|_| Ok(Response::new(200).with_body(r#"{"statusCode":202,"body":"queued"}"#)));
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!((response.status, &*text(response.body)), (202, "queued"));
    let sent = world.0.sent.borrow();
    assert_eq!(
        (&*sent[0].group, sent[0].method.as_str()),
        ("lambda", "POST")
    );
    assert_eq!(sent[0].path, "/2015-03-31/functions/hello/invocations");
    assert_eq!(all(&sent[0].headers, "host"), ["lambda.local:9001"]);
    assert_eq!(
        all(&sent[0].headers, "x-amz-invocation-type"),
        ["RequestResponse"]
    );
    assert!(all(&sent[0].headers, "authorization")[0].starts_with("signed by AKID"));
    drop(sent);
    send(&world, &snapshot, request("GET", HOST, "/plain"));
    assert!(!world.0.sent.borrow()[1].headers.contains("authorization"));
    for (reply, status) in [
        (
            Response::new(200).with_header("x-amz-function-error", "Unhandled"),
            500,
        ),
        (Response::new(403), 500),
        (Response::new(404), 500),
        (Response::new(429), 503),
        (Response::new(502), 503),
    ] {
        let code = reply.status;
        let reply = std::cell::Cell::new(Some(reply));
        world.on_http(move |_| Ok(reply.take().unwrap_or_default()));
        let response = send(&world, &snapshot, request("GET", HOST, "/"));
        assert_eq!(response.status, status, "Invoke gave {code}");
    }
    assert_eq!(client().local_port, 443);
}
