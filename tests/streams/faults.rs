//! Back ends that break, before and after the head of their answer.

use std::io::{self, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tollgate_harness::{Connection, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

use crate::raw::{Head, Raw};

/// Ends a connection without an orderly close: unread bytes make the kernel send a reset.
fn reset(reader: BufReader<TcpStream>) -> io::Result<()> {
    let stream = reader.into_inner();
    stream.shutdown(Shutdown::Read)?;
    drop(stream);
    Ok(())
}

/// Breaks in the way that the path names.
fn breaking() -> Raw {
    Raw::start(|head: &Head, mut reader: BufReader<TcpStream>| {
        let to = reader.get_mut();
        match head.target().trim_start_matches('/') {
            "closes" => return Ok(()),
            "resets" => return reset(reader),
            "half-head" => to.write_all(b"HTTP/1.1 200 OK\r\nContent-Le")?,
            "garbage" => to.write_all(b"\x16\x03\x01 this is no HTTP\r\n\r\n")?,
            "bad-status" => to.write_all(b"HTTP/1.1 abc OK\r\n\r\n")?,
            "bad-length" => to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\nab")?,
            "endless-head" => {
                to.write_all(b"HTTP/1.1 200 OK\r\n")?;
                for number in 0..100_000 {
                    to.write_all(format!("X-{number}: {number}\r\n").as_bytes())?;
                }
            }
            "half-body" => to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")?,
            "half-chunk" => {
                to.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf")?;
            }
            "bad-chunk" => {
                to.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhalf\r\n")?;
            }
            _ => to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")?,
        }
        Ok(())
    })
}

#[test]
fn what_breaks_before_the_head_is_503_in_awss_words() {
    let raw = breaking();
    let node = Node::start(NodeOptions::api(files::proxy(&raw.url())));
    for path in [
        "/closes",
        "/resets",
        "/half-head",
        "/garbage",
        "/bad-status",
        "/bad-length",
        "/endless-head",
    ] {
        let response = node.send(&Request::get(path).host(files::HOST));
        assert_eq!(response.status, 503, "{path}: {response:?}");
        assert_eq!(
            response.text(),
            r#"{"message":"Service Unavailable"}"#,
            "{path}"
        );
        let fine = node.send(&Request::get("/fine").host(files::HOST));
        assert_eq!(fine.text(), "fine", "after {path}");
    }
}

#[test]
fn what_breaks_after_the_head_is_never_taken_for_whole() {
    let raw = breaking();
    let node = Node::start(NodeOptions::api(files::proxy(&raw.url())));
    for path in ["/half-body", "/half-chunk", "/bad-chunk"] {
        let cut = Request::get(path).host(files::HOST).try_send(node.http());
        match cut {
            Err(_) => {}
            // Nothing of the body had come yet: the gateway may still answer for itself.
            Ok(response) => assert_eq!(response.status, 503, "{path}: {response:?}"),
        }
        let fine = node.send(&Request::get("/fine").host(files::HOST));
        assert_eq!(fine.text(), "fine", "after {path}");
    }
}

#[test]
fn a_name_that_does_not_resolve_is_503() {
    let node = Node::start(NodeOptions::api(files::proxy("http://nowhere.invalid:80")));
    let response = node.send(&Request::get("/x").host(files::HOST));
    assert_eq!(response.status, 503, "{response:?}");
    assert_eq!(response.text(), r#"{"message":"Service Unavailable"}"#);
}

#[test]
fn a_client_that_leaves_takes_its_request_with_it() {
    let gone = Arc::new(AtomicBool::new(false));
    let saw = Arc::clone(&gone);
    let raw = Raw::start(move |_: &Head, mut reader: BufReader<TcpStream>| {
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        // Writes until nobody takes it any more.
        loop {
            if reader.get_mut().write_all(b"4\r\ntick\r\n").is_err() {
                saw.store(true, Ordering::SeqCst);
                return Ok(());
            }
        }
    });
    let node = Node::start(NodeOptions::api(files::proxy(&raw.url())));
    let mut client = Connection::open(node.http()).unwrap();
    client
        .send(&Request::get("/x").host(files::HOST).bytes())
        .unwrap();
    files::read_until(&mut client, &mut Vec::new(), "tick");
    drop(client);
    wait_until(DEADLINE, "the back end to be told", || {
        if gone.load(Ordering::SeqCst) {
            Ok(())
        } else {
            Err("it still writes")
        }
    });
}
