//! Bodies that flow: both ways at once, with back-pressure, without growth.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_core::Stream;
use tollgate_message::{Body, BodyError};
use tollgate_upstream::SendLimits;

use crate::support::*;

const CHUNK_BYTES: usize = 64 * 1024;
const STREAM_BYTES: u64 = 256 * 1024 * 1024;

/// What may be under way between the two ends: the sockets' buffers on both sides (a few MiB on
/// loopback) and ours (256 KiB each way).
const UNDER_WAY_BYTES_MAX: u64 = 24 * 1024 * 1024;

#[test]
fn a_response_may_begin_before_the_request_has_ended() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            assert!(
                peer.write("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nago")
                    .await
            );
            let mut body = Vec::new();
            while !body.ends_with(b"0\r\n\r\n") {
                body.extend(peer.bytes().await.expect("more of the request"));
            }
            assert_eq!(body, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
            peer.write("end").await;
            peer.closed().await;
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(None);
        let (response, _) = rig.send(post("/", body)).await.unwrap();
        let mut answer = response.body;
        assert_eq!(answer.chunk().await, Some(Ok(Bytes::from_static(b"ago"))));
        feed.send(Ok(Bytes::from_static(b"one"))).await.unwrap();
        feed.send(Ok(Bytes::from_static(b"two"))).await.unwrap();
        drop(feed);
        assert_eq!(answer.chunk().await, Some(Ok(Bytes::from_static(b"end"))));
        assert_eq!(answer.chunk().await, None);
    });
}

#[test]
fn an_upload_goes_on_after_the_end_of_the_response() {
    run(async {
        let got = Rc::new(Cell::new(0));
        let seen = got.clone();
        let back = Backend::start(move |_, stream| {
            let seen = seen.clone();
            async move {
                let mut peer = Peer::new(stream);
                while let Some(head) = peer.head().await {
                    assert!(peer.write(ok("accepted")).await);
                    seen.set(seen.get() + peer.body(&head).await.len());
                }
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(Some(6));
        let (response, _) = rig.send(post("/", body)).await.unwrap();
        assert_eq!(text(response.body).await, "accepted");
        feed.send(Ok(Bytes::from_static(b"abc"))).await.unwrap();
        feed.send(Ok(Bytes::from_static(b"def"))).await.unwrap();
        wait_until("the upload arrives", || got.get(), |bytes| *bytes == 6).await;
        drop(feed);
        // Only then the connection is free for the next request.
        let reused = async { rig.get("/").await.unwrap().2.reused };
        assert!(reused.await || back.accepted() == 2);
    });
}

#[test]
fn an_early_refusal_of_a_large_upload_is_the_answer() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            let refusal = "HTTP/1.1 413 Content Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig";
            peer.write(refusal).await;
            // Reads no more of it, as servers do that protect themselves.
            tokio::time::sleep(Duration::from_millis(100)).await;
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let source = Source {
            made: Rc::default(),
            taken: Rc::default(),
        };
        let body = Body::Stream {
            stream: Box::pin(source),
            length: Some(STREAM_BYTES),
        };
        let (response, _) = rig.send(post("/", body)).await.unwrap();
        assert_eq!(response.status, 413);
        assert_eq!(text(response.body).await, "big");
    });
}

#[test]
fn interim_responses_are_not_the_answer() {
    run(async {
        let back = Backend::answering(|_, _| {
            let interim =
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n";
            format!("{interim}{}", ok("final"))
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        for _ in 0..2 {
            let (response, _) = rig.send(get("/")).await.unwrap();
            assert_eq!(response.status, 200);
            assert!(!response.headers.contains("link"));
            assert_eq!(text(response.body).await, "final");
        }
        assert_eq!(back.accepted(), 1);
    });
}

#[test]
fn a_body_without_framing_ends_with_the_connection() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            peer.write("HTTP/1.0 200 OK\r\n\r\nall of it").await;
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        assert_eq!(rig.get("/").await.unwrap().1, "all of it");
    });
}

#[test]
fn dropping_a_response_tells_the_server() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            peer.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
                .await;
            while peer.write("1\r\nx\r\n").await {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (mut response, _) = rig.send(get("/")).await.unwrap();
        assert!(response.body.chunk().await.is_some());
        drop(response);
        wait_until("the server stops", || back.open(), |open| *open == 0).await;
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
fn a_long_upload_is_not_cut_by_the_head_timeout() {
    run(async {
        let back = Backend::answering(|_, body| ok(&body.len().to_string())).await;
        let rig = Rig::new(group(vec![back.server()]));
        let limits = SendLimits::new(Duration::from_millis(400), Duration::from_secs(9));
        let (feed, body) = fed(Some(8));
        let begun = Instant::now();
        let feeding = async {
            // Eight times a quarter of the timeout, paced by the clock.
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                feed.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
            }
        };
        let (sent, ()) = tokio::join!(rig.client.send("g", post("/", body), &limits), feeding);
        assert_eq!(text(sent.unwrap().0.body).await, "8");
        assert!(begun.elapsed() > limits.head_timeout);
    });
}

#[test]
fn a_large_download_waits_for_its_reader() {
    run(async {
        let written = Rc::new(Cell::new(0_u64));
        let count = written.clone();
        let back = Backend::start(move |_, stream| {
            let count = count.clone();
            async move {
                let mut peer = Peer::new(stream);
                peer.head().await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {STREAM_BYTES}\r\n\r\n");
                assert!(peer.write(head).await);
                let chunk = vec![7_u8; CHUNK_BYTES];
                while count.get() < STREAM_BYTES && peer.write(&chunk).await {
                    count.set(count.get() + CHUNK_BYTES as u64);
                }
                peer.closed().await;
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (response, _) = rig.send(get("/")).await.unwrap();
        assert_eq!(response.body.length(), Some(STREAM_BYTES));
        let mut body = response.body;
        stays(&written, 0).await;
        let mut read = 0_u64;
        while let Some(chunk) = body.chunk().await {
            read += chunk.unwrap().len() as u64;
            assert!(written.get().saturating_sub(read) <= UNDER_WAY_BYTES_MAX);
        }
        assert_eq!(read, STREAM_BYTES);
    });
}

#[test]
fn a_large_upload_waits_for_its_server() {
    run(async {
        let (go, gate) = tokio::sync::oneshot::channel::<()>();
        let gate = Rc::new(Cell::new(Some(gate)));
        let read = Rc::new(Cell::new(0_u64));
        let count = read.clone();
        let back = Backend::start(move |_, stream| {
            let (gate, count) = (gate.take(), count.clone());
            async move {
                let mut peer = Peer::new(stream);
                let head = peer.head().await.unwrap();
                assert_eq!(
                    field(&head, "content-length"),
                    Some(&*STREAM_BYTES.to_string())
                );
                gate.unwrap().await.unwrap();
                while count.get() < STREAM_BYTES {
                    count.set(count.get() + peer.bytes().await.unwrap().len() as u64);
                }
                peer.write(ok("got it")).await;
                peer.closed().await;
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let made = Rc::new(Cell::new(0_u64));
        let source = Source {
            made: made.clone(),
            taken: read.clone(),
        };
        let body = Body::Stream {
            stream: Box::pin(source),
            length: Some(STREAM_BYTES),
        };
        let stalled = async {
            stays(&made, 0).await;
            go.send(()).unwrap();
        };
        let (sent, ()) = tokio::join!(rig.send(post("/", body)), stalled);
        assert_eq!(text(sent.unwrap().0.body).await, "got it");
        assert_eq!((made.get(), read.get()), (STREAM_BYTES, STREAM_BYTES));
    });
}

/// Waits until a count stops growing, and checks that it stopped within what buffers explain.
async fn stays(count: &Cell<u64>, base: u64) {
    let mut before = u64::MAX;
    while before != count.get() {
        before = count.get();
        // Long enough that a writer that could go on would have.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        before - base <= UNDER_WAY_BYTES_MAX,
        "{before} bytes without a reader"
    );
}

/// As many bytes as are asked for, counted, and never too far ahead of the other end.
struct Source {
    made: Rc<Cell<u64>>,
    taken: Rc<Cell<u64>>,
}

impl Stream for Source {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        assert!(self.made.get() - self.taken.get() <= UNDER_WAY_BYTES_MAX);
        if self.made.get() == STREAM_BYTES {
            return Poll::Ready(None);
        }
        self.made.set(self.made.get() + CHUNK_BYTES as u64);
        Poll::Ready(Some(Ok(Bytes::from(vec![7_u8; CHUNK_BYTES]))))
    }
}
