//! Upgraded connections as tunnels.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tollgate_message::{BodyError, Request};
use tollgate_upstream::{SendLimits, UpstreamErrorKind};

use crate::support::*;

const SWITCH: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: echo\r\nx-a: b\r\n\r\n";

fn upgrade(body: tollgate_message::Body) -> Request {
    let mut request = Request {
        body,
        ..get("/socket")
    };
    request.headers.append("connection", "keep-alive, Upgrade");
    request.headers.append("upgrade", "echo");
    request
}

/// Switches, greets in the same packet, echoes to the end of the client, then says goodbye.
async fn echo() -> Backend {
    Backend::start(|_, stream| async move {
        let mut peer = Peer::new(stream);
        let head = peer.head().await.unwrap();
        assert_eq!(field(&head, "connection"), Some("upgrade"));
        assert_eq!(field(&head, "upgrade"), Some("echo"));
        assert_eq!(
            field(&head, "content-length").or_else(|| field(&head, "transfer-encoding")),
            None
        );
        assert!(peer.write(format!("{SWITCH}hello ")).await);
        while let Some(bytes) = peer.bytes().await {
            assert!(peer.write(bytes).await);
        }
        assert!(peer.write("bye").await);
    })
    .await
}

#[test]
fn bytes_flow_both_ways_and_each_end_is_passed_on() {
    run(async {
        let back = echo().await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(None);
        let (response, _) = rig.send(upgrade(body)).await.unwrap();
        assert_eq!(response.status, 101);
        assert_eq!(response.headers.get_str("upgrade"), Some("echo"));
        assert_eq!(response.headers.get_str("connection"), Some("upgrade"));
        assert_eq!(response.headers.get_str("x-a"), Some("b"));
        let mut answer = response.body;
        assert_eq!(
            answer.chunk().await,
            Some(Ok(Bytes::from_static(b"hello ")))
        );
        for text in ["one", "two"] {
            feed.send(Ok(Bytes::from(text))).await.unwrap();
            assert_eq!(answer.chunk().await, Some(Ok(Bytes::from(text))));
        }
        assert_eq!((rig.state(0).connections, rig.state(0).outstanding), (1, 1));
        drop(feed);
        assert_eq!(answer.chunk().await, Some(Ok(Bytes::from_static(b"bye"))));
        assert_eq!(answer.chunk().await, None);
        drop(answer);
        wait_until(
            "the place is free",
            || rig.state(0).connections,
            |open| *open == 0,
        )
        .await;
        assert_eq!(rig.state(0).outstanding, 0);
    });
}

#[test]
fn the_servers_end_does_not_end_the_client() {
    run(async {
        let (seen, mut all) = tokio::sync::mpsc::channel(1);
        let back = Backend::start(move |_, stream| {
            let seen = seen.clone();
            async move {
                let mut peer = Peer::new(stream);
                peer.head().await;
                assert!(peer.write(SWITCH).await);
                peer.stream.shutdown().await.unwrap();
                let mut bytes = Vec::new();
                while let Some(more) = peer.bytes().await {
                    bytes.extend(more);
                }
                seen.send(bytes).await.unwrap();
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(None);
        let (response, _) = rig.send(upgrade(body)).await.unwrap();
        let mut answer = response.body;
        assert_eq!(answer.chunk().await, None);
        drop(answer);
        feed.send(Ok(Bytes::from_static(b"still "))).await.unwrap();
        feed.send(Ok(Bytes::from_static(b"here"))).await.unwrap();
        drop(feed);
        assert_eq!(all.recv().await.unwrap(), b"still here");
    });
}

#[test]
fn a_refused_upgrade_is_a_response() {
    run(async {
        let back = Backend::answering(|_, _| {
            "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno".to_owned()
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (_feed, body) = fed(None);
        let (response, _) = rig.send(upgrade(body)).await.unwrap();
        assert_eq!(response.status, 403);
        assert_eq!(text(response.body).await, "no");
        wait_until(
            "the place is free",
            || rig.state(0).connections,
            |open| *open == 0,
        )
        .await;
    });
}

#[test]
fn dropping_the_body_ends_the_tunnel() {
    run(async {
        let back = echo().await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(None);
        let (response, _) = rig.send(upgrade(body)).await.unwrap();
        drop(response);
        wait_until("the server sees the end", || back.open(), |open| *open == 0).await;
        wait_until(
            "the place is free",
            || rig.state(0).connections,
            |open| *open == 0,
        )
        .await;
        assert!(feed.is_closed());
    });
}

#[test]
fn a_silent_tunnel_ends() {
    run(async {
        let back = echo().await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(None);
        let limits = SendLimits {
            tunnel_idle_timeout: Duration::from_millis(40),
            ..LIMITS
        };
        let (response, _) = rig.client.send("g", upgrade(body), &limits).await.unwrap();
        let mut answer = response.body;
        assert_eq!(
            answer.chunk().await,
            Some(Ok(Bytes::from_static(b"hello ")))
        );
        assert_eq!(answer.chunk().await, Some(Err(BodyError::Stalled)));
        drop(answer);
        wait_until("the server sees the end", || back.open(), |open| *open == 0).await;
        drop(feed);
    });
}

#[test]
fn tunnels_count_as_connections() {
    run(async {
        let back = echo().await;
        let mut spec = group(vec![back.server()]);
        spec.connections_max = 1;
        let rig = Rig::new(spec);
        let (_feed, body) = fed(None);
        let (tunnel, _) = rig.send(upgrade(body)).await.unwrap();
        let limits = SendLimits::new(Duration::from_millis(30), Duration::from_secs(9));
        let error = rig.client.send("g", get("/"), &limits).await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Overloaded);
        drop(tunnel);
        let (_feed, body) = fed(None);
        assert_eq!(rig.send(upgrade(body)).await.unwrap().0.status, 101);
    });
}
