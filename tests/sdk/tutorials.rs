//! AWS's tutorials as shell scripts with the AWS CLI, unchanged but for the address.

use std::process::Command;

use tollgate_harness::workspace_root;
use tollgate_harness::{Backend, Node, NodeOptions, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, python};
use tollgate_tests::certificates;

const API: &str = "certificates:
  fixed: {certificateFile: fixed.pem, privateKeyFile: fixed.key}
functions:
  hello: {runtime: python, directory: hello, handler: app.handler}
";
const FUNCTION: &str = "import json


def handler(event, context):
    name = event.get('queryStringParameters', {}).get('name', 'World')
    return json.dumps(f'Hello from Lambda, {name}!')
";

/// Runs a script of `tests/sdk/tutorials` against a fresh node.
#[track_caller]
fn tutorial(script: &str) {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    certificates::self_signed(folder.path(), "fixed", "shop.example.com");
    let read = |name: &str| {
        std::fs::read_to_string(folder.path().join(name)).expect("read what was just made")
    };
    let options = NodeOptions::api(API).file("hello/app.py", FUNCTION);
    let options = options.file("fixed.pem", read("fixed.pem"));
    let node = Node::start(options.file("fixed.key", read("fixed.key")));
    let backend = Backend::echo();
    let addresses = node.addresses();
    let programs = python().parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .arg(workspace_root().join("tests/sdk/tutorials").join(script))
        .env("PATH", format!("{}:{}", programs.display(), path.display()))
        .env("AWS_ENDPOINT_URL", format!("http://{}", addresses.admin))
        .env("AWS_ACCESS_KEY_ID", ROOT_ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_SECRET_KEY)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("GATEWAY_URL", format!("http://{}", addresses.http))
        .env("BACKEND_URL", backend.url())
        .output()
        .expect("run bash");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    assert!(status.success(), "{script}: {status}\n{said}\n{complained}");
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
