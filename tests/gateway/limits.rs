//! Rates and keys as a client meets them (AWS: "Throttle requests", "Usage plans").

use tollgate_harness::{Backend, Node, NodeOptions, Request, Response};
use tollgate_tests::files;

/// A rate so low that no request is refilled while a test runs: bursts are exact.
const NEARLY_NEVER: &str = "0.001";

fn call(node: &Node, key: Option<&str>) -> Response {
    let request = Request::get("/x").host(files::HOST);
    node.send(&match key {
        Some(key) => request.header("x-api-key", key),
        None => request,
    })
}

fn statuses(node: &Node, key: Option<&str>, count: usize) -> Vec<u16> {
    (0..count).map(|_| call(node, key).status).collect()
}

#[test]
fn a_stage_admits_its_burst_and_says_when_to_come_back() {
    let backend = Backend::echo();
    let text = format!(
        "{}    stages:
      - stageName: $default
        defaultRouteSettings: {{throttlingBurstLimit: 5, throttlingRateLimit: {NEARLY_NEVER}}}
",
        files::proxy(&backend.url())
    );
    let node = Node::start(NodeOptions::api(text));
    assert_eq!(
        statuses(&node, None, 8),
        [200, 200, 200, 200, 200, 429, 429, 429]
    );
    let refused = call(&node, None);
    assert_eq!(refused.text(), r#"{"message":"Too Many Requests"}"#);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1, "{refused:?}");
    assert_eq!(backend.requests(), 5, "a refused request is not passed on");
}

#[test]
fn a_route_may_have_a_rate_of_its_own() {
    let backend = Backend::echo();
    let url = backend.url();
    let text = format!(
        "apis:
  - name: {}
    routes:
      - {{routeKey: GET /tight, integration: {url}/tight}}
      - {{routeKey: GET /wide, integration: {url}/wide}}
    stages:
      - stageName: $default
        routeSettings:
          GET /tight: {{throttlingBurstLimit: 1, throttlingRateLimit: {NEARLY_NEVER}}}
",
        files::API
    );
    let node = Node::start(NodeOptions::api(text));
    let get = |target: &str| node.send(&Request::get(target).host(files::HOST)).status;
    assert_eq!(
        [get("/tight"), get("/tight"), get("/wide"), get("/wide")],
        [200, 429, 200, 200]
    );
}

#[test]
fn keys_of_one_plan_have_rates_of_their_own() {
    let backend = Backend::echo();
    let limits = format!("    throttle: {{burstLimit: 3, rateLimit: {NEARLY_NEVER}}}\n");
    let second = "another-key-000000000000000000002";
    let text = files::with_plan(&backend.url(), &limits)
        + &format!("  - {{id: second, name: second, value: {second}, usagePlans: [plan]}}\n");
    let node = Node::start(NodeOptions::api(text));
    assert_eq!(
        statuses(&node, Some(files::KEY), 5),
        [200, 200, 200, 429, 429]
    );
    assert_eq!(statuses(&node, Some(second), 4), [200, 200, 200, 429]);
}

#[test]
fn a_client_is_told_what_is_left_of_its_quota() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), 3)));
    for left in [2, 1, 0] {
        let response = call(&node, Some(files::KEY));
        let told = response.header("ratelimit").unwrap_or_default().to_owned();
        assert!(told.contains(&format!("r={left}")), "{response:?}");
    }
    let refused = call(&node, Some(files::KEY));
    assert_eq!(refused.status, 429);
    assert_eq!(refused.text(), r#"{"message":"Limit Exceeded"}"#);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
}

#[test]
fn a_refused_request_costs_nothing_of_the_quota() {
    let backend = Backend::echo();
    let limits = format!(
        "    quota: {{limit: 100, period: DAY}}
    throttle: {{burstLimit: 2, rateLimit: {NEARLY_NEVER}}}
"
    );
    let node = Node::start(NodeOptions::api(files::with_plan(&backend.url(), &limits)));
    assert_eq!(statuses(&node, Some(files::KEY), 4), [200, 200, 429, 429]);
    let usage = node.cli(&["usage", files::KEY_ID, "-o", "json"]);
    assert_eq!(backend.requests(), 2);
    let today = &usage.json()[0];
    assert_eq!(
        (&today["used"], &today["remaining"]),
        (&2.into(), &98.into())
    );
}

#[test]
fn a_secret_key_is_nowhere_to_be_read() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), 3)));
    call(&node, Some(files::KEY));
    call(&node, Some("a-wrong-key-that-is-long-enough-01"));
    let metrics = node.ops("/metrics").text();
    let listed = node.cli(&["key", "list", "-o", "json"]);
    assert_eq!(listed.code, 0, "{listed:?}");
    let said = node.process().stdout() + &node.process().stderr();
    for (place, text) in [
        ("metrics", metrics),
        ("key list", listed.stdout),
        ("output", said),
    ] {
        assert!(!text.contains(files::KEY), "the key is in {place}");
        assert!(
            !text.contains("a-wrong-key-that-is-long-enough-01"),
            "a try is in {place}"
        );
    }
}
