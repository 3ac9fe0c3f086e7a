//! AWS's tutorials as shell scripts with the AWS CLI, unchanged but for the address.

use std::process::Command;

use tollgate_harness::{Backend, workspace_root};
use tollgate_tests::drivers;

use crate::shop;

/// Runs a script of `tests/sdk/tutorials` against a fresh node.
#[track_caller]
fn tutorial(script: &str) {
    let node = shop::start();
    let backend = Backend::echo();
    let mut command = Command::new("bash");
    command
        .arg(workspace_root().join("tests/sdk/tutorials").join(script))
        .env("PATH", shop::path())
        .env("BACKEND_URL", backend.url());
    drivers::run(&node, &mut command);
}

#[test]
fn an_http_api_in_front_of_a_web_service() {
    tutorial("http_proxy.sh");
}

#[test]
fn hello_from_lambda() {
    tutorial("hello_from_lambda.sh");
}

#[test]
fn a_jwt_authorizer_is_stored_and_closes_its_routes() {
    tutorial("jwt_authorizer.sh");
}

#[test]
fn a_websocket_chat() {
    tutorial("websocket_chat.sh");
}

#[test]
fn a_custom_domain_with_a_canary_and_tags() {
    tutorial("custom_domain.sh");
}
