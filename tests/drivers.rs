//! Python scripts that use AWS's own SDK against a node.

use std::path::Path;
use std::process::Command;

use tollgate_harness::{Node, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, python, workspace_root};

/// Runs a script of `tests/` as the node's administrator and returns what it printed. A script
/// fails by raising; what it says is shown.
///
/// # Panics
///
/// If it fails.
#[track_caller]
pub fn drive(node: &Node, script: &str, environment: &[(&str, &str)]) -> String {
    let addresses = node.addresses();
    let path = workspace_root().join("tests").join(script);
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
        .envs(environment.iter().copied())
        .output()
        .expect("run the driver");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    let status = output.status;
    assert!(status.success(), "{script}: {status}\n{said}\n{complained}");
    said
}
