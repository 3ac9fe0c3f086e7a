//! Hostile back ends: whatever a back end writes, the client gets one whole answer or learns that
//! there is none, and nothing is left over for the next request on a shared connection.

use tollgate_harness::{Answer, Backend, Connection, Node, NodeOptions, Request};
use tollgate_tests::files;

/// What no client may ever see as an answer of its own.
const POISON: &str = "HTTP/1.1 200 OK\r\nX-Poison: 1\r\nContent-Length: 6\r\n\r\npoison";

struct Hostile {
    name: &'static str,
    bytes: Vec<u8>,
}

fn hostile(name: &'static str, head: &str) -> Hostile {
    Hostile {
        name,
        bytes: format!("{head}{POISON}").into_bytes(),
    }
}

/// Answers that are no answers: the client gets 503, never a part of them.
fn broken() -> Vec<Hostile> {
    let with = |name, headers: &str| {
        hostile(
            name,
            &format!("HTTP/1.1 200 OK\r\nX-Broken: 1\r\n{headers}\r\nhello"),
        )
    };
    vec![
        hostile("no status line", "hello\r\n\r\n"),
        hostile("a status in words", "HTTP/1.1 okay\r\nX-Broken: 1\r\n\r\n"),
        hostile(
            "a version from the future",
            "HTTP/9.9 200 OK\r\nX-Broken: 1\r\n\r\n",
        ),
        with("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        with("length below zero", "Content-Length: -5\r\n"),
        with("length in words", "Content-Length: five\r\n"),
        with("a name that is no token", "X A: 1\r\nContent-Length: 5\r\n"),
        with("a NUL in a value", "X-A: a\0b\r\nContent-Length: 5\r\n"),
        hostile(
            "an endless head",
            &format!("HTTP/1.1 200 OK\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20)),
        ),
    ]
}

#[test]
fn broken_answers_become_503() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut wrong = Vec::new();
    for Hostile { name, bytes } in broken() {
        backend.set(move |_| Answer::Raw(bytes.clone()));
        let response = Request::post("/x", "not to be repeated")
            .host(files::HOST)
            .try_send(node.http());
        match response {
            Ok(response) if response.status == 503 && response.header("x-broken").is_none() => {}
            other => wrong.push(format!("{name}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_follows_an_answer_is_not_the_next_one() {
    let backend = Backend::start(|_| {
        Answer::Raw(format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi{POISON}").into_bytes())
    });
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let mut client = Connection::open(node.http()).unwrap();
    for turn in 0..5 {
        let request = Request::get(&format!("/turn/{turn}")).host(files::HOST);
        let response = client.request(&request).unwrap();
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "hi"),
            "turn {turn}"
        );
        assert_eq!(response.header("x-poison"), None, "turn {turn}");
    }
}

#[test]
fn interim_answers_do_not_count_as_the_answer() {
    let interim = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let backend = Backend::start(move |_| {
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        Answer::Raw(format!("{}{last}", interim.repeat(3)).into_bytes())
    });
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let response = node.send(&Request::get("/x").host(files::HOST));
    assert_eq!((response.status, response.text().as_str()), (200, "hi"));
}

/// A cut body must look cut to the client: an answer that ends cleanly would be cached and believed.
#[test]
fn a_cut_body_is_cut_for_the_client_too() {
    let cuts = [
        (
            "length",
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        ),
        (
            "chunks",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nwo",
        ),
    ];
    for (name, bytes) in cuts {
        let backend = Backend::start(move |_| Answer::Raw(bytes.as_bytes().to_vec()));
        let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
        let response = Request::get("/x").host(files::HOST).try_send(node.http());
        match response {
            Err(_) => {}
            Ok(response) => assert_eq!(response.status, 503, "{name}: {response:?}"),
        }
    }
}

#[test]
fn no_answer_is_503_and_the_node_goes_on() {
    let backend = Backend::start(|_| Answer::Drop);
    let node = Node::start(NodeOptions::api(files::proxy(&backend.url())));
    let post = Request::post("/x", "not to be repeated").host(files::HOST);
    assert_eq!(node.send(&post).status, 503);
    assert_eq!(
        backend.requests(),
        1,
        "a POST whose fate is unknown was sent again"
    );
    backend.set(|_| Answer::Echo);
    assert_eq!(node.send(&post).status, 200);
}
