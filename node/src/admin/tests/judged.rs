//! What is judged is what runs: one reading of a body, one name of a thing, nothing on top unseen.

use serde_json::{Value, json};

use super::iam::{inside, ok, policy, user};
use super::support::{Admin, Reply};

fn statements(all: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": all})
}

#[track_caller]
fn denied(reply: &Reply) {
    assert_eq!(reply.error(), "AccessDeniedException", "{reply:?}");
}

#[test]
fn a_body_that_two_readers_could_read_otherwise_is_refused() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let document = statements(&[
        json!({"Effect": "Allow", "Action": "tollgate:CreateUser", "Resource": "*"}),
        json!({"Effect": "Deny", "Action": "*", "Resource": "arn:aws:iam::*:user/admin-*"}),
    ]);
    inside(&admin, "users/bob", &document);
    let make = |body: &str| bob.send(&admin, "POST", "/tollgate/v1/iam/users", body);
    denied(&make(r#"{"userName":"admin-x"}"#));
    for strange in [
        r#"{"z":1e999,"userName":"admin-x"}"#,
        "\u{c}{\"userName\":\"admin-x\"}",
        r#"{"z":"\ud800","userName":"admin-x"}"#,
        "[\"admin-x\"]",
    ] {
        let refused = make(strange);
        assert_eq!(
            refused.error(),
            "SerializationException",
            "{strange:?}: {refused:?}"
        );
    }
    ok(&make(r#"{"userName":"carol"}"#));
}

#[test]
fn conditions_see_tags_only_where_an_operation_takes_them() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let tagged = json!({"StringEquals": {"aws:RequestTag/team": "blue"}});
    let document = statements(&[
        json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*", "Condition": tagged}),
    ]);
    inside(&admin, "users/bob", &document);
    let body = r#"{"name":"x","protocolType":"HTTP","tags":{"team":"blue"}}"#;
    let made = ok(&bob.send(&admin, "POST", "/v2/apis", body));
    let path = format!("/v2/apis/{}", made["apiId"].as_str().unwrap());
    let tags = r#"{"tags":{"team":"blue"}}"#;
    denied(&bob.send(&admin, "DELETE", &path, tags));
    denied(&bob.send(&admin, "PATCH", &path, tags));
    denied(&bob.send(&admin, "DELETE", &format!("{path}?tagKeys=team"), ""));
}

#[test]
fn tags_are_bounded_and_differ_in_more_than_case() {
    let admin = Admin::start();
    let with = |tags: Value| {
        let body = json!({"name": "x", "protocolType": "HTTP", "tags": tags});
        admin.send("POST", "/v2/apis", &body.to_string())
    };
    let many: serde_json::Map<String, Value> =
        (0..51).map(|n| (format!("k{n}"), json!("v"))).collect();
    for tags in [
        Value::Object(many),
        json!({"role": "admin", "Role": "x"}),
        json!({"": "x"}),
        json!({"k": "v".repeat(257)}),
    ] {
        let refused = with(tags);
        assert_eq!(refused.error(), "BadRequestException", "{refused:?}");
    }
    ok(&with(json!({"role": "admin"})));
}

#[test]
fn a_thing_has_one_name_however_it_is_written() {
    let admin = Admin::start();
    ok(&admin.send(
        "POST",
        "/v2/domainnames",
        r#"{"domainName":"api.example.com"}"#,
    ));
    let api = ok(&admin.send("POST", "/v2/apis", r#"{"name":"x","protocolType":"HTTP"}"#));
    let id = api["apiId"].as_str().unwrap();
    let bob = user(&admin, "bob");
    let document = statements(&[
        json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}),
        json!({"Effect": "Deny", "Action": "apigateway:*", "Resource": [
            "arn:aws:apigateway:us-east-1::/domainnames/api.example.com*",
            format!("arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Aus-east-1%3A%3A%2Fapis%2F{id}"),
        ]}),
    ]);
    inside(&admin, "users/bob", &document);
    for name in ["api.example.com", "API.example.com"] {
        denied(&bob.send(&admin, "DELETE", &format!("/v2/domainnames/{name}"), ""));
    }
    for arn in ["arn:aws:apigateway:us-east-1::", "arn:x:apigateway:zz:9:"] {
        let label = format!("{arn}/apis/{id}")
            .replace(':', "%3A")
            .replace('/', "%2F");
        let target = format!("/v2/tags/{label}");
        denied(&bob.send(&admin, "POST", &target, r#"{"tags":{"a":"b"}}"#));
    }
}

#[test]
fn functions_and_the_servers_of_a_group_need_more_than_the_call() {
    let admin = Admin::start();
    let model = |command: &str| {
        json!({"model": {
            "functions": {"f": {"name": "f", "directory": "/", "command": [command]}},
            "upstreams": {"backend": {"name": "backend", "servers": [
                {"url": "http://10.0.0.1:80"}]}},
        }})
    };
    ok(&admin.send(
        "POST",
        "/tollgate/v1/apply",
        &model("/bin/true").to_string(),
    ));
    let bob = user(&admin, "bob");
    inside(&admin, "users/bob", &policy("Allow", "tollgate:Apply", "*"));
    let change = model("/bin/false").to_string();
    denied(&bob.send(&admin, "POST", "/tollgate/v1/apply", &change));
    let document = statements(&[
        json!({"Effect": "Allow", "Action": ["tollgate:Apply", "tollgate:PutFunction"], "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "apigateway:POST", "Resource": "*"}),
    ]);
    inside(&admin, "users/bob", &document);
    ok(&bob.send(&admin, "POST", "/tollgate/v1/apply", &change));
    let link = json!({"name": "backend", "subnetIds": [],
        "tags": {"tollgate:servers": "http://10.0.0.9:80"}});
    denied(&bob.send(&admin, "POST", "/v2/vpclinks", &link.to_string()));
}

#[test]
fn nothing_that_is_closed_opens_by_a_null_or_an_empty_word() {
    let admin = Admin::start();
    let api = ok(&admin.send(
        "POST",
        "/v2/apis",
        r#"{"name":"x","protocolType":"HTTP","disableExecuteApiEndpoint":true}"#,
    ));
    let api = format!("/v2/apis/{}", api["apiId"].as_str().unwrap());
    let route = r#"{"routeKey":"GET /","authorizationType":"AWS_IAM","apiKeyRequired":true}"#;
    let route = ok(&admin.send("POST", &format!("{api}/routes"), route));
    let route = format!("{api}/routes/{}", route["routeId"].as_str().unwrap());
    let null = r#"{"authorizationType":null,"apiKeyRequired":null}"#;
    let now = ok(&admin.send("PATCH", &route, null));
    assert_eq!(
        (&now["authorizationType"], &now["apiKeyRequired"]),
        (&json!("AWS_IAM"), &json!(true))
    );
    let refused = admin.send("PATCH", &route, r#"{"authorizationType":""}"#);
    assert_eq!(refused.error(), "BadRequestException", "{refused:?}");
    let now = ok(&admin.send("PATCH", &api, r#"{"disableExecuteApiEndpoint":null}"#));
    assert_eq!(now["disableExecuteApiEndpoint"], true);
    let refused = admin.send("PATCH", &api, r#"{"protocolType":"WEBSOCKET"}"#);
    let now = ok(&admin.send("GET", &api, ""));
    assert_eq!(now["protocolType"], "HTTP", "{refused:?}");
}

#[test]
fn a_trust_store_goes_only_with_the_action_for_that() {
    let admin = Admin::start();
    let trust = r#"{"domainName":"a.example.com","mutualTlsAuthentication":{"truststoreUri":"s3://b/c.pem"}}"#;
    ok(&admin.send("POST", "/v2/domainnames", trust));
    let bob = user(&admin, "bob");
    inside(
        &admin,
        "users/bob",
        &policy("Allow", "apigateway:PATCH", "*"),
    );
    let target = "/v2/domainnames/a.example.com";
    for empty in ["{}", r#"{"truststoreUri":""}"#] {
        let body = format!(r#"{{"mutualTlsAuthentication":{empty}}}"#);
        let reply = bob.send(&admin, "PATCH", target, &body);
        let now = ok(&admin.send("GET", target, ""));
        assert!(
            now["mutualTlsAuthentication"].is_object(),
            "{empty}: {reply:?}"
        );
    }
    ok(&bob.send(
        &admin,
        "PATCH",
        target,
        r#"{"mutualTlsAuthentication":null}"#,
    ));
    let now = ok(&admin.send("GET", target, ""));
    assert!(now["mutualTlsAuthentication"].is_object(), "{now}");
}

/// A document with one route, its authorization, and one tag.
fn tagged_document(team: &str) -> String {
    json!({
        "openapi": "3.0.1",
        "info": {"title": "x", "version": "1"},
        "tags": [{"name": "team", "x-amazon-apigateway-tag-value": team}],
        "paths": {"/a": {"get": {"x-amazon-apigateway-integration": {
            "type": "http_proxy", "httpMethod": "GET", "uri": "http://127.0.0.1:9/", "payloadFormatVersion": "1.0",
        }}}},
    })
    .to_string()
}

#[test]
fn who_imports_tags_needs_the_action_of_tagging() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let blue = json!({"StringEquals": {"aws:RequestTag/team": "blue"}});
    let import = |target: &str, team: &str| {
        let body = json!({"body": tagged_document(team)}).to_string();
        bob.send(&admin, "PUT", target, &body)
    };
    inside(&admin, "users/bob", &policy("Allow", "apigateway:PUT", "*"));
    denied(&import("/v2/apis", "blue"));
    let document = statements(&[
        json!({"Effect": "Allow", "Action": "apigateway:PUT", "Resource": "*"}),
        json!({"Effect": "Allow", "Action": "apigateway:POST", "Resource": "arn:aws:apigateway:*::/tags/*", "Condition": blue}),
    ]);
    inside(&admin, "users/bob", &document);
    denied(&import("/v2/apis", "red"));
    let made = ok(&import("/v2/apis", "blue"));
    assert_eq!(made["tags"]["team"], "blue");
    // Over a document with other tags as well, and not over one with the same.
    let target = format!("/v2/apis/{}", made["apiId"].as_str().unwrap());
    denied(&import(&target, "red"));
    inside(&admin, "users/bob", &policy("Allow", "apigateway:PUT", "*"));
    ok(&import(&target, "blue"));
}

#[test]
fn conditions_see_what_a_call_asks_for_and_what_it_is_about() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let document = statements(&[
        json!({"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}),
        json!({"Effect": "Deny", "Action": ["apigateway:POST", "apigateway:PATCH", "apigateway:PUT"], "Resource": "*",
            "Condition": {"ForAnyValue:StringEquals": {"apigateway:Request/RouteAuthorizationType": "NONE"}}}),
        json!({"Effect": "Deny", "Action": "apigateway:DELETE", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/env": "prod"}}}),
        json!({"Effect": "Deny", "Action": "apigateway:PATCH", "Resource": "*",
            "Condition": {"StringLike": {"apigateway:Resource/ApiName": "prod-*"}}}),
    ]);
    inside(&admin, "users/bob", &document);
    let api = |name: &str, env: &str| {
        let body = json!({"name": name, "protocolType": "HTTP", "tags": {"env": env}}).to_string();
        let made = ok(&admin.send("POST", "/v2/apis", &body));
        format!("/v2/apis/{}", made["apiId"].as_str().unwrap())
    };
    let (test, prod) = (api("test-a", "test"), api("prod-a", "prod"));
    let routes = format!("{test}/routes");
    // Nothing said is as the default is.
    denied(&bob.send(&admin, "POST", &routes, r#"{"routeKey":"GET /a"}"#));
    denied(&bob.send(
        &admin,
        "POST",
        &routes,
        r#"{"routeKey":"GET /a","authorizationType":"NONE"}"#,
    ));
    let iam = r#"{"routeKey":"GET /a","authorizationType":"AWS_IAM"}"#;
    let route = ok(&bob.send(&admin, "POST", &routes, iam))["routeId"].clone();
    let route = format!("{routes}/{}", route.as_str().unwrap());
    ok(&bob.send(&admin, "PATCH", &route, r#"{"operationName":"a"}"#));
    denied(&bob.send(&admin, "PATCH", &route, r#"{"authorizationType":"NONE"}"#));
    // Nor does a document bring what a call may not.
    let open = json!({"body": tagged_document("blue")}).to_string();
    denied(&bob.send(&admin, "PUT", "/v2/apis", &open));
    denied(&bob.send(&admin, "PATCH", &prod, r#"{"description":"d"}"#));
    ok(&bob.send(&admin, "PATCH", &test, r#"{"description":"d"}"#));
    denied(&bob.send(&admin, "DELETE", &prod, ""));
    ok(&bob.send(&admin, "DELETE", &route, ""));
    ok(&bob.send(&admin, "DELETE", &test, ""));
}
