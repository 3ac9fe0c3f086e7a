//! AWS's own clients against a node: what they send is understood, what they get they accept.

mod audit;
mod examples;
mod shop;
mod tutorials;
mod walks;

use tollgate_harness::{Backend, Node, NodeOptions, bar, workspace_root};
use tollgate_tests::{certificates, drivers};

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

/// Bar 3 on the wire; the vectors and every class of bytes are `protocol/aws/tests/vectors.rs`.
#[test]
fn what_boto3_signed_is_refused_when_any_part_of_it_changed() {
    let node = Node::start(NodeOptions::new());
    let said = drivers::drive(&node, "sdk/signatures.py", &[("BACKEND_URL", "")]);
    for line in said.lines() {
        bar(3, line);
    }
    assert_eq!(said.lines().count(), 2, "{said}");
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

/// Every operation of apigatewayv2 but the developer portal's, with the least and the most that the
/// SDK's own model lets a caller say.
#[test]
fn every_operation_of_the_model_goes_there_and_back() {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    certificates::self_signed(folder.path(), "fixed", "fixed.example.com");
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join(name)).expect("read what was just made")
    };
    let api = "certificates:
  fixed: {certificateFile: fixed.pem, privateKeyFile: fixed.key}
";
    let options = NodeOptions::api(api);
    let options = options.file("fixed.pem", read("fixed.pem"));
    let node = Node::start(options.file("fixed.key", read("fixed.key")));
    let limited = shop::start_limited();
    let limited = format!("http://{}", limited.addresses().admin);
    let (key, secret) = shop::nobody(&node);
    let environment = [
        ("BACKEND_URL", &*Backend::echo().url()),
        ("LIMITED_URL", &limited),
        ("NOBODY_KEY", &key),
        ("NOBODY_SECRET", &secret),
    ];
    let said = drivers::drive(&node, "sdk/every_operation.py", &environment);
    println!("{said}");
    for line in said.lines().filter(|line| line.contains(" of ")) {
        bar(1, line);
    }
}

#[test]
fn the_document_tells_which_operations_there_are() {
    let node = Node::start(NodeOptions::new());
    let said = drivers::drive(&node, "sdk/support.py", &[("BACKEND_URL", "")]);
    let page = std::fs::read_to_string(workspace_root().join("docs/aws.md")).expect("read");
    for line in said.lines() {
        assert!(page.contains(line), "docs/aws.md needs:\n{said}");
    }
    assert_eq!(said.lines().count(), 3, "{said}");
}
