//! Reference 17: access logs and the execution log.

use tollgate_message::{Request, Response};
use tollgate_model::LoggingLevel;
use tollgate_pipeline::{IntegrationError, IntegrationErrorKind};

use crate::plans::{HOST, api, fixed, proxy, route, shop, snapshot, stage};
use crate::support::{RequestExt, World, request, send};

/// The line of a request under a template.
fn line(template: &str, wanted: Request) -> String {
    line_in(&World::new(), template, wanted)
}

fn line_in(world: &World, template: &str, wanted: Request) -> String {
    let routes = vec![
        route("GET /pets/{id}", fixed(200, "hello")),
        route("POST /back", proxy()),
    ];
    let shop = api("shop", None, vec![stage("prod", routes).log(template)]);
    send(world, &snapshot(vec![shop]), wanted);
    world.last().log_line.expect("the stage has an access log")
}

#[test]
fn the_common_log_format() {
    let template = "$context.identity.sourceIp - - [$context.requestTime] \
        \"$context.httpMethod $context.routeKey $context.protocol\" $context.status \
        $context.responseLength $context.requestId";
    assert_eq!(
        line(template, request("GET", HOST, "/prod/pets/7")),
        "203.0.113.9 - - [04/Mar/2020:19:03:58 +0000] \"GET GET /pets/{id} HTTP/1.1\" 200 5 \
         JKJaXmPLvHcESHA="
    );
}

#[test]
fn every_variable_of_a_request_that_went_well() {
    let world = World::new();
    world.on_http(|_| Ok(Response::new(202).with_body("12345678")));
    for (name, value) in [
        ("accountId", "123456789012"),
        ("apiId", "shop"),
        ("authorizer.error", "-"),
        ("authorizer.claims.sub", "-"),
        ("awsEndpointRequestId", "-"),
        ("cacheStatus", "-"),
        ("customDomain.basePathMatched", "-"),
        ("dataProcessed", "12"),
        ("deploymentId", "dep123"),
        ("domainName", HOST),
        ("domainPrefix", "shop"),
        ("error.message", "-"),
        ("error.messageString", "-"),
        ("error.responseType", "-"),
        ("extendedRequestId", "JKJaXmPLvHcESHA="),
        ("httpMethod", "POST"),
        ("identity.apiKeyId", "-"),
        ("identity.caller", "-"),
        ("identity.sourceIp", "203.0.113.9"),
        ("identity.userAgent", "tests/1"),
        ("integration.error", "-"),
        ("integration.integrationStatus", "202"),
        ("integration.latency", "12"),
        ("integration.status", "202"),
        ("integrationErrorMessage", "-"),
        ("integrationLatency", "12"),
        ("integrationStatus", "202"),
        ("path", "/prod/back"),
        ("protocol", "HTTP/1.1"),
        ("requestId", "JKJaXmPLvHcESHA="),
        ("requestTime", "04/Mar/2020:19:03:58 +0000"),
        ("requestTimeEpoch", "1583348638390"),
        ("resourcePath", "/back"),
        ("responseLatency", "12"),
        ("responseLength", "8"),
        ("routeId", "r1r1r1r"),
        ("routeKey", "POST /back"),
        ("stage", "prod"),
        ("status", "202"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000001-01",
        ),
        ("upstream.server", "10.0.0.7:8080"),
        ("usagePlanId", "-"),
        ("xrayTraceId", "Root=1-0af76519-16cd43dd8448eb211c80319c"),
        ("noSuchThing", "-"),
    ] {
        world.0.random.set(0);
        let sent = request("POST", HOST, "/prod/back")
            .header("user-agent", "tests/1")
            .header(
                "traceparent",
                "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            )
            .body("1234");
        assert_eq!(
            line_in(&world, &format!("$context.{name}"), sent),
            value,
            "{name}"
        );
    }
}

#[test]
fn what_clients_do_not_see_logs_do() {
    let world = World::new();
    world.on_http(|_| {
        Err(IntegrationError::new(
            IntegrationErrorKind::Connect,
            "refused by 10.0.0.7",
        ))
    });
    let template = "{\"message\":\"$context.error.message\",\"string\":$context.error.messageString,\
        \"type\":\"$context.error.responseType\",\"cause\":\"$context.integrationErrorMessage\",\
        \"status\":$context.status}";
    let line = line_in(&world, template, request("POST", HOST, "/prod/back"));
    let json: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(json["message"], "refused by 10.0.0.7");
    assert_eq!(json["string"], "Service Unavailable");
    assert_eq!(json["type"], "INTEGRATION_FAILURE");
    assert_eq!(json["cause"], "refused by 10.0.0.7");
    assert_eq!(json["status"], 503);
}

#[test]
fn no_value_leaves_its_place() {
    let evil = "a\r\nb\"c\\d\u{2028}e<f>&\u{85}\x1b[31m";
    let sent = || request("GET", HOST, "/prod/pets/7").header("user-agent", evil);
    let json = line("{\"ua\":\"$context.identity.userAgent\"}", sent());
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["ua"], evil, "JSON reads back what was sent");
    assert_eq!(
        line("\"$context.identity.userAgent\"", sent()),
        "\"a\\u000d\\u000ab\\\"c\\\\d\\u2028e<f>&\\u0085\\u001b[31m\""
    );
    let xml = line("<request ua=\"$context.identity.userAgent\"/>", sent());
    assert!(
        xml.starts_with("<request ua=\"a\u{fffd}\u{fffd}b&quot;c\\d"),
        "{xml}"
    );
    assert!(xml.contains("e&lt;f&gt;&amp;"), "{xml}");
    let broken = line("a\nb $context.status", sent());
    assert_eq!(broken, "a b 200", "a template cannot break a line either");
}

#[test]
fn a_request_without_a_route_is_logged_by_its_stage() {
    let template = "$context.status $context.routeKey $context.path $context.identity.userAgent";
    let wanted = request("GET", HOST, "/prod/none").header("user-agent", "tests/1");
    assert_eq!(line(template, wanted), "404 - /prod/none tests/1");
}

fn exec(level: LoggingLevel, data: bool, wanted: Request) -> Vec<String> {
    let world = World::new();
    world.on_http(|sent| match &*sent.path {
        "/fails" => Err(IntegrationError::new(
            IntegrationErrorKind::Timeout,
            "no answer in 30 s",
        )),
        _ => Ok(Response::new(200)
            .with_header("x-b", "2")
            .with_body("answer")),
    });
    let logged = |key| route(key, proxy()).logged(level, data);
    let snapshot = shop(vec![logged("POST /works"), logged("POST /fails")]);
    send(&world, &snapshot, wanted);
    world.0.exec_lines.take()
}

#[test]
fn the_execution_log_tells_the_steps_in_order() {
    let sent = || {
        request("POST", HOST, "/works?q=1")
            .header("authorization", "Bearer secret")
            .header("x-a", "line\r\nbreak")
            .body("question")
    };
    let lines = exec(LoggingLevel::Info, true, sent());
    let steps = [
        "Execution log for request JKJaXmPLvHcESHA=",
        "Starting execution for request: JKJaXmPLvHcESHA=",
        "HTTP Method: POST, Resource Path: /works",
        "Method request path: /works",
        "Method request query string: q=1",
        "Method request headers: {",
        "Method request body before transformations: question",
        "Endpoint request URI: POST backend.internal:8080/works",
        "Endpoint request headers: {",
        "Endpoint request body after transformations: question",
        "Sending request to backend.internal:8080",
        "Received response. Status: 200, Integration latency: 12 ms",
        "Endpoint response headers: {x-b=2}",
        "Endpoint response body before transformations: answer",
        "Method response body after transformations: answer",
        "Method response headers: {x-b=2}",
        "Successfully completed execution",
        "Method completed with status: 200",
    ];
    assert_eq!(lines.len(), steps.len(), "{lines:#?}");
    for (line, step) in lines.iter().zip(steps) {
        assert!(
            line.starts_with(&format!("(JKJaXmPLvHcESHA=) {step}")),
            "{line} is not {step}"
        );
        assert!(!line.contains("secret") && !line.contains('\n'), "{line}");
    }
    let without_data = exec(LoggingLevel::Info, false, sent());
    assert_eq!(without_data.len(), 10, "{without_data:#?}");
    assert!(exec(LoggingLevel::Off, true, sent()).is_empty());
    assert!(exec(LoggingLevel::Error, true, sent()).is_empty());
}

#[test]
fn failures_are_told_from_level_error_on() {
    let lines = exec(LoggingLevel::Error, false, request("POST", HOST, "/fails"));
    assert_eq!(
        lines,
        [
            "(JKJaXmPLvHcESHA=) Execution failed: no answer in 30 s",
            "(JKJaXmPLvHcESHA=) Method completed with status: 503",
        ]
    );
}

#[test]
fn execution_log_lines_are_cut() {
    let long = request("POST", HOST, "/works").body("é".repeat(5_000));
    let lines = exec(LoggingLevel::Info, true, long);
    assert!(
        lines
            .iter()
            .all(|it| it.len() <= 1_024 + "(JKJaXmPLvHcESHA=) ".len())
    );
    let cut = lines.iter().find(|it| it.len() > 1_000);
    assert!(cut.expect("a long line").ends_with(" [TRUNCATED]"));
}
