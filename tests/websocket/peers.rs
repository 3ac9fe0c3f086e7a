//! Other people's clients: PyPI `websockets` and npm `ws`, each with compression as it likes it.

use std::process::Command;

use tollgate_harness::{bar, python, workspace_root};

use crate::echo::Echo;

#[test]
fn websockets_of_python() {
    runs("websockets of PyPI", python(), "peers.py");
}

#[test]
fn ws_of_node() {
    runs("ws of npm", "node".into(), "peers.js");
}

fn runs(name: &str, program: std::path::PathBuf, script: &str) {
    let server = Echo::start();
    let tests = workspace_root().join("tests");
    let output = Command::new(program)
        .arg(tests.join("websocket").join(script))
        .arg(format!("ws://{}", server.address()))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NODE_PATH", tests.join("node/node_modules"))
        .output()
        .expect("run the client");
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}:\n{said}\n{complained}");
    bar(1, &format!("{name}: {}", said.trim()));
}
