//! API files and functions in documents: accepted, and served where the page has everything.

use std::fs;
use std::path::Path;

use tollgate_harness::{Node, NodeOptions, Request, tollgate, workspace_root};

use crate::blocks::{Block, blocks};
use crate::pages;

/// Files that a page names in the line before a block: `` `hello/app.py`: ``.
fn write_named(page: &[Block], folder: &Path) {
    for block in page {
        let name = block.before.trim().strip_suffix(':').unwrap_or_default();
        let Some(name) = name.strip_prefix('`').and_then(|it| it.strip_suffix('`')) else {
            continue;
        };
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("make a folder");
        fs::write(path, &block.text).expect("write a file of the page");
    }
}

#[test]
fn api_files_are_accepted() {
    let mut seen = 0;
    let mut refused = Vec::new();
    for (name, text) in pages() {
        for block in blocks(&text) {
            let is_api = block.info == "yaml api"
                || block.info == "yaml" && block.text.contains("\napis:\n");
            if !is_api {
                continue;
            }
            seen += 1;
            let folder = tempfile::tempdir().expect("make a temporary directory");
            let file = folder.path().join("api.yaml");
            fs::write(&file, &block.text).expect("write the API file");
            let checked = tollgate(["check", &*file.to_string_lossy()]);
            if checked.code != 0 {
                refused.push(format!("{name}:{}: {}", block.line, checked.stderr));
            }
        }
    }
    assert!(seen >= 10, "only {seen} API files were found");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

fn page(name: &str) -> Vec<Block> {
    let text = fs::read_to_string(workspace_root().join(name)).expect("read the page");
    blocks(&text)
}

#[test]
fn the_functions_of_their_page_answer() {
    let folder = tempfile::tempdir().expect("make a temporary directory");
    write_named(&page("docs/functions.md"), folder.path());
    let file = folder.path().join("api.yaml");
    let options = NodeOptions::new().arg("--apply");
    let node = Node::start(options.arg(&file.to_string_lossy()));
    let host = "hello.execute-api.us-east-1.localhost";
    let python = node.send(&Request::get("/python?name=Ada").host(host));
    assert!(
        python.text().starts_with("Hello Ada, this is "),
        "{python:?}"
    );
    let node_js = node.send(&Request::get("/node").host(host));
    assert_eq!(node_js.json()["text"], "Salut", "{node_js:?}");
}

/// The text of the block with this info string that holds these words.
fn find<'p>(page: &'p [Block], info: &str, words: &str) -> &'p str {
    let found = page
        .iter()
        .find(|block| block.info == info && block.text.contains(words));
    &found
        .unwrap_or_else(|| panic!("no {info} with {words:?}"))
        .text
}

#[test]
fn the_rust_program_of_the_page_is_the_one_that_the_suite_functions_calls() {
    let page = page("docs/functions.md");
    let called = include_str!("../functions/code/rust/square.rs");
    let (_idea, called) = called.split_once("\n\n").expect("a comment and a program");
    assert_eq!(find(&page, "rust", "lambda_runtime"), called);
}

#[test]
fn the_other_programs_of_their_page_answer() {
    let page = page("docs/functions.md");
    let text = "apis:
  - name: other
    routes:
      - {routeKey: GET /stream, integration: 'function:stream'}
      - {routeKey: GET /loop, integration: 'function:loop'}
functions:
  stream: {runtime: nodejs, directory: stream, handler: app.handler}
  loop: {runtime: provided, directory: loop, command: [python3, ./bootstrap]}
";
    let options = NodeOptions::api(text)
        .file("stream/app.js", find(&page, "js", "streamifyResponse"))
        .file(
            "loop/bootstrap",
            find(&page, "python", "AWS_LAMBDA_RUNTIME_API"),
        );
    let node = Node::start(options);
    let host = "other.execute-api.us-east-1.localhost";
    let stream = node.send(&Request::get("/stream").host(host));
    assert!(stream.text().ends_with("line 9\n"), "{stream:?}");
    let answered = node.send(&Request::get("/loop").host(host));
    assert_eq!(answered.text(), "hello", "{answered:?}");
}
