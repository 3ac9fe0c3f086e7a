//! Upgrades: raw bytes both ways after a 101.

use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tollgate_edge::EdgeLimits;

use crate::support::{PATIENCE, start, start_on};

const UPGRADE: &str = "GET /upgrade HTTP/1.1\r\nhost: a\r\nconnection: keep-alive, Upgrade\r\n\
                       upgrade: websocket\r\n\r\n";

#[tokio::test]
async fn bytes_go_both_ways() {
    let server = start(EdgeLimits {
        body_bytes_max: Some(10),
        ..EdgeLimits::default()
    });
    let mut client = server.connect().await;
    client.send(UPGRADE).await;
    let reply = client.reply(false).await;
    assert_eq!(reply.status, 101);
    assert_eq!(reply.header("upgrade"), Some("websocket"));
    assert_eq!(
        reply.header("connection").map(str::to_lowercase).as_deref(),
        Some("upgrade")
    );
    assert_eq!(reply.header("content-length"), None);
    assert_eq!(reply.header("transfer-encoding"), None);
    // What looks like a request is not one any more, and the body limit is none of a tunnel.
    for text in [
        "hello",
        "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
        "\0\r\n\0",
        "x",
    ] {
        client.send(text).await;
        assert_eq!(client.exactly(text.len()).await, text.as_bytes());
    }
    let big = vec![7; 1024 * 1024];
    let (mut reading, mut writing) = client.tcp.into_split();
    let sent = big.clone();
    let write = tokio::spawn(async move {
        writing.write_all(&sent).await.unwrap();
        writing.shutdown().await.unwrap();
    });
    let mut echoed = Vec::new();
    timeout(PATIENCE, reading.read_to_end(&mut echoed))
        .await
        .unwrap()
        .unwrap();
    write.await.unwrap();
    assert!(echoed == big, "{} bytes", echoed.len());
    assert_eq!(server.seen.paths(), ["/upgrade"]);
    server
        .until("closed", |seen| {
            seen.connections_open == 0 && seen.requests_in_flight == 0
        })
        .await;
}

#[tokio::test]
async fn bytes_sent_with_the_request_are_not_lost() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client.send(format!("{UPGRADE}early")).await;
    assert_eq!(client.reply(false).await.status, 101);
    assert_eq!(client.exactly(5).await, b"early");
}

#[tokio::test]
async fn a_reset_drops_a_handshake() {
    // Whether the service has the body, or let go of it after it looked.
    for path in ["/gate/never", "/gate/bodiless"] {
        let server = start(EdgeLimits::default());
        let mut client = server.connect().await;
        client.send(UPGRADE.replace("/upgrade", path)).await;
        let waiting = timeout(PATIENCE, server.seen.waiting.acquire()).await;
        waiting.unwrap().unwrap().forget();
        assert_eq!(server.handle.observe().requests_in_flight, 1);
        client.tcp.set_zero_linger().unwrap();
        drop(client);
        server
            .until(path, |seen| {
                seen.requests_in_flight == 0 && seen.connections_open == 0
            })
            .await;
    }
}

#[tokio::test]
async fn what_a_client_sends_before_the_answer_is_not_lost() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client
        .send(UPGRADE.replace("/upgrade", "/gate/upgrade"))
        .await;
    let waiting = timeout(PATIENCE, server.seen.waiting.acquire()).await;
    waiting.unwrap().unwrap().forget();
    // More than is read ahead.
    let early = vec![7; 100 * 1024];
    let (mut reading, mut writing) = client.tcp.into_split();
    let sent = early.clone();
    let write = tokio::spawn(async move { writing.write_all(&sent).await.map(|()| writing) });
    server.seen.gate.add_permits(1);
    let mut read = Vec::new();
    while !read.windows(4).any(|end| end == b"\r\n\r\n") || !read.ends_with(&early) {
        let more = timeout(PATIENCE, reading.read_buf(&mut read)).await;
        assert!(more.unwrap().unwrap() > 0, "closed");
    }
    assert!(read.starts_with(b"HTTP/1.1 101 "));
    drop(write.await.unwrap().unwrap());
}

#[tokio::test]
async fn a_refused_upgrade_is_answered_and_closed() {
    let server = start(EdgeLimits::default());
    let refused = UPGRADE.replace("/upgrade", "/any");
    let answer = server.exchange(refused).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ok"),
        "{answer}"
    );
    assert!(answer.contains("connection: close"), "{answer}");
    // Without the `Connection` option it is not an upgrade at all, and with `h2c` none that is
    // passed on (RFC 9113, section 3.1): what follows is the next request.
    let mut client = server.connect().await;
    let h2c = UPGRADE.replace("websocket", "websocket, h2c");
    client.send(h2c.replace("/upgrade", "/count")).await;
    assert_eq!(client.reply(false).await.text(), "0");
    client
        .send("GET /info HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\n\r\n")
        .await;
    assert_eq!(client.reply(false).await.header("connection"), None);
    let reply = client.get("/upgrade").await;
    assert_eq!(
        (reply.status, reply.header("upgrade")),
        (426, Some("websocket"))
    );
}

#[tokio::test]
async fn a_connection_is_handed_over_whole() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    let request = UPGRADE.replace("/upgrade", "/takeover");
    client.send(format!("{request}early")).await;
    let reply = client.reply(false).await;
    assert_eq!(reply.status, 101);
    assert_eq!(
        (reply.header("upgrade"), reply.header("connection")),
        (Some("websocket"), Some("upgrade"))
    );
    assert_eq!(client.exactly(5).await, b"early");
    client
        .send("GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert!(client.exactly(3).await.starts_with(b"GET"));
    // The request is over; the connection is not.
    server
        .until("handed over", |seen| {
            seen.connections_open == 1 && seen.requests_in_flight == 0
        })
        .await;
    drop(client);
    server
        .until("closed", |seen| seen.connections_open == 0)
        .await;
    assert_eq!(server.seen.paths(), ["/takeover"]);
}

#[tokio::test]
async fn how_long_a_write_may_stall_is_up_to_who_has_the_connection() {
    let limits = EdgeLimits {
        body_idle_timeout_ms: 100,
        ..EdgeLimits::default()
    };
    let patience = Duration::from_millis(3 * limits.body_idle_timeout_ms);
    let server = start(limits);
    let mut client = server.connect().await;
    client.send(UPGRADE.replace("/upgrade", "/takeover")).await;
    assert_eq!(client.reply(false).await.status, 101);
    let (mut reading, mut writing) = client.tcp.into_split();
    // Until neither end can write: nobody reads the echoes.
    let mut sent = 0;
    while let Ok(more) = timeout(patience, writing.write(&[7; 64 * 1024])).await {
        sent += more.unwrap();
    }
    writing.shutdown().await.unwrap();
    let mut echoed = Vec::new();
    let read = timeout(PATIENCE, reading.read_to_end(&mut echoed)).await;
    read.unwrap().unwrap();
    assert_eq!(echoed.len(), sent);
}

#[tokio::test]
async fn what_is_no_upgrade_is_not_handed_over() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    assert_eq!(client.get("/takeover").await.status, 500);
    assert_eq!(client.get("/any").await.status, 200);
    // A life that panics ends its connection and nothing else.
    client
        .send(UPGRADE.replace("/upgrade", "/takeover/panic"))
        .await;
    assert_eq!(client.reply(false).await.status, 101);
    assert_eq!(client.rest().await, "");
    server.until("counted", |seen| seen.panics_total == 1).await;
}

#[tokio::test]
async fn a_drain_is_told_and_waited_for() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client.send(UPGRADE.replace("/upgrade", "/takeover")).await;
    assert_eq!(client.reply(false).await.status, 101);
    let drained = server.handle.drain(PATIENCE).await;
    assert_eq!(drained.aborted, 0);
    assert_eq!(client.rest().await, "bye");
}

#[tokio::test]
async fn over_tls_too() {
    let (listener, mut config) = crate::h2::tls();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = start_on(listener, 1, EdgeLimits::default());
    let tcp = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    let mut client = connecting.await.unwrap();
    let request = UPGRADE.replace("/upgrade", "/takeover");
    client
        .write_all(format!("{request}early").as_bytes())
        .await
        .unwrap();
    let mut read = Vec::new();
    while !read.ends_with(b"early") {
        let more = timeout(PATIENCE, client.read_buf(&mut read)).await;
        assert!(more.unwrap().unwrap() > 0, "closed");
    }
    assert!(read.starts_with(b"HTTP/1.1 101 "));
    let drained = tokio::spawn(server.handle.drain(PATIENCE));
    let mut rest = String::new();
    timeout(PATIENCE, client.read_to_string(&mut rest))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rest, "bye");
    assert_eq!(drained.await.unwrap().aborted, 0);
}
