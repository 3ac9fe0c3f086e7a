//! The response cache as a client and a back end see it (AWS: "Enable API caching").

mod entries;
mod refresh;
mod single;

use tollgate_harness::{Answer, Backend, Node, Request, Response};
use tollgate_tests::files;

/// One cached route, `GET /things/{id}`; further members of the integration and of the settings.
fn file(url: &str, integration: &str, settings: &str) -> String {
    files::api(&format!(
        "      - routeKey: GET /things/{{id}}
        integration: {{integrationUri: '{url}/things/{{id}}'{integration}}}
        settings: {{cachingEnabled: true{settings}}}
"
    ))
}

/// A key made of everything that the tests here vary.
const FULL_KEY: &str =
    ", cacheKeyParameters: [request.path.id, request.querystring.a, request.header.x-key]";

/// A back end that numbers its answers.
fn counting() -> Backend {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Backend::start(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        Answer::status(200, number.to_string())
    })
}

fn get(node: &Node, target: &str) -> Response {
    node.send(&Request::get(target).host(files::HOST))
}
