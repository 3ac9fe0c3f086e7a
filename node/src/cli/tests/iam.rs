//! `tollgate iam` against a real admin listener.

use serde_json::{Value, json};

use super::{Started, file, tollgate, tollgate_with};
use crate::admin::tests::support::Admin;

/// A policy as a file.
fn policy(folder: &std::path::Path, name: &str, effect: &str, action: &str) -> String {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "One", "Effect": effect, "Action": action, "Resource": "*"}]});
    file(folder, name, &document.to_string())
}

/// Runs a command that must be done.
#[track_caller]
fn done(admin: &Admin, line: &str) -> super::Said {
    let words: Vec<&str> = line.split_whitespace().collect();
    let said = tollgate(admin, &words);
    assert_eq!(said.code, 0, "{line}: {said:?}");
    said
}

#[test]
fn a_user_gets_a_key_and_works_with_it() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let read = policy(folder.path(), "read.json", "Allow", "apigateway:GET");
    done(&admin, "iam user create ci --tag team=blue");
    done(
        &admin,
        &format!("iam policy create read -f {read} --description reads"),
    );
    done(&admin, "iam attach read --user ci");
    let made = done(&admin, "iam key create ci -o json");
    let key = file(folder.path(), "ci-key.json", &made.data);
    let address = admin.address.to_string();
    let as_ci = |line: &str| {
        let environment = [("TOLLGATE_ADMIN", &*address)];
        let words: Vec<&str> = line.split_whitespace().collect();
        let words = [&words[..], &["--credentials", &key]].concat();
        tollgate_with(&environment, &Started::default(), &words)
    };
    assert_eq!(as_ci("get apis").code, 0);
    assert_eq!(
        as_ci("iam whoami").data,
        "arn:aws:iam::000000000000:user/ci\n"
    );
    let refused = as_ci("iam user list");
    assert_eq!(refused.code, 1);
    assert!(
        refused
            .talk
            .contains("not authorized to perform: tollgate:ListUsers")
            && refused.talk.contains("tollgate iam test"),
        "{refused:?}"
    );
    let id = made.json()["accessKeyId"].as_str().unwrap().to_owned();
    done(&admin, &format!("iam key disable ci {id}"));
    assert_eq!(as_ci("get apis").code, 1);
    let listed = done(&admin, "iam key list ci");
    assert!(listed.data.contains("Inactive"), "{listed:?}");
    done(&admin, &format!("iam key enable ci {id}"));
    assert_eq!(as_ci("get apis").code, 0);
    let rotated = done(&admin, "iam key rotate ci");
    assert!(
        rotated.data.starts_with("AWS_ACCESS_KEY_ID=AKIA"),
        "{rotated:?}"
    );
    assert!(
        rotated.talk.contains(&format!("key disable ci {id}")),
        "{rotated:?}"
    );
    let third = tollgate(&admin, &["iam", "key", "rotate", "ci"]);
    assert!(third.talk.contains("two access keys already"), "{third:?}");
    done(&admin, &format!("iam key delete ci {id}"));
    assert_eq!(as_ci("get apis").code, 1);
}

#[test]
fn everything_is_made_shown_and_deleted() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let all = policy(folder.path(), "all.json", "Allow", "*");
    let none = policy(folder.path(), "none.json", "Deny", "*");
    done(&admin, "iam user create ann");
    done(&admin, "iam user tag ann team=blue level=2");
    done(&admin, "iam user untag ann level");
    done(&admin, "iam group create ops");
    done(&admin, "iam group add ops ann");
    done(&admin, &format!("iam policy create all -f {all}"));
    done(&admin, "iam attach all --group ops");
    done(&admin, &format!("iam inline put own -f {none} --user ann"));
    let shown = done(&admin, "iam user show ann -o json").json();
    assert_eq!(shown["tags"], json!({"team": "blue"}));
    assert_eq!(shown["groups"], json!(["ops"]));
    assert_eq!(shown["inlinePolicies"], json!(["own"]));
    let shown = done(&admin, "iam group show ops");
    assert!(
        shown.data.contains("users") && shown.data.contains("ann"),
        "{shown:?}"
    );
    for line in ["iam user list", "iam group list", "iam policy list"] {
        assert_eq!(done(&admin, line).data.lines().count(), 2, "{line}");
    }
    let document: Value = serde_json::from_str(&done(&admin, "iam policy show all").data).unwrap();
    assert_eq!(document["Statement"][0]["Sid"], "One");
    done(&admin, &format!("iam policy update all -f {none}"));
    let shown = done(&admin, "iam policy show all");
    assert!(shown.data.contains("Deny"), "{shown:?}");
    let shown = done(&admin, "iam inline show own --user ann");
    assert!(shown.data.contains("Deny"), "{shown:?}");
    let used = tollgate(&admin, &["iam", "user", "delete", "ann"]);
    assert!(used.talk.contains("remove users from group"), "{used:?}");
    for line in [
        "iam inline delete own --user ann",
        "iam group remove ops ann",
        "iam user delete ann",
        "iam detach all --group ops",
        "iam group delete ops",
        "iam policy delete all",
    ] {
        done(&admin, line);
    }
    assert_eq!(done(&admin, "iam user list").data, "");
    let broken = file(
        folder.path(),
        "broken.json",
        "{\"Version\": \"2012-10-17\"}",
    );
    let refused = tollgate(&admin, &["iam", "policy", "create", "x", "-f", &broken]);
    assert!(refused.talk.contains("Statement"), "{refused:?}");
    let both = ["iam", "attach", "x", "--user", "a", "--group", "b"];
    assert_eq!(tollgate(&admin, &both).code, 64);
}

#[test]
fn a_test_tells_the_statement_and_fails_when_something_is_not_allowed() {
    let (admin, folder) = (Admin::start(), tempfile::tempdir().unwrap());
    let read = policy(folder.path(), "read.json", "Allow", "apigateway:GET");
    let line = [
        "iam",
        "test",
        "--policy",
        &read,
        "--action",
        "apigateway:GET",
    ];
    let allowed = tollgate(&admin, &line);
    assert_eq!(allowed.code, 0, "{allowed:?}");
    assert_eq!(
        allowed.data,
        "allowed: apigateway:GET on *, by statement 1 (One) of policy policies[0]\n"
    );
    let more = [&line[..], &["--action", "tollgate:Apply", "-o", "json"]].concat();
    let refused = tollgate(&admin, &more);
    assert_eq!(refused.code, 1);
    let told: Value = serde_json::from_str(&refused.data).unwrap();
    assert_eq!(told["items"][1]["decision"], "implicitDeny");
    let nobody = tollgate(&admin, &["iam", "test", "--user", "x", "--action", "a:b"]);
    assert_eq!(nobody.code, 1);
}

#[test]
fn the_root_key_is_rotated() {
    let admin = Admin::start();
    let made = done(&admin, "iam rotate-root --overlap 0s -o json");
    assert_eq!(made.json()["oldAcceptedForSeconds"], 0);
    assert_eq!(
        tollgate(&admin, &["iam", "whoami"]).code,
        1,
        "the old one ended"
    );
    admin.wait_for_root_file(made.json()["accessKeyId"].as_str().unwrap());
    let dir = admin.dir.path().to_str().unwrap();
    let address = admin.address.to_string();
    let environment = [("TOLLGATE_ADMIN", &*address)];
    let line = ["iam", "whoami", "--data-dir", dir];
    let who = tollgate_with(&environment, &Started::default(), &line);
    assert_eq!(who.data, "arn:aws:iam::000000000000:root\n", "{who:?}");
}
