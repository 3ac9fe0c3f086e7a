//! A change through any node is in force there when it is answered, and on all nodes a moment later.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Connection, Request, bar, wait_until};
use tollgate_tests::{drivers, files};

use crate::oracle::Oracle;

/// Where a change is not yet in force, it is within this.
const EVERYWHERE_WITHIN: Duration = Duration::from_secs(1);
const APPLIES: usize = 50;

fn status(node: SocketAddr, key: &str) -> u16 {
    let request = Request::get("/x").host(files::HOST);
    request.header("x-api-key", key).send(node).status
}

#[test]
fn a_key_made_by_boto3_works_where_it_was_made_and_soon_elsewhere() {
    let oracle = Oracle::start(Duration::ZERO);
    let cluster = Cluster::start(3, &files::with_quota(&oracle.url(), 1_000));
    for (at, node) in cluster.nodes().iter().enumerate() {
        let name = format!("customer-of-node-{at}");
        let environment = [("PLAN_NAME", "plan"), ("KEY_NAME", &*name)];
        let said = drivers::drive(node, "cluster/key.py", &environment);
        let key = said.trim();
        assert_eq!(
            status(node.http(), key),
            200,
            "where it was made: node {at}"
        );
        for other in cluster.nodes() {
            wait_until(EVERYWHERE_WITHIN, "the key elsewhere", || {
                match status(other.http(), key) {
                    200 => Ok(()),
                    refused => Err(refused),
                }
            });
        }
    }
}

fn api(revision: usize) -> String {
    files::api(&format!(
        "      - {{routeKey: $default, integration: {{fixedResponse: {{body: revision-{revision}}}}}}}\n"
    ))
}

fn served(connection: &mut Connection) -> String {
    let asked = connection.request(&Request::get("/").host(files::HOST));
    asked.expect("an answer").text()
}

/// The duration that so many hundredths of all are not above.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}

#[test]
fn an_apply_is_live_on_all_nodes_at_once() {
    let cluster = Cluster::start(3, &api(0));
    let leader = cluster.leader(0, None);
    let mut connections: Vec<Connection> = cluster
        .nodes()
        .iter()
        .map(|node| Connection::open(node.http()).expect("connect"))
        .collect();
    // After the answer, and since the command began: it starts a process and makes a plan first.
    let (mut behind, mut whole) = (Vec::new(), Vec::new());
    for revision in 1..=APPLIES {
        // Through one follower and the other.
        let at = (leader + 1 + revision % 2) % 3;
        let expected = format!("revision-{revision}");
        let began = Instant::now();
        let applied = cluster.apply(at, &api(revision));
        let answered = Instant::now();
        assert_eq!(applied.code, 0, "{applied:?}");
        assert_eq!(
            served(&mut connections[at]),
            expected,
            "where it was applied"
        );
        for connection in &mut connections {
            wait_until(EVERYWHERE_WITHIN, "the change elsewhere", || {
                let body = served(connection);
                if body == expected { Ok(()) } else { Err(body) }
            });
        }
        behind.push(answered.elapsed());
        whole.push(began.elapsed());
    }
    behind.sort_unstable();
    whole.sort_unstable();
    let ms = |times: &[Duration], percent| percentile(times, percent).as_millis();
    bar(
        5,
        &format!(
            "cluster: {APPLIES} applies through followers live on 3 nodes {} ms (p50), {} ms (p99, at \
             most 50) after the answer; the whole command {} ms, {} ms",
            ms(&behind, 50),
            ms(&behind, 99),
            ms(&whole, 50),
            ms(&whole, 99),
        ),
    );
}

#[test]
fn percentiles_are_of_what_was_measured() {
    let times: Vec<Duration> = (1..=50).map(Duration::from_millis).collect();
    assert_eq!(percentile(&times, 50), Duration::from_millis(25));
    assert_eq!(percentile(&times, 99), Duration::from_millis(50));
}

/// A regression would show as two keys with one secret, a lost route, a mapping to a stage that is
/// gone, or a change that is told to try again because of one of another API.
#[test]
fn changes_through_all_nodes_at_once_overwrite_none() {
    let cluster = Cluster::start(
        3,
        &files::api("      - {routeKey: $default, integration: {fixedResponse: {body: ok}}}\n"),
    );
    let admins = cluster
        .nodes()
        .iter()
        .map(|it| format!("http://{}", it.addresses().admin));
    let endpoints: Vec<String> = admins.collect();
    let environment = [("ENDPOINTS", &*endpoints.join(" "))];
    println!(
        "{}",
        drivers::drive(&cluster.nodes()[0], "cluster/at_once.py", &environment)
    );
}
