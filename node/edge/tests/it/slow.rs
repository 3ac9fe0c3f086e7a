//! Clients that take their time.

use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tollgate_edge::{BadRequest, EdgeLimits};

use crate::support::{PATIENCE, start};

fn limits() -> EdgeLimits {
    EdgeLimits {
        header_timeout_ms: 200,
        keep_alive_ms: 400,
        body_idle_timeout_ms: 300,
        body_bytes_max: None,
        ..EdgeLimits::default()
    }
}

#[tokio::test]
async fn a_head_that_does_not_come() {
    let server = start(limits());
    let start = Instant::now();
    let answer = server.exchange("GET / HTTP/1.1\r\nhost:").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(
        answer.ends_with(r#"{"message":"Request Timeout"}"#),
        "{answer}"
    );
    assert!(start.elapsed() >= Duration::from_millis(200));
    // One byte that could still be HTTP/2.
    assert!(server.exchange("P").await.starts_with("HTTP/1.1 408 "));
    assert_eq!(server.exchange("").await, "");
    assert_eq!(
        server
            .handle
            .observe()
            .bad_requests(BadRequest::HeadTimeout),
        2
    );
    assert_eq!(server.handle.observe().requests_total, 0);
}

#[tokio::test]
async fn dribbling_does_not_help() {
    let server = start(limits());
    let mut client = server.connect().await;
    assert_eq!(client.get("/").await.status, 200);
    let start = Instant::now();
    let mut answer = Vec::new();
    client.send("GET / HTTP/1.1\r\nhost: a\r\nx: ").await;
    while answer.is_empty() {
        client.send("x").await;
        drop(timeout(Duration::from_millis(20), client.tcp.read_buf(&mut answer)).await);
        assert!(start.elapsed() < PATIENCE, "never refused");
    }
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    let elapsed = start.elapsed();
    assert!(
        elapsed >= Duration::from_millis(190) && elapsed < Duration::from_secs(2),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let server = start(limits());
    let mut client = server.connect().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.status, 200);
    }
    let start = Instant::now();
    assert_eq!(client.rest().await, "");
    assert!(
        start.elapsed() >= Duration::from_millis(390),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_body_that_does_not_come() {
    let server = start(limits());
    for framed in [
        "content-length: 10\r\n\r\nhello",
        "transfer-encoding: chunked\r\n\r\n5\r\nhe",
    ] {
        let start = Instant::now();
        let answer = server
            .exchange(format!("POST /count HTTP/1.1\r\nhost: a\r\n{framed}"))
            .await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(
            start.elapsed() >= Duration::from_millis(290),
            "{:?}",
            start.elapsed()
        );
    }
    assert_eq!(
        server
            .handle
            .observe()
            .bad_requests(BadRequest::BodyTimeout),
        2
    );
}

#[tokio::test]
async fn a_service_may_take_its_time() {
    let server = start(limits());
    let mut client = server.connect().await;
    client
        .send("POST /gate/slow HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi")
        .await;
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    // Longer than every limit on the client.
    let early = timeout(Duration::from_millis(900), client.tcp.readable()).await;
    assert!(early.is_err(), "answered or closed early");
    server.seen.gate.add_permits(1);
    assert_eq!(client.reply(false).await.text(), "through slow");
}

#[tokio::test]
async fn a_client_that_does_not_read() {
    let server = start(limits());
    let mut client = server.connect().await;
    client
        .send("GET /zeros/1000000000 HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    server
        .until("served", |seen| seen.requests_in_flight == 1)
        .await;
    server
        .until("dropped", |seen| {
            seen.requests_in_flight == 0 && seen.connections_open == 0
        })
        .await;
}
