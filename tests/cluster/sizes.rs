//! Clusters of five nodes, and of seven in `make prove`; and a large quota at full speed.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, DEADLINE, bar, prove, wait_until};

use crate::front::Balancer;
use crate::keys::{self, Key, addresses, api, drain, request};
use crate::load::Load;
use crate::oracle::Oracle;

const LIMITS: [u64; 4] = [1, 2, 10, 1_000];
const TAKES: Duration = Duration::from_millis(2);
const CLIENTS: usize = 16;
const WARM: usize = 1_000;
const LARGE: u64 = 25_000;
const LARGE_LONG: u64 = 100_000;
const KILL_EVERY: Duration = Duration::from_secs(2);
const DOWN_FOR: Duration = Duration::from_millis(700);
/// A node holds at most its share of a twentieth of a quota, and what was on its way is lost too.
const HELD_PARTS: u64 = 20;

/// Keys of every round, and one under a quota that no test spends, for probes and load.
fn with_spare(rounds: usize, limits: &[u64]) -> (Vec<Key>, String) {
    let mut keys = keys::of_rounds(rounds, limits);
    let spare = "key-that-is-never-used-up".to_owned();
    keys.push(Key {
        value: spare.clone(),
        limit: 100_000_000,
    });
    (keys, spare)
}

/// Clients that ask all nodes at once get exactly what is left.
fn assert_exact(oracle: &Oracle, nodes: &[SocketAddr], keys: &[Key]) {
    for key in keys {
        drain(nodes, key);
        assert_eq!(oracle.served(&key.value), key.limit, "{}", key.value);
    }
}

/// The leader is killed under load; what clients saw, and how long nobody led.
fn succession(cluster: &mut Cluster, balancer: &Balancer, spare: &str) -> String {
    let load = Load::start(balancer.address, CLIENTS, &request(spare));
    load.wait_more(WARM);
    let leader = cluster.leader(0, None);
    let witness = (leader + 1) % cluster.nodes().len();
    cluster.node(leader).kill9();
    let killed = Instant::now();
    cluster.leader(witness, Some(leader));
    let elected = killed.elapsed().as_millis();
    load.wait_more(WARM);
    cluster.node(leader).restart();
    let report = load.finish();
    let failed = report.failed.len();
    assert!(failed <= CLIENTS / 2, "{:#?}", report.failed);
    let of = report.answered;
    format!("leader killed, {failed} of {of} requests failed, new leader known after {elected} ms")
}

/// Every node is restarted under load; what clients saw.
fn rolling(cluster: &mut Cluster, balancer: &Balancer, spare: &str) -> String {
    let load = Load::start(balancer.address, CLIENTS, &request(spare));
    for at in 0..cluster.nodes().len() {
        let status = cluster.node(at).stop();
        assert!(status.success(), "node {at}: {status}");
        cluster.node(at).restart();
        cluster.wait_voters(5);
        load.wait_more(WARM);
    }
    let report = load.finish();
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    format!("rolling restart, 0 of {} failed", report.answered)
}

#[test]
fn five_and_more_nodes_hold_what_three_do() {
    for count in prove(vec![5], vec![5, 7]) {
        let oracle = Oracle::start(TAKES);
        let (keys, spare) = with_spare(2, &LIMITS);
        let mut cluster = Cluster::networked(count, 5, &api(&oracle.url(), &keys));
        let nodes = addresses(&cluster);
        let (first, second) = keys.split_at(LIMITS.len());
        assert_exact(&oracle, &nodes, first);
        let balancer = Balancer::start(&cluster, &request(&spare));
        let mut seen = vec![succession(&mut cluster, &balancer, &spare)];
        if prove(false, true) {
            cluster.wait_voters(5);
            seen.push(rolling(&mut cluster, &balancer, &spare));
        }
        assert_exact(&oracle, &nodes, &second[..LIMITS.len()]);
        let seen = seen.join("; ");
        bar(
            4,
            &format!("cluster: {count} nodes, 5 voters: quotas exact; {seen}"),
        );
    }
}

fn elapsed(since: Instant, at_least: Duration) {
    wait_until(DEADLINE, "its time", || {
        let now = since.elapsed();
        (now >= at_least)
            .then_some(())
            .ok_or_else(|| format!("{now:?}"))
    });
}

/// Kills a random node every two seconds, and cuts another off in between, until the quota is used
/// up; how many were killed.
fn kill_until_used_up(cluster: &mut Cluster, oracle: &Oracle, key: &Key) -> u64 {
    let random = RandomState::new();
    let mut kills = 0;
    loop {
        let began = Instant::now();
        let before = oracle.served(&key.value);
        let victim = (random.hash_one(kills) % 3) as usize;
        cluster.node(victim).kill9();
        kills += 1;
        elapsed(began, DOWN_FOR);
        cluster.node(victim).restart();
        cluster.network().isolate((victim + 1) % 3);
        elapsed(began, KILL_EVERY);
        cluster.network().heal();
        // Somebody may hold the rest for a moment; a round without any is the end.
        if oracle.served(&key.value) == before {
            return kills;
        }
    }
}

#[test]
fn a_large_quota_is_never_exceeded_while_nodes_die_and_are_cut_off() {
    let oracle = Oracle::start(Duration::ZERO);
    let large = prove(LARGE, LARGE_LONG);
    let (keys, spare) = with_spare(1, &[large]);
    let mut cluster = Cluster::networked(3, 3, &api(&oracle.url(), &keys));
    let key = &keys[0];
    let balancer = Balancer::start(&cluster, &request(&spare));
    let began = Instant::now();
    let requests = vec![vec![request(&key.value)]];
    let load = Load::rounds(balancer.address, CLIENTS, requests, &[200, 429, 502, 503]);
    let kills = kill_until_used_up(&mut cluster, &oracle, key);
    let took = began.elapsed();
    let report = load.finish();
    drain(&addresses(&cluster), key);
    let count = oracle.served(&key.value);
    let held = key.limit.div_ceil(HELD_PARTS * 3) + CLIENTS as u64;
    bar(
        1,
        &format!(
            "cluster: a quota of {large} over 3 nodes under {} requests/s through HAProxy, {kills} kills \
             and as many partitions in {} s: {count} admitted, {} stranded (at most {})",
            report.per_second,
            took.as_secs(),
            key.limit.saturating_sub(count),
            kills * held
        ),
    );
    assert!(count <= key.limit, "{count}");
    assert!(
        count + kills * held >= key.limit,
        "{count} after {kills} kills"
    );
}
