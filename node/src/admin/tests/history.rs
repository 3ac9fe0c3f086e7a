//! Revisions are told, compared and gone back to.

use serde_json::{Value, json};

use super::support::{ACCESS_KEY, Admin};

/// Applies a configuration with these keys and nothing else.
fn keys(admin: &Admin, names: &[&str]) {
    let keys: Value = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                json!({"id": name, "name": name, "value": format!("a-secret-value-of-{name}")}),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let body = json!({"model": {"apiKeys": keys}}).to_string();
    let applied = admin.send("POST", "/tollgate/v1/apply?prune=true", &body);
    assert_eq!(applied.status, 200, "{applied:?}");
}

fn get(admin: &Admin, operation: &str) -> Value {
    let reply = admin.send("GET", &format!("/tollgate/v1/{operation}"), "");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(!reply.body.contains("a-secret-value"), "{reply:?}");
    reply.json()
}

fn actions(plan: &Value) -> Vec<String> {
    let each = plan.as_array().unwrap().iter();
    each.map(|it| {
        format!(
            "{} {}",
            it["action"].as_str().unwrap(),
            it["name"].as_str().unwrap()
        )
    })
    .collect()
}

#[test]
fn every_revision_says_who_and_what() {
    let admin = Admin::start();
    keys(&admin, &["one"]);
    keys(&admin, &["one", "two"]);
    keys(&admin, &["two"]);
    let history = get(&admin, "history");
    let items = history["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|it| (it["revision"].as_u64().unwrap(), actions(&it["changed"])))
        .collect();
    let wanted = [(3, "delete one"), (2, "create two"), (1, "create one")];
    assert_eq!(told, wanted.map(|(n, what)| (n, vec![what.to_owned()])));
    assert!(items.iter().all(|it| it["who"] == ACCESS_KEY));
    assert!(
        items[0]["at"].as_str().unwrap().starts_with("20"),
        "{history}"
    );
    assert_eq!(
        get(&admin, "history?limit=1")["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    let between = get(&admin, "history/1/diff?to=3");
    assert_eq!(actions(&between["plan"]), ["create two", "delete one"]);
    assert_eq!(get(&admin, "history/2/diff")["to"], 3);
}

#[test]
fn going_back_is_one_more_revision_by_the_rules_of_every_change() {
    let admin = Admin::start();
    keys(&admin, &["one"]);
    keys(&admin, &["two"]);
    let back = |query: &str, revision: u64| {
        let body = json!({"revision": revision}).to_string();
        admin.send("POST", &format!("/tollgate/v1/rollback{query}"), &body)
    };
    let dry = back("?dry_run=true", 1).json();
    assert_eq!((dry["revision"].as_u64(), admin.revision()), (Some(2), 2));
    let done = back("", 1).json();
    assert_eq!(actions(&done["plan"]), actions(&dry["plan"]));
    assert_eq!((done["revision"].as_u64(), admin.revision()), (Some(3), 3));
    assert_eq!(*admin.played.waited.lock().unwrap().last().unwrap(), 3);
    assert_eq!(actions(&get(&admin, "history/1/diff")["plan"]), [""; 0]);
    // And back again, to nothing at all.
    assert_eq!(back("", 2).json()["revision"], 4);
    assert_eq!(back("", 0).json()["revision"], 5);
    assert_eq!(back("", 9).error(), "NotFoundException");
    assert_eq!(
        admin.send("GET", "/tollgate/v1/history/9/diff", "").error(),
        "NotFoundException"
    );
    assert_eq!(
        admin.send("GET", "/tollgate/v1/history/x/diff", "").error(),
        "BadRequestException"
    );
    assert_eq!(admin.revision(), 5);
}
