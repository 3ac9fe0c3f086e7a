//! Streamed replies: the head when the stream begins, each piece as it is written.

use std::fs::OpenOptions;
use std::io::Write as _;

use tollgate_harness::{Connection, Node, Request};
use tollgate_tests::files;

use crate::code::options;

fn start() -> Node {
    let text = files::api(
        "      - {routeKey: $default, integration: 'function:streaming'}
functions:
  streaming: {runtime: nodejs, directory: code, handler: app.stream, environment: {TURNS: turns}}
",
    );
    Node::start(
        options("")
            .apply("stream.yaml", text)
            .file("code/turns", ""),
    )
}

/// Lets the function write its next piece.
fn turn(node: &Node) {
    let path = node.home().join("code/turns");
    let mut file = OpenOptions::new().append(true).open(path).expect("turns");
    file.write_all(b".").expect("write a turn");
}

fn ask(node: &Node, target: &str) -> Connection {
    let mut client = Connection::open(node.http()).expect("connect");
    let request = Request::get(target).host(files::HOST);
    client.send(&request.bytes()).expect("send");
    client
}

#[test]
fn pieces_arrive_as_they_are_written() {
    let node = start();
    let mut client = ask(&node, "/events");
    let mut seen = Vec::new();
    for piece in 1..=3 {
        // The function writes this piece only now, and the next only after this one has come.
        turn(&node);
        let expected = format!("piece {piece}\n");
        files::read_until(&mut client, &mut seen, &expected);
    }
    let text = String::from_utf8_lossy(&seen).to_lowercase();
    assert!(text.starts_with("http/1.1 202"), "{text}");
    for header in [
        "content-type: text/event-stream",
        "x-streamed: yes",
        "set-cookie: c=3",
    ] {
        assert!(text.contains(header), "no {header:?} in {text}");
    }
    files::read_until(&mut client, &mut seen, "\r\n0\r\n\r\n");
}

#[test]
fn a_stream_that_breaks_is_never_taken_for_whole() {
    let node = start();
    let mut client = ask(&node, "/events?breaks=yes");
    turn(&node);
    let mut seen = Vec::new();
    files::read_until(&mut client, &mut seen, "piece 1\n");
    turn(&node);
    // A close or a reset: either tells the client that something is missing.
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..read]);
    }
    let text = String::from_utf8_lossy(&seen);
    assert!(!text.ends_with("\r\n0\r\n\r\n"), "told as whole: {text}");
}
