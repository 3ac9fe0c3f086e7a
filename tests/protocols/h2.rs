//! HTTP/2 over TLS and by prior knowledge.

use std::process::Command;

use tollgate_harness::{Backend, Node, NodeOptions, python, workspace_root};
use tollgate_tests::files;

use crate::tls::{curl, run, secured};

#[test]
fn over_tls_it_is_negotiated() {
    let backend = Backend::echo();
    let (folder, options) = secured(&backend);
    let node = Node::start(options);
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let trusted = folder.path().join("exact.pem");
        let mut command = curl(&node, &trusted, "api.example.test");
        command.args([flag, "--write-out", "%{http_version} %{http_code}"]);
        command.args(["--output", "/dev/null"]);
        let output = run(command.arg("https://api.example.test/x"));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, format!("{version} 200"));
    }
}

#[test]
fn in_plain_text_it_is_taken_by_prior_knowledge() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "20"])
        .args([
            "--http2-prior-knowledge",
            "--write-out",
            "\n%{http_version}",
        ])
        .arg("--connect-to")
        .arg(format!("{}:80:{}", files::HOST, node.http()))
        .args(["--data-binary", "a body"])
        .arg(format!("http://{}/x?a=b", files::HOST));
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, version) = said.rsplit_once('\n').expect("two lines");
    assert_eq!(version, "2");
    let echoed: serde_json::Value = serde_json::from_str(body).expect("an echo");
    assert_eq!(
        (&echoed["target"], &echoed["body"]),
        (&"/x?a=b".into(), &"a body".into())
    );
}

#[test]
fn many_streams_share_a_connection() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let driver = workspace_root().join("tests/protocols/streams.py");
    let output = run(Command::new(python())
        .arg(driver)
        .env("GATEWAY_URL", format!("http://{}", node.http()))
        .env("GATEWAY_HOST", files::HOST));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("streams: ok"), "{said}");
    let opened = node
        .metrics()
        .sum("tollgate_edge_connections_open", &[])
        .unwrap_or_default();
    assert!(opened < 5.0, "{opened} connections");
}
