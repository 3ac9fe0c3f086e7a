//! Certificates by host name (SNI), from an API file and from the node's settings.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use tollgate_harness::{Backend, Node, NodeOptions};
use tollgate_tests::certificates::self_signed as certificate;

/// Runs a program that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

/// Certificates for three names, and the API file that uses two of them.
pub(crate) fn secured(backend: &Backend) -> (TempDir, NodeOptions) {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    certificate(folder.path(), "exact", "api.example.test");
    certificate(folder.path(), "wild", "*.example.test");
    certificate(folder.path(), "default", "anything.test");
    let url = backend.url();
    let text = format!(
        "apis:
  - name: main
    routes: [{{routeKey: 'ANY /{{proxy+}}', integration: '{url}/{{proxy}}'}}]
certificates:
  exact: {{certificateFile: exact.pem, privateKeyFile: exact.key}}
  wild: {{certificateFile: wild.pem, privateKeyFile: wild.key}}
domainNames:
  - {{domainName: api.example.test, certificate: exact, apiMappings: [{{api: main}}]}}
  - {{domainName: '*.example.test', certificate: wild, apiMappings: [{{api: main}}]}}
defaultMapping: {{api: main}}
"
    );
    let file = folder.path().join("api.yaml");
    fs::write(&file, text).expect("write the API file");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let options = NodeOptions::new()
        .arg("--apply")
        .arg(&path("api.yaml"))
        .arg("--https")
        .arg("127.0.0.1:0")
        .arg("--tls-cert")
        .arg(&path("default.pem"))
        .arg("--tls-key")
        .arg(&path("default.key"));
    (folder, options)
}

pub(crate) fn https(node: &Node) -> SocketAddr {
    node.addresses().https.expect("a TLS listener")
}

/// A curl that trusts only one certificate and finds every host at the node.
pub(crate) fn curl(node: &Node, trusted: &Path, host: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "20", "--cacert"])
        .arg(trusted)
        .arg("--connect-to")
        .arg(format!("{host}:443:{}", https(node)));
    command
}

#[test]
fn every_name_gets_its_certificate() {
    let backend = Backend::echo();
    let (folder, options) = secured(&backend);
    let node = Node::start(options);
    for (host, certificate) in [
        ("api.example.test", "exact"),
        ("other.example.test", "wild"),
        ("anything.test", "default"),
    ] {
        let trusted = folder.path().join(format!("{certificate}.pem"));
        for version in ["1.2", "1.3"] {
            let mut command = curl(&node, &trusted, host);
            command.args(["--tls-max", version, &format!("--tlsv{version}")]);
            let output = run(command.arg(format!("https://{host}/x")));
            let echoed: serde_json::Value =
                serde_json::from_slice(&output.stdout).expect("an echo");
            assert_eq!(echoed["target"], "/x");
            let text = echoed.to_string().to_lowercase();
            assert!(text.contains(r#"["x-forwarded-proto","https"]"#), "{text}");
        }
    }
}

#[test]
fn a_client_that_trusts_another_certificate_does_not_connect() {
    let backend = Backend::echo();
    let (folder, options) = secured(&backend);
    let node = Node::start(options);
    let mut command = curl(&node, &folder.path().join("wild.pem"), "api.example.test");
    let output = command.arg("https://api.example.test/x").output();
    let status = output.expect("curl runs").status;
    assert_eq!(status.code(), Some(60), "curl's code for a bad certificate");
    assert_eq!(backend.requests(), 0);
}

#[test]
fn an_applied_certificate_is_shown_to_the_next_client() {
    let backend = Backend::echo();
    let (folder, options) = secured(&backend);
    let node = Node::start(options);
    certificate(folder.path(), "exact", "api.example.test");
    let trusted = folder.path().join("exact.pem");
    let ask = || {
        let mut command = curl(&node, &trusted, "api.example.test");
        command.arg("https://api.example.test/x");
        command.output().expect("curl runs").status.success()
    };
    assert!(!ask(), "the old certificate is still the one in force");
    let file = folder.path().join("api.yaml");
    let applied = node.cli(&["apply", "-f", &file.to_string_lossy()]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert!(ask(), "the new certificate is in force");
}

#[test]
fn what_is_no_certificate_is_refused_and_changes_nothing() {
    let backend = Backend::echo();
    let (folder, options) = secured(&backend);
    let node = Node::start(options);
    let trusted = folder.path().join("kept.pem");
    fs::copy(folder.path().join("exact.pem"), &trusted).unwrap();
    fs::write(folder.path().join("exact.pem"), "no certificate").unwrap();
    let file = folder.path().join("api.yaml");
    let refused = node.cli(&["apply", "-f", &file.to_string_lossy()]);
    assert_eq!(refused.code, 1, "{refused:?}");
    let mut command = curl(&node, &trusted, "api.example.test");
    run(command.arg("https://api.example.test/x"));
}
