//! What is left of a quota, set by hand.

use serde_json::json;

use super::support::Admin;

#[test]
fn what_is_set_is_asked_for_and_has_a_bound() {
    let admin = Admin::start();
    let post = |target: &str, body: serde_json::Value| {
        let reply = admin.send("POST", target, &body.to_string());
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()["id"].as_str().unwrap().to_owned()
    };
    let key = post("/apikeys", json!({"name": "k", "enabled": true}));
    let quota = json!({"limit": 10, "period": "DAY"});
    let plan = post("/usageplans", json!({"name": "p", "quota": quota}));
    let keys = format!("/usageplans/{plan}/keys");
    post(&keys, json!({"keyId": key, "keyType": "API_KEY"}));
    let set = |remaining: &str| {
        let operation = json!({"op": "replace", "path": "/remaining", "value": remaining});
        let body = json!({"patchOperations": [operation]}).to_string();
        admin.send("PATCH", &format!("{keys}/{key}/usage"), &body)
    };
    let refused = set("18446744073709551615");
    assert_eq!(refused.error(), "BadRequestException", "{refused:?}");
    assert!(admin.played.asked.lock().unwrap().is_empty());
    let answer = set("3");
    assert_eq!(answer.json()["values"][&key], json!([[0, 3]]), "{answer:?}");
    // This node must hear of it before the caller does.
    assert_eq!(
        *admin.played.asked.lock().unwrap(),
        [format!("{plan} {key}")]
    );
}
