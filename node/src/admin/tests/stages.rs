//! Stages of the management API: what they serve is what the caller said.

use serde_json::{Value, json};

use super::support::Admin;

fn post(admin: &Admin, target: &str, body: &Value) -> Value {
    let reply = admin.send("POST", target, &body.to_string());
    assert_eq!(reply.status, 201, "{reply:?}");
    reply.json()
}

/// An API with a route, and the path of its resources.
fn api(admin: &Admin) -> String {
    let made = post(
        admin,
        "/v2/apis",
        &json!({"name": "x", "protocolType": "HTTP"}),
    );
    let api = format!("/v2/apis/{}", made["apiId"].as_str().unwrap());
    route(admin, &api, "GET /a");
    api
}

fn route(admin: &Admin, api: &str, key: &str) {
    post(admin, &format!("{api}/routes"), &json!({"routeKey": key}));
}

fn deploy(admin: &Admin, api: &str) -> Value {
    post(admin, &format!("{api}/deployments"), &json!({}))["deploymentId"].clone()
}

#[test]
fn a_stage_serves_the_deployment_that_it_is_given() {
    let admin = Admin::start();
    let api = api(&admin);
    let first = deploy(&admin, &api);
    let stages = format!("{api}/stages");
    let body = json!({"stageName": "prod", "deploymentId": first});
    assert_eq!(post(&admin, &stages, &body)["deploymentId"], first);

    route(&admin, &api, "GET /b");
    let second = deploy(&admin, &api);
    assert_ne!(second, first);
    let prod = format!("{stages}/prod");
    // Forward, and back as in a rollback.
    for wanted in [&second, &first] {
        let body = json!({"deploymentId": wanted}).to_string();
        let moved = admin.send("PATCH", &prod, &body);
        assert_eq!((moved.status, &moved.json()["deploymentId"]), (200, wanted));
        assert_eq!(&admin.send("GET", &prod, "").json()["deploymentId"], wanted);
    }
    // Another change leaves it where it is.
    let described = admin.send("PATCH", &prod, r#"{"description": "d"}"#);
    assert_eq!(described.json()["deploymentId"], first);
}
