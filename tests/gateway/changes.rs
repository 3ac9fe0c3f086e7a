//! Changing APIs while they serve: whole, at once, without a lost request.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tollgate_harness::{Backend, Connection, Node, NodeOptions, Request};
use tollgate_tests::files;

fn answering(body: &str) -> String {
    files::api(&format!(
        "      - {{routeKey: 'ANY /{{proxy+}}', integration: {{fixedResponse: {{body: {body}}}}}}}\n"
    ))
}

fn body(node: &Node) -> String {
    node.send(&Request::get("/x").host(files::HOST)).text()
}

#[test]
fn an_apply_is_in_force_when_it_returns() {
    let node = Node::start(NodeOptions::api(answering("first")));
    assert_eq!(body(&node), "first");
    for text in ["second", "third", "first"] {
        fs::write(node.home().join("next.yaml"), answering(text)).unwrap();
        let applied = node.cli(&["apply", "-f", "next.yaml"]);
        assert_eq!(applied.code, 0, "{applied:?}");
        assert_eq!(body(&node), text);
    }
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would() {
    let node = Node::start(NodeOptions::api(answering("first")));
    fs::write(node.home().join("next.yaml"), answering("second")).unwrap();
    let planned = node.cli(&["apply", "-f", "next.yaml", "--dry-run"]);
    assert_eq!(planned.code, 0, "{planned:?}");
    assert!(
        !planned.stdout.trim().is_empty(),
        "a plan of a change is not empty: {planned:?}"
    );
    assert_eq!(body(&node), "first");
}

#[test]
fn a_file_with_mistakes_changes_nothing_and_names_all_of_them() {
    let node = Node::start(NodeOptions::api(answering("first")));
    let broken = "apis:
  - name: main
    rotues: []
    routes:
      - {routeKey: GET /a, integration: {integrationUrl: http://x}}
      - {routeKey: nonsense, integration: 'http://127.0.0.1:9/'}
";
    fs::write(node.home().join("broken.yaml"), broken).unwrap();
    for command in [
        &["check", "broken.yaml"][..],
        &["apply", "-f", "broken.yaml"],
    ] {
        let refused = node.cli(command);
        assert_eq!(refused.code, 1, "{refused:?}");
        for named in [
            "rotues",
            "routes",
            "integrationUrl",
            "integrationUri",
            "nonsense",
            "TG0007",
        ] {
            assert!(
                refused.stderr.contains(named),
                "{named} is not named by {command:?}: {refused:?}"
            );
        }
    }
    assert_eq!(body(&node), "first");
}

#[test]
fn a_change_under_load_loses_no_request_and_mixes_none() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let stop = Arc::new(AtomicBool::new(false));
    let address = node.http();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut connection = Connection::open(address).unwrap();
                let mut served = 0;
                while !stop.load(Ordering::SeqCst) {
                    let request = Request::get("/x").host(files::HOST);
                    let response = connection.request(&request).unwrap();
                    assert_eq!(response.status, 200, "after {served}: {response:?}");
                    served += 1;
                }
                served
            })
        })
        .collect();
    for turn in 0..10 {
        let text = if turn % 2 == 0 {
            answering("fixed")
        } else {
            files::proxy(&backend.url())
        };
        fs::write(node.home().join("next.yaml"), text).unwrap();
        let applied = node.cli(&["apply", "-f", "next.yaml"]);
        assert_eq!(applied.code, 0, "{applied:?}");
    }
    stop.store(true, Ordering::SeqCst);
    let served: usize = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .sum();
    assert!(served > 100, "only {served} requests were sent meanwhile");
}
