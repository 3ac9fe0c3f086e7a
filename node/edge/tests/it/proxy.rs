//! The PROXY protocol on a listener that asks for it.

use tollgate_edge::{BadRequest, EdgeLimits, ListenerConfig, TrustedPeers};

use crate::support::{Server, plain, start, start_on};

const REQUEST: &str = "GET /info HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
const V1: &str = "PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n";

fn start_trusting(network: &str) -> Server {
    let trusted = TrustedPeers::new(vec![network.parse().unwrap()]);
    let listener = ListenerConfig {
        proxy_protocol: Some(trusted),
        ..plain(1)
    };
    start_on(
        listener,
        1,
        EdgeLimits {
            header_timeout_ms: 300,
            ..EdgeLimits::default()
        },
    )
}

fn v2() -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&[203, 0, 113, 9, 198, 51, 100, 2, 0x12, 0x34, 0x01, 0xbb]);
    header
}

#[tokio::test]
async fn a_trusted_peer_names_the_client() {
    let server = start_trusting("127.0.0.0/8");
    let answer = server.exchange(format!("{V1}{REQUEST}")).await;
    assert!(answer.contains("\npeer 192.0.2.1:1234\n"), "{answer}");
    let answer = server.exchange([&v2(), REQUEST.as_bytes()].concat()).await;
    assert!(answer.contains("\npeer 203.0.113.9:4660\n"), "{answer}");
    let answer = server.exchange(format!("PROXY UNKNOWN\r\n{REQUEST}")).await;
    assert!(answer.contains("\npeer 127.0.0.1:"), "{answer}");
    let mapped = "PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.8 7 8\r\n";
    let answer = server.exchange(format!("{mapped}{REQUEST}")).await;
    assert!(answer.contains("\npeer 192.0.2.7:7\n"), "{answer}");
    // In pieces.
    let mut client = server.connect().await;
    for byte in [&v2(), REQUEST.as_bytes()].concat() {
        client.send([byte]).await;
    }
    assert!(client.rest().await.contains("\npeer 203.0.113.9:4660\n"));
}

#[tokio::test]
async fn a_trusted_peer_must_send_a_good_header() {
    let server = start_trusting("127.0.0.0/8");
    let bad = [
        REQUEST.to_owned(),
        format!("PROXY TCP4 192.0.2.1 198.51.100.2 1234\r\n{REQUEST}"),
        format!("PROXY TCP4 192.0.2.1 198.51.100.2 1234 99999\r\n{REQUEST}"),
        // Too slow.
        "PROXY TCP4 192.0".to_owned(),
        // Twice: the second is a request, and a bad one.
        format!("PROXY {}", "x".repeat(200)),
    ];
    for bytes in &bad {
        assert_eq!(server.exchange(bytes).await, "", "{bytes:?}");
    }
    let count = bad.len() as u64;
    server
        .until("counted", |seen| {
            seen.bad_requests(BadRequest::ProxyProtocol) == count
        })
        .await;
    let twice = server.exchange(format!("{V1}{V1}{REQUEST}")).await;
    assert!(twice.starts_with("HTTP/1.1 400 "), "{twice}");
    assert_eq!(server.seen.paths(), Vec::<String>::new());
}

#[tokio::test]
async fn anyone_else_must_send_none() {
    let server = start_trusting("192.0.2.0/24");
    assert!(server.exchange(REQUEST).await.contains("\npeer 127.0.0.1:"));
    assert_eq!(server.exchange(format!("{V1}{REQUEST}")).await, "");
    assert_eq!(
        server.exchange([&v2(), REQUEST.as_bytes()].concat()).await,
        ""
    );
    server
        .until("counted", |seen| {
            seen.bad_requests(BadRequest::ProxyProtocol) == 2
        })
        .await;
    assert_eq!(server.seen.paths(), ["/info"]);
}

#[tokio::test]
async fn without_the_option_a_header_is_a_bad_request() {
    let server = start(EdgeLimits::default());
    assert!(
        server
            .exchange(format!("{V1}{REQUEST}"))
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    assert!(
        server
            .exchange([&v2(), REQUEST.as_bytes()].concat())
            .await
            .starts_with("HTTP/1.1 400 ")
    );
    assert_eq!(server.seen.paths(), Vec::<String>::new());
}
