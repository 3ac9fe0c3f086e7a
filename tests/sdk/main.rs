//! AWS's own clients against a node: what they send is understood, what they get they accept.

use std::path::Path;
use std::process::Command;

use tollgate_harness::{
    Backend, Node, NodeOptions, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, python, workspace_root,
};

/// Runs a driver script against a fresh node. A script fails by raising; what it says is shown.
#[track_caller]
fn drive(script: &str) {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::new());
    let addresses = node.addresses();
    let path = workspace_root().join("tests/sdk").join(script);
    assert!(Path::new(&path).is_file(), "no such driver: {script}");
    let output = Command::new(python())
        .arg(&path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_ENDPOINT_URL", format!("http://{}", addresses.admin))
        .env("AWS_ACCESS_KEY_ID", ROOT_ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_SECRET_KEY)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("GATEWAY_URL", format!("http://{}", addresses.http))
        .env("BACKEND_URL", backend.url())
        .output()
        .expect("run the driver");
    assert!(
        output.status.success(),
        "{script}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn boto3_makes_and_serves_an_http_api() {
    drive("http_api.py");
}

#[test]
fn boto3_makes_keys_and_usage_plans() {
    drive("usage_plan.py");
}

#[test]
fn boto3_is_refused_with_a_wrong_secret() {
    drive("denied.py");
}
