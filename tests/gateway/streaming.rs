//! Bodies pass through as they come: neither collected first nor limited by memory.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use tollgate_harness::{Backend, Connection, Node, NodeOptions, Request};
use tollgate_tests::files;

/// A back end that writes when the test says so, once it has the request.
fn on_command() -> (String, SyncSender<&'static [u8]>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    let url = format!("http://{}", listener.local_addr().expect("a bound address"));
    let (sender, receiver) = sync_channel::<&[u8]>(16);
    thread::spawn(move || {
        let (stream, _) = listener.accept().expect("one connection");
        write_each(stream, &receiver);
    });
    (url, sender)
}

fn write_each(mut stream: TcpStream, commands: &Receiver<&'static [u8]>) {
    // What came before the request would be no answer to it.
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        head.extend_from_slice(&byte);
    }
    for bytes in commands {
        if stream.write_all(bytes).is_err() {
            return;
        }
    }
}

#[test]
fn an_answer_is_passed_on_while_it_is_written() {
    let (url, backend) = on_command();
    let node = Node::start(NodeOptions::api(files::proxy(&url)));
    let mut client = Connection::open(node.http()).unwrap();
    client
        .send(&Request::get("/events").host(files::HOST).bytes())
        .unwrap();
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                 Transfer-Encoding: chunked\r\n\r\n7\r\nevent 1\r\n";
    backend.send(head).unwrap();
    let mut seen = Vec::new();
    files::read_until(&mut client, &mut seen, "event 1");
    // The second is written only after the first has arrived: whoever collects never gets here.
    backend.send(b"7\r\nevent 2\r\n").unwrap();
    files::read_until(&mut client, &mut seen, "event 2");
    backend.send(b"0\r\n\r\n").unwrap();
    files::read_until(&mut client, &mut seen, "0\r\n\r\n");
}

#[test]
fn a_large_body_passes_in_both_directions_without_being_held() {
    const BODY_BYTES: usize = 48 << 20;
    let backend =
        Backend::start(|request| tollgate_harness::Answer::status(200, request.body.clone()));
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let small = Request::get("/warm").host(files::HOST);
    assert_eq!(node.send(&small).status, 200);
    let before = node.usage().rss_bytes;
    let body: Vec<u8> = (0..BODY_BYTES).map(|at| at as u8).collect();
    let response = node.send(&Request::post("/x", body.clone()).host(files::HOST));
    assert_eq!(response.status, 200);
    assert!(
        response.body == body,
        "{} bytes came back changed",
        response.body.len()
    );
    let grown = node.usage().rss_bytes.saturating_sub(before);
    assert!(
        grown < (BODY_BYTES / 2) as u64,
        "resident memory grew by {grown} bytes"
    );
}

#[test]
fn a_chunked_request_arrives_whole() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut client = Connection::open(node.http()).unwrap();
    let head = format!(
        "POST /x HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        files::HOST
    );
    client.send(head.as_bytes()).unwrap();
    for chunk in [
        "5\r\nhello\r\n",
        "1;ext=1\r\n \r\n",
        "5\r\nworld\r\n",
        "0\r\nX-Trailer: 1\r\n\r\n",
    ] {
        client.send(chunk.as_bytes()).unwrap();
    }
    assert_eq!(
        client.read_response("POST").unwrap().json()["body"],
        "hello world"
    );
}
