//! How a request finds an API and a stage: generated host name, path style, custom domain, default.

use tollgate_harness::{Backend, Node, NodeOptions, Request, Response};

fn file(url: &str) -> String {
    format!(
        "apis:
  - name: pets
    routes:
      - routeKey: ANY /{{proxy+}}
        integration: {url}/pets/{{proxy}}
    stages:
      - stageName: $default
      - stageName: prod
        stageVariables: {{colour: blue}}
  - name: shop
    routes:
      - routeKey: ANY /{{proxy+}}
        integration: {url}/shop/{{proxy}}
  - name: closed
    disableExecuteApiEndpoint: true
    routes:
      - routeKey: ANY /{{proxy+}}
        integration: {url}/closed/{{proxy}}
  - name: staged
    routes:
      - routeKey: ANY /{{proxy+}}
        integration: {url}/staged/{{proxy}}
    stages: [{{stageName: test}}]
domainNames:
  - domainName: api.example.test
    apiMappings:
      - {{api: shop}}
      - {{api: pets, stage: prod, apiMappingKey: animals}}
      - {{api: closed, apiMappingKey: animals/rare}}
  - domainName: '*.example.test'
    apiMappings: [{{api: pets}}]
defaultMapping: {{api: shop}}
"
    )
}

/// What the back end was asked for, or the status of a refusal.
fn target(response: &Response) -> String {
    if response.status != 200 {
        return response.status.to_string();
    }
    response.json()["target"]
        .as_str()
        .expect("an echo")
        .to_owned()
}

#[test]
fn a_request_finds_its_api_and_stage() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(file(&backend.url())));
    for (host, asked, expected) in [
        ("pets.execute-api.us-east-1.localhost", "/x", "/pets/x"),
        (
            "pets.execute-api.us-east-1.amazonaws.com:8080",
            "/x",
            "/pets/x",
        ),
        ("PETS.execute-api.us-east-1.localhost", "/x", "/pets/x"),
        ("pets.execute-api.us-east-1.localhost", "/prod/x", "/pets/x"),
        (
            "pets.execute-api.us-east-1.localhost",
            "/production/x",
            "/pets/production/x",
        ),
        (
            "shop.execute-api.us-east-1.localhost",
            "/x?y=z",
            "/shop/x?y=z",
        ),
        ("nothere.execute-api.us-east-1.localhost", "/x", "404"),
        ("closed.execute-api.us-east-1.localhost", "/x", "404"),
        ("127.0.0.1", "/_aws/execute-api/pets/$default/x", "/pets/x"),
        ("127.0.0.1", "/_aws/execute-api/pets/prod/x", "/pets/x"),
        // Below `$default` a first segment that names no stage belongs to the path, as with a host.
        (
            "127.0.0.1",
            "/_aws/execute-api/pets/nostage/x",
            "/pets/nostage/x",
        ),
        ("127.0.0.1", "/_aws/execute-api/staged/nostage/x", "404"),
        ("127.0.0.1", "/_aws/execute-api/staged/test/x", "/staged/x"),
        ("127.0.0.1", "/_aws/execute-api/nothere/prod/x", "404"),
        ("127.0.0.1", "/_aws/execute-api/closed/$default/x", "404"),
        ("api.example.test", "/x", "/shop/x"),
        ("api.example.test", "/animals/x", "/pets/x"),
        ("api.example.test", "/animalsx/y", "/shop/animalsx/y"),
        ("api.example.test", "/animals/rare/x", "/closed/x"),
        ("other.example.test", "/x", "/pets/x"),
        ("a.b.example.test", "/x", "/shop/x"),
        ("unknown.test", "/x", "/shop/x"),
        ("localhost", "/x", "/shop/x"),
    ] {
        let response = node.send(&Request::get(asked).host(host));
        assert_eq!(target(&response), expected, "{host}{asked}");
    }
}

#[test]
fn without_a_default_mapping_an_unknown_host_gets_nothing() {
    let backend = Backend::echo();
    let text = file(&backend.url()).replace("defaultMapping: {api: shop}\n", "");
    let node = Node::start(NodeOptions::api(text));
    let response = node.send(&Request::get("/x").host("unknown.test"));
    assert!([403, 404].contains(&response.status), "{response:?}");
    assert_eq!(backend.requests(), 0);
}
