//! Which server gets a request, and which gets none.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tollgate_message::Response;
use tollgate_upstream::{
    Balance, Ejection, HealthCheck, Scheme, SendLimits, ServerCondition, UpstreamErrorKind,
};

use crate::support::*;

async fn named(name: &'static str) -> Backend {
    Backend::answering(move |_, _| ok(name)).await
}

async fn answers(rig: &Rig, requests: usize) -> (usize, usize) {
    let (mut a, mut b) = (0, 0);
    for _ in 0..requests {
        match &*rig.get("/").await.unwrap().1 {
            "a" => a += 1,
            "b" => b += 1,
            other => panic!("{other}"),
        }
    }
    (a, b)
}

#[test]
fn weights_share_the_requests() {
    run(async {
        let (a, b) = (named("a").await, named("b").await);
        let mut servers = vec![a.server(), b.server()];
        servers[0].weight = 3;
        let rig = Rig::new(group(servers));
        assert_eq!(answers(&rig, 40).await, (30, 10));
    });
}

#[test]
fn least_outstanding_avoids_the_busy() {
    run(async {
        let busy = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            peer.head().await;
            peer.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
                .await;
            peer.closed().await;
        })
        .await;
        let free = named("b").await;
        let mut spec = group(vec![busy.server(), free.server()]);
        spec.balance = Balance::LeastOutstanding;
        let rig = Rig::new(spec);
        let held: Response = loop {
            let (response, info) = rig.send(get("/")).await.unwrap();
            if info.server.ends_with(&busy.port.to_string()) {
                break response;
            }
            text(response.body).await;
        };
        assert_eq!(answers(&rig, 10).await, (0, 10));
        drop(held);
        assert_eq!(rig.state(0).outstanding, 0);
    });
}

/// Fails with 503 while told to.
async fn moody(name: &'static str) -> (Rc<Cell<bool>>, Backend) {
    let ill = Rc::new(Cell::new(true));
    let mood = ill.clone();
    let back = Backend::answering(move |_, _| {
        if mood.get() {
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned()
        } else {
            ok(name)
        }
    })
    .await;
    (ill, back)
}

#[test]
fn a_failing_server_is_ejected_and_returns() {
    run(async {
        let ((ill, a), b) = (moody("a").await, named("b").await);
        let mut spec = group(vec![a.server(), b.server()]);
        spec.ejection = Some(Ejection {
            consecutive_failures: 3,
            duration_ms: 300,
        });
        let rig = Rig::new(spec);
        let mut failed = 0;
        while rig.state(0).condition == ServerCondition::Up {
            failed += usize::from(rig.get("/").await.unwrap().0 == 503);
        }
        assert_eq!(failed, 3);
        assert_eq!(rig.state(0).condition, ServerCondition::Ejected);
        ill.set(false);
        assert_eq!(answers(&rig, 10).await, (0, 10));
        wait_until(
            "back",
            || rig.state(0).condition,
            |c| *c == ServerCondition::Up,
        )
        .await;
        assert_eq!(answers(&rig, 10).await, (5, 5));
    });
}

#[test]
fn refused_connects_eject_and_a_success_resets_the_count() {
    run(async {
        let dead = server(Scheme::Http, "127.0.0.1", dead_port().await);
        let (b, (ill, c)) = (named("b").await, moody("c").await);
        let mut spec = group(vec![dead, b.server()]);
        spec.ejection = Some(Ejection {
            consecutive_failures: 2,
            duration_ms: 60_000,
        });
        let rig = Rig::new(spec);
        assert_eq!(
            answers(&rig, 20).await,
            (0, 20),
            "no client sees the dead server"
        );
        assert_eq!(rig.state(0).condition, ServerCondition::Ejected);
        assert_eq!(rig.state(0).requests, 2);

        let mut spec = group(vec![c.server(), b.server()]);
        spec.ejection = Some(Ejection {
            consecutive_failures: 2,
            duration_ms: 60_000,
        });
        let rig = Rig::new(spec);
        for turn in 0..10 {
            ill.set(turn % 4 < 2);
            rig.get("/").await.unwrap();
        }
        assert!(rig.state(0).failures >= 2);
        assert_eq!(
            rig.state(0).condition,
            ServerCondition::Up,
            "never two in a row"
        );
    });
}

#[test]
fn the_last_server_is_never_ejected() {
    run(async {
        let ((_, a), (_, b)) = (moody("a").await, moody("b").await);
        let mut spec = group(vec![a.server(), b.server()]);
        spec.ejection = Some(Ejection {
            consecutive_failures: 1,
            duration_ms: 60_000,
        });
        let rig = Rig::new(spec);
        for _ in 0..6 {
            assert_eq!(rig.get("/").await.unwrap().0, 503);
        }
        let up = |i: &usize| rig.state(*i).condition == ServerCondition::Up;
        assert_eq!([0, 1].iter().filter(|i| up(i)).count(), 1);
    });
}

#[test]
fn a_hanging_server_is_ejected() {
    run(async {
        let hangs = Backend::start(|_, stream| async move {
            Peer::new(stream).closed().await;
        })
        .await;
        let b = named("b").await;
        let mut spec = group(vec![hangs.server(), b.server()]);
        spec.ejection = Some(Ejection {
            consecutive_failures: 1,
            duration_ms: 60_000,
        });
        let rig = Rig::new(spec);
        let limits = SendLimits::new(Duration::from_millis(300), Duration::from_secs(9));
        let mut timeouts = 0;
        for _ in 0..6 {
            if let Err(error) = rig.client.send("g", get("/"), &limits).await {
                assert_eq!(error.kind, UpstreamErrorKind::Timeout);
                timeouts += 1;
            }
        }
        assert_eq!(timeouts, 1);
    });
}

#[test]
fn active_checks_take_a_server_out_and_back() {
    run(async {
        let ((ill, a), b) = (moody("a").await, named("b").await);
        ill.set(false);
        let mut spec = group(vec![a.server(), b.server()]);
        spec.health_check = Some(HealthCheck {
            path: "/health?deep=1".to_owned(),
            interval_ms: 5,
            timeout_ms: 5_000,
            healthy_threshold: 2,
            unhealthy_threshold: 2,
            status_min: 200,
            status_max: 299,
        });
        let rig = Rig::new(spec.clone());
        assert_eq!(answers(&rig, 10).await, (5, 5), "healthy to begin with");
        ill.set(true);
        let condition = || rig.state(0).condition;
        wait_until("out", condition, |c| *c == ServerCondition::Unhealthy).await;
        assert_eq!(answers(&rig, 10).await, (0, 10));
        ill.set(false);
        wait_until("back", condition, |c| *c == ServerCondition::Up).await;
        assert_eq!(answers(&rig, 10).await, (5, 5));
        // Without checks nobody would ever find it healthy again.
        ill.set(true);
        wait_until("out again", condition, |c| *c == ServerCondition::Unhealthy).await;
        spec.health_check = None;
        rig.upstreams.sync(vec![spec]);
        assert_eq!(condition(), ServerCondition::Up);
    });
}
