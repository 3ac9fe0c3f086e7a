//! A node that runs for long stays as it was.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tollgate_harness::{DEADLINE, Node, NodeOptions, wait_until};
use tollgate_tests::files;

const MIB: u64 = 1 << 20;
/// Requests that are sent without waiting for their answers.
const PIPELINED: usize = 200;

/// Sends `requests` and reads as many answers.
fn send(node: &Node, requests: usize) {
    let mut stream = TcpStream::connect(node.http()).expect("connect");
    stream.set_read_timeout(Some(DEADLINE)).expect("a limit");
    let one = format!("GET /x HTTP/1.1\r\nHost: {}\r\n\r\n", files::HOST);
    let batch = one.repeat(PIPELINED);
    let mut buffer = vec![0; 256 << 10];
    let mut seen = Vec::new();
    for _ in 0..requests / PIPELINED {
        stream.write_all(batch.as_bytes()).expect("send");
        let mut answered = 0;
        while answered < PIPELINED {
            let read = stream.read(&mut buffer).expect("answers");
            assert_ne!(read, 0, "closed after {answered} of {PIPELINED}");
            seen.extend_from_slice(&buffer[..read]);
            let ends = seen.windows(4).filter(|it| it == b"\r\n\r\n").count();
            answered = ends;
        }
        seen.clear();
    }
}

#[test]
fn requests_leave_nothing_behind_even_if_nobody_scrapes() {
    let text =
        files::api("      - {routeKey: GET /x, integration: {fixedResponse: {statusCode: 204}}}\n");
    let node = Node::start(NodeOptions::api(text));
    send(&node, 100_000);
    let before = node.usage().rss_bytes;
    send(&node, 500_000);
    // Two numbers kept of each would be 8 MiB. What the last moment left is soon counted.
    wait_until(DEADLINE, "memory to be as it was", || {
        let grown = node.usage().rss_bytes.saturating_sub(before);
        if grown < 4 * MIB { Ok(()) } else { Err(grown) }
    });
}
