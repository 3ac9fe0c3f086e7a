//! Access logs: a line a request, in the format asked for, that no request can forge.

use std::fs;

use serde_json::Value;
use tollgate_harness::{Backend, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

use crate::lines;

const LOG: &str = "access.log";

fn logged(url: &str, format: &str) -> NodeOptions {
    let stage = format!(
        "    stages:
      - stageName: $default
        accessLogSettings: {{destinationArn: 'file:{LOG}', format: '{format}'}}
"
    );
    NodeOptions::api(files::proxy(url) + &stage)
}

fn send(node: &Node, target: &str) -> String {
    let response = node.send(&Request::get(target).host(files::HOST));
    response
        .header("apigw-requestid")
        .unwrap_or_else(|| panic!("{response:?}"))
        .to_owned()
}

#[test]
fn a_custom_format_tells_what_it_names() {
    let backend = Backend::echo();
    let format = r#"{"id":"$context.requestId","ip":"$context.identity.sourceIp","agent":"$context.identity.userAgent","route":"$context.routeKey","path":"$context.path","method":"$context.httpMethod","status":$context.status,"bytes":$context.responseLength,"api":"$context.apiId","stage":"$context.stage","integration":$context.integrationStatus,"latency":$context.responseLatency,"nothing":"$context.identity.apiKeyId"}"#;
    let node = Node::start(logged(&backend.url(), format));
    let request = Request::get("/pets?a=b")
        .host(files::HOST)
        .header("User-Agent", "suite\"/1\u{e9}");
    let response = node.send(&request);
    let line = lines(&node, LOG, 1).remove(0);
    let line: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(line["id"], response.header("apigw-requestid").unwrap());
    assert_eq!(line["ip"], "127.0.0.1");
    assert_eq!(line["agent"], "suite\"/1é");
    assert_eq!(line["route"], "ANY /{proxy+}");
    assert_eq!(line["path"], "/pets");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["status"], 200);
    assert_eq!(line["bytes"], response.body.len());
    assert_eq!(
        (&line["api"], &line["stage"]),
        (&files::API.into(), &"$default".into())
    );
    assert_eq!(line["integration"], 200);
    assert!(line["latency"].is_u64(), "{line}");
    assert_eq!(line["nothing"], "-");
}

#[test]
fn presets_hold_every_request_once() {
    for preset in ["CLF", "JSON", "CSV", "XML"] {
        let backend = Backend::echo();
        let node = Node::start(logged(&backend.url(), preset));
        let ids: Vec<String> = (0..5).map(|at| send(&node, &format!("/{at}"))).collect();
        let refused = node.send(&Request::new("GET", "/").host(files::HOST));
        assert_eq!(refused.status, 404);
        let lines = lines(&node, LOG, 6);
        for id in &ids {
            let with_id = lines.iter().filter(|line| line.contains(id)).count();
            assert_eq!(with_id, 1, "{preset}: {id} in {lines:?}");
        }
        let first = &lines[0];
        match preset {
            "JSON" => assert!(serde_json::from_str::<Value>(first).is_ok(), "{first}"),
            "XML" => assert!(first.starts_with('<') && first.ends_with('>'), "{first}"),
            "CSV" => assert!(first.matches(',').count() > 4, "{first}"),
            _ => assert!(first.starts_with("127.0.0.1 - "), "{first}"),
        }
    }
}

#[test]
fn a_client_cannot_forge_a_line() {
    let backend = Backend::echo();
    let format = r#"{"id":"$context.requestId","agent":"$context.identity.userAgent","path":"$context.path"}"#;
    let node = Node::start(logged(&backend.url(), format));
    let request = Request::get("/a%0a%22,%22b%22:%22c")
        .host(files::HOST)
        .header("User-Agent", "x\",\"status\":\"200\\");
    assert_eq!(node.send(&request).status, 200);
    let lines = lines(&node, LOG, 1);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line: Value = serde_json::from_str(&lines[0]).unwrap_or_else(|e| panic!("{e}: {lines:?}"));
    assert_eq!(line.as_object().unwrap().len(), 3, "{line}");
    assert_eq!(line["agent"], "x\",\"status\":\"200\\");
}

#[test]
fn a_rotation_loses_no_line() {
    let backend = Backend::echo();
    let mut node = Node::start(logged(&backend.url(), "CLF"));
    let logs = node.data_dir().join("logs");
    let mut ids = Vec::new();
    for turn in 0..3 {
        for _ in 0..20 {
            ids.push(send(&node, "/x"));
        }
        // The first line makes the file, soon after the answer.
        lines(&node, LOG, 1);
        fs::rename(logs.join(LOG), logs.join(format!("{LOG}.{turn}"))).expect("rename");
        node.process().hang_up();
        // The next line that is written makes the new file.
        wait_until(DEADLINE, "a new file", || {
            ids.push(send(&node, "/y"));
            if logs.join(LOG).exists() {
                Ok(())
            } else {
                Err("there is none")
            }
        });
    }
    ids.push(send(&node, "/last"));
    let all = wait_until(DEADLINE, "every line", || {
        let files = fs::read_dir(&logs).expect("the log directory");
        let text: String = files
            .map(|file| fs::read_to_string(file.expect("a file").path()).unwrap_or_default())
            .collect();
        if text.lines().count() >= ids.len() {
            Ok(text)
        } else {
            Err(format!("{} of {}", text.lines().count(), ids.len()))
        }
    });
    assert_eq!(all.lines().count(), ids.len());
    for id in ids {
        assert!(all.contains(&id), "{id} was lost");
    }
}

#[test]
fn lines_go_to_standard_output_when_asked() {
    let backend = Backend::echo();
    let text = files::proxy(&backend.url())
        + "    stages:
      - stageName: $default
        accessLogSettings: {destinationArn: stdout, format: 'seen $context.requestId'}
";
    let mut node = Node::start(NodeOptions::api(text));
    let id = send(&node, "/x");
    wait_until(DEADLINE, "the line", || {
        let said = node.process().stdout();
        if said.contains(&format!("seen {id}")) {
            Ok(())
        } else {
            Err(said)
        }
    });
}
