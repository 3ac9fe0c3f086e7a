//! HTTP/1.1 as it is meant: keep-alive, pipelines, bodiless answers, versions, panics.

use tokio::time::timeout;
use tollgate_edge::EdgeLimits;

use crate::support::{PATIENCE, start};

#[tokio::test]
async fn keeps_connections_alive() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for _ in 0..50 {
        let reply = client.get("/info?a=b").await;
        assert_eq!(reply.status, 200);
        assert!(
            reply
                .text()
                .starts_with("GET /info Some(\"a=b\") HTTP/1.1\n"),
            "{}",
            reply.text()
        );
        assert!(reply.text().contains("\nserial 0\n"));
        assert!(reply.text().contains("\nhost: a\n"));
        assert!(reply.header("date").is_some());
        assert_eq!(reply.header("server"), None);
        assert_eq!(reply.header("connection"), None);
    }
    let seen = server.handle.observe();
    assert_eq!(
        (
            seen.connections_open,
            seen.connections_total,
            seen.requests_total
        ),
        (1, 1, 50)
    );
    drop(client);
    server
        .until("closed", |seen| seen.connections_open == 0)
        .await;
}

#[tokio::test]
async fn answers_a_pipeline_in_order() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    let mut all = String::new();
    for index in 0..100 {
        all += &format!("POST /collect HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n{index:03}");
    }
    client.send(all).await;
    for index in 0..100 {
        assert_eq!(client.reply(false).await.text(), format!("{index:03}"));
    }
}

#[tokio::test]
async fn a_pipelined_head_does_not_take_the_body_of_the_get_before_it() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client
        .send(
            "GET /gate/one HTTP/1.1\r\nhost: a\r\n\r\nHEAD /two HTTP/1.1\r\nhost: a\r\n\r\n\
             GET /three HTTP/1.0\r\n\r\n",
        )
        .await;
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    server.seen.gate.add_permits(1);
    assert_eq!(client.reply(false).await.text(), "through one");
    assert_eq!(client.reply(true).await.header("content-length"), Some("2"));
    let third = client.reply(false).await;
    assert!(third.head.starts_with("HTTP/1.0 200 "));
    assert_eq!(third.text(), "ok");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn bodiless_answers() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for (path, length) in [
        ("/zeros/1000000", Some("1000000")),
        ("/any", Some("2")),
        ("/head", Some("12345")),
        ("/stream/10", None),
    ] {
        client
            .send(format!("HEAD {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
            .await;
        let reply = client.reply(true).await;
        assert_eq!(
            (reply.status, reply.header("content-length")),
            (200, length),
            "{path}"
        );
    }
    for status in ["204", "304", "205"] {
        let reply = client.get(&format!("/status/{status}")).await;
        assert_eq!(reply.status.to_string(), status);
        assert_eq!(reply.header("transfer-encoding"), None);
        assert_eq!(
            reply.header("content-length"),
            (status == "205").then_some("0")
        );
    }
    // A service that says too much in a GET is corrected by what it sends.
    let reply = client.get("/head").await;
    assert_eq!(reply.header("content-length"), Some("0"));
    assert_eq!(client.get("/any").await.text(), "ok");
}

#[tokio::test]
async fn statuses_that_cannot_be_final() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for status in ["0", "99", "100", "103", "101", "600", "65535"] {
        let reply = client.get(&format!("/status/{status}")).await;
        assert_eq!(reply.status, 500, "{status}");
        assert_eq!(reply.text(), r#"{"message":"Internal Server Error"}"#);
    }
    assert_eq!(client.get("/status/599").await.status, 599);
}

#[tokio::test]
async fn the_service_cannot_break_framing() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    let reply = client.get("/framing").await;
    assert_eq!(reply.text(), "body");
    for gone in [
        "transfer-encoding",
        "connection",
        "keep-alive",
        "upgrade",
        "x-bad",
        "injected",
    ] {
        assert_eq!(reply.header(gone), None, "{gone}");
    }
    assert_eq!(reply.header("x-good"), Some("1"));
    assert_eq!(reply.head.matches("content-length").count(), 1);
    assert_eq!(client.get("/any").await.status, 200);
    let reply = client.get("/close").await;
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn http_1_0() {
    let server = start(EdgeLimits::default());
    let answer = server.exchange("GET /info HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    assert!(
        answer.contains(&format!("\nhost: {}\n", server.address)),
        "{answer}"
    );
    // Of unknown length: the end is the end of the connection, and there are no chunks.
    let answer = server
        .exchange("GET /stream/5 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        .await;
    assert!(answer.ends_with("\r\n\r\n00000"), "{answer}");
    assert!(!answer.contains("chunked"), "{answer}");
    let mut client = server.connect().await;
    client
        .send("POST /any HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        .await;
    let reply = client.reply(false).await;
    assert_eq!(reply.header("connection"), Some("keep-alive"));
    client.send("GET /any HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.reply(false).await.text(), "ok");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn honours_connection_close_and_half_closed_clients() {
    use tokio::io::AsyncWriteExt;

    let server = start(EdgeLimits::default());
    let answer = server
        .exchange("GET / HTTP/1.1\r\nhost: a\r\nConnection: x, Close\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    assert!(answer.contains("connection: close"));
    let mut client = server.connect().await;
    client
        .send("GET /gate/half HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    client.tcp.shutdown().await.unwrap();
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    server.seen.gate.add_permits(1);
    assert!(client.rest().await.ends_with("through half"));
}

#[tokio::test]
async fn a_reset_drops_the_request() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client
        .send("GET /gate/never HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    assert_eq!(server.handle.observe().requests_in_flight, 1);
    client.tcp.set_zero_linger().unwrap();
    drop(client);
    server
        .until("dropped", |seen| {
            seen.requests_in_flight == 0 && seen.connections_open == 0
        })
        .await;
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for _ in 0..3 {
        let reply = client.get("/panic").await;
        assert_eq!(reply.status, 500);
        assert_eq!(reply.text(), r#"{"message":"Internal Server Error"}"#);
    }
    assert_eq!(client.get("/any").await.status, 200);
    let seen = server.handle.observe();
    assert_eq!(
        (
            seen.panics_total,
            seen.requests_in_flight,
            seen.connections_total
        ),
        (3, 0, 1)
    );
    // In the body it costs the connection, for the head is on its way.
    let answer = server
        .exchange("GET /panicking-body HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert!(!answer.ends_with("0\r\n\r\n"), "{answer:?}");
    assert_eq!(client.get("/any").await.status, 200);
}

#[tokio::test]
async fn refuses_connections_over_the_limit() {
    let server = start(EdgeLimits {
        connections_max: 2,
        ..EdgeLimits::default()
    });
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    assert_eq!(
        (one.get("/").await.status, two.get("/").await.status),
        (200, 200)
    );
    assert_eq!(
        server.exchange("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await,
        ""
    );
    server
        .until("refused", |seen| {
            seen.connections_refused == 1 && seen.connections_open == 2
        })
        .await;
    drop(one);
    server
        .until("room", |seen| seen.connections_open == 1)
        .await;
    assert_eq!(server.connect().await.get("/").await.status, 200);
    assert_eq!(two.get("/").await.status, 200);
}

#[tokio::test]
async fn an_upgrade_that_is_not_wanted_is_an_ordinary_request() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    for upgrade in ["h2c", "TLS/1.0", "foo, bar"] {
        client
            .send(format!(
                "GET /info HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, HTTP2-Settings\r\n\
                 upgrade: {upgrade}\r\nhttp2-settings: AAMAAABk\r\n\r\n"
            ))
            .await;
        let reply = client.reply(false).await;
        assert_eq!(reply.status, 200, "{upgrade}");
        assert!(reply.text().contains(&format!("upgrade: {upgrade}\n")));
    }
}

#[tokio::test]
async fn every_worker_serves() {
    let server = crate::support::start_on(crate::support::plain(3), 3, EdgeLimits::default());
    let mut workers = std::collections::BTreeSet::new();
    let mut connections = 0;
    // The kernel spreads by a hash of the addresses, so a few dozen ports reach all three.
    while workers.len() < 3 {
        connections += 1;
        assert!(
            connections < 500,
            "only {workers:?} of three workers in {connections} connections"
        );
        let reply = server.connect().await.get("/info").await;
        let worker = reply
            .text()
            .lines()
            .find(|line| line.starts_with("worker "))
            .unwrap();
        workers.insert(worker.to_owned());
    }
}
