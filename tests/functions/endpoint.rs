//! Functions behind a Lambda `Invoke` API: called by AWS's protocol, signed, at any URL.

use serde_json::Value;
use tollgate_harness::{Answer, Backend, Node, NodeOptions, Received, Request};
use tollgate_tests::files;

fn start(backend: &Backend) -> Node {
    let text = files::api("      - {routeKey: $default, integration: 'function:remote'}\n")
        + &format!(
            "functions:
  remote:
    runtime: lambda
    lambdaEndpoint: {}
    lambdaFunction: shop
    region: eu-west-1
    accessKeyId: AKIAEXAMPLE000000001
    secretAccessKey: a-secret-of-the-suite
",
            backend.url()
        );
    Node::start(NodeOptions::api(text))
}

/// What an endpoint does, by the path of the client's request.
fn endpoint(request: &Received) -> Answer {
    let event: Value = serde_json::from_slice(&request.body).expect("an event");
    let path = event["rawPath"].as_str().unwrap_or_default().to_owned();
    match path.as_str() {
        "/fails" => Answer::Respond {
            status: 200,
            headers: vec![("X-Amz-Function-Error".into(), "Unhandled".into())],
            body: br#"{"errorMessage":"a reason that no client may see"}"#.to_vec(),
        },
        "/busy" => Answer::status(429, "{}"),
        "/denied" => Answer::status(403, "{}"),
        _ => Answer::json(&serde_json::json!({"statusCode": 201, "body": path})),
    }
}

#[test]
fn a_function_is_invoked_by_awss_protocol() {
    let backend = Backend::start(endpoint);
    let node = start(&backend);
    let response = node.send(&Request::get("/pets").host(files::HOST));
    assert_eq!(
        (response.status, response.text().as_str()),
        (201, "/pets"),
        "{response:?}"
    );
    let seen = backend.received().pop().expect("an invocation");
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.target, "/2015-03-31/functions/shop/invocations");
    assert_eq!(
        seen.header("x-amz-invocation-type"),
        Some("RequestResponse")
    );
    let signed = seen.header("authorization").unwrap_or_default();
    assert!(
        signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE000000001/"),
        "{signed}"
    );
    assert!(
        signed.contains("/eu-west-1/lambda/aws4_request"),
        "{signed}"
    );
    assert!(seen.header("x-amz-date").is_some());
    assert!(!format!("{seen:?}").contains("a-secret-of-the-suite"));
}

#[test]
fn what_the_endpoint_refuses_becomes_the_documented_status() {
    let backend = Backend::start(endpoint);
    let node = start(&backend);
    for (path, status) in [
        ("/fails", 500),
        ("/busy", 503),
        ("/denied", 500),
        ("/x", 201),
    ] {
        let response = node.send(&Request::get(path).host(files::HOST));
        assert_eq!(response.status, status, "{path}: {response:?}");
        assert!(!response.text().contains("a reason"), "{response:?}");
    }
}
