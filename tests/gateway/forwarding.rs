//! What a back end receives of a request, and a client of an answer: everything that is theirs.

use tollgate_harness::{Answer, Backend, Connection, Node, NodeOptions, Request};
use tollgate_tests::files;

#[test]
fn method_path_query_headers_and_body_arrive_unchanged() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    for method in [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND",
    ] {
        let request = Request::new(method, "/a%20b/c+d?x=1&x=2&y=%26&empty=&flag")
            .host(files::HOST)
            .header("X-Twice", "one")
            .header("X-Twice", "two")
            .header("Content-Type", "text/plain; charset=utf-8")
            .header("Cookie", "a=b; c=d")
            .header("Authorization", "Bearer not-ours-to-judge")
            .body("the body");
        assert_eq!(node.send(&request).status, 200, "{method}");
        let received = backend.received().pop().unwrap();
        assert_eq!(received.method, method);
        assert_eq!(received.target, "/a%20b/c+d?x=1&x=2&y=%26&empty=&flag");
        assert_eq!(received.body, b"the body");
        for (name, value) in [
            ("content-type", "text/plain; charset=utf-8"),
            ("cookie", "a=b; c=d"),
            ("authorization", "Bearer not-ours-to-judge"),
        ] {
            assert_eq!(received.header(name), Some(value), "{method}");
        }
        let twice: Vec<&str> = received
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("x-twice"))
            .flat_map(|(_, value)| value.split(", "))
            .collect();
        assert_eq!(twice, ["one", "two"]);
    }
}

#[test]
fn the_back_end_learns_who_asked_and_is_not_lied_to() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let request = Request::get("/x")
        .host(files::HOST)
        .header("X-Forwarded-For", "203.0.113.9")
        .header("X-Forwarded-Proto", "https")
        .header("Forwarded", "for=203.0.113.9;proto=https");
    node.send(&request);
    let received = backend.received().pop().unwrap();
    // A client that is no trusted proxy is not believed: its claims do not reach the back end.
    assert_eq!(received.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(received.header("x-forwarded-proto"), Some("http"));
    assert_eq!(received.header("x-forwarded-host"), Some(files::HOST));
    let forwarded = received.header("forwarded").unwrap();
    assert!(forwarded.contains("for=127.0.0.1"), "{forwarded}");
    assert!(!forwarded.contains("203.0.113.9"), "{forwarded}");
}

#[test]
fn status_headers_and_body_come_back_unchanged() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for status in [200, 201, 202, 299, 400, 401, 404, 418, 500, 503] {
        let answer = Answer::Respond {
            status,
            headers: [
                ("Content-Type", "application/octet-stream"),
                ("Set-Cookie", "a=1; Path=/"),
                ("Set-Cookie", "b=2"),
                ("X-Own", "kept as it is"),
                ("ETag", "\"abc\""),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
            body: body.clone(),
        };
        backend.set(move |_| answer.clone());
        let response = node.send(&Request::get("/x").host(files::HOST));
        assert_eq!(response.status, status);
        assert_eq!(response.body, body);
        assert_eq!(
            response.header("content-type"),
            Some("application/octet-stream")
        );
        assert_eq!(response.header("x-own"), Some("kept as it is"));
        assert_eq!(response.header("etag"), Some("\"abc\""));
        let cookies: Vec<&str> = response
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(cookies, ["a=1; Path=/", "b=2"]);
    }
}

#[test]
fn answers_without_a_body_have_none() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    for status in [204, 304] {
        let bytes = format!("HTTP/1.1 {status} X\r\nX-Own: 1\r\n\r\n");
        backend.set(move |_| Answer::Raw(bytes.clone().into_bytes()));
        let response = connection
            .request(&Request::get("/x").host(files::HOST))
            .unwrap();
        assert_eq!((response.status, response.body.len()), (status, 0));
        assert_eq!(response.header("x-own"), Some("1"));
    }
    // The connection is in step: nothing of a body was left on it.
    backend.set(|_| Answer::status(200, "next"));
    let response = connection
        .request(&Request::get("/x").host(files::HOST))
        .unwrap();
    assert_eq!(response.text(), "next");
}

#[test]
fn connections_are_reused_on_both_sides() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    for turn in 0..50 {
        let response = connection
            .request(&Request::get("/x").host(files::HOST))
            .unwrap();
        assert_eq!(response.status, 200, "turn {turn}");
    }
    assert_eq!(backend.requests(), 50);
    assert_eq!(
        backend.connections(),
        1,
        "one client on one connection needs one connection"
    );
}

#[test]
fn http_1_0_clients_are_served_and_then_closed() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    let bytes = format!("GET /old HTTP/1.0\r\nHost: {}\r\n\r\n", files::HOST);
    connection.send(bytes.as_bytes()).unwrap();
    let response = connection.read_response("GET").unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("transfer-encoding"),
        None,
        "HTTP/1.0 does not know chunks"
    );
    assert!(connection.read_to_close().unwrap().is_empty());
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut connection = Connection::open(node.http()).unwrap();
    let head = format!(
        "POST /x HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        files::HOST
    );
    connection.send(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    let mut got = 0;
    while got < interim.len() {
        let read = connection.read(&mut interim[got..]).unwrap();
        assert_ne!(read, 0, "closed instead of 100");
        got += read;
    }
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    connection.send(b"hello").unwrap();
    assert_eq!(
        connection.read_response("POST").unwrap().json()["body"],
        "hello"
    );
}
