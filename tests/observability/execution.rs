//! Execution logs and the node's own: what each step decided for one request, and no secret.

use tollgate_harness::{Answer, Backend, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

use crate::lines;

const LOG: &str = "API-Gateway-Execution-Logs_main_$default.log";
const SECRET: &str = "Bearer a-secret-that-nobody-may-read";

fn start(backend: &Backend, settings: &str) -> Node {
    let text = files::with_quota(&backend.url(), 1).replace(
        "        integration:",
        &format!("        settings: {{{settings}}}\n        integration:"),
    );
    Node::start(NodeOptions::api(text))
}

fn call(node: &Node) -> (u16, String) {
    let request = Request::post("/pets", "the body")
        .host(files::HOST)
        .header("x-api-key", files::KEY)
        .header("Authorization", SECRET);
    let response = node.send(&request);
    let id = response.header("apigw-requestid").expect("an id");
    (response.status, id.to_owned())
}

#[test]
fn the_steps_of_a_request_are_found_by_its_id() {
    // An echo would show in its body what the log hides in headers.
    let backend = Backend::start(|_| Answer::status(200, "the answer"));
    let node = start(&backend, "loggingLevel: INFO, dataTraceEnabled: true");
    let (status, id) = call(&node);
    assert_eq!(status, 200);
    let mine = wait_until(DEADLINE, "the end of the request", || {
        let lines: Vec<String> = lines(&node, LOG, 1)
            .into_iter()
            .filter(|line| line.contains(&id))
            .collect();
        let text = lines.join("\n");
        if text.contains("Method completed with status: 200") {
            Ok(text)
        } else {
            Err(text)
        }
    });
    for step in [
        "Starting execution for request",
        "HTTP Method: POST",
        "Method request path: /pets",
        "Method request headers",
        "Sending request to",
    ] {
        assert!(mine.contains(step), "no {step:?} in {mine}");
    }
    for secret in [files::KEY, SECRET] {
        assert!(!mine.contains(secret), "{secret} in {mine}");
    }
}

#[test]
fn data_trace_shows_how_streamed_bodies_begin() {
    // Far more than one read brings, so that both stream.
    let long = |begin: &str| [begin, &"-".repeat(300_000), "the end"].concat();
    let (question, answer) = (long("a question"), long("an answer"));
    let body = answer.clone();
    let backend = Backend::start(move |_| Answer::status(200, body.clone()));
    let node = start(&backend, "loggingLevel: INFO, dataTraceEnabled: true");
    let request = Request::post("/pets", question.clone())
        .host(files::HOST)
        .header("x-api-key", files::KEY);
    let response = node.send(&request);
    assert_eq!((response.status, response.text()), (200, answer));
    assert_eq!(backend.received()[0].body, question.as_bytes());
    let text = wait_until(DEADLINE, "the end of the request", || {
        let text = lines(&node, LOG, 1).join("\n");
        if text.contains("Method completed with status: 200") {
            Ok(text)
        } else {
            Err(text)
        }
    });
    for shown in [
        "Endpoint request body after transformations: a question---",
        "Method response body after transformations: an answer---",
    ] {
        let line = text.lines().find(|line| line.contains(shown));
        let line = line.unwrap_or_else(|| panic!("no {shown:?} in {text}"));
        assert!(line.ends_with("- [TRUNCATED]"), "{line}");
    }
    assert!(!text.contains("the end"), "{text}");
}

#[test]
fn at_level_error_only_failures_are_told() {
    let backend = Backend::echo();
    let node = start(&backend, "loggingLevel: ERROR");
    let (first, quiet) = call(&node);
    let (second, loud) = call(&node);
    assert_eq!((first, second), (200, 429));
    let text = wait_until(DEADLINE, "the refusal", || {
        let text = lines(&node, LOG, 1).join("\n");
        if text.contains(&loud) {
            Ok(text)
        } else {
            Err(text)
        }
    });
    assert!(!text.contains(&quiet), "{text}");
}

#[test]
fn the_log_level_changes_at_run_time() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let changed = node.cli(&["log-level", "trace"]);
    assert_eq!(changed.code, 0, "{changed:?}");
    wait_until(DEADLINE, "a line below info", || {
        node.send(&Request::get("/x").host(files::HOST));
        let said = node.process().stderr();
        if said.contains("DEBUG") || said.contains("TRACE") {
            Ok(())
        } else {
            Err("none")
        }
    });
    assert_eq!(node.cli(&["log-level", "error"]).code, 0);
    assert_ne!(node.cli(&["log-level", "loud"]).code, 0);
}
