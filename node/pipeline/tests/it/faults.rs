//! Reference 5.5: every error of the gateway in the one place that says how it looks.

use tollgate_message::Response;
use tollgate_model::PayloadFormat;
use tollgate_pipeline::{FaultKind, FunctionReply, IntegrationError, IntegrationErrorKind as Kind};

use crate::plans::{HOST, function, proxy, route, shop};
use crate::support::{RequestExt, World, request, send, stream, text};
use tollgate_config::snapshot::IntegrationPlan;
use tollgate_message::BodyError;

#[test]
fn the_table_of_faults() {
    let mut table = String::new();
    for kind in FaultKind::ALL {
        let body: serde_json::Value = serde_json::from_str(kind.body()).unwrap();
        assert_eq!(body["message"], kind.message(), "{kind:?}");
        table += &format!(
            "{kind:?} {} {} {} {} {:?}\n",
            kind.status(),
            kind.body(),
            kind.response_type(),
            kind.error_type(),
            kind.side()
        );
    }
    let path = format!("{}/tests/golden/faults.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(path).unwrap());
}

#[test]
fn integration_errors_become_what_aws_answers() {
    for (kind, status, message) in [
        (Kind::Connect, 503, "Service Unavailable"),
        (Kind::Dns, 503, "Service Unavailable"),
        (Kind::Tls, 503, "Service Unavailable"),
        (Kind::Timeout, 503, "Service Unavailable"),
        (Kind::Reset, 503, "Service Unavailable"),
        (Kind::Protocol, 503, "Service Unavailable"),
        (Kind::Overloaded, 503, "Service Unavailable"),
        (Kind::Unknown, 500, "Internal Server Error"),
        (Kind::InvalidRequest, 500, "Internal Server Error"),
        (Kind::Function, 500, "Internal Server Error"),
        (Kind::BadOutput, 500, "Internal Server Error"),
        (Kind::TooLarge, 413, "Request Entity Too Large"),
        (Kind::RequestBody, 400, "Bad Request"),
    ] {
        let snapshot = shop(vec![
            route("GET /http", proxy()),
            route("GET /function", function(PayloadFormat::V2)),
        ]);
        for path in ["/http", "/function"] {
            let world = World::new();
            let error = move || IntegrationError {
                kind,
                detail: "10.0.0.7:8080 refused: secret detail".into(),
                server: Some("10.0.0.7:8080".into()),
            };
            world.on_http(move |_| Err(error()));
            world.on_function(move |_| Err(error()));
            let response = send(&world, &snapshot, request("GET", HOST, path));
            assert_eq!(response.status, status, "{kind:?}");
            assert_eq!(
                response.headers.get("content-type"),
                Some(&b"application/json"[..])
            );
            assert!(response.headers.contains("apigw-requestid"));
            assert_eq!(
                text(response.body),
                format!("{{\"message\":\"{message}\"}}"),
                "{kind:?}"
            );
            let seen = world.last();
            assert_eq!(
                seen.error_message.as_deref(),
                Some("10.0.0.7:8080 refused: secret detail")
            );
            assert_eq!(seen.server.as_deref(), Some("10.0.0.7:8080"));
            assert_eq!(seen.status, status);
        }
    }
}

#[test]
fn a_route_without_integration_is_the_configurations_fault() {
    let world = World::new();
    let snapshot = shop(vec![route("GET /", IntegrationPlan::Missing)]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!(response.status, 500);
    assert_eq!(world.last().fault, Some(FaultKind::Configuration));
}

#[test]
fn a_functions_error_object_stays_in_the_logs() {
    let world = World::new();
    world.on_function(|_| Ok(FunctionReply::Error(r#"{"errorMessage":"boom"}"#.into())));
    let snapshot = shop(vec![route("GET /", function(PayloadFormat::V2))]);
    let response = send(&world, &snapshot, request("GET", HOST, "/"));
    assert_eq!(response.status, 500);
    assert_eq!(
        text(response.body),
        r#"{"message":"Internal Server Error"}"#
    );
    assert!(world.last().error_message.unwrap().contains("boom"));
}

#[test]
fn bodies_for_functions_have_a_limit() {
    let snapshot = shop(vec![route("POST /", function(PayloadFormat::V2))]);
    let six_mib = 6 * 1024 * 1024;
    for (bytes, status) in [(six_mib, 200), (six_mib + 1, 413)] {
        let world = World::new();
        let sent = request("POST", HOST, "/").body("x".repeat(bytes));
        let response = send(&world, &snapshot, sent);
        assert_eq!(response.status, status);
        assert_eq!(world.0.invoked.borrow().len(), usize::from(status == 200));
    }
    let broken = stream(vec![Ok(b"half"), Err(BodyError::Closed)], None);
    let response = send(
        &World::new(),
        &snapshot,
        request("POST", HOST, "/").body(broken),
    );
    assert_eq!(response.status, 400);
}

#[test]
fn answers_to_head_have_no_body_but_its_length() {
    let world = World::new();
    world.on_http(|_| Ok(Response::new(200).with_body("twelve bytes")));
    let snapshot = shop(vec![route("HEAD /there", proxy())]);
    for (path, status, length) in [("/there", 200, "12"), ("/nothing", 404, "23")] {
        let response = send(&world, &snapshot, request("HEAD", HOST, path));
        assert_eq!(response.status, status);
        assert_eq!(
            response.headers.get("content-length"),
            Some(length.as_bytes())
        );
        assert!(response.body.is_empty());
        assert_eq!(world.last().response_bytes, 0);
    }
}
