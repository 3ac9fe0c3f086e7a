//! Scripts and programs that use AWS's own SDKs and tools against a node.

use std::path::Path;
use std::process::Command;

use tollgate_harness::{Node, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, python, workspace_root};

const REGION: &str = "us-east-1";

/// Runs a script of `tests/` as the node's administrator and returns what it printed. A script
/// fails by raising; what it says is shown.
///
/// # Panics
///
/// If it fails.
#[track_caller]
pub fn drive(node: &Node, script: &str, environment: &[(&str, &str)]) -> String {
    let path = workspace_root().join("tests").join(script);
    assert!(Path::new(&path).is_file(), "no such driver: {script}");
    let mut command = Command::new(python());
    command
        .arg(&path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("AWS_MAX_ATTEMPTS", "1");
    run(node, command.envs(environment.iter().copied()))
}

/// Runs a program that uses one of AWS's tools, pointed at the node as its users would do it, and
/// returns what it printed.
///
/// # Panics
///
/// If it fails, with all that it said.
#[track_caller]
pub fn run(node: &Node, command: &mut Command) -> String {
    let addresses = node.addresses();
    let output = command
        .env("AWS_ENDPOINT_URL", format!("http://{}", addresses.admin))
        .env("AWS_ACCESS_KEY_ID", ROOT_ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", ROOT_SECRET_KEY)
        .env("AWS_DEFAULT_REGION", REGION)
        // The SDK for JavaScript knows only this name.
        .env("AWS_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("GATEWAY_URL", format!("http://{}", addresses.http))
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    assert!(
        status.success(),
        "{command:?}: {status}\n{said}\n{complained}"
    );
    said
}
