//! The examples of docs/aws.md, one for each tool, as the page has them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tollgate_harness::{
    Backend, Node, NodeOptions, ROOT_ACCESS_KEY, ROOT_SECRET_KEY, Request, python, sdk_javascript,
    tollgate_binary, workspace_root,
};
use tollgate_tests::drivers;

use crate::{shop, walks};

/// The web service of the examples.
const WEB_SERVICE: &str = "http://127.0.0.1:3000/";

fn page() -> String {
    std::fs::read_to_string(workspace_root().join("docs/aws.md")).expect("read the page")
}

/// The text of the one block with this language and these words.
fn block(language: &str, words: &str) -> String {
    let (page, fence) = (page(), format!("```{language}\n"));
    let mut found = page.split(&fence).skip(1).map(|rest| {
        let end = rest.find("```").expect("a block ends");
        &rest[..end]
    });
    let found = found.find(|text| text.contains(words));
    let found = found.unwrap_or_else(|| panic!("no {language} with {words}"));
    assert!(found.contains(WEB_SERVICE), "{found}");
    found.to_owned()
}

/// What an example prints: the id of the API that it made, where it is, and the names of all.
#[track_caller]
fn made(node: &Node, command: &mut Command, name: &str) -> String {
    let said = drivers::run(node, command);
    let words: Vec<&str> = said.split_whitespace().collect();
    let [api, endpoint, ..] = words[..] else {
        panic!("{name}: {said}");
    };
    assert!(endpoint.contains(api), "{said}");
    assert!(words[2..].contains(&name), "{said}");
    let shown = node.cli(&["get", "apis"]);
    assert!(shown.stdout.contains(name), "{shown:?}");
    api.to_owned()
}

#[track_caller]
fn serves(node: &Node, api: &str) {
    let host = format!("{api}.execute-api.us-east-1.localhost");
    let answer = node.send(&Request::get("/").host(&host));
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn those_of_the_scripting_tools_make_an_api_that_serves() {
    let node = Node::start(NodeOptions::new());
    let backend = Backend::echo();
    let at = |text: String| text.replace(WEB_SERVICE, &format!("{}/", backend.url()));

    let script = at(block("bash", "aws apigatewayv2"));
    let mut cli = Command::new("bash");
    cli.args(["-euo", "pipefail", "-c", &script])
        .env("PATH", shop::path());
    serves(&node, &made(&node, &mut cli, "hello-cli"));

    let script = at(block("python", "boto3"));
    let mut boto3 = Command::new(python());
    boto3.args(["-c", &script]);
    serves(&node, &made(&node, &mut boto3, "hello-boto3"));

    let script = at(block("js", "@aws-sdk"));
    let mut javascript = Command::new("node");
    javascript
        .args(["--input-type=module", "--eval", &script])
        .current_dir(sdk_javascript());
    serves(&node, &made(&node, &mut javascript, "hello-javascript"));
}

/// What the page says of profiles: both tools show the same names.
#[test]
fn a_profile_leads_the_aws_cli_and_tollgate_to_the_same_node() {
    let node = Node::start(NodeOptions::new());
    for name in ["one", "two"] {
        let document = format!(
            r#"{{"openapi": "3.0.1", "info": {{"title": "{name}", "version": "1"}}, "paths": {{}}}}"#
        );
        let import = ["apigatewayv2", "import-api", "--body", &document];
        let mut aws = Command::new("aws");
        drivers::run(&node, aws.args(import).env("PATH", shop::path()));
    }
    let folder = tempfile::tempdir().expect("make a temporary directory");
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("write a file of AWS's tools");
        path
    };
    let admin = node.addresses().admin;
    let config = format!("[profile tollgate]\nendpoint_url = http://{admin}\nregion = us-east-1\n");
    let keys = format!(
        "[tollgate]\naws_access_key_id = {ROOT_ACCESS_KEY}\naws_secret_access_key = {ROOT_SECRET_KEY}\n"
    );
    let (config, keys) = (write("config", config), write("credentials", keys));
    let ask = |program: PathBuf, line: &[&str]| {
        let mut command = Command::new(program);
        let kept = |name: &str| name.starts_with("AWS_") || name.starts_with("TOLLGATE_");
        for (name, _) in std::env::vars().filter(|(name, _)| kept(name)) {
            command.env_remove(name);
        }
        let output = command
            .args(line)
            .env("PATH", shop::path())
            .env("AWS_PROFILE", "tollgate")
            .env("AWS_CONFIG_FILE", &config)
            .env("AWS_SHARED_CREDENTIALS_FILE", &keys)
            .current_dir(folder.path())
            .output()
            .expect("run the tool");
        assert!(output.status.success(), "{output:?}");
        let items: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let items = items
            .get("Items")
            .or_else(|| items.get("items"))
            .unwrap_or(&items);
        let names = items.as_array().expect("a list").iter().map(|it| {
            let name = it.get("Name").or_else(|| it.get("name"));
            name.and_then(Value::as_str).expect("a name").to_owned()
        });
        names.collect::<BTreeSet<String>>()
    };
    let theirs = ask("aws".into(), &["apigatewayv2", "get-apis"]);
    let ours = ask(tollgate_binary(), &["get", "apis", "-o", "json"]);
    assert_eq!(theirs.len(), 2, "{theirs:?}");
    assert_eq!(theirs, ours);
}

#[test]
fn that_of_rust_is_the_program_that_is_run() {
    let shown = block("rust", "aws_sdk_apigatewayv2");
    let program = include_str!("rust/hello.rs");
    let (_idea, program) = program.split_once("\n\n").expect("a comment and a program");
    assert_eq!(shown, program);
    let manifest = include_str!("rust/Cargo.toml");
    let page = page();
    let needed = page
        .lines()
        .filter(|line| line.contains("default-features"));
    let needed: Vec<&str> = needed.collect();
    assert_eq!(needed.len(), 2, "{needed:?}");
    for line in needed {
        assert!(manifest.lines().any(|it| it == line), "{line}");
    }
    let node = Node::start(NodeOptions::new());
    made(
        &node,
        &mut Command::new(walks::built().join("hello")),
        "hello-rust",
    );
}
