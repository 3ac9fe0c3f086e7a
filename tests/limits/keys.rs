//! Keys that come and go while the node serves.

use std::fs;

use tollgate_harness::{Backend, Node, NodeOptions, Request};
use tollgate_tests::files;

fn call(node: &Node, key: &str) -> u16 {
    let request = Request::get("/x").host(files::HOST);
    node.send(&request.header("x-api-key", key)).status
}

#[test]
fn a_key_is_in_force_when_its_creation_returns_and_out_when_it_is_revoked() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), 100)));
    let created = node.cli(&["key", "create", "acme", "--plan", "plan", "-o", "json"]);
    let value = created.json()["value"]
        .as_str()
        .unwrap_or_else(|| panic!("{created:?}"))
        .to_owned();
    assert!((20..=128).contains(&value.len()), "{created:?}");
    assert_eq!(call(&node, &value), 200);
    // One letter less, one letter more, another case: only the whole key opens.
    for near in [
        &value[1..],
        &format!("{value}x"),
        &value.to_uppercase(),
        &value.to_lowercase(),
    ] {
        assert!(near == value || call(&node, near) == 403, "{near}");
    }
    let revoked = node.cli(&["key", "revoke", "acme"]);
    assert_eq!(revoked.code, 0, "{revoked:?}");
    assert_eq!(call(&node, &value), 403);
    assert_eq!(call(&node, files::KEY), 200, "another key is untouched");
}

#[test]
fn a_disabled_key_is_refused_and_keeps_what_it_used() {
    let backend = Backend::echo();
    let text = files::with_quota(&backend.url(), 5);
    let node = Node::start(NodeOptions::api(&*text));
    for _ in 0..3 {
        assert_eq!(call(&node, files::KEY), 200);
    }
    let apply = |text: &str| {
        fs::write(node.home().join("next.yaml"), text).expect("write");
        let applied = node.cli(&["apply", "-f", "next.yaml"]);
        assert_eq!(applied.code, 0, "{applied:?}");
    };
    apply(&text.replace(
        "    usagePlans: [plan]",
        "    usagePlans: [plan]\n    enabled: false",
    ));
    assert_eq!(call(&node, files::KEY), 403);
    assert_eq!(backend.requests(), 3);
    apply(&text);
    let statuses: Vec<u16> = (0..3).map(|_| call(&node, files::KEY)).collect();
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn a_key_opens_only_the_stages_of_its_plans() {
    let backend = Backend::echo();
    let url = backend.url();
    let text = files::with_quota(&url, 100).replace(
        "usagePlans:\n  plan:",
        &format!(
            "  - name: other
    routes: [{{routeKey: GET /x, apiKeyRequired: true, integration: '{url}/x'}}]
usagePlans:
  plan:"
        ),
    );
    let node = Node::start(NodeOptions::api(text));
    assert_eq!(call(&node, files::KEY), 200);
    let request = Request::get("/x")
        .host("other.execute-api.us-east-1.localhost")
        .header("x-api-key", files::KEY);
    let refused = node.send(&request);
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(refused.text(), r#"{"message":"Forbidden"}"#);
}
