//! Data directories that a node must refuse, saying why and what to do.

use std::fs;

use tollgate_harness::{Backend, Node, NodeOptions, tollgate};
use tollgate_tests::files;

use crate::start::files_below;

/// The page of a code, as a user reads it after a refusal.
fn page_of(code: &str) -> String {
    let page = tollgate(["explain", code]);
    assert_eq!(page.code, 0, "{page:?}");
    assert!(page.stdout.contains(code), "{page:?}");
    assert!(
        page.stdout.lines().count() > 3,
        "the page says nothing: {page:?}"
    );
    page.stdout
}

#[test]
fn a_second_node_on_the_same_directory_is_refused() {
    let first = Node::start(NodeOptions::new());
    let second = NodeOptions::new().data_dir(&first.data_dir());
    let refused = Node::try_start(second).unwrap_err();
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("TG0002"), "{refused:?}");
    page_of("TG0002");
    assert_eq!(
        first.ops("/readyz").status,
        200,
        "the first node must not notice"
    );
}

#[test]
fn a_damaged_directory_is_refused_and_not_repaired_by_forgetting() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    node.stop();
    let data = largest_file(&node);
    let whole = fs::read(&data).unwrap();
    // The first page holds what says what the file is; nothing can be trusted after it.
    let mut damaged = whole;
    let end = damaged.len().min(4096);
    damaged[..end].fill(0xA5);
    fs::write(&data, &damaged).unwrap();
    let refused = node.try_restart().unwrap_err();
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("TG0003"), "{refused:?}");
    let name = data.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        refused.stderr.contains(&name),
        "the file is not named: {refused:?}"
    );
    page_of("TG0003");
    assert_eq!(fs::read(&data).unwrap(), damaged, "evidence was changed");
}

#[test]
fn a_truncated_directory_is_refused() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    node.stop();
    let data = largest_file(&node);
    let whole = fs::read(&data).unwrap();
    fs::write(&data, &whole[..whole.len() / 2]).unwrap();
    let refused = node.try_restart().unwrap_err();
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("TG0003"), "{refused:?}");
}

#[test]
fn an_unknown_code_is_a_usage_error() {
    let unknown = tollgate(["explain", "TG9999"]);
    assert_ne!(unknown.code, 0);
    assert!(unknown.stderr.contains("TG9999"), "{unknown:?}");
}

fn largest_file(node: &Node) -> std::path::PathBuf {
    files_below(&node.data_dir())
        .into_iter()
        .max_by_key(|path| fs::metadata(path).map_or(0, |file| file.len()))
        .expect("a node that ran has written something")
}
