//! Other people's clients: PyPI `websockets`, npm `ws` and Chromium, each with compression as it likes it.

use std::process::Command;
use std::time::Duration;

use tollgate_harness::{Answer, Backend, Process, bar, python, wait_until, workspace_root};

use crate::echo::Echo;

/// How long a browser may take to start and to say how it went.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn websockets_of_python() {
    runs("websockets of PyPI", python(), "peers.py");
}

#[test]
fn ws_of_node() {
    runs("ws of npm", "node".into(), "peers.js");
}

#[test]
fn chromium() {
    let server = Echo::start();
    let page = workspace_root().join("tests/websocket/peers.html");
    let page = std::fs::read(page).expect("the page");
    let site = Backend::start(move |request| match request.method.as_str() {
        "GET" => Answer::status(200, page.clone()),
        _ => Answer::status(200, ""),
    });
    let home = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .arg(format!("--user-data-dir={}", home.path().display()))
        .arg(format!("{}/?ws://{}", site.url(), server.address()));
    let browser = Process::spawn(command, home.path(), "chromium").expect("start chromium");
    let said = wait_until(PATIENCE, "a word from the browser", || {
        let posts = site.received().into_iter();
        let mut posts = posts.filter(|request| request.method == "POST");
        posts.next().ok_or_else(|| browser.tail())
    });
    let text = String::from_utf8_lossy(&said.body).into_owned();
    assert_eq!(said.target, "/passed", "{text}");
    bar(1, &format!("Chromium: {text}"));
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
