//! The examples of docs/aws.md, one for each tool, as the page has them.

use std::process::Command;

use tollgate_harness::{
    Backend, Node, NodeOptions, Request, python, sdk_javascript, workspace_root,
};
use tollgate_tests::drivers;

use crate::walks;

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

    let programs = python().parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", programs.display(), path.display());
    let script = at(block("bash", "aws apigatewayv2"));
    let mut cli = Command::new("bash");
    cli.args(["-euo", "pipefail", "-c", &script])
        .env("PATH", path);
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
