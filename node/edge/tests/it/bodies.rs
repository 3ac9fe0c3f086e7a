//! Bodies in both directions: framing, back-pressure, limits, errors.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tollgate_edge::{BadRequest, EdgeLimits};

use crate::support::{PATIENCE, start};

const BIG: u64 = 256 * 1024 * 1024;
/// What this process may grow by while a body of [`BIG`] bytes goes through, both ends included.
const GROWTH_BYTES_MAX: u64 = 48 * 1024 * 1024;

fn unlimited() -> EdgeLimits {
    EdgeLimits {
        body_bytes_max: None,
        ..EdgeLimits::default()
    }
}

/// Resident memory of this process.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[tokio::test]
async fn chunked_up_and_down() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nhost: a\r\nTransfer-Encoding: Chunked\r\n\r\n")
        .await;
    client.send("5;ext=\"1\"\r\nhello\r\n").await;
    client.send("6\r\n world\r\n00\r\ntrailer: x\r\n\r\n").await;
    let reply = client.reply(false).await;
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!(reply.text(), "hello world");
    let mut client = server.connect().await;
    for _ in 0..3 {
        client
            .send("POST /count HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        for _ in 0..100 {
            client.send("a\r\n0123456789\r\n").await;
        }
        client.send("0\r\n\r\n").await;
        assert_eq!(client.reply(false).await.text(), "1000");
    }
}

#[tokio::test]
async fn a_big_upload_in_little_memory() {
    let server = start(unlimited());
    let mut client = server.connect().await;
    client
        .send(format!(
            "POST /count HTTP/1.1\r\nhost: a\r\ncontent-length: {BIG}\r\n\r\n"
        ))
        .await;
    let before = resident_bytes();
    let chunk = vec![b'x'; 1024 * 1024];
    let mut most = 0;
    for _ in 0..BIG / chunk.len() as u64 {
        client.send(&chunk).await;
        most = most.max(resident_bytes());
    }
    assert_eq!(client.reply(false).await.text(), BIG.to_string());
    assert!(most < before + GROWTH_BYTES_MAX, "{before} to {most}");
}

#[tokio::test]
async fn a_big_download_in_little_memory() {
    let server = start(unlimited());
    for path in ["zeros", "stream"] {
        let mut client = server.connect().await;
        let before = resident_bytes();
        client
            .send(format!(
                "GET /{path}/{BIG} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
            ))
            .await;
        let (mut read, mut most) = (0, 0);
        let mut buffer = vec![0; 1024 * 1024];
        loop {
            let count = timeout(PATIENCE, client.tcp.read(&mut buffer))
                .await
                .unwrap()
                .unwrap();
            if count == 0 {
                break;
            }
            read += count as u64;
            most = most.max(resident_bytes());
        }
        assert!(read > BIG, "{read}");
        assert!(most < before + GROWTH_BYTES_MAX, "{before} to {most}");
    }
}

#[tokio::test]
async fn an_unread_upload_is_held_back() {
    let server = start(unlimited());
    let mut client = server.connect().await;
    client
        .send(format!(
            "POST /gate/up HTTP/1.1\r\nhost: a\r\ncontent-length: {BIG}\r\n\r\n"
        ))
        .await;
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    // Writes stop when the kernel's buffers and the edge's bounded ones are full.
    let chunk = vec![b'x'; 1024 * 1024];
    let mut sent = 0;
    while let Ok(written) = timeout(Duration::from_millis(500), client.tcp.write(&chunk)).await {
        sent += written.unwrap();
        assert!(sent < 64 * 1024 * 1024, "nothing holds the upload back");
    }
    server.seen.gate.add_permits(1);
    let reply = client.reply(false).await;
    assert_eq!(reply.text(), "through up");
    assert_eq!(reply.header("connection"), Some("close"));
}

#[tokio::test]
async fn full_duplex() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n")
        .await;
    let mut answer = Vec::new();
    for piece in ["ab", "cd", "ef", "gh", "ij"] {
        client.send(piece).await;
        while !answer.ends_with(piece.as_bytes()) {
            let read = timeout(PATIENCE, client.tcp.read_buf(&mut answer))
                .await
                .unwrap()
                .unwrap();
            assert!(
                read > 0,
                "closed after {:?}",
                String::from_utf8_lossy(&answer)
            );
        }
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("content-length: 10\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nabcdefghij"), "{answer}");
}

#[tokio::test]
async fn too_large() {
    let limits = EdgeLimits {
        body_bytes_max: Some(10),
        ..EdgeLimits::default()
    };
    let server = start(limits);
    let mut client = server.connect().await;
    client
        .send("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n0123456789")
        .await;
    assert_eq!(client.reply(false).await.text(), "0123456789");
    let announced =
        "POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\nexpect: 100-continue\r\n\r\n";
    let answer = server.exchange(announced).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"message":"Request Entity Too Large"}"#),
        "{answer}"
    );
    let chunked = "POST /collect HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n";
    client.send(chunked).await;
    assert_eq!(client.reply(false).await.status, 413);
    assert_eq!(
        server
            .handle
            .observe()
            .bad_requests(BadRequest::BodyTooLarge),
        2
    );
}

#[tokio::test]
async fn a_small_body_that_is_not_read_does_not_cost_the_connection() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for framed in [
        "content-length: 5\r\n\r\nhello",
        "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        client
            .send(format!("POST /ignored HTTP/1.1\r\nhost: a\r\n{framed}"))
            .await;
        let reply = client.reply(false).await;
        assert_eq!(
            (reply.status, reply.header("connection")),
            (200, None),
            "{framed}"
        );
    }
    assert_eq!(server.handle.observe().connections_total, 1);
}

#[tokio::test]
async fn what_follows_an_unread_body_is_not_a_request() {
    let server = start(EdgeLimits::default());
    let smuggled = "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    for framing in ["content-length: 100000", "transfer-encoding: chunked"] {
        let mut client = server.connect().await;
        client
            .send(format!(
                "POST /ignored HTTP/1.1\r\nhost: a\r\n{framing}\r\n\r\n"
            ))
            .await;
        let reply = client.reply(false).await;
        assert_eq!(
            (reply.status, reply.header("connection")),
            (200, Some("close")),
            "{framing}"
        );
        client.send(smuggled).await;
        assert_eq!(client.rest().await, "", "{framing}");
    }
    assert_eq!(server.seen.paths(), ["/ignored", "/ignored"]);
}

#[tokio::test]
async fn expect_continue() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for _ in 0..2 {
        client
            .send("POST /collect HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            .await;
        assert_eq!(client.reply(false).await.status, 100);
        client.send("hi").await;
        assert_eq!(client.reply(false).await.text(), "hi");
    }
    // There is nothing to wait for without a body.
    client
        .send("GET /any HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.reply(false).await.status, 200);
}

#[tokio::test]
async fn a_broken_response_never_ends_cleanly() {
    let server = start(EdgeLimits::default());
    for (path, version) in [
        ("broken", "1.1"),
        ("broken", "1.0"),
        ("short", "1.1"),
        ("long", "1.1"),
        ("short", "1.0"),
    ] {
        let mut client = server.connect().await;
        client
            .send(format!("GET /{path} HTTP/{version}\r\nhost: a\r\n\r\n"))
            .await;
        let mut answer = Vec::new();
        let end = timeout(PATIENCE, client.tcp.read_to_end(&mut answer))
            .await
            .unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(end.is_err(), "a clean end after {answer:?}");
        assert!(!answer.ends_with("0\r\n\r\n"), "{answer:?}");
    }
    server
        .until("closed", |seen| {
            seen.connections_open == 0 && seen.requests_in_flight == 0
        })
        .await;
}
