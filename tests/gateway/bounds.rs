//! The bounds of `node.toml`: what goes beyond one gets its status and costs nobody else anything.

use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{
    Answer, Backend, Connection, DEADLINE, Node, NodeOptions, Request, wait_until,
};
use tollgate_tests::files;

fn start(backend: &Backend, settings: &[(&str, &str)]) -> Node {
    let mut options = NodeOptions::api(files::proxy(&backend.url()));
    for (name, value) in settings {
        options = options.env(name, value);
    }
    Node::start(options)
}

fn serves(node: &Node) {
    let fine = node.send(&Request::get("/fine").host(files::HOST));
    assert_eq!(fine.status, 200, "{fine:?}");
}

#[test]
fn a_request_that_is_too_large_is_told_in_what() {
    let backend = Backend::echo();
    let node = start(
        &backend,
        &[
            ("TOLLGATE_URL_BYTES_MAX", "1000"),
            ("TOLLGATE_HEADER_BYTES_MAX", "4000"),
            ("TOLLGATE_HEADER_FIELDS_MAX", "20"),
            ("TOLLGATE_BODY_BYTES_MAX", "5000"),
        ],
    );
    let long = |bytes: usize| "x".repeat(bytes);
    let base = || Request::get("/x").host(files::HOST);
    let many = (0..30).fold(base(), |request, at| {
        request.header(&format!("X-{at}"), "1")
    });
    let path = Request::get(&format!("/{}", long(2000))).host(files::HOST);
    let body = Request::post("/x", long(5001)).host(files::HOST);
    for (what, request, status) in [
        ("URL", path, 414),
        ("head", base().header("X-Long", &long(5000)), 431),
        ("fields", many, 431),
        ("body", body, 413),
    ] {
        let response = node.send(&request);
        assert_eq!(response.status, status, "{what}: {response:?}");
        serves(&node);
    }
    let largest = Request::post("/x", long(5000)).host(files::HOST);
    assert_eq!(
        node.send(&largest).status,
        200,
        "the bound itself is let in"
    );
}

#[test]
fn a_client_that_dribbles_its_head_is_sent_away() {
    let backend = Backend::echo();
    let node = start(&backend, &[("TOLLGATE_HEADER_TIMEOUT_MS", "400")]);
    let mut client = Connection::open(node.http()).unwrap();
    let began = Instant::now();
    client.send(b"GET /x HTTP/1.1\r\nHost:").unwrap();
    let answer = client.read_response("GET");
    if let Ok(response) = answer {
        assert_eq!(response.status, 408, "{response:?}");
    }
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(backend.requests(), 0);
    serves(&node);
}

#[test]
fn a_client_that_stops_in_its_body_is_cut() {
    let backend = Backend::echo();
    let node = start(&backend, &[("TOLLGATE_BODY_IDLE_TIMEOUT_MS", "400")]);
    let mut client = Connection::open(node.http()).unwrap();
    let head = format!(
        "POST /x HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\nhalf",
        files::HOST
    );
    client.send(head.as_bytes()).unwrap();
    let began = Instant::now();
    if let Ok(response) = client.read_response("POST") {
        assert!((400..=503).contains(&response.status), "{response:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    serves(&node);
}

#[test]
fn one_connection_too_many_is_closed_and_counted() {
    let backend = Backend::echo();
    let node = start(&backend, &[("TOLLGATE_CONNECTIONS_MAX", "8")]);
    let request = Request::get("/x").host(files::HOST);
    // As many as are let in, each at work and then kept open.
    let mut held: Vec<Connection> = Vec::new();
    for _ in 0..30 {
        let mut client = Connection::open(node.http()).unwrap();
        if client.request(&request).is_ok_and(|it| it.status == 200) {
            held.push(client);
        }
    }
    assert!((1..=8).contains(&held.len()), "{} let in", held.len());
    let refused = node
        .metrics()
        .sum("tollgate_edge_connections_refused_total", &[])
        .unwrap_or_default();
    assert!(refused >= 22.0, "{refused} counted");
    held.clear();
    wait_until(DEADLINE, "room again", || {
        match request.try_send(node.http()) {
            Ok(response) if response.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn health_answers_while_the_workers_are_busy() {
    let backend = Backend::start(|_| Answer::Echo.after(Duration::from_millis(20)));
    let node = start(&backend, &[("TOLLGATE_WORKERS", "1")]);
    let address = node.http();
    let until = Instant::now() + Duration::from_secs(2);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(move || {
                let request = Request::get("/x").host(files::HOST);
                let mut connection = Connection::open(address).expect("connect");
                while Instant::now() < until {
                    assert_eq!(connection.request(&request).expect("an answer").status, 200);
                }
            });
        }
        while Instant::now() < until {
            for path in ["/livez", "/readyz", "/metrics"] {
                let began = Instant::now();
                assert_eq!(node.ops(path).status, 200, "{path}");
                assert!(began.elapsed() < Duration::from_secs(5), "{path}");
            }
        }
    });
}
