//! The FastAPI and the Express application of `examples/frameworks`, unmodified behind PyPI `mangum`
//! and npm `serverless-http`, as functions in both event formats.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use tollgate_harness::{
    Node, NodeOptions, Request, Response, bar, node_modules, python, workspace_root,
};

const APIS: [&str; 4] = ["fastapi-v1", "fastapi-v2", "express-v1", "express-v2"];

/// The example as a user has it after installing what its README says.
fn installed() -> TempDir {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let example = workspace_root().join("examples/frameworks");
    for name in ["api.yaml", "fastapi/app.py", "express/app.js"] {
        let to = folder.path().join(name);
        let parent = to.parent().expect("a file is in a folder");
        fs::create_dir_all(parent).expect("make a folder");
        fs::copy(example.join(name), &to).unwrap_or_else(|error| panic!("copy {name}: {error}"));
    }
    let venv = python();
    let venv = venv.ancestors().nth(2).expect("VENV/bin/python");
    link(venv, &folder.path().join("fastapi/.venv"));
    link(&node_modules(), &folder.path().join("express/node_modules"));
    folder
}

fn link(to: &Path, at: &Path) {
    symlink(to, at).unwrap_or_else(|error| panic!("link {}: {error}", at.display()));
}

/// Outcomes of checks: what failed is told together.
#[derive(Default)]
struct Checks {
    passed: usize,
    failed: Vec<String>,
}

impl Checks {
    fn check(&mut self, what: &str, response: &Response, holds: bool) {
        if holds {
            self.passed += 1;
        } else {
            self.failed.push(format!("{what}: {response:?}"));
        }
    }
}

#[test]
fn applications_are_served_unmodified_in_both_formats() {
    let folder = installed();
    let file = folder.path().join("api.yaml");
    let node = Node::start(
        NodeOptions::new()
            .arg("--apply")
            .arg(&file.to_string_lossy()),
    );
    let mut checks = Checks::default();
    for api in APIS {
        let host = format!("{api}.execute-api.us-east-1.localhost");
        let send = |request: Request| node.send(&request.host(&host));
        routing(api, &send, &mut checks);
        queries_and_cookies(api, &send, &mut checks);
        bodies(api, &send, &mut checks);
    }
    let all = checks.passed + checks.failed.len();
    println!("frameworks: {} of {all} checks passed", checks.passed);
    bar(
        2,
        &format!(
            "frameworks: {} of {all} checks passed (FastAPI behind mangum, Express behind \
             serverless-http, formats 1.0 and 2.0)",
            checks.passed
        ),
    );
    assert!(checks.failed.is_empty(), "{}", checks.failed.join("\n\n"));
}

fn routing(api: &str, send: &dyn Fn(Request) -> Response, checks: &mut Checks) {
    let found = send(Request::get("/pets/1"));
    let rex = json!({"id": 1, "name": "Rex", "tags": ["dog"]});
    let holds = found.status == 200
        && serde_json::from_slice(&found.body).is_ok_and(|it: serde_json::Value| it == rex);
    checks.check(&format!("{api}: their own routing"), &found, holds);

    let missing = send(Request::get("/pets/9"));
    let holds = missing.status == 404 && missing.text().contains("there is no pet 9");
    checks.check(&format!("{api}: their own error page"), &missing, holds);

    let nowhere = send(Request::get("/nowhere/at/all"));
    let own = nowhere.text() != r#"{"message":"Not Found"}"#;
    let holds = nowhere.status == 404 && own;
    checks.check(&format!("{api}: a path that they lack"), &nowhere, holds);

    let moved = send(Request::get("/old"));
    let holds = moved.status == 307 && moved.header("location") == Some("/pets/1");
    checks.check(&format!("{api}: a redirection"), &moved, holds);

    let removed = send(Request::new("DELETE", "/pets/1"));
    let holds = removed.status == 204 && removed.body.is_empty();
    checks.check(&format!("{api}: no content"), &removed, holds);

    let deep = send(Request::get("/files/a/b%20c/d.txt"));
    let holds = deep.status == 200 && deep.text().contains("a/b c/d.txt");
    checks.check(&format!("{api}: an encoded path"), &deep, holds);
}

fn queries_and_cookies(api: &str, send: &dyn Fn(Request) -> Response, checks: &mut Checks) {
    let search = send(Request::get("/search?q=rex&tag=a&tag=b"));
    let want = json!({"q": "rex", "tag": ["a", "b"]});
    let holds = serde_json::from_slice(&search.body).is_ok_and(|it: serde_json::Value| it == want);
    checks.check(&format!("{api}: a repeated parameter"), &search, holds);

    let encoded = send(Request::get("/search?q=a%26b%3Dc%20%2B%C3%A9%25"));
    let want = json!({"q": "a&b=c +é%", "tag": []});
    let holds = serde_json::from_slice(&encoded.body).is_ok_and(|it: serde_json::Value| it == want);
    checks.check(&format!("{api}: an encoded parameter"), &encoded, holds);

    let visits = send(Request::get("/visits").header("Cookie", "other=1; visits=4"));
    let set: Vec<&str> = visits
        .headers
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .map(|(_, value)| value.as_str())
        .collect();
    let holds = visits.text().replace(' ', "") == r#"{"visits":5}"#
        && set.len() == 2
        && set.iter().any(|it| it.starts_with("visits=5"))
        && set
            .iter()
            .any(|it| it.starts_with("seen=yes") && it.contains("HttpOnly"));
    checks.check(&format!("{api}: cookies both ways"), &visits, holds);
}

fn bodies(api: &str, send: &dyn Fn(Request) -> Response, checks: &mut Checks) {
    let json = |body: &str| Request::post("/pets", body).header("Content-Type", "application/json");
    let added = send(json(r#"{"name":"Ümit","tags":["cat"]}"#));
    let holds = added.status == 201
        && added.header("location") == Some("/pets/2")
        && added.text().contains("Ümit");
    checks.check(&format!("{api}: a JSON body"), &added, holds);

    let refused = send(json(r#"{"tags":[]}"#));
    checks.check(
        &format!("{api}: their own validation"),
        &refused,
        refused.status == 422,
    );

    let bytes: Vec<u8> = (0..=255).collect();
    let request = Request::post("/reverse", bytes.clone());
    let reversed = send(request.header("Content-Type", "application/octet-stream"));
    let back: Vec<u8> = bytes.into_iter().rev().collect();
    let holds = reversed.status == 200 && reversed.body == back;
    checks.check(&format!("{api}: bytes both ways"), &reversed, holds);
}
