//! HTTP/1.0, which has no `Host`, no chunks and closes.

use tollgate_harness::{Answer, Backend, Connection, Node, NodeOptions};
use tollgate_tests::files;

fn ask(node: &Node, head: &str) -> String {
    let mut client = Connection::open(node.http()).expect("connect");
    client.send(head.as_bytes()).expect("send");
    String::from_utf8_lossy(&client.read_to_close().expect("an answer")).into_owned()
}

#[test]
fn a_client_without_host_is_served_by_the_default_mapping() {
    let backend = Backend::start(|_| Answer::status(200, "fine"));
    let text = files::proxy(&backend.url()) + "defaultMapping: {api: main}\n";
    let node = Node::start(NodeOptions::api(text));
    let answer = ask(&node, "GET /x HTTP/1.0\r\n\r\n");
    assert!(answer.contains(" 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\nfine"), "{answer}");
}

#[test]
fn a_chunked_answer_is_not_sent_in_chunks() {
    let backend = Backend::start(|_| {
        Answer::Raw(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n4\r\nhalf\r\n0\r\n\r\n"
                .to_vec(),
        )
    });
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let head = format!("GET /x HTTP/1.0\r\nHost: {}\r\n\r\n", files::HOST);
    let answer = ask(&node, &head);
    assert!(!answer.to_lowercase().contains("chunked"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhalfhalf"), "{answer}");
}
