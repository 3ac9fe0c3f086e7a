//! One node: a function behind every route, PyPI's `websockets` and boto3 in front.

use std::fs;

use tollgate_harness::{Node, NodeOptions};
use tollgate_tests::drivers::drive;

const APP: &str = include_str!("code/app.py");

const API: &str = "
apis:
  - name: chat
    protocolType: WEBSOCKET
    routeSelectionExpression: $request.body.action
    stages:
      - {stageName: prod, stageVariables: {colour: blue}}
    integrations:
      app: {integrationUri: 'function:app'}
    routes:
      - {routeKey: $connect, integration: app}
      - {routeKey: $disconnect, integration: app}
      - {routeKey: $default, integration: app, routeResponseSelectionExpression: $default}
      - {routeKey: quiet, integration: app}
      - {routeKey: broken, integration: app, routeResponseSelectionExpression: $default}
functions:
  app: {runtime: python, directory: code, handler: app.handler, environment: {EVENTS: EVENTS_FILE}}
";

fn start(settings: &[(&str, &str)]) -> (Node, tempfile::TempDir) {
    let events = tempfile::tempdir().expect("a directory");
    let file = events.path().join("events.jsonl");
    fs::write(&file, "").expect("a file for events");
    let api = API.replace("EVENTS_FILE", &file.display().to_string());
    let mut options = NodeOptions::api(api).file("code/app.py", APP);
    for (name, value) in settings {
        options = options.env(name, *value);
    }
    (Node::start(options), events)
}

fn run(script: &str, settings: &[(&str, &str)]) {
    let (mut node, events) = start(settings);
    let file = events.path().join("events.jsonl").display().to_string();
    let pid = node.process().pid().to_string();
    let ops = node.addresses().ops.to_string();
    let environment = [("EVENTS", &*file), ("NODE_PID", &*pid), ("OPS", &*ops)];
    let said = drive(&node, script, &environment);
    print!("{said}");
    assert!(said.contains("done"), "{said}");
}

#[test]
fn a_connection_lives_as_on_aws() {
    run("sockets/life.py", &[]);
}

#[test]
fn what_a_client_may_not_do_ends_its_connection() {
    run(
        "sockets/limits.py",
        &[("TOLLGATE_WEBSOCKET_IDLE_MS", "3000")],
    );
}

#[test]
fn a_node_that_stops_says_so_and_tells_the_end() {
    run(
        "sockets/drain.py",
        &[("TOLLGATE_WEBSOCKET_DRAIN_MS", "1500")],
    );
}
