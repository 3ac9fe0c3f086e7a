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

#[test]
fn what_is_deployed_already_is_deployed_under_another_id() {
    let admin = Admin::start();
    let api = api(&admin);
    let (first, second) = (deploy(&admin, &api), deploy(&admin, &api));
    assert_ne!(first, second);
    let body = json!({"stageName": "prod", "deploymentId": second});
    post(&admin, &format!("{api}/stages"), &body);
    // As tools do it that make the new one before they destroy the old one.
    let old = format!("{api}/deployments/{}", first.as_str().unwrap());
    assert_eq!(admin.send("DELETE", &old, "").status, 204);
    let many: Vec<Value> = (0..15).map(|_| deploy(&admin, &api)).collect();
    let all = admin.send("GET", &format!("{api}/deployments"), "").json();
    let ids: Vec<&Value> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["deploymentId"])
        .collect();
    assert_eq!(ids.len(), 11, "{ids:?}");
    assert!(
        ids.contains(&&second) && ids.contains(&&many[14]),
        "{ids:?}"
    );
}

#[test]
fn a_websocket_api_has_no_default_stage() {
    let admin = Admin::start();
    let chat = json!({
        "name": "chat", "protocolType": "WEBSOCKET", "routeSelectionExpression": "$request.body.action",
    });
    let chat = post(&admin, "/v2/apis", &chat);
    let stages = format!("/v2/apis/{}/stages", chat["apiId"].as_str().unwrap());
    let refused = admin.send("POST", &stages, r#"{"stageName":"$default"}"#);
    assert_eq!(
        (refused.status, refused.error()),
        (400, "BadRequestException")
    );
    assert!(
        refused.body.contains("Stage name only allows"),
        "{refused:?}"
    );
    post(&admin, &stages, &json!({"stageName": "default"}));
}

#[test]
fn a_domain_name_is_made_with_a_certificate_that_is_there() {
    let admin = Admin::start();
    let arn = "arn:aws:acm:us-east-1:000000000000:certificate/nowhere";
    let with = json!({"domainName": "a.example.com", "domainNameConfigurations": [{"certificateArn": arn}]});
    let refused = admin.send("POST", "/v2/domainnames", &with.to_string());
    assert_eq!(
        (refused.status, refused.error()),
        (400, "BadRequestException")
    );
    assert!(
        refused.body.contains("certificate does not exist"),
        "{refused:?}"
    );
    post(
        &admin,
        "/v2/domainnames",
        &json!({"domainName": "a.example.com"}),
    );
    let change = json!({"domainNameConfigurations": [{"certificateArn": arn}]});
    let refused = admin.send(
        "PATCH",
        "/v2/domainnames/a.example.com",
        &change.to_string(),
    );
    assert_eq!(refused.status, 400, "{refused:?}");
}
