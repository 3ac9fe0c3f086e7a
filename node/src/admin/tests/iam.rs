//! Users and what they may: through the listener, as clients see it.

use serde_json::{Value, json};

use super::support::{ACCESS_KEY, Admin, Reply, SECRET_KEY};

const IAM: &str = "/tollgate/v1/iam";

/// A user with an access key.
pub(super) struct User {
    id: String,
    secret: String,
}

impl User {
    pub(super) fn send(&self, admin: &Admin, method: &str, target: &str, body: &str) -> Reply {
        admin.send_as(method, target, &[], body, &self.id, &self.secret)
    }

    /// A request without a body that is signed for another service than the management ones.
    pub(super) fn ask_for(&self, admin: &Admin, service: &str, target: &str) -> Reply {
        admin.send_for_by((&self.id, &self.secret), service, "GET", target, "")
    }
}

pub(super) fn ok(reply: &Reply) -> Value {
    assert!((200..300).contains(&reply.status), "{reply:?}");
    match reply.body.is_empty() {
        true => Value::Null,
        false => reply.json(),
    }
}

fn post(admin: &Admin, path: &str, body: &Value) -> Reply {
    admin.send("POST", &format!("{IAM}/{path}"), &body.to_string())
}

fn put(admin: &Admin, path: &str, body: &Value) -> Reply {
    admin.send("PUT", &format!("{IAM}/{path}"), &body.to_string())
}

fn delete(admin: &Admin, path: &str) -> Reply {
    admin.send("DELETE", &format!("{IAM}/{path}"), "")
}

fn key_of(admin: &Admin, name: &str) -> User {
    let made = ok(&post(admin, &format!("users/{name}/keys"), &json!({})));
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    User {
        id: text("accessKeyId"),
        secret: text("secretAccessKey"),
    }
}

pub(super) fn user(admin: &Admin, name: &str) -> User {
    ok(&post(admin, "users", &json!({"userName": name})));
    key_of(admin, name)
}

pub(super) fn policy(effect: &str, action: &str, resource: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": effect, "Action": action, "Resource": resource}]})
}

pub(super) fn inside(admin: &Admin, owner: &str, document: &Value) {
    let path = format!("{owner}/policies/own");
    ok(&put(admin, &path, &json!({"document": document})));
}

#[test]
fn a_user_may_what_a_policy_allows_and_nothing_else() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let refused = bob.send(&admin, "GET", "/v2/apis", "");
    assert_eq!(refused.status, 403);
    assert_eq!(refused.error(), "AccessDeniedException");
    assert_eq!(
        refused.json()["message"],
        "User: arn:aws:iam::000000000000:user/bob is not authorized to perform: apigateway:GET on \
         resource: arn:aws:apigateway:us-east-1::/apis because no identity-based policy allows the \
         apigateway:GET action"
    );
    let read = policy("Allow", "apigateway:GET", "*");
    inside(&admin, "users/bob", &read);
    assert_eq!(bob.send(&admin, "GET", "/v2/apis", "").status, 200);
    assert_eq!(bob.send(&admin, "GET", "/apikeys", "").status, 200);
    let body = r#"{"name":"x","protocolType":"HTTP"}"#;
    let refused = bob.send(&admin, "POST", "/v2/apis", body);
    assert_eq!(refused.error(), "AccessDeniedException");
    assert_eq!(admin.revision(), 0);
    // v1 says it in a member of its own.
    let refused = bob.send(&admin, "POST", "/apikeys", "{}");
    assert!(refused.json()["Message"].is_string(), "{refused:?}");
}

#[test]
fn native_operations_have_actions_of_their_own() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    for (method, path) in [
        ("GET", "status"),
        ("GET", "backup"),
        ("POST", "apply"),
        ("POST", "tokens"),
        ("DELETE", "members/1"),
        ("GET", "iam/users"),
        ("POST", "iam/root/rotate"),
        ("PUT", "iam/users/bob/policies/own"),
    ] {
        let refused = bob.send(&admin, method, &format!("/tollgate/v1/{path}"), "{}");
        assert_eq!(
            refused.error(),
            "AccessDeniedException",
            "{path}: {refused:?}"
        );
    }
    inside(&admin, "users/bob", &policy("Allow", "tollgate:*", "*"));
    assert_eq!(
        bob.send(&admin, "GET", "/tollgate/v1/status", "").status,
        200
    );
    let refused = bob.send(&admin, "POST", &format!("{IAM}/root/rotate"), "{}");
    assert_eq!(refused.error(), "AccessDeniedException", "{refused:?}");
    // Nobody can be denied to ask who he is.
    inside(&admin, "users/bob", &policy("Deny", "*", "*"));
    let who = ok(&bob.send(&admin, "GET", &format!("{IAM}/whoami"), ""));
    assert_eq!(who["arn"], "arn:aws:iam::000000000000:user/bob");
    assert_eq!(who["accessKeyId"], bob.id.as_str());
}

#[test]
fn groups_and_managed_policies_hold_at_once_and_a_deny_wins() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let reads = || bob.send(&admin, "GET", "/v2/apis", "").status;
    let document = policy("Allow", "apigateway:*", "*");
    let new = json!({"policyName": "all", "document": document});
    ok(&post(&admin, "policies", &new));
    ok(&post(&admin, "groups", &json!({"groupName": "ops"})));
    ok(&put(&admin, "groups/ops/attached/all", &json!({})));
    assert_eq!(reads(), 403);
    ok(&put(&admin, "groups/ops/users/bob", &json!({})));
    assert_eq!(reads(), 200);
    inside(&admin, "users/bob", &policy("Deny", "apigateway:GET", "*"));
    let refused = bob.send(&admin, "GET", "/v2/apis", "");
    let text = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        text.ends_with("with an explicit deny in an identity-based policy"),
        "{text}"
    );
    ok(&delete(&admin, "users/bob/policies/own"));
    assert_eq!(reads(), 200);
    let none =
        json!({"document": policy("Allow", "apigateway:GET", "arn:aws:apigateway:*::/vpclinks")});
    ok(&put(&admin, "policies/all", &none));
    assert_eq!(reads(), 403, "a changed policy holds at once");
    // Nothing goes that something needs.
    for path in ["policies/all", "groups/ops", "users/bob"] {
        assert_eq!(delete(&admin, path).error(), "ConflictException", "{path}");
    }
    ok(&delete(&admin, "groups/ops/users/bob"));
    ok(&delete(&admin, "groups/ops/attached/all"));
    ok(&delete(&admin, "groups/ops"));
    ok(&delete(&admin, "policies/all"));
    assert_eq!(delete(&admin, "policies/all").error(), "NotFoundException");
}

#[test]
fn keys_are_disabled_enabled_and_deleted() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    inside(&admin, "users/bob", &policy("Allow", "*", "*"));
    let second = key_of(&admin, "bob");
    let third = post(&admin, "users/bob/keys", &json!({}));
    assert_eq!(third.error(), "TooManyRequestsException");
    assert_eq!(third.json()["limitType"], "AccessKeysPerUser");
    let set = |status: &str| {
        let path = format!("{IAM}/users/bob/keys/{}", bob.id);
        let body = json!({"status": status}).to_string();
        ok(&admin.send("PATCH", &path, &body));
    };
    set("Inactive");
    let refused = bob.send(&admin, "GET", "/v2/apis", "");
    assert_eq!(refused.error(), "UnrecognizedClientException");
    assert_eq!(second.send(&admin, "GET", "/v2/apis", "").status, 200);
    set("Active");
    assert_eq!(bob.send(&admin, "GET", "/v2/apis", "").status, 200);
    let listed = ok(&admin.send("GET", &format!("{IAM}/users/bob/keys"), ""));
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
    assert!(!listed.to_string().contains(&bob.secret));
    ok(&delete(&admin, &format!("users/bob/keys/{}", bob.id)));
    let refused = bob.send(&admin, "GET", "/v2/apis", "");
    assert_eq!(refused.error(), "UnrecognizedClientException");
    // Of another user there is no such key.
    ok(&post(&admin, "users", &json!({"userName": "eve"})));
    let other = delete(&admin, &format!("users/eve/keys/{}", second.id));
    assert_eq!(other.error(), "NotFoundException");
}

#[test]
fn a_repeated_call_makes_one_key_and_tells_the_same_secret() {
    let admin = Admin::start();
    ok(&post(&admin, "users", &json!({"userName": "bob"})));
    let create = |invocation: &str| {
        let headers = [("amz-sdk-invocation-id", invocation)];
        let path = format!("{IAM}/users/bob/keys");
        admin.send_as("POST", &path, &headers, "{}", ACCESS_KEY, SECRET_KEY)
    };
    let first = ok(&create("1"));
    assert_eq!(ok(&create("1")), first);
    let other = ok(&create("2"));
    assert_ne!(other["secretAccessKey"], first["secretAccessKey"]);
    let secret = first["secretAccessKey"].as_str().unwrap();
    let whole = admin.door.read(tollgate_state::State::snapshot).unwrap();
    let holds = |text: &str| whole.windows(text.len()).any(|it| it == text.as_bytes());
    assert!(holds("bob") && !holds(secret), "a secret is in the state");
    // A repeated deletion is answered as the first one.
    let id = first["accessKeyId"].as_str().unwrap();
    let headers = [("amz-sdk-invocation-id", "3")];
    let path = format!("{IAM}/users/bob/keys/{id}");
    for _ in 0..2 {
        let gone = admin.send_as("DELETE", &path, &headers, "", ACCESS_KEY, SECRET_KEY);
        assert_eq!(gone.status, 204, "{gone:?}");
    }
}

#[test]
fn conditions_see_the_caller_and_his_request() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let tagged = json!({"tags": {"team": "blue"}});
    ok(&put(&admin, "users/bob/tags", &tagged));
    let allowed_if = |condition: Value| {
        let document = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "apigateway:GET", "Resource": "*",
            "Condition": condition}]});
        inside(&admin, "users/bob", &document);
        bob.send(&admin, "GET", "/v2/apis", "").status == 200
    };
    for (holds, condition) in [
        (true, json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})),
        (false, json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
        (true, json!({"StringEquals": {"aws:username": "bob"}})),
        (false, json!({"StringEquals": {"aws:username": "Bob"}})),
        (
            true,
            json!({"StringEquals": {"aws:PrincipalTag/team": "blue"}}),
        ),
        (
            false,
            json!({"StringEquals": {"aws:PrincipalTag/team": "red"}}),
        ),
        (true, json!({"StringEquals": {"aws:PrincipalType": "User"}})),
        (
            true,
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/b*"}}),
        ),
        (true, json!({"StringLike": {"aws:userid": "AIDA*"}})),
        (true, json!({"Bool": {"aws:SecureTransport": "false"}})),
        (
            true,
            json!({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        ),
        (
            false,
            json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        ),
    ] {
        assert_eq!(allowed_if(condition.clone()), holds, "{condition}");
    }
}

#[test]
fn tags_on_creation_need_the_action_of_tagging_and_are_seen_by_conditions() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let make = |tags: Value| {
        let body = json!({"name": "x", "protocolType": "HTTP", "tags": tags}).to_string();
        bob.send(&admin, "POST", "/v2/apis", &body)
    };
    let apis = "arn:aws:apigateway:us-east-1::/apis";
    inside(
        &admin,
        "users/bob",
        &policy("Allow", "apigateway:POST", apis),
    );
    assert_eq!(make(json!({})).status, 201);
    let refused = make(json!({"team": "blue"}));
    let text = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        text.contains("apigateway:POST on resource: arn:aws:apigateway:us-east-1::/tags/arn%3A"),
        "{text}"
    );
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "apigateway:POST",
         "Resource": [apis, "arn:aws:apigateway:us-east-1::/tags/*"],
         "Condition": {"StringEquals": {"aws:RequestTag/team": "blue"},
                       "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}}]});
    inside(&admin, "users/bob", &document);
    assert_eq!(make(json!({"team": "blue"})).status, 201);
    assert_eq!(make(json!({"team": "red"})).status, 403);
    assert_eq!(make(json!({"team": "blue", "more": ""})).status, 403);
    // Nothing hides behind a key that conditions take for the same, and nobody brings thousands.
    let hidden = make(json!({"team": "red", "Team": "blue"}));
    assert_eq!(hidden.error(), "BadRequestException", "{hidden:?}");
    let many: serde_json::Map<String, Value> =
        (0..20_000).map(|n| (format!("k{n}"), "v".into())).collect();
    assert_eq!(make(many.into()).error(), "BadRequestException");
    assert_eq!(make(json!({})).status, 403);
}

/// Service Authorization Reference: an additional control, because trust stores decide who calls.
#[test]
fn a_trust_store_needs_an_action_of_its_own() {
    let admin = Admin::start();
    let bob = user(&admin, "bob");
    let make = |name: &str, trust: bool| {
        let mut body = json!({"domainName": name});
        if trust {
            body["mutualTlsAuthentication"] = json!({"truststoreUri": "s3://b/none.pem"});
        }
        let reply = bob.send(&admin, "POST", "/v2/domainnames", &body.to_string());
        (reply.status == 403).then(|| reply.json()["message"].to_string())
    };
    inside(
        &admin,
        "users/bob",
        &policy("Allow", "apigateway:POST", "*"),
    );
    assert_eq!(make("a.example.com", false), None);
    let refused = make("b.example.com", true).unwrap();
    assert!(
        refused.contains("apigateway:AddCertificateToDomain on resource: arn:aws:apigateway:"),
        "{refused}"
    );
    inside(&admin, "users/bob", &policy("Allow", "apigateway:*", "*"));
    assert_eq!(make("b.example.com", true), None);
    let other = policy("Allow", "apigateway:PATCH", "*");
    inside(&admin, "users/bob", &other);
    let empty = r#"{"mutualTlsAuthentication": {"truststoreUri": ""}}"#;
    let refused = bob.send(&admin, "PATCH", "/v2/domainnames/b.example.com", empty);
    assert!(
        refused.body.contains("RemoveCertificateFromDomain"),
        "{refused:?}"
    );
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let admin = Admin::start();
    ok(&post(&admin, "users", &json!({"userName": "bob"})));
    for (name, kind) in [("bob", "ConflictException"), ("BOB", "ConflictException")] {
        let again = post(&admin, "users", &json!({"userName": name}));
        assert_eq!(again.error(), kind, "{again:?}");
    }
    let name = post(&admin, "users", &json!({"userName": "a b"}));
    assert_eq!(name.error(), "BadRequestException");
    let wrong = json!({"document": {"Version": "2012-10-17", "Statement": [
        {"Effect": "Alow", "Action": "*", "Resource": "*"}]}});
    let wrong = put(&admin, "users/bob/policies/own", &wrong);
    assert_eq!(wrong.error(), "BadRequestException");
    let text = wrong.json()["message"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("MalformedPolicyDocument: ") && text.contains("Alow"),
        "{text}"
    );
    let long = policy("Allow", &format!("x:{}", "a".repeat(2_048)), "*");
    let long = put(&admin, "users/bob/policies/own", &json!({"document": long}));
    assert_eq!(long.json()["limitType"], "PolicySize", "{long:?}");
    let missing = put(&admin, "users/bob/attached/none", &json!({}));
    assert_eq!(missing.error(), "NotFoundException");
    assert_eq!(missing.json()["resourceType"], "policy");
    let missing = post(&admin, "users/nobody/keys", &json!({}));
    assert_eq!(missing.error(), "NotFoundException");
}

#[test]
fn the_simulator_tells_which_statement_decided() {
    let admin = Admin::start();
    ok(&post(&admin, "users", &json!({"userName": "bob"})));
    ok(&post(&admin, "groups", &json!({"groupName": "ops"})));
    ok(&put(&admin, "groups/ops/users/bob", &json!({})));
    inside(&admin, "groups/ops", &policy("Allow", "apigateway:*", "*"));
    let deny = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Far", "Effect": "Deny", "Action": "apigateway:DELETE", "Resource": "*",
         "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}]});
    inside(&admin, "users/bob", &deny);
    let test = |wanted: Value| ok(&post(&admin, "simulate", &wanted))["items"].clone();
    let items = test(json!({
        "userName": "bob", "context": {"aws:SourceIp": "192.0.2.1"},
        "actions": ["apigateway:GET", "apigateway:DELETE", "tollgate:Apply"],
        "resources": ["arn:aws:apigateway:us-east-1::/apis"]}));
    assert_eq!(items[0]["decision"], "allowed");
    assert_eq!(
        items[0]["policy"],
        json!({"name": "own", "managed": false, "group": "ops"})
    );
    assert_eq!(items[1]["decision"], "explicitDeny");
    assert_eq!(items[1]["statement"], json!({"index": 0, "sid": "Far"}));
    assert_eq!(items[2]["decision"], "implicitDeny");
    let near = test(json!({
        "userName": "bob", "actions": ["apigateway:DELETE"],
        "context": {"aws:SourceIp": "10.1.2.3"}}));
    assert_eq!(near[0]["decision"], "allowed");
    let long = json!({"policies": [], "actions": ["x".repeat(3_000)]});
    assert_eq!(
        post(&admin, "simulate", &long).error(),
        "BadRequestException"
    );
    let custom = test(json!({
        "policies": [policy("Allow", "tollgate:Get*", "*")],
        "actions": ["tollgate:GetStatus", "tollgate:Apply"]}));
    assert_eq!(custom[0]["decision"], "allowed");
    assert_eq!(custom[1]["decision"], "implicitDeny");
}

#[test]
fn the_root_key_is_rotated_and_the_old_one_ends() {
    let admin = Admin::start();
    let rotate = |by: &User, overlap: u64| {
        let body = json!({"overlapSeconds": overlap}).to_string();
        let made = ok(&by.send(&admin, "POST", &format!("{IAM}/root/rotate"), &body));
        User {
            id: made["accessKeyId"].as_str().unwrap().to_owned(),
            secret: made["secretAccessKey"].as_str().unwrap().to_owned(),
        }
    };
    let reads = |by: &User| by.send(&admin, "GET", "/v2/apis", "").status;
    let first = User {
        id: ACCESS_KEY.into(),
        secret: SECRET_KEY.into(),
    };
    let second = rotate(&first, 3_600);
    assert_eq!((reads(&first), reads(&second)), (200, 200));
    let third = rotate(&second, 0);
    assert_eq!(
        (reads(&first), reads(&second), reads(&third)),
        (403, 403, 200)
    );
    let body = json!({"overlapSeconds": 8 * 24 * 3_600}).to_string();
    let long = third.send(&admin, "POST", &format!("{IAM}/root/rotate"), &body);
    assert_eq!(long.error(), "BadRequestException", "{long:?}");
    admin.wait_for_root_file(&third.id);
}
