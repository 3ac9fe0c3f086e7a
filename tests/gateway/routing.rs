//! Which route answers (AWS: "Create routes for HTTP APIs"): a full match before a greedy one
//! before `$default`, a method before `ANY`.

use tollgate_harness::{Node, NodeOptions, Request};
use tollgate_tests::files;

/// Routes that answer with their own key, so that an answer says which was chosen.
fn routes(keys: &[&str]) -> String {
    let routes: String = keys
        .iter()
        .map(|key| {
            format!(
                "      - routeKey: {key}\n        integration: {{fixedResponse: {{body: 'route {key}'}}}}\n"
            )
        })
        .collect();
    files::api(&routes)
}

fn chosen(node: &Node, method: &str, target: &str) -> (u16, String) {
    let response = node.send(&Request::new(method, target).host(files::HOST));
    let text = response.text();
    // A body that began with `$` would be a variable.
    let key = text.strip_prefix("route ").unwrap_or(&text);
    (response.status, key.to_owned())
}

#[test]
fn the_most_specific_route_answers() {
    let node = Node::start(NodeOptions::api(routes(&[
        "GET /pets/dog/1",
        "GET /pets/dog/{id}",
        "GET /pets/{proxy+}",
        "ANY /{proxy+}",
        "$default",
    ])));
    for (method, target, key) in [
        ("GET", "/pets/dog/1", "GET /pets/dog/1"),
        ("GET", "/pets/dog/1?x=y", "GET /pets/dog/1"),
        ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
        ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
        ("POST", "/pets/cat/1", "ANY /{proxy+}"),
        ("POST", "/test/5", "ANY /{proxy+}"),
        ("GET", "/pets/dog/2/toys", "GET /pets/{proxy+}"),
        ("GET", "/", "$default"),
    ] {
        assert_eq!(
            chosen(&node, method, target),
            (200, key.to_owned()),
            "{method} {target}"
        );
    }
}

#[test]
fn a_method_beats_any_and_any_beats_a_greedy_method() {
    let node = Node::start(NodeOptions::api(routes(&[
        "GET /a",
        "ANY /a",
        "ANY /b/c",
        "GET /b/{proxy+}",
    ])));
    assert_eq!(chosen(&node, "GET", "/a").1, "GET /a");
    assert_eq!(chosen(&node, "PUT", "/a").1, "ANY /a");
    assert_eq!(chosen(&node, "GET", "/b/c").1, "ANY /b/c");
    assert_eq!(chosen(&node, "GET", "/b/d").1, "GET /b/{proxy+}");
}

#[test]
fn no_route_is_404_in_awss_words() {
    let node = Node::start(NodeOptions::api(routes(&["GET /a"])));
    for (method, target) in [
        ("GET", "/b"),
        ("POST", "/a"),
        ("GET", "/a/b"),
        ("GET", "/A"),
    ] {
        let response = node.send(&Request::new(method, target).host(files::HOST));
        assert_eq!(response.status, 404, "{method} {target}");
        assert_eq!(response.text(), r#"{"message":"Not Found"}"#);
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
}

#[test]
fn every_answer_names_its_request() {
    let node = Node::start(NodeOptions::api(routes(&["GET /a"])));
    let ids: Vec<String> = ["/a", "/a", "/nothing-here"]
        .iter()
        .map(|target| {
            let response = node.send(&Request::get(target).host(files::HOST));
            response
                .header("apigw-requestid")
                .expect("apigw-requestid")
                .to_owned()
        })
        .collect();
    assert!(ids.iter().all(|id| !id.is_empty()));
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
}

#[test]
fn a_head_request_gets_the_head_of_a_get() {
    let node = Node::start(NodeOptions::api(routes(&["ANY /a"])));
    let response = node.send(&Request::new("HEAD", "/a").host(files::HOST));
    assert_eq!((response.status, response.body.len()), (200, 0));
}
