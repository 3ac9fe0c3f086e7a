//! Connections: reuse, staleness, limits.

use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tollgate_message::{Body, Method};
use tollgate_upstream::{SendLimits, UpstreamErrorKind};

use crate::support::*;

#[test]
fn a_connection_is_reused() {
    run(async {
        let back = Backend::answering(|head, _| ok(head.lines().next().unwrap())).await;
        let rig = Rig::new(group(vec![back.server()]));
        let (status, body, first) = rig.get("/1").await.unwrap();
        assert_eq!((status, body.as_str()), (200, "get /1 http/1.1"));
        let (.., second) = rig.get("/2").await.unwrap();
        assert!(!first.reused && first.connect_us > 0);
        assert!(second.reused && second.connect_us == 0);
        assert_eq!(*second.server, format!("http://127.0.0.1:{}", back.port));
        assert_eq!(back.accepted(), 1);
        assert_eq!((rig.state(0).outstanding, rig.state(0).requests), (0, 2));
    });
}

#[test]
fn every_kind_of_ending_leaves_the_connection_usable() {
    run(async {
        let back = Backend::answering(|head, body| {
            let target = head.split(' ').nth(1).unwrap();
            match target {
                "/chunked" => {
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n"
                        .to_owned()
                }
                "/none" => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                "/head" => "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n".to_owned(),
                _ => ok(&String::from_utf8_lossy(body)),
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        for _ in 0..2 {
            assert_eq!(rig.get("/chunked").await.unwrap().1, "hi");
            assert_eq!(rig.get("/none").await.unwrap().0, 204);
            let mut head = get("/head");
            head.method = Method::Head;
            let (response, _) = rig.send(head).await.unwrap();
            assert_eq!(response.headers.get_str("content-length"), Some("1000"));
            assert!(response.body.is_empty());
            let (response, _) = rig.send(post("/", Body::Full("abc".into()))).await.unwrap();
            assert_eq!(text(response.body).await, "abc");
        }
        assert_eq!(back.accepted(), 1);
    });
}

/// Answers the first request of the first connection; closes it upon the second one.
async fn stale_after_one() -> Backend {
    Backend::start(|number, stream| async move {
        let mut peer = Peer::new(stream);
        while let Some(head) = peer.head().await {
            peer.body(&head).await;
            assert!(peer.write(ok("answer")).await);
            if number == 1 {
                peer.head().await;
                return;
            }
        }
    })
    .await
}

#[test]
fn a_get_on_a_stale_connection_is_repeated_once() {
    run(async {
        let back = stale_after_one().await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        let (status, body, info) = rig.get("/").await.unwrap();
        assert_eq!((status, body.as_str(), info.retries), (200, "answer", 1));
        assert_eq!(back.accepted(), 2);
        assert_eq!(
            rig.state(0).failures,
            0,
            "a stale connection is nobody's failure"
        );
    });
}

#[test]
fn a_post_on_a_stale_connection_is_not_repeated() {
    run(async {
        let back = stale_after_one().await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        let error = rig
            .send(post("/", Body::Full("once".into())))
            .await
            .unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Reset);
        assert!(error.reused && !error.head_started);
        assert_eq!(back.accepted(), 1);
    });
}

#[test]
fn a_repeat_is_not_repeated() {
    run(async {
        let back = Backend::start(|number, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            if number == 1 {
                assert!(peer.write(ok("answer")).await);
                peer.head().await;
            }
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        let error = rig.get("/").await.unwrap_err();
        assert_eq!(
            (error.kind, error.reused),
            (UpstreamErrorKind::Reset, false)
        );
        assert_eq!(back.accepted(), 2);
    });
}

#[test]
fn a_begun_answer_is_not_repeated() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            assert!(peer.write(ok("answer")).await);
            peer.head().await;
            peer.write("HTTP/1.1 200 O").await;
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        let error = rig.get("/").await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Reset);
        assert!(error.reused && error.head_started);
        assert_eq!(back.accepted(), 1);
    });
}

#[test]
fn a_connection_that_was_closed_while_idle_is_not_used() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            let head = peer.head().await.unwrap();
            peer.body(&head).await;
            peer.write(ok("answer")).await;
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        wait_until("the close is noticed", || back.open(), |open| *open == 0).await;
        // Whether noticed before or after it is taken, an unsent request may go again.
        let (response, _) = rig.send(post("/", Body::Full("x".into()))).await.unwrap();
        assert_eq!(text(response.body).await, "answer");
        assert_eq!(back.accepted(), 2);
    });
}

#[test]
fn connection_close_is_honoured() {
    run(async {
        let back = Backend::answering(|_, _| {
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx".to_owned()
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        for _ in 0..3 {
            let (response, info) = rig.send(get("/")).await.unwrap();
            assert!(!info.reused && !response.headers.contains("connection"));
            assert_eq!(text(response.body).await, "x");
        }
        assert_eq!(back.accepted(), 3);
    });
}

#[test]
fn idle_connections_are_closed_in_time() {
    run(async {
        let back = Backend::answering(|_, _| ok("x")).await;
        let mut spec = group(vec![back.server()]);
        spec.idle_timeout_ms = 20;
        let rig = Rig::new(spec);
        rig.get("/").await.unwrap();
        assert_eq!(back.open(), 1);
        wait_until("closed", || back.open(), |open| *open == 0).await;
        wait_until("counted", || rig.state(0).connections, |open| *open == 0).await;
    });
}

#[test]
fn the_connection_limit_makes_requests_wait() {
    run(async {
        let release = Rc::new(Notify::new());
        let gate = release.clone();
        let back = Backend::start(move |_, stream| {
            let gate = gate.clone();
            async move {
                let mut peer = Peer::new(stream);
                while peer.head().await.is_some() {
                    gate.notified().await;
                    peer.write(ok("x")).await;
                }
            }
        })
        .await;
        let mut spec = group(vec![back.server()]);
        spec.connections_max = 2;
        let rig = Rc::new(Rig::new(spec));
        let tasks: Vec<_> = (0..9)
            .map(|_| {
                let rig = rig.clone();
                tokio::task::spawn_local(async move { rig.get("/").await })
            })
            .collect();
        wait_until("all begun", || rig.state(0).outstanding, |n| *n == 9).await;
        for task in tasks {
            while !task.is_finished() {
                release.notify_one();
                tokio::task::yield_now().await;
            }
            assert_eq!(task.await.unwrap().unwrap().1, "x");
            assert!(rig.state(0).connections <= 2);
        }
        assert_eq!(back.accepted(), 2);
    });
}

#[test]
fn waiting_for_a_connection_ends_with_the_head_timeout() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            peer.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
                .await;
            peer.closed().await;
        })
        .await;
        let mut spec = group(vec![back.server()]);
        spec.connections_max = 1;
        let rig = Rig::new(spec);
        let (held, _) = rig.send(get("/")).await.unwrap();
        let limits = SendLimits::new(Duration::from_millis(30), Duration::from_secs(9));
        let error = rig.client.send("g", get("/"), &limits).await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::Overloaded);
        assert_eq!(rig.state(0).failures, 0, "the server did nothing wrong");
        // The held connection is closed with its response, and its place is free again.
        drop(held);
        let (response, info) = rig.send(get("/")).await.unwrap();
        assert_eq!(
            (response.status, info.reused, back.accepted()),
            (200, false, 2)
        );
    });
}

#[test]
fn an_answer_that_nobody_asked_for_reaches_nobody() {
    run(async {
        for surplus in [ok("evil"), "x".to_owned()] {
            let back = Backend::answering(move |head, _| {
                if head.contains("/first") {
                    format!("{}{surplus}", ok("good"))
                } else {
                    ok("fresh")
                }
            })
            .await;
            let rig = Rig::new(group(vec![back.server()]));
            assert_eq!(rig.get("/first").await.unwrap().1, "good");
            let (_, body, info) = rig.get("/second").await.unwrap();
            assert_eq!(
                (body.as_str(), info.reused, back.accepted()),
                ("fresh", false, 2)
            );
        }
    });
}

#[test]
fn a_request_that_is_given_up_closes_its_connection() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            Peer::new(stream).closed().await;
        })
        .await;
        let rig = Rc::new(Rig::new(group(vec![back.server()])));
        let sender = rig.clone();
        let task = tokio::task::spawn_local(async move { sender.get("/").await });
        wait_until("sent", || back.open(), |open| *open == 1).await;
        task.abort();
        wait_until("closed", || back.open(), |open| *open == 0).await;
        wait_until("counted", || rig.state(0).outstanding, |n| *n == 0).await;
    });
}

#[test]
fn a_waiter_that_gives_up_does_not_keep_its_turn() {
    run(async {
        let release = Rc::new(Notify::new());
        let gate = release.clone();
        let back = Backend::start(move |_, stream| {
            let gate = gate.clone();
            async move {
                let mut peer = Peer::new(stream);
                while peer.head().await.is_some() {
                    peer.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no")
                        .await;
                    gate.notified().await;
                    peer.write("k").await;
                }
            }
        })
        .await;
        let mut spec = group(vec![back.server()]);
        spec.connections_max = 1;
        let rig = Rc::new(Rig::new(spec));
        let (held, _) = rig.send(get("/")).await.unwrap();
        let wait = || {
            let rig = rig.clone();
            tokio::task::spawn_local(async move { rig.get("/").await })
        };
        let (first, second, third) = (wait(), wait(), wait());
        wait_until("all wait", || rig.state(0).outstanding, |n| *n == 4).await;
        let mut body = held.body;
        assert!(body.chunk().await.is_some());
        release.notify_one();
        // The end of this body wakes the first waiter, which is ended before it runs.
        assert!(body.chunk().await.is_some());
        first.abort();
        for waiter in [second, third] {
            release.notify_one();
            assert_eq!(waiter.await.unwrap().unwrap().1, "ok");
        }
        assert_eq!(back.accepted(), 1);
    });
}

#[test]
fn localhost_is_tried_on_both_families() {
    run(async {
        // A port that only IPv6 serves; IPv4 is tried first and refuses.
        let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
            eprintln!("no IPv6 here");
            return;
        };
        let port = listener.local_addr().unwrap().port();
        tokio::task::spawn_local(async move {
            let mut peer = Peer::new(listener.accept().await.unwrap().0);
            peer.head().await;
            peer.write(ok("six")).await;
        });
        let servers = vec![server(tollgate_upstream::Scheme::Http, "localhost", port)];
        assert_eq!(Rig::new(group(servers)).get("/").await.unwrap().1, "six");
    });
}

#[test]
fn workers_share_the_registry_across_threads() {
    run(async {
        let back = Backend::answering(|_, _| ok("x")).await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        let upstreams = rig.upstreams.clone();
        let other = std::thread::spawn(move || {
            run(async move {
                let client = tollgate_upstream::Client::new(upstreams);
                let (response, _) = client.send("g", get("/"), &LIMITS).await.unwrap();
                assert_eq!(text(response.body).await, "x");
            });
        });
        wait_until(
            "the other worker is done",
            || other.is_finished(),
            |done| *done,
        )
        .await;
        other.join().unwrap();
        assert_eq!((rig.state(0).requests, back.accepted()), (2, 2));
    });
}

#[test]
fn a_small_body_that_came_with_its_head_is_whole() {
    run(async {
        let back = Backend::answering(|head, _| match head.split(' ').nth(1).unwrap() {
            "/chunked" => {
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
                    .to_owned()
            }
            "/empty" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            _ => ok("hi"),
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        for (path, length) in [("/", 2), ("/chunked", 2), ("/empty", 0)] {
            let (response, _) = rig.send(get(path)).await.unwrap();
            assert!(
                !matches!(response.body, Body::Stream { .. }),
                "{path}: {:?}",
                response.body
            );
            assert_eq!(response.body.length(), Some(length));
            // The connection is free before the body is read.
            assert_eq!(rig.state(0).outstanding, 0);
        }
        assert_eq!(back.accepted(), 1);
    });
}
