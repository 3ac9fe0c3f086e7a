//! Parameter mapping and fixed responses (AWS: "Transform API requests and responses").

use tollgate_harness::{Answer, Backend, Node, NodeOptions, Request};
use tollgate_tests::files;

#[test]
fn a_request_is_changed_before_the_back_end_sees_it() {
    let backend = Backend::echo();
    let url = backend.url();
    let text = format!(
        "apis:
  - name: {}
    routes:
      - routeKey: GET /pets/{{id}}
        integration:
          integrationUri: {url}/animals
          requestParameters:
            overwrite:path: '/animals/${{request.path.id}}'
            append:header.x-stage: $context.stage
            overwrite:header.x-own: replaced
            remove:header.x-secret: ''
            append:querystring.from: $request.header.x-from
            append:header.x-colour: $stageVariables.colour
    stages:
      - stageName: $default
        stageVariables: {{colour: blue}}
",
        files::API
    );
    let node = Node::start(NodeOptions::api(text));
    let request = Request::get("/pets/7?a=b")
        .host(files::HOST)
        .header("X-Own", "original")
        .header("X-Secret", "1")
        .header("X-From", "here");
    assert_eq!(node.send(&request).status, 200);
    let received = backend.received().pop().unwrap();
    let (path, query) = received.target.split_once('?').unwrap();
    assert_eq!(path, "/animals/7");
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.sort_unstable();
    assert_eq!(pairs, ["a=b", "from=here"]);
    assert_eq!(received.header("x-stage"), Some("$default"));
    assert_eq!(received.header("x-own"), Some("replaced"));
    assert_eq!(received.header("x-secret"), None);
    assert_eq!(received.header("x-colour"), Some("blue"));
}

#[test]
fn an_answer_is_changed_by_its_status() {
    let backend = Backend::start(|_| Answer::status(404, "no such pet"));
    let url = backend.url();
    let text = files::api(&format!(
        "      - routeKey: GET /pets
        integration:
          integrationUri: {url}
          responseParameters:
            404:
              overwrite:statuscode: '410'
              append:header.x-was: '404'
"
    ));
    let node = Node::start(NodeOptions::api(text));
    let response = node.send(&Request::get("/pets").host(files::HOST));
    assert_eq!(
        (response.status, response.text().as_str()),
        (410, "no such pet")
    );
    assert_eq!(response.header("x-was"), Some("404"));
    backend.set(|_| Answer::status(200, "pets"));
    let response = node.send(&Request::get("/pets").host(files::HOST));
    assert_eq!((response.status, response.header("x-was")), (200, None));
}

#[test]
fn a_fixed_response_needs_no_back_end() {
    let node = Node::start(NodeOptions::api(files::api(
        "      - routeKey: GET /teapot
        integration:
          fixedResponse: {statusCode: 418, headers: {x-own: '1'}, body: short and stout}
",
    )));
    let response = node.send(&Request::get("/teapot").host(files::HOST));
    assert_eq!(
        (response.status, response.text().as_str()),
        (418, "short and stout")
    );
    assert_eq!(response.header("x-own"), Some("1"));
}
