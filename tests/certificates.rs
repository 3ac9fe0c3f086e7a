//! Certificates of tests, made by OpenSSL as users make them.

use std::path::Path;
use std::process::Command;

/// Makes a self-signed certificate for one host, `NAME.pem`, and its key, `NAME.key`.
///
/// # Panics
///
/// If `openssl` does not make them.
#[track_caller]
pub fn self_signed(folder: &Path, name: &str, host: &str) {
    let file = |ending: &str| folder.join(format!("{name}.{ending}"));
    let mut command = Command::new("openssl");
    command
        .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj"])
        .arg(format!("/CN={host}"))
        .arg("-addext")
        .arg(format!("subjectAltName=DNS:{host}"))
        .arg("-keyout")
        .arg(file("key"))
        .arg("-out")
        .arg(file("pem"));
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
