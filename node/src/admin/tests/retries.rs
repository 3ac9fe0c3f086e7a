//! A call that is repeated acts once.

use super::support::{ACCESS_KEY, Admin, Reply, SECRET_KEY};

fn create_key(admin: &Admin, invocation: &str) -> Reply {
    let headers = [("amz-sdk-invocation-id", invocation)];
    let body = r#"{"name":"acme","enabled":true}"#;
    admin.send_as("POST", "/apikeys", &headers, body, ACCESS_KEY, SECRET_KEY)
}

#[test]
fn a_repeated_call_makes_one_key_and_tells_the_same() {
    let admin = Admin::start();
    let first = create_key(&admin, "11111111-1111-4111-8111-111111111111");
    assert_eq!(first.status, 201, "{first:?}");
    let again = create_key(&admin, "11111111-1111-4111-8111-111111111111");
    assert_eq!(again.json(), first.json());
    let other = create_key(&admin, "22222222-2222-4222-8222-222222222222");
    assert_ne!(other.json()["id"], first.json()["id"]);
    assert_ne!(other.json()["value"], first.json()["value"]);
    let listed = admin.send("GET", "/apikeys", "").json();
    assert_eq!(listed["item"].as_array().map(Vec::len), Some(2));
    assert_eq!(admin.revision(), 2);
}

#[test]
fn a_late_repetition_does_not_undo_a_newer_change() {
    let admin = Admin::start();
    let id = create_key(&admin, "1").json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let rename = |name: &str, invocation: &str| {
        let body = format!(
            r#"{{"patchOperations":[{{"op":"replace","path":"/name","value":"{name}"}}]}}"#
        );
        let headers = [("amz-sdk-invocation-id", invocation)];
        let target = format!("/apikeys/{id}");
        admin.send_as("PATCH", &target, &headers, &body, ACCESS_KEY, SECRET_KEY)
    };
    assert_eq!(rename("old", "a").status, 200);
    assert_eq!(rename("new", "b").status, 200);
    assert_eq!(rename("old", "a").status, 200);
    let now = admin.send("GET", &format!("/apikeys/{id}"), "").json();
    assert_eq!(now["name"], "new");
}

#[test]
fn a_write_is_answered_when_it_is_served_and_changes_nothing_twice() {
    let admin = Admin::start();
    let id = create_key(&admin, "1").json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(*admin.played.waited.lock().unwrap(), [1]);
    let body = r#"{"patchOperations":[{"op":"replace","path":"/name","value":"acme"}]}"#;
    let same = admin.send("PATCH", &format!("/apikeys/{id}"), body);
    assert_eq!(same.status, 200);
    assert_eq!(admin.revision(), 1, "what is so already is no change");
}

#[test]
fn writers_at_once_all_succeed() {
    // More than a change is tried again for.
    const WRITERS: usize = 40;
    let admin = Admin::start();
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let admin = &admin;
            scope.spawn(move || {
                let reply = create_key(admin, &format!("writer-{writer}"));
                assert_eq!(reply.status, 201, "{reply:?}");
            });
        }
    });
    let listed = admin.send("GET", "/apikeys?limit=500", "").json();
    assert_eq!(listed["item"].as_array().map(Vec::len), Some(WRITERS));
    assert_eq!(admin.revision(), WRITERS as u64);
}

/// As `curl --aws-sigv4` sends them: equal calls of one second have equal signatures.
#[test]
fn equal_calls_that_are_no_repetition_all_count() {
    let admin = Admin::start();
    let made = admin.send("POST", "/apikeys", r#"{"name":"acme"}"#).json();
    let target = format!("/apikeys/{}", made["id"].as_str().unwrap());
    for round in 0..3 {
        for name in ["one", "two"] {
            let body = format!(
                r#"{{"patchOperations":[{{"op":"replace","path":"/name","value":"{name}"}}]}}"#
            );
            assert_eq!(admin.send("PATCH", &target, &body).status, 200);
            let now = admin.send("GET", &target, "").json();
            assert_eq!(now["name"], name, "round {round}");
        }
    }
}
