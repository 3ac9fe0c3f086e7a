//! A quota is one number for all nodes together, also while they die.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Connection, DEADLINE, bar, wait_until};

use crate::keys::{self, Key, addresses, api, drain, request};
use crate::oracle::Oracle;

/// Around nothing, around one lease and far beyond it.
const LIMITS: [u64; 4] = [1, 2, 10, LARGEST];
const LARGEST: u64 = 1000;
/// How long the back end takes: six clients need seconds for the largest quota.
const TAKES: Duration = Duration::from_millis(20);
/// Clients of each node.
const CLIENTS: usize = 2;
const KILLS: usize = 8;
const KILL_EVERY: Duration = Duration::from_secs(2);
const DOWN_FOR: Duration = Duration::from_secs(1);

/// Every limit once for each round.
fn keys(rounds: usize) -> Vec<Key> {
    keys::of_rounds(rounds, &LIMITS)
}

#[test]
fn three_nodes_together_admit_exactly_the_quota() {
    let oracle = Oracle::start(TAKES);
    let keys = keys(3);
    let cluster = Cluster::start(3, &api(&oracle.url(), &keys));
    let nodes = addresses(&cluster);
    for key in &keys {
        let served = drain(&nodes, key);
        assert_eq!(served, key.limit, "the clients of {}", key.value);
        assert_eq!(oracle.served(&key.value), key.limit, "{}", key.value);
    }
    bar(
        1,
        "cluster: quotas of 1, 2, 10 and 1,000 over 3 nodes admitted exactly as many",
    );
}

/// Nodes tell little of what they spend unless they are asked: whoever reads has them tell.
#[test]
fn usage_is_the_truth_at_once_wherever_it_is_read() {
    let oracle = Oracle::start(Duration::ZERO);
    let keys = keys(1);
    let cluster = Cluster::start(3, &api(&oracle.url(), &keys));
    let key = keys.last().expect("the largest");
    let mut sent = 0;
    for round in 0..9 {
        for _ in 0..7 * (round + 1) {
            let node = addresses(&cluster)[round % 3];
            assert_eq!(request(&key.value).send(node).status, 200);
            sent += 1;
        }
        let reader = &cluster.nodes()[(round + round / 3 + 1) % 3];
        let usage = reader.cli(&["usage", &key.value, "-o", "json"]).json();
        assert_eq!(usage[0]["remaining"], key.limit - sent, "{round}: {usage}");
    }
}

/// Which keys are on: the large quotas change after a kill, so that it falls into their middle,
/// the small ones just before it.
#[derive(Default)]
struct Rounds {
    large: AtomicUsize,
    small: AtomicUsize,
    over: AtomicBool,
}

impl Rounds {
    fn key(&self, turn: usize) -> usize {
        let limit = turn % LIMITS.len();
        let large = LIMITS[limit] == LARGEST;
        let round = if large { &self.large } else { &self.small };
        round.load(Ordering::SeqCst) * LIMITS.len() + limit
    }
}

/// What clients do while nodes die: they ask one node after the other, for one key after the other
/// of those that are on.
fn ask_around(nodes: &[SocketAddr], keys: &[Key], rounds: &Rounds) {
    let mut connections: Vec<Option<Connection>> = nodes.iter().map(|_| None).collect();
    for turn in 0.. {
        if rounds.over.load(Ordering::SeqCst) {
            return;
        }
        let node = turn / LIMITS.len() % nodes.len();
        let open = connections[node].take().map(Ok);
        let Ok(mut connection) = open.unwrap_or_else(|| Connection::open(nodes[node])) else {
            continue;
        };
        if let Ok(response) = connection.request(&request(&keys[rounds.key(turn)].value)) {
            let status = response.status;
            assert!([200, 429, 503].contains(&status), "{response:?}");
            connections[node] = Some(connection);
        }
    }
}

/// Kills one node after the other by the clock; how often it was the leader.
fn kill_around(cluster: &mut Cluster, oracle: &Oracle, keys: &[Key], rounds: &Rounds) -> usize {
    let mut leaders = 0;
    let random = RandomState::new();
    for kill in 0..KILLS {
        rounds.large.store(kill, Ordering::SeqCst);
        let began = Instant::now();
        let leader = cluster.leader(0, None);
        wait_until(DEADLINE, "the next kill", || elapsed(began, KILL_EVERY));
        let victim = (random.hash_one(kill) % cluster.nodes().len() as u64) as usize;
        println!("kill {kill}: node {victim}, the leader is {leader}");
        leaders += usize::from(victim == leader);
        rounds.small.store(kill, Ordering::SeqCst);
        let begun = &keys[kill * LIMITS.len()].value;
        wait_until(DEADLINE, "a small quota to be begun", || {
            if oracle.served(begun) > 0 {
                Ok(())
            } else {
                Err("none is")
            }
        });
        cluster.node(victim).kill9();
        let killed = Instant::now();
        wait_until(DEADLINE, "the restart", || elapsed(killed, DOWN_FOR));
        cluster.node(victim).restart();
        println!("  ready again {:?} after the kill", killed.elapsed());
    }
    leaders
}

fn elapsed(since: Instant, at_least: Duration) -> Result<(), String> {
    let now = since.elapsed();
    if now >= at_least {
        Ok(())
    } else {
        Err(format!("{now:?}"))
    }
}

#[test]
fn kill_9_of_a_node_every_two_seconds_never_admits_more() {
    let oracle = Oracle::start(TAKES);
    let keys = keys(KILLS);
    let mut cluster = Cluster::start(3, &api(&oracle.url(), &keys));
    let nodes = addresses(&cluster);
    let rounds = Rounds::default();
    let clients = CLIENTS * nodes.len();
    let leaders = thread::scope(|scope| {
        for _ in 0..clients {
            scope.spawn(|| ask_around(&nodes, &keys, &rounds));
        }
        let leaders = kill_around(&mut cluster, &oracle, &keys, &rounds);
        rounds.over.store(true, Ordering::SeqCst);
        leaders
    });
    let (mut served, mut stranded) = (0, 0);
    for key in &keys {
        drain(&nodes, key);
        let count = oracle.served(&key.value);
        assert!(count <= key.limit, "{count} for {}", key.value);
        served += count;
        stranded += key.limit - count;
        // A death strands what the node held of a quota, a twentieth over all nodes, and what was
        // on its way to the back end.
        let held = key.limit.div_ceil(20 * nodes.len() as u64) + clients as u64;
        let least = key.limit.saturating_sub(KILLS as u64 * held);
        assert!(count >= least, "{count} for {}", key.value);
    }
    bar(
        1,
        &format!(
            "cluster: {KILLS} kills -9, {leaders} of them of the leader: no quota exceeded, {served} \
         admitted, {stranded} stranded"
        ),
    );
}
