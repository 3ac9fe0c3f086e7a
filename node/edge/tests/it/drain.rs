//! The end of an edge: nobody who was promised an answer goes without.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tollgate_edge::EdgeLimits;

use crate::support::{Client, PATIENCE, plain, start, start_on};

#[tokio::test]
async fn in_flight_requests_finish() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    client
        .send("GET /gate/last HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    timeout(PATIENCE, server.seen.waiting.acquire())
        .await
        .unwrap()
        .unwrap()
        .forget();
    let (address, seen) = (server.address, server.seen.clone());
    let drain = tokio::spawn(server.handle.drain(PATIENCE));
    // The sockets are closed first.
    timeout(PATIENCE, async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("still listening");
    assert!(!drain.is_finished());
    seen.gate.add_permits(1);
    let reply = client.reply(false).await;
    assert_eq!(
        (reply.text(), reply.header("connection")),
        ("through last", Some("close"))
    );
    assert_eq!(client.rest().await, "");
    assert_eq!(drain.await.unwrap().aborted, 0);
}

#[tokio::test]
async fn the_deadline_is_kept() {
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
    let start = Instant::now();
    assert_eq!(
        server
            .handle
            .drain(Duration::from_millis(200))
            .await
            .aborted,
        1
    );
    assert!(
        start.elapsed() >= Duration::from_millis(200) && start.elapsed() < Duration::from_secs(5)
    );
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn idle_connections_do_not_hold_it_up() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    assert_eq!(client.get("/").await.status, 200);
    let silent = server.connect().await;
    let start = Instant::now();
    assert_eq!(server.handle.drain(PATIENCE).await.aborted, 0);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(client.rest().await, "");
    drop(silent);
}

#[tokio::test]
async fn dropping_the_handle_drops_connections() {
    let server = start(EdgeLimits::default());
    let mut client = server.connect().await;
    assert_eq!(client.get("/").await.status, 200);
    let address = server.address;
    drop(server.handle);
    assert_eq!(client.rest().await, "");
    assert!(TcpStream::connect(address).await.is_err());
}

/// Sends requests until it is told to stop; every request that is sent must be answered.
async fn load(mut client: Client, answered: Arc<AtomicUsize>) {
    for index in 0.. {
        let path = if index % 2 == 0 {
            "/zeros/100000"
        } else {
            "/any"
        };
        let reply = client.get(path).await;
        assert_eq!(reply.status, 200);
        answered.fetch_add(1, SeqCst);
        if reply.header("connection") == Some("close") {
            assert_eq!(client.rest().await, "");
            return;
        }
    }
}

#[tokio::test]
async fn under_load_no_request_fails() {
    const CLIENTS: usize = 20;
    let server = start_on(plain(2), 2, EdgeLimits::default());
    let answered = Arc::new(AtomicUsize::new(0));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = server.connect().await;
        clients.push(tokio::spawn(load(client, Arc::clone(&answered))));
    }
    timeout(PATIENCE, async {
        while answered.load(SeqCst) < 10 * CLIENTS {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("no load");
    assert_eq!(server.handle.drain(PATIENCE).await.aborted, 0);
    for client in clients {
        client.await.expect("a request failed");
    }
}
