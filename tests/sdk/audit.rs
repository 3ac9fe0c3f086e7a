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
    // The newest first; refused calls are of a trail of their own, which ends in the same second.
    let refused = |it: &&Value| it["errorCode"] == "InvalidSignatureException";
    let stranger = all["items"]
        .as_array()
        .expect("events")
        .iter()
        .find(refused);
    let stranger = stranger.unwrap_or_else(|| panic!("no refused call: {all:#}"));
    assert_eq!(stranger["eventName"], "GetApis");
    assert_eq!(stranger["userIdentity"]["type"], "Unknown");
    let agent = stranger["userAgent"].as_str();
    assert!(agent.is_some_and(|it| it.contains("Boto3")), "{stranger}");
    let mut all = all.clone();
    let items = all["items"].as_array_mut().expect("events");
    items.retain(|it| !refused(&it));
    let called = [
        "DeleteApi",
        "ImportApi",
        "UpdateApi",
        "CreateApiKey",
        "GetApi",
        "GetApi",
        "CreateApi",
    ];
    assert_eq!(names(&all), called, "{all:#}");
    let items = &all["items"];
    assert_eq!(items[6]["responseElements"]["apiId"], api.trim());
    assert_eq!(items[6]["requestParameters"]["name"], "audited");
    assert_eq!(items[6]["userIdentity"]["type"], "Root");
    assert_eq!(items[4]["errorCode"], "NotFoundException");
    // Regressions: a query hid what the body gave, and an imported document was told in full.
    assert_eq!(items[2]["requestParameters"]["name"], "renamed");
    assert!(
        items[1]["requestParameters"]["body"]["sha256"].is_string(),
        "{}",
        items[1]
    );
    let refused = node
        .cli(&["audit", "--refused", "--event", "Get*", "-o", "json"])
        .json();
    let mut refused_names = names(&refused);
    refused_names.sort_unstable();
    assert_eq!(refused_names, ["GetApi", "GetApis"], "{refused:#}");
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
    let mut files = fs::read_dir(&dir).expect("read the trail");
    let file = files.find_map(|it| Some(it.expect("an entry").path()).filter(|it| it.is_file()));
    let path = file.expect("a file");
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
