//! What a header is (RFC 9110, section 5), and which ones a client may not speak for the gateway.

use tollgate_harness::{Backend, Connection, Node, NodeOptions, Request};
use tollgate_tests::files;

use crate::shapes::{BAD, Outcome, SMUGGLED, Shape, run};

#[test]
fn header_lines_are_tokens_and_text() {
    let get = |headers: &str| format!("GET /x HTTP/1.1\r\nHost: HOST\r\n{headers}\r\n");
    let shape = |name, headers: &str| Shape::new(name, &get(headers), BAD);
    run(&[
        shape("a space before the colon", "X-A : 1\r\n"),
        shape("a space inside the name", "X A: 1\r\n"),
        shape("an empty name", ": 1\r\n"),
        shape("a name that is no token", "X(A): 1\r\n"),
        shape("a NUL in the name", "X\0A: 1\r\n"),
        shape("a NUL in the value", "X-A: a\0b\r\n"),
        shape("a bare CR in the value", "X-A: a\rContent-Length: 5\r\n"),
        shape("a line without a colon", "X-A\r\n"),
        shape("a folded line", "X-A: 1\r\n Content-Length: 5\r\n"),
        Shape::new(
            "white space before the first header",
            "GET /x HTTP/1.1\r\n X-A: 1\r\nHost: HOST\r\n\r\n",
            BAD,
        ),
    ]);
}

#[test]
fn there_is_one_host() {
    let shape =
        |name, hosts: &str| Shape::new(name, &format!("GET /x HTTP/1.1\r\n{hosts}\r\n"), BAD);
    run(&[
        shape("no host", ""),
        shape("two hosts", "Host: HOST\r\nHost: other.test\r\n"),
        shape("two equal hosts", "Host: HOST\r\nHost: HOST\r\n"),
        shape("a host with a path", "Host: HOST/x\r\n"),
        shape("a host with a space", "Host: HOST other.test\r\n"),
        shape("a host with a user", "Host: user@HOST\r\n"),
        shape("two hosts in one line", "Host: HOST, other.test\r\n"),
    ]);
}

#[test]
fn heads_are_bounded() {
    let long = "a".repeat(80 * 1024);
    let many = "X-A: 1\r\n".repeat(5000);
    let shape = |name, head: String, codes| Shape::new(name, &head, Outcome::Refuse(codes));
    run(&[
        shape(
            "a long target",
            format!("GET /{long} HTTP/1.1\r\nHost: HOST\r\n\r\n"),
            &[400, 413, 414, 431],
        ),
        shape(
            "a long header",
            format!("GET /x HTTP/1.1\r\nHost: HOST\r\nX-A: {long}\r\n\r\n"),
            &[400, 413, 431],
        ),
        shape(
            "many headers",
            format!("GET /x HTTP/1.1\r\nHost: HOST\r\n{many}\r\n"),
            &[400, 413, 431],
        ),
    ]);
}

#[test]
fn what_is_ambiguous_and_legal_is_one_request_or_none() {
    let either = Outcome::PassOrRefuse(&[400]);
    run(&[
        Shape::new(
            "equal lengths in two lines",
            "POST /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\nhi",
            either,
        ),
        Shape::new(
            "line feeds alone",
            "GET /x HTTP/1.1\nHost: HOST\nConnection: close\n\n",
            either,
        ),
        Shape::new(
            "a length that Connection names",
            "POST /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\
             Connection: close, content-length\r\n\r\nhi",
            either,
        ),
        Shape::new(
            "a body on a GET",
            "GET /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi",
            either,
        ),
        Shape::new(
            "an encoded line end in the target",
            "GET /x%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n",
            either,
        ),
        Shape::new(
            "framing headers as trailers",
            "POST /x HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\
             \r\n2\r\nhi\r\n0\r\nContent-Length: 9\r\nHost: evil.test\r\n\r\n",
            either,
        ),
    ]);
}

/// RFC 9110, section 7.6.1: what holds for one connection is not passed on, and a client cannot
/// use `Connection` to take away what the gateway says of it.
#[test]
fn hop_by_hop_headers_stop_here() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let request = Request::get("/x")
        .host(files::HOST)
        .header(
            "Connection",
            "keep-alive, X-Private, X-Forwarded-For, Upgrade, HTTP2-Settings",
        )
        .header("X-Private", "1")
        .header("X-Public", "1")
        .header("Keep-Alive", "timeout=5")
        .header("Proxy-Authorization", "Basic eDp4")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAAQAAP__")
        .header("TE", "trailers, gzip");
    assert_eq!(node.send(&request).status, 200);
    let received = backend.received().pop().unwrap();
    for name in ["x-private", "keep-alive", "upgrade", "http2-settings", "te"] {
        assert_eq!(
            received.header(name),
            None,
            "{name} was passed on: {received:?}"
        );
    }
    assert_eq!(received.header("x-public"), Some("1"));
    let forwarded = received
        .header("forwarded")
        .or_else(|| received.header("x-forwarded-for"));
    assert!(
        forwarded.is_some_and(|value| value.contains("127.0.0.1")),
        "{received:?}"
    );
}

/// Pipelining is legal: three requests at once get three answers in order, none mixed up.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    let requests: Vec<Request> = (0..3)
        .map(|turn| {
            Request::post(&format!("/turn/{turn}"), format!("body {turn}")).host(files::HOST)
        })
        .collect();
    let bytes: Vec<u8> = requests.iter().flat_map(Request::bytes).collect();
    connection.send(&bytes).unwrap();
    for turn in 0..3 {
        let echoed = connection.read_response("POST").unwrap().json();
        assert_eq!(echoed["target"], format!("/turn/{turn}"));
        assert_eq!(echoed["body"], format!("body {turn}"));
    }
    assert_eq!(backend.requests(), 3);
    assert!(
        !backend
            .received()
            .iter()
            .any(|request| request.target == SMUGGLED)
    );
}
