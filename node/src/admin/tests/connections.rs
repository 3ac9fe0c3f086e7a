//! `@connections` on the admin listener: addresses, signatures, limits, and what each call gives.

use super::iam::{inside, user};
use super::support::{ACCESS_KEY, Admin, CONNECTION_ID, Reply, SECRET_KEY};

/// The id as it stands in a path.
const ESCAPED: &str = "L0SM9%2FOFvHcCIhw%3D";

fn call(admin: &Admin, method: &str, target: &str, body: &str) -> Reply {
    admin.send_for("execute-api", method, target, body)
}

#[test]
fn a_connection_is_described_written_to_and_closed() {
    let admin = Admin::start();
    let target = format!("/chat/prod/@connections/{ESCAPED}");
    assert_eq!(call(&admin, "POST", &target, "hello").status, 200);
    let shown = call(&admin, "GET", &target, "");
    assert_eq!(shown.status, 200);
    assert_eq!(
        shown.json(),
        serde_json::json!({
            "connectedAt": "2020-03-04T19:03:58Z",
            "identity": {"sourceIp": "10.0.0.9", "userAgent": "hello"},
            "lastActiveAt": "2020-03-04T19:03:59Z",
        })
    );
    let slow = call(&admin, "POST", &target, "flood");
    assert_eq!((slow.status, slow.error()), (429, "LimitExceededException"));
    let closed = call(&admin, "DELETE", &target, "");
    assert_eq!((closed.status, &*closed.body), (204, ""));
    for method in ["GET", "POST", "DELETE"] {
        let gone = call(&admin, method, &target, "");
        assert_eq!(
            (gone.status, gone.error(), &*gone.body),
            (410, "GoneException", "")
        );
    }
}

#[test]
fn stages_are_named_in_both_forms_and_others_have_no_such_connection() {
    let admin = Admin::start();
    for (prefix, status) in [
        ("/chat/prod", 200),
        ("/_aws/execute-api/chat/prod", 200),
        ("/chat/test", 410),
        ("/shop/prod", 410),
        ("/*/prod", 410),
        ("/*/*", 410),
        ("", 404),
        ("/prod", 404),
        ("//chat/prod", 404),
        ("/chat//prod", 404),
        ("/chat/prod/", 404),
    ] {
        for segment in ["@connections", "%40connections"] {
            let target = format!("{prefix}/{segment}/{ESCAPED}");
            assert_eq!(call(&admin, "GET", &target, "").status, status, "{target}");
        }
    }
    let other = call(&admin, "GET", "/chat/prod/@connections/other", "");
    assert_eq!(other.status, 410, "{CONNECTION_ID} is the only one");
}

#[test]
fn callers_sign_for_the_right_service_with_a_known_key() {
    let admin = Admin::start();
    let target = format!("/chat/prod/@connections/{ESCAPED}");
    let wrong = admin.send("GET", &target, "");
    assert_eq!(wrong.status, 403, "{wrong:?}");
    assert_eq!(call(&admin, "GET", "/v2/apis", "").status, 403);
    let unsigned = admin.raw("GET", &target, &[("host", "localhost")], "");
    let kind = "MissingAuthenticationTokenException";
    assert_eq!((unsigned.status, unsigned.error()), (403, kind));
    let stranger = admin.send_as("GET", &target, &[], "", "AKIASTRANGER00000001", SECRET_KEY);
    assert_eq!(stranger.status, 403);
    let forged = admin.send_as("GET", &target, &[], "", ACCESS_KEY, "another secret");
    assert_eq!(forged.status, 403);
}

#[test]
fn a_message_has_its_limit() {
    let admin = Admin::start();
    let target = format!("/chat/prod/@connections/{ESCAPED}");
    let fits = "x".repeat(128 * 1024);
    assert_eq!(call(&admin, "POST", &target, &fits).status, 200);
    let large = call(&admin, "POST", &target, &(fits + "x"));
    assert_eq!(
        (large.status, large.error()),
        (413, "PayloadTooLargeException")
    );
}

#[test]
fn a_user_reaches_the_connections_of_stages_that_his_policies_leave_him() {
    let statement = |effect: &str, stage: &str| {
        let resource = format!("arn:aws:execute-api:*:*:{stage}/*");
        serde_json::json!({"Effect": effect, "Action": "execute-api:ManageConnections", "Resource": resource})
    };
    for (statements, status) in [
        (vec![statement("Allow", "chat/prod")], 200),
        (vec![statement("Allow", "*")], 200),
        (vec![statement("Allow", "shop/prod")], 403),
        (
            vec![statement("Allow", "*"), statement("Deny", "chat/prod")],
            403,
        ),
    ] {
        let admin = Admin::start();
        let bob = user(&admin, "bob");
        let document = serde_json::json!({"Version": "2012-10-17", "Statement": statements});
        inside(&admin, "users/bob", &document);
        let ask = |prefix: &str| {
            let target = format!("{prefix}/@connections/{ESCAPED}");
            bob.ask_for(&admin, "execute-api", &target).status
        };
        assert_eq!(ask("/chat/prod"), status, "{document}");
        assert_eq!(ask("/_aws/execute-api/chat/prod"), status, "{document}");
        // However the stage is left open or written otherwise, nobody gets at it that way.
        for prefix in ["", "/prod", "/*/prod", "/*/*", "//chat/prod", "/chat/prod/"] {
            assert_ne!(ask(prefix), 200, "{prefix}: {document}");
        }
    }
}
