//! Traces are continued, or begun, in both notations.

use tollgate_harness::{Backend, Node, NodeOptions, Received, Request};
use tollgate_tests::files;

fn received(backend: &Backend, node: &Node, headers: &[(&str, &str)]) -> Received {
    let mut request = Request::get("/x").host(files::HOST);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    assert_eq!(node.send(&request).status, 200);
    backend.received().pop().expect("a request")
}

/// Trace id, parent id and flags.
fn parts(received: &Received) -> (String, String, String) {
    let header = received.header("traceparent").expect("traceparent");
    let parts: Vec<&str> = header.split('-').collect();
    assert_eq!((parts.len(), parts[0]), (4, "00"), "{header}");
    (parts[1].into(), parts[2].into(), parts[3].into())
}

#[test]
fn a_clients_trace_goes_on() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let (id, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let seen = received(
        &backend,
        &node,
        &[
            ("traceparent", &format!("00-{id}-{parent}-01")),
            ("tracestate", "vendor=1"),
        ],
    );
    let (trace, own, flags) = parts(&seen);
    assert_eq!((trace.as_str(), flags.as_str()), (id, "01"));
    assert_ne!(own, parent, "the gateway is a hop of its own");
    assert_eq!(seen.header("tracestate"), Some("vendor=1"));
    let xray = seen.header("x-amzn-trace-id").expect("x-amzn-trace-id");
    let root = format!("Root=1-{}-{}", &id[..8], &id[8..]);
    assert!(xray.contains(&root), "{xray}");
}

#[test]
fn aws_notation_goes_on_too() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
    let sent = format!("{root};Parent=53995c3f42cd8ad8;Sampled=1");
    let seen = received(&backend, &node, &[("X-Amzn-Trace-Id", &sent)]);
    let xray = seen.header("x-amzn-trace-id").expect("x-amzn-trace-id");
    assert!(xray.contains(root) && xray.contains("Sampled=1"), "{xray}");
    assert_eq!(parts(&seen).0, "5759e988bd862e3fe1be46a994272793");
}

#[test]
fn a_request_without_a_trace_begins_one() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let first = parts(&received(&backend, &node, &[])).0;
    let second = parts(&received(&backend, &node, &[])).0;
    assert!(first.len() == 32 && first != second, "{first} {second}");
    for broken in [
        "00-zz-yy-01",
        "ff-1-2-3",
        "00-00000000000000000000000000000000-0-00",
    ] {
        let seen = received(
            &backend,
            &node,
            &[("traceparent", broken), ("tracestate", "a=b")],
        );
        assert_ne!(parts(&seen).0, "00000000000000000000000000000000");
        assert_eq!(seen.header("tracestate"), None, "{broken}");
    }
}
