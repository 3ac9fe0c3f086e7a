//! What a client's `Cache-Control: max-age=0` does, by the strategies that AWS has.

use tollgate_harness::{Node, NodeOptions, Request, Response};
use tollgate_tests::files;

use crate::{FULL_KEY, counting, file, get};

fn refresh(node: &Node) -> Response {
    let request = Request::get("/things/1").host(files::HOST);
    node.send(&request.header("Cache-Control", "max-age=0"))
}

#[test]
fn a_client_may_refresh_an_entry() {
    let backend = counting();
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    assert_eq!(get(&node, "/things/1").text(), "1");
    assert_eq!(refresh(&node).text(), "2");
    assert_eq!(
        get(&node, "/things/1").text(),
        "2",
        "the entry is the new one"
    );
    assert_eq!(backend.requests(), 2);
}

#[test]
fn without_permission_the_strategy_decides() {
    for (strategy, status, warns) in [
        ("FAIL_WITH_403", 403, false),
        ("SUCCEED_WITH_RESPONSE_HEADER", 200, true),
        ("SUCCEED_WITHOUT_RESPONSE_HEADER", 200, false),
    ] {
        let backend = counting();
        let settings = format!(
            ", requireAuthorizationForCacheControl: true, \
             unauthorizedCacheControlHeaderStrategy: {strategy}"
        );
        let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, &settings)));
        assert_eq!(get(&node, "/things/1").text(), "1");
        let response = refresh(&node);
        assert_eq!(response.status, status, "{strategy}: {response:?}");
        assert_eq!(
            response.header("warning").is_some(),
            warns,
            "{strategy}: {response:?}"
        );
        assert_eq!(backend.requests(), 1, "{strategy}");
    }
}
