//! The audit trail of what an SDK did.

use std::fs;

use serde_json::Value;
use tollgate_harness::{Node, NodeOptions, tollgate};
use tollgate_tests::drivers;

const SECRET: &str = "a-secret-that-nobody-must-read";

fn names(events: &Value) -> Vec<&str> {
    let items = events["items"].as_array().expect("a list of events");
    items
        .iter()
        .map(|it| it["eventName"].as_str().expect("a name"))
        .collect()
}

#[test]
fn every_call_is_in_the_trail_and_a_removed_one_shows() {
    let mut node = Node::start(NodeOptions::new());
    let api = drivers::drive(&node, "sdk/audit.py", &[("BACKEND_URL", "")]);
    let all = node.cli(&["audit", "-o", "json"]).json();
    // The newest first.
    let called = [
        "DeleteApi",
        "GetApis",
        "CreateApiKey",
        "GetApi",
        "GetApi",
        "CreateApi",
    ];
    assert_eq!(names(&all), called, "{all:#}");
    let items = &all["items"];
    assert_eq!(items[5]["responseElements"]["apiId"], api.trim());
    assert_eq!(items[5]["requestParameters"]["name"], "audited");
    assert_eq!(items[5]["userIdentity"]["type"], "Root");
    assert_eq!(items[3]["errorCode"], "NotFoundException");
    assert_eq!(items[1]["errorCode"], "InvalidSignatureException");
    assert_eq!(items[1]["userIdentity"]["type"], "Unknown");
    assert!(
        items[1]["userAgent"]
            .as_str()
            .is_some_and(|it| it.contains("Boto3"))
    );
    let refused = node
        .cli(&["audit", "--refused", "--event", "Get*", "-o", "json"])
        .json();
    assert_eq!(names(&refused), ["GetApis", "GetApi"], "{refused:#}");
    let shown = node.cli(&["audit", "--changes"]);
    assert!(
        shown.stdout.contains("CreateApiKey") && !shown.stdout.contains("GetApi "),
        "{shown:?}"
    );

    let head = node.cli(&["status", "-o", "json"]).json()["audit"]["head"].clone();
    node.stop();
    let dir = node.data_dir().join("audit");
    let dir_text = dir.to_string_lossy().into_owned();
    let verify = |head: &str| tollgate(["audit", "verify", &dir_text, "--head", head]);
    let head = head.as_str().expect("a head");
    assert_eq!(verify(head).code, 0, "{:?}", verify(head));
    let file = fs::read_dir(&dir)
        .expect("read the trail")
        .next()
        .expect("a file");
    let path = file.expect("a file").path();
    let text = fs::read_to_string(&path).expect("read the file");
    assert!(!text.contains(SECRET) && text.contains("HIDDEN"), "{text}");
    let kept: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("CreateApiKey"))
        .collect();
    fs::write(&path, kept.join("\n") + "\n").expect("remove a line");
    let broken = verify(head);
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.stderr.contains("line 4"), "{broken:?}");
}
