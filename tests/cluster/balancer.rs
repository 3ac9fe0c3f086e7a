//! Clients behind HAProxy, in the configuration that is shipped, notice neither a node that dies
//! nor a release that is rolled out.

use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Request, bar};
use tollgate_tests::files;

use crate::front::Balancer;
use crate::load::Load;
use crate::oracle::Oracle;

const CLIENTS: usize = 16;
/// Enough that every client was at work on every node.
const WARM: usize = 2_000;
const TAKES: Duration = Duration::from_millis(4);
/// Far above what any test spends, so that only a mistake refuses.
const QUOTA: u64 = 100_000_000;

fn call() -> Request {
    Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", files::KEY)
}

#[test]
fn a_leader_that_is_killed_costs_clients_nothing() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), QUOTA));
    let balancer = Balancer::start(&cluster, &call());
    let load = Load::start(balancer.address, CLIENTS, &call());
    load.wait_more(WARM);
    let leader = cluster.leader(0, None);
    let other = (leader + 1) % 3;
    cluster.node(leader).kill9();
    let killed = Instant::now();
    cluster.leader(other, Some(leader));
    let elected = killed.elapsed();
    load.wait_more(WARM);
    let report = load.finish();
    let (failed, of) = (report.failed.len(), report.answered);
    bar(
        3,
        &format!(
            "cluster: leader killed under {} requests/s through HAProxy: {failed} of {of} failed; new \
         leader known after {} ms (at most 1500)",
            report.per_second,
            elected.as_millis()
        ),
    );
    // What was in flight on the killed node may fail; GET is asked again elsewhere.
    assert!(failed <= CLIENTS / 2, "{:#?}", report.failed);
    assert!(elected < Duration::from_secs(10), "{elected:?}");
}

#[test]
fn a_rolling_restart_fails_no_request() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), QUOTA));
    let balancer = Balancer::start(&cluster, &call());
    let load = Load::start(balancer.address, CLIENTS, &call());
    load.wait_more(WARM);
    for at in 0..3 {
        let status = cluster.node(at).stop();
        assert!(status.success(), "node {at}: {status}");
        cluster.node(at).restart();
        cluster.wait_voters(3);
        load.wait_more(WARM);
    }
    let report = load.finish();
    let (failed, of) = (report.failed.len(), report.answered);
    bar(
        4,
        &format!(
            "cluster: rolling restart of 3 nodes through HAProxy under {} requests/s: {failed} of {of} \
         failed (at most 0)",
            report.per_second
        ),
    );
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
}
