//! Whole documents: planned, applied, pruned, refused.

use std::path::Path;

use serde_json::{Value, json};
use tollgate_config::document::{LoadContext, load_str};

use super::support::{Admin, Reply};

const SHOP: &str = "
apis:
  - name: shop
    routes:
      - {routeKey: GET /a, integration: {fixedResponse: {body: a}}}
upstreams:
  pool: {servers: [{url: http://127.0.0.1:9}]}
apiKeys:
  - {id: acme, name: acme, value: a-secret-value-0000000001}
";

fn apply(admin: &Admin, query: &str, text: &str) -> Reply {
    let loaded = load_str("t.yaml", text, Path::new("."), &LoadContext::default());
    let model = loaded.unwrap_or_else(|found| panic!("{found:#?}")).model;
    let body = json!({"model": model}).to_string();
    admin.send("POST", &format!("/tollgate/v1/apply{query}"), &body)
}

fn plan(reply: &Reply) -> Vec<(String, String, String)> {
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = reply.json();
    let text = |entry: &Value, member: &str| entry[member].as_str().unwrap().to_owned();
    body["plan"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (text(it, "action"), text(it, "kind"), text(it, "name")))
        .collect()
}

#[test]
fn a_dry_run_plans_and_an_apply_does_it_once() {
    let admin = Admin::start();
    let dry = apply(&admin, "?dry_run=true", SHOP);
    assert_eq!(plan(&dry).len(), 3);
    assert_eq!(
        (dry.json()["dryRun"].as_bool(), admin.revision()),
        (Some(true), 0)
    );
    let done = apply(&admin, "", SHOP);
    assert_eq!(plan(&done), plan(&dry));
    assert_eq!(
        (done.json()["revision"].as_u64(), admin.revision()),
        (Some(1), 1)
    );
    let again = apply(&admin, "", SHOP);
    assert!(plan(&again).is_empty(), "{again:?}");
    assert_eq!(admin.revision(), 1);
}

#[test]
fn a_plan_names_members_and_never_values() {
    let admin = Admin::start();
    plan(&apply(&admin, "", SHOP));
    let changed = SHOP
        .replace("a-secret-value-0000000001", "a-secret-value-0000000002")
        .replace(
            "GET /a, integration: {fixedResponse: {body: a}}",
            "GET /b, integration: {fixedResponse: {body: b}}",
        );
    let reply = apply(&admin, "?dry_run=true", &changed);
    assert!(!reply.body.contains("a-secret-value"), "{reply:?}");
    let body = reply.json();
    let entries = body["plan"].as_array().unwrap();
    let details = |kind: &str| {
        let entry = entries.iter().find(|it| it["kind"] == kind).unwrap();
        entry["details"].clone()
    };
    assert_eq!(details("api key"), json!(["value"]));
    assert_eq!(
        details("api"),
        json!(["+ route GET /b", "- route GET /a", "~ stage $default"])
    );
}

#[test]
fn only_a_prune_removes_what_the_document_does_not_name() {
    let admin = Admin::start();
    plan(&apply(&admin, "", SHOP));
    let less = "apis:\n  - {name: other, routes: [{routeKey: $default, integration: {fixedResponse: {}}}]}\n";
    let kept = plan(&apply(&admin, "?dry_run=true", less));
    assert_eq!(kept, [("create".into(), "api".into(), "other".into())]);
    let pruned = plan(&apply(&admin, "?prune=true", less));
    let deleted = pruned.iter().filter(|(action, _, _)| action == "delete");
    assert_eq!(deleted.count(), 3, "{pruned:?}");
    let listed = admin.send("GET", "/v2/apis", "").json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_breaks_a_rule_or_cannot_be_served_changes_nothing() {
    let admin = Admin::start();
    let dangling = json!({"model": {"apis": {"x": {"apiId": "x", "name": "x", "definition": {
        "routes": {"r": {"routeId": "r", "routeKey": "GET /", "target": "integrations/none"}}
    }}}}});
    let unservable = json!({"model": {"apis": {"y": {"apiId": "y", "name": "unservable"}}}});
    for body in [dangling, unservable] {
        let refused = admin.send("POST", "/tollgate/v1/apply", &body.to_string());
        assert_eq!(refused.error(), "BadRequestException", "{refused:?}");
    }
    let broken = admin.send("POST", "/tollgate/v1/apply", r#"{"model": {"apis": 7}}"#);
    assert_eq!(broken.error(), "SerializationException");
    assert_eq!(admin.revision(), 0);
}

#[test]
fn the_node_is_asked_and_told() {
    let admin = Admin::start();
    plan(&apply(&admin, "", SHOP));
    let status = admin.send("GET", "/tollgate/v1/status", "").json();
    assert_eq!(
        (&status["revision"], &status["servedRevision"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(status["apiKeys"], 1);
    for kind in ["functions", "upstreams"] {
        let listed = admin
            .send("GET", &format!("/tollgate/v1/{kind}"), "")
            .json();
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{kind}");
    }
    let body = r#"{"apiId":"shop","stage":"prod"}"#;
    let flushed = admin.send("POST", "/tollgate/v1/cache/flush", body);
    assert_eq!(flushed.json(), json!({"flushed": 3}));
    let alone = admin.send("POST", "/tollgate/v1/cache/flush", r#"{"stage":"prod"}"#);
    assert_eq!(alone.status, 400);
    assert_eq!(
        *admin.played.flushed.lock().unwrap(),
        [r#"Some("shop") Some("prod")"#]
    );
    for (level, status) in [
        ("debug", 200),
        ("tollgate_edge=trace,warn", 200),
        ("loud", 400),
        ("", 400),
    ] {
        let body = json!({"level": level}).to_string();
        let reply = admin.send("PUT", "/tollgate/v1/log-level", &body);
        assert_eq!(reply.status, status, "{level}");
    }
    assert_eq!(
        *admin.played.levels.lock().unwrap(),
        ["debug", "tollgate_edge=trace,warn"]
    );
}

#[test]
fn a_large_document_needs_a_declared_hash() {
    let admin = Admin::start();
    let padding = "x".repeat(7 * 1024 * 1024);
    let body = json!({"model": {}, "padding": padding}).to_string();
    let refused = admin.send("POST", "/tollgate/v1/apply", &body);
    assert_eq!(refused.error(), "PayloadTooLargeException");
    let taken = admin.send_declared("POST", "/tollgate/v1/apply", &body);
    assert_eq!(taken.status, 200, "{taken:?}");
    // The declared hash is what was signed: another body under it is refused.
    let lied = admin.send_lying("POST", "/tollgate/v1/apply", r#"{"model": {}}"#);
    assert_eq!(lied.error(), "InvalidSignatureException");
}
