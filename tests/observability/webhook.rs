//! The audit trail at an endpoint of somebody else's: everything arrives, also what happened while the
//! endpoint was away and while the node was not there.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tollgate_harness::{Answer, Backend, DEADLINE, Node, NodeOptions, Request, wait_until};

const TOKEN: &str = "a-token-that-the-endpoint-knows";

/// The events that were sent, each once, in the order of their first arrival.
fn events(endpoint: &Backend) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut events = Vec::new();
    for request in endpoint.received() {
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, "/in?from=node");
        let bearer = request.header("authorization").expect("a token");
        assert_eq!(bearer, format!("Bearer {TOKEN}"));
        let signature = request.header("x-tollgate-signature").expect("a signature");
        assert!(signature.starts_with("v1="), "{signature}");
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        for event in body["Records"].as_array().expect("records") {
            let id = event["eventID"].as_str().expect("an id");
            if seen.insert(id.to_owned()) {
                events.push(event.clone());
            }
        }
    }
    events
}

fn names(events: &[Value]) -> Vec<&str> {
    let names = events.iter().map(|it| it["eventName"].as_str());
    names.map(|it| it.expect("a name")).collect()
}

fn wait_for(endpoint: &Backend, wanted: &[&str]) {
    wait_until(DEADLINE, "events at the endpoint", || {
        let events = events(endpoint);
        let names = names(&events);
        // The two trails are two streams.
        let (mut got, mut all) = (names.clone(), wanted.to_vec());
        got.sort_unstable();
        all.sort_unstable();
        if got == all {
            Ok(())
        } else {
            Err(format!("{names:?}"))
        }
    });
}

#[test]
fn every_event_arrives_whoever_was_away_meanwhile() {
    let there = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&there);
    let endpoint = Backend::start(move |_| match open.load(Ordering::SeqCst) {
        true => Answer::status(204, ""),
        false => Answer::status(503, "not now"),
    });
    let url = format!("{}/in?from=node", endpoint.url());
    let options = NodeOptions::new()
        .arg("--audit-webhook")
        .arg(&url)
        .env("TOLLGATE_AUDIT_WEBHOOK_TOKEN", TOKEN)
        .env("TOLLGATE_AUDIT_WEBHOOK_SECRET", "a-secret-of-both-sides");
    let mut node = Node::start(options);
    assert_eq!(node.cli(&["get", "apis"]).code, 0);
    let stranger = Request::get("/v2/apis").send(node.addresses().admin);
    assert_eq!(stranger.status, 403, "{stranger:?}");
    wait_until(DEADLINE, "a refusal to be counted", || {
        let metrics = node.metrics();
        let behind = metrics.sum("tollgate_audit_webhook_behind_events", &[]);
        let failures = metrics.sum("tollgate_audit_webhook_failures_total", &[]);
        match (behind, failures) {
            (Some(2.0), Some(failures)) if failures >= 1.0 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    // Both sides go away, and only one comes back at once.
    node.stop();
    node.restart();
    assert_eq!(node.cli(&["get", "domains"]).code, 0);
    there.store(true, Ordering::SeqCst);
    wait_for(&endpoint, &["GetApis", "GetApis", "GetDomainNames"]);
    wait_until(DEADLINE, "nothing to be left", || {
        match node
            .metrics()
            .sum("tollgate_audit_webhook_behind_events", &[])
        {
            Some(0.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    // What was taken is not sent again by the next run.
    let before = endpoint.received().len();
    node.stop();
    node.restart();
    assert_eq!(node.cli(&["get", "keys"]).code, 0);
    wait_for(
        &endpoint,
        &["GetApis", "GetApis", "GetDomainNames", "GetApiKeys"],
    );
    let new: Vec<Value> = endpoint.received()[before..]
        .iter()
        .map(|it| serde_json::from_slice(&it.body).expect("JSON"))
        .collect();
    for body in new {
        assert_eq!(body["Records"].as_array().map(Vec::len), Some(1), "{body}");
    }
}
