//! AWS's own clients against a node: what they send is understood, what they get they accept.

use tollgate_harness::{Backend, Node, NodeOptions, workspace_root};
use tollgate_tests::drivers;

/// Runs a driver script against a fresh node.
#[track_caller]
fn drive(script: &str) {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::new());
    let url = backend.url();
    drivers::drive(&node, script, &[("BACKEND_URL", &url)]);
}

#[test]
fn boto3_makes_and_serves_an_http_api() {
    drive("sdk/http_api.py");
}

#[test]
fn boto3_makes_every_part_of_an_api() {
    drive("sdk/parts.py");
}

#[test]
fn boto3_takes_every_operation_through_its_life() {
    drive("sdk/every_operation.py");
}

#[test]
fn boto3_makes_keys_and_usage_plans() {
    drive("sdk/usage_plan.py");
}

#[test]
fn boto3_may_what_the_policies_of_its_user_allow() {
    drive("sdk/users.py");
}

#[test]
fn boto3_is_refused_with_a_wrong_secret() {
    drive("sdk/denied.py");
}

#[test]
fn boto3_makes_vpc_links_and_tags_name_their_servers() {
    drive("sdk/vpc_links.py");
}

#[test]
fn boto3_makes_routing_rules_and_requests_follow_them() {
    drive("sdk/routing_rules.py");
}

#[test]
fn boto3_imports_and_exports_openapi_documents() {
    let node = Node::start(NodeOptions::new());
    let backend = Backend::echo();
    let corpus = workspace_root().join("config/testdata/import");
    let corpus = corpus.to_string_lossy();
    let environment = [("BACKEND_URL", &*backend.url()), ("CORPUS", &*corpus)];
    let said = drivers::drive(&node, "sdk/documents.py", &environment);
    print!("{said}");
}

#[test]
fn boto3_calls_connections_that_are_gone() {
    drive("sdk/connections.py");
}
