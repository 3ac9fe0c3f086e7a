//! Both directions of an HTTP/1 connection at once, and what comes when nobody asked.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tollgate_message::{Body, BodyError};
use tollgate_upstream::SendLimits;

use crate::support::*;

/// More than the sockets of both ends hold.
const LARGE_BYTES: usize = 32 * 1024 * 1024;

/// Answers the head at once, and says when all of a body of this length has come.
async fn eager(got: Rc<Notify>, answer: String) -> Backend {
    Backend::start(move |_, stream| {
        let (got, answer) = (got.clone(), answer.clone());
        async move {
            let mut peer = Peer::new(stream);
            while let Some(head) = peer.head().await {
                assert!(peer.write(&answer).await);
                let length: usize = field(&head, "content-length").unwrap().parse().unwrap();
                if peer.body(&head).await.len() < length {
                    return;
                }
                got.notify_one();
            }
        }
    })
    .await
}

#[test]
fn a_request_goes_on_while_nobody_reads_the_response() {
    run(async {
        let got = Rc::new(Notify::new());
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n".to_owned();
        let back = eager(got.clone(), answer + &"x".repeat(200_000)).await;
        let rig = Rig::new(group(vec![back.server()]));
        for body in [
            Body::Full(Bytes::from(vec![7; LARGE_BYTES])),
            Body::Full("small".into()),
        ] {
            let (response, _) = rig.send(post("/", body)).await.unwrap();
            // The client that sends everything before it reads anything.
            got.notified().await;
            assert_eq!(text(response.body).await.len(), 200_000);
        }
        assert_eq!((back.accepted(), rig.state(0).outstanding), (1, 0));
    });
}

#[test]
fn a_connection_waits_for_the_end_of_its_request() {
    run(async {
        let got = Rc::new(Notify::new());
        let back = eager(got.clone(), ok("soon")).await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(Some(6));
        let (response, _) = rig.send(post("/", body)).await.unwrap();
        assert_eq!(text(response.body).await, "soon");
        // The rest of that request is to come, so another one takes another connection.
        let (response, info) = rig.send(post("/", Body::Full("x".into()))).await.unwrap();
        assert_eq!(text(response.body).await, "soon");
        got.notified().await;
        assert!(!info.reused && back.accepted() == 2);
        feed.send(Ok(Bytes::from_static(b"abcdef"))).await.unwrap();
        got.notified().await;
        // Both are free now.
        for _ in 0..2 {
            let (feed, body) = fed(Some(1));
            let (_, info) = rig.send(post("/", body)).await.unwrap();
            assert!(info.reused);
            feed.send(Ok(Bytes::from_static(b"x"))).await.unwrap();
            got.notified().await;
        }
        assert_eq!(back.accepted(), 2);
    });
}

#[test]
fn a_request_that_stalls_behind_its_answer_is_given_up() {
    run(async {
        let back = eager(Rc::default(), ok("soon")).await;
        let rig = Rig::new(group(vec![back.server()]));
        let limits = SendLimits::new(Duration::from_secs(9), Duration::from_millis(30));
        let (feed, body) = fed(Some(6));
        let (response, _) = rig
            .client
            .send("g", post("/", body), &limits)
            .await
            .unwrap();
        assert_eq!(text(response.body).await, "soon");
        wait_until("closed", || back.open(), |open| *open == 0).await;
        wait_until("let go of", || feed.is_closed(), |closed| *closed).await;
        wait_until("counted", || rig.state(0).connections, |open| *open == 0).await;
    });
}

#[test]
fn a_sender_that_fails_ends_the_response_and_blames_nobody() {
    run(async {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_owned();
        let back = eager(Rc::default(), answer).await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(Some(6));
        let (response, _) = rig.send(post("/", body)).await.unwrap();
        let mut body = response.body;
        assert_eq!(body.chunk().await, Some(Ok(Bytes::from_static(b"half"))));
        let failing = async { feed.send(Err(BodyError::Closed)).await.unwrap() };
        let (end, ()) = tokio::join!(body.chunk(), failing);
        assert_eq!(end, Some(Err(BodyError::Closed)));
        assert_eq!(body.chunk().await, None);
        wait_until("closed", || back.open(), |open| *open == 0).await;
        assert_eq!((rig.state(0).failures, rig.state(0).outstanding), (0, 0));
    });
}

#[test]
fn dropping_a_response_stops_the_request() {
    run(async {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_owned();
        let back = eager(Rc::default(), answer).await;
        let rig = Rig::new(group(vec![back.server()]));
        let (feed, body) = fed(Some(6));
        let (response, _) = rig.send(post("/", body)).await.unwrap();
        drop(response);
        wait_until("let go of", || feed.is_closed(), |closed| *closed).await;
        wait_until("closed", || back.open(), |open| *open == 0).await;
        wait_until("counted", || rig.state(0).connections, |open| *open == 0).await;
    });
}

#[test]
fn an_answer_that_comes_late_and_unasked_reaches_nobody() {
    run(async {
        let (say, said) = (Rc::new(Notify::new()), Rc::new(Cell::new(false)));
        let (order, done) = (say.clone(), said.clone());
        let back = Backend::start(move |number, stream| {
            let (order, done) = (order.clone(), done.clone());
            async move {
                let mut peer = Peer::new(stream);
                while peer.head().await.is_some() {
                    let body = if number == 1 { "good" } else { "fresh" };
                    assert!(peer.write(ok(body)).await);
                    if number == 1 {
                        order.notified().await;
                        assert!(peer.write(ok("evil")).await);
                        done.set(true);
                    }
                }
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        assert_eq!(rig.get("/").await.unwrap().1, "good");
        say.notify_one();
        wait_until("the answer is sent", || said.get(), |said| *said).await;
        // Any timer: the reactor hears of sockets in the same turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (_, body, info) = rig.get("/").await.unwrap();
        assert_eq!((body.as_str(), info.reused), ("fresh", false));
        assert_eq!(rig.state(0).failures, 0);
    });
}
