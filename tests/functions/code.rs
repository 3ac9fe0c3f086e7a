//! A node with the functions of `code/`, behind one API for each runtime and event format.

use tollgate_harness::{Node, NodeOptions, Request, Response};

const PYTHON: &str = include_str!("code/app.py");
const NODEJS: &str = include_str!("code/app.mjs");

/// The built-in runtimes, which are also the names of the functions.
pub(crate) const RUNTIMES: [&str; 2] = ["python", "nodejs"];

/// Every combination of runtime and event format, as the id of its API.
pub(crate) const APIS: [&str; 4] = ["python-1", "python-2", "nodejs-1", "nodejs-2"];

/// Settings of both functions, as YAML members behind the fixed ones.
pub(crate) fn start(settings: &str) -> Node {
    Node::start(options(settings))
}

pub(crate) fn options(settings: &str) -> NodeOptions {
    let mut text = "apis:\n".to_owned();
    for runtime in RUNTIMES {
        for format in [1, 2] {
            text.push_str(&api(runtime, format));
        }
    }
    text.push_str("functions:\n");
    for runtime in RUNTIMES {
        text.push_str(&format!(
            "  {runtime}: {{runtime: {runtime}, directory: code, handler: app.handler, \
             environment: {{GREETING: hello}}{settings}}}\n"
        ));
    }
    NodeOptions::api(text)
        .file("code/app.py", PYTHON)
        .file("code/app.mjs", NODEJS)
}

fn api(function: &str, format: u8) -> String {
    format!(
        "  - name: {function}-{format}
    stages:
      - stageName: $default
        stageVariables: {{colour: blue}}
      - stageName: prod
    integrations:
      function: {{integrationUri: 'function:{function}', payloadFormatVersion: '{format}.0', \
         timeoutInMillis: 20000}}
    routes:
      - {{routeKey: 'ANY /pets/{{id}}/{{action}}', integration: function}}
      - {{routeKey: $default, integration: function}}
"
    )
}

/// The host name of an API.
pub(crate) fn host(api: &str) -> String {
    format!("{api}.execute-api.us-east-1.localhost")
}

pub(crate) fn get(node: &Node, api: &str, target: &str) -> Response {
    node.send(&Request::get(target).host(&host(api)))
}
