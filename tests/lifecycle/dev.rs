//! `tollgate dev`: what is on disk is what is served. And whoever reads a node's output may go.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command};

use serde_json::Value;
use tollgate_harness::{DEADLINE, Process, Request, tollgate_binary, wait_until};

const LISTENERS: [&str; 8] = [
    "--http",
    "127.0.0.1:0",
    "--admin",
    "127.0.0.1:0",
    "--ops",
    "127.0.0.1:0",
    "--peer",
    "off",
];
const HOST: &str = "s.execute-api.us-east-1.localhost";

/// Where a node listens, once it has written that down.
fn address(data_dir: &Path, listener: &str) -> SocketAddr {
    wait_until(DEADLINE, "addresses.json", || {
        let text = fs::read_to_string(data_dir.join("addresses.json"))
            .map_err(|error| error.to_string())?;
        let all: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let found = all[listener].as_str().and_then(|it| it.parse().ok());
        found.ok_or_else(|| format!("no {listener} in {text}"))
    })
}

fn served(http: SocketAddr, wanted: &str) {
    wait_until(DEADLINE, wanted, || {
        let sent = Request::get("/").host(HOST).try_send(http);
        let text = sent.map_or_else(|error| error.to_string(), |it| it.text());
        if text == wanted { Ok(()) } else { Err(text) }
    });
}

#[test]
fn a_file_that_the_document_names_is_followed_and_so_is_one_that_broke_it() {
    let home = tempfile::tempdir().unwrap();
    let (specs, data_dir) = (home.path().join("specs"), home.path().join("data"));
    fs::create_dir(&specs).unwrap();
    let spec = |body: &str| {
        let text = format!(
            "openapi: 3.0.1\ninfo: {{title: s, version: '1'}}\npaths:\n  /:\n    get:\n      \
             x-amazon-apigateway-integration: {{type: mock, fixedResponse: {{body: {body}}}}}\n"
        );
        fs::write(specs.join("s.yaml"), text).unwrap();
    };
    // Broken from the beginning: what to look at is known from the findings alone.
    spec("'");
    let api = home.path().join("api.yaml");
    fs::write(&api, "apis: [{name: s, openapi: specs/s.yaml}]\n").unwrap();
    let mut command = Command::new(tollgate_binary());
    command
        .arg("dev")
        .arg(&api)
        .arg("--data-dir")
        .arg(&data_dir)
        .args(LISTENERS);
    let mut node = Process::spawn(command, home.path(), "dev").unwrap();
    let http = address(&data_dir, "http");
    wait_until(DEADLINE, "the finding", || {
        let told = node.stderr();
        if told.contains("s.yaml:6") {
            Ok(())
        } else {
            Err(told)
        }
    });
    for body in ["one", "two", "three"] {
        spec(body);
        served(http, body);
    }
    node.kill9();
}

/// Ends its process when a check fails, too.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_node_starts_when_nobody_reads_what_it_prints() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(tollgate_binary());
    command
        .arg("start")
        .arg("--data-dir")
        .arg(&data_dir)
        .args(LISTENERS)
        .stderr(writer.try_clone().unwrap())
        .stdout(writer);
    let _node = Guard(command.spawn().unwrap());
    let ops = address(&data_dir, "ops");
    wait_until(DEADLINE, "the node to be ready", || {
        match Request::get("/readyz").try_send(ops) {
            Ok(response) if response.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}
