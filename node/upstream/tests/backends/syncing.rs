//! Changes of configuration under traffic.

use std::time::{Duration, Instant};

use tollgate_upstream::{HealthCheck, UpstreamErrorKind};

use crate::support::*;

#[test]
fn unchanged_groups_and_servers_keep_their_connections() {
    run(async {
        let back = Backend::answering(|_, _| ok("x")).await;
        let spec = group(vec![back.server()]);
        let rig = Rig::new(spec.clone());
        rig.get("/").await.unwrap();
        rig.upstreams.sync(vec![
            spec.clone(),
            tollgate_upstream::GroupSpec::new("h", Vec::new()),
        ]);
        assert!(rig.get("/").await.unwrap().2.reused, "the same group");
        let mut changed = spec.clone();
        changed.servers[0].weight = 7;
        changed.balance = tollgate_upstream::Balance::LeastOutstanding;
        rig.upstreams.sync(vec![changed]);
        assert!(
            rig.get("/").await.unwrap().2.reused,
            "a changed group, the same server"
        );
        assert_eq!(rig.state(0).requests, 3);
        let mut changed = spec;
        changed.connect_timeout_ms += 1;
        rig.upstreams.sync(vec![changed]);
        assert!(
            !rig.get("/").await.unwrap().2.reused,
            "reached in another way"
        );
        wait_until(
            "the old connection is closed",
            || back.open(),
            |open| *open == 1,
        )
        .await;
        assert_eq!(back.accepted(), 2);
    });
}

#[test]
fn a_removed_group_ends_after_its_requests() {
    run(async {
        let back = Backend::start(|_, stream| async move {
            let mut peer = Peer::new(stream);
            let head = peer.head().await.unwrap();
            peer.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nha")
                .await;
            if head.contains("/slow") {
                peer.stream.readable().await.unwrap();
            }
            peer.write("lf").await;
            peer.closed().await;
        })
        .await;
        let rig = Rig::new(group(vec![back.server()]));
        let (response, _) = rig.send(get("/")).await.unwrap();
        rig.upstreams.sync(Vec::new());
        let error = rig.get("/").await.unwrap_err();
        assert_eq!(error.kind, UpstreamErrorKind::UnknownGroup);
        assert_eq!(
            text(response.body).await,
            "half",
            "a request in flight ends as it began"
        );
        wait_until("nothing is kept", || back.open(), |open| *open == 0).await;
        assert!(rig.upstreams.observe().is_empty());
    });
}

#[test]
fn checks_end_with_their_group() {
    run(async {
        let back = Backend::answering(|_, _| ok("x")).await;
        let mut spec = group(vec![back.server()]);
        spec.health_check = Some(HealthCheck {
            path: "/".to_owned(),
            interval_ms: 1,
            timeout_ms: 1_000,
            healthy_threshold: 1,
            unhealthy_threshold: 1,
            status_min: 200,
            status_max: 200,
        });
        let rig = Rig::new(spec);
        wait_until("checked", || back.accepted(), |checks| *checks > 3).await;
        rig.upstreams.sync(Vec::new());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let checks = back.accepted();
            // A hundred intervals. The last check may still wait to be accepted in the first round.
            tokio::time::sleep(Duration::from_millis(100)).await;
            if back.accepted() == checks {
                break;
            }
            assert!(Instant::now() < deadline, "still checked: {checks}");
        }
        assert_eq!(back.open(), 0);
    });
}

#[test]
fn a_client_that_is_dropped_closes_its_connections() {
    run(async {
        let back = Backend::answering(|_, _| ok("x")).await;
        let rig = Rig::new(group(vec![back.server()]));
        rig.get("/").await.unwrap();
        let Rig { client, upstreams } = rig;
        drop(client);
        wait_until("closed", || back.open(), |open| *open == 0).await;
        assert_eq!(upstreams.observe()[0].servers[0].connections, 0);
    });
}
