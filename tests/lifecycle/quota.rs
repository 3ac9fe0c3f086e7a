//! A quota is an exact upper bound, whatever happens to the process that counts.

use tollgate_harness::{Backend, Node, NodeOptions, Request};
use tollgate_tests::files;

const LIMIT: u64 = 50;

fn call(node: &Node) -> u16 {
    let request = Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", files::KEY);
    node.send(&request).status
}

/// Calls until refused; how many were admitted. Three limits' worth of calls bound it.
fn drain_quota(node: &Node) -> u64 {
    let mut admitted = 0;
    for _ in 0..3 * LIMIT {
        match call(node) {
            200 => admitted += 1,
            429 => return admitted,
            other => panic!("{other} after {admitted} admissions"),
        }
    }
    panic!("{admitted} admissions and no end");
}

#[test]
fn a_quota_admits_exactly_its_limit() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    assert_eq!(drain_quota(&node), LIMIT);
    assert_eq!(backend.requests() as u64, LIMIT);
    assert_eq!(call(&node), 429);
}

#[test]
fn a_key_without_a_plan_and_no_key_are_refused() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    let bare = Request::get("/x").host(files::HOST);
    assert_eq!(node.send(&bare).status, 403);
    assert_eq!(
        node.send(&bare.header("x-api-key", "nobody-has-this-key-00001"))
            .status,
        403
    );
    assert_eq!(backend.requests(), 0);
}

#[test]
fn an_orderly_restart_forgets_and_grants_nothing() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    for _ in 0..LIMIT / 2 {
        assert_eq!(call(&node), 200);
    }
    assert!(node.stop().success());
    node.restart();
    assert_eq!(
        drain_quota(&node),
        LIMIT - LIMIT / 2,
        "a drain returns what was not spent"
    );
    assert_eq!(backend.requests() as u64, LIMIT);
}

#[test]
fn kill_9_never_admits_beyond_the_limit() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    for _ in 0..4 {
        for _ in 0..LIMIT / 5 {
            call(&node);
        }
        node.kill9();
        node.restart();
    }
    drain_quota(&node);
    let admitted = backend.requests() as u64;
    assert!(
        admitted <= LIMIT,
        "{admitted} of {LIMIT} admitted across four kills"
    );
    assert!(
        admitted >= LIMIT / 5,
        "only {admitted} of {LIMIT}: the first call must be served"
    );
}
