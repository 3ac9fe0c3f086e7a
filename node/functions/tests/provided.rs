//! Programs that bring their own Runtime API client.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tollgate_functions::{FunctionSpec, InvokeError, Runtime};

use crate::support::{World, invocation};

/// A bootstrap that is a script, written with nothing but the standard library of Python.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/" + path, body, headers)
    answer = api.getresponse()
    return answer.status, answer.headers, answer.read()
while True:
    status, headers, event = call("GET", "runtime/invocation/next")
    event, at = json.loads(event), "runtime/invocation/" + headers["Lambda-Runtime-Aws-Request-Id"]
    if event == "probe":
        seen = [call("GET", "runtime/invocation/next"), call("POST", at + "x/response", "1"),
                call("POST", "runtime/init/error", "{}"), call("GET", "nothing"),
                call("PUT", at + "/response", "1"), call("GET", "runtime/restore/next")]
        seen = [[status, json.loads(body).get("errorType")] for status, _, body in seen]
        status, _, _ = call("POST", at + "/response", json.dumps(seen))
        assert status == 202
        again = call("POST", at + "/response", "1")
        print("again", again[0], flush=True)
    elif event == "plain":
        call("POST", at + "/error", "not json", {"Lambda-Runtime-Function-Error-Type": "My.Type"})
    elif event == "huge":
        call("POST", at + "/error", b'"' + b"x" * (2 << 20) + b'"')
    elif event == "garbage":
        import socket
        host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
        post = b"POST /2018-06-01/"
        for junk in [
            b"\0" * 5000,
            b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100000,
            b"POST /" + b"x" * 500000,
            post + b"runtime/init/error HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
            post + at.encode() + b"/response HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf",
            post + at.encode() + b"/response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ]:
            with socket.create_connection((host, int(port))) as raw:
                try: raw.sendall(junk)
                except OSError: pass
        call("POST", at + "/response", '"alive"')
    elif event == "exit":
        call("POST", at + "/response", json.dumps(os.getpid()))
        os._exit(0)
    else:
        call("POST", at + "/response", json.dumps([os.environ["_HANDLER"], event]))
"#;

fn spec(world: &World) -> FunctionSpec {
    let path = world.write("bootstrap", BOOTSTRAP);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    FunctionSpec::new("f", Runtime::Provided, world.code(), "any:thing")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_bootstrap_is_run() {
    let world = World::new();
    world.functions.sync(vec![spec(&world)]);
    assert_eq!(world.answer("[1]").await, json!(["any:thing", [1]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_run_instead() {
    let world = World::new();
    let mut spec = spec(&world);
    std::fs::rename(world.code().join("bootstrap"), world.code().join("main.py")).unwrap();
    spec.command = ["python3", "main.py"].map(String::from).to_vec();
    world.functions.sync(vec![spec]);
    assert_eq!(world.answer("2").await, json!(["any:thing", 2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_make_no_sense_are_refused_and_change_nothing() {
    let world = World::new();
    world.functions.sync(vec![spec(&world)]);
    let refused = json!([
        [403, "InvalidStateTransition"],
        [400, "InvalidRequestID"],
        [403, "InvalidStateTransition"],
        [404, "NotFound"],
        [404, "NotFound"],
        [200, null],
    ]);
    assert_eq!(world.answer("\"probe\"").await, refused);
    world.until_logged("again 403").await;
    assert_eq!(world.answer("3").await, json!(["any:thing", 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn error_reports_of_any_form_become_json() {
    let world = World::new();
    world.functions.sync(vec![spec(&world)]);
    let (error_type, error) = world.error("\"plain\"").await;
    assert_eq!(error_type, "My.Type");
    assert_eq!(
        error,
        json!({ "errorMessage": "not json", "errorType": "My.Type" })
    );
    let (error_type, error) = world.error("\"huge\"").await;
    assert_eq!(error_type, "Runtime.Unknown");
    assert_eq!(error["errorMessage"], "the error report is too large");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_counts_though_the_process_ends_right_after_it() {
    let world = World::new();
    world.functions.sync(vec![spec(&world)]);
    let first = world.answer("\"exit\"").await;
    assert_ne!(world.answer("\"exit\"").await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_cannot_be_run_is_an_init_failure() {
    let world = World::new();
    let mut spec = spec(&world);
    spec.command = vec!["./missing".into()];
    world.functions.sync(vec![spec]);
    match world.functions.invoke("f", invocation("1")).await {
        Err(InvokeError::InitFailed {
            error_type,
            message,
        }) => {
            assert_eq!(&*error_type, "Runtime.InvalidEntrypoint");
            assert!(
                message.contains("missing") && message.contains("No such file"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_http_harm_nobody() {
    let world = World::new();
    let spec = FunctionSpec {
        concurrency: 1,
        ..spec(&world)
    };
    world.functions.sync(vec![spec]);
    for _ in 0..3 {
        assert_eq!(world.answer("\"garbage\"").await, json!("alive"));
    }
    assert_eq!((world.state().starts, world.state().errors), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_being_written_is_waited_for() {
    let world = World::new();
    let spec = spec(&world);
    let writer = std::fs::OpenOptions::new()
        .append(true)
        .open(world.code().join("bootstrap"));
    world.functions.sync(vec![spec]);
    world.until_state(|state| state.starting == 1).await;
    drop(writer.unwrap());
    assert_eq!(world.answer("4").await, json!(["any:thing", 4]));
    assert_eq!(world.state().init_failures, 0);
}
