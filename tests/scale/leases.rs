//! Very many keys in use on three nodes: what sharing their quotas out costs the node that leads.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Connection, DEADLINE, Node, Request, bar, prove, wait_until};
use tollgate_tests::files;

use super::keys::{api, import};
use super::{StopOnDrop, alone, profile};

/// The promise of bar 7, for this many keys: of one core, in the published build.
const PROMISED_KEYS: usize = 100_000;
const SHARE_MAX: f64 = 0.10;
/// In `make test`.
const KEYS: usize = 2_000;
/// What a key may use in a month: little, so that a quiet key is granted the least that any is, 32 requests
/// at a time, and asks after 24.
const QUOTA: u64 = 16_000;
/// Clients of each node, each with a connection that it keeps.
const CLIENTS: usize = 2;
/// The same while keys come into use: a key's first request on a node waits for its lease.
const WARM_CLIENTS: usize = 8;
/// A key has up to so many requests on each node before anything is measured, each another number, so
/// that they do not all run low at the same time, as they would not after some hours of use.
const WARM_TURNS: u64 = 24;
/// Stretches of load that are measured until no other node takes the lead in one.
const STRETCHES_MAX: usize = 4;
/// The threads of a node that agree on grants, make them durable and ask for them.
const THREADS: [&str; 3] = ["cluster", "disk", "throttle"];
/// How long is measured: threads' times are counted in hundredths of a second.
const MEASURED: Duration = Duration::from_secs(3);
const MEASURED_OF_PROMISE: Duration = Duration::from_secs(30);

/// The processor time of each thread of a process so far, by its name.
fn threads(pid: u32) -> BTreeMap<String, Duration> {
    let mut all: BTreeMap<String, Duration> = BTreeMap::new();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    for task in tasks {
        let path = task.expect("a thread").path();
        // A thread may end meanwhile.
        let Ok(stat) = fs::read_to_string(path.join("stat")) else {
            continue;
        };
        let (head, rest) = stat.rsplit_once(')').expect("a name");
        let name = head.split_once('(').expect("a name").1;
        let ticks = rest.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(|it| it.parse::<u64>().expect("ticks")).sum();
        // Linux counts in hundredths of a second for user space, whatever the kernel's own clock.
        *all.entry(name.to_owned()).or_default() += Duration::from_millis(ticks * 10);
    }
    all
}

/// What clients ask: of so many keys now this one, now that one, or none.
#[derive(Clone, Copy)]
enum Asked {
    Keys(usize),
    Nothing,
}

/// A number that looks random (SplitMix64, Steele and others 2014).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn with_key(key: usize) -> Request {
    Request::get("/x").header("x-api-key", &format!("key-value-of-scale-{key:09}"))
}

fn answer(connection: &mut Connection, request: Request) {
    let response = connection.request(&request.host(files::HOST));
    assert_eq!(response.expect("an answer").status, 200);
}

/// Brings every key into use on every node.
fn warm(nodes: &[SocketAddr], keys: usize) {
    thread::scope(|scope| {
        for client in 0..nodes.len() * WARM_CLIENTS {
            let node = client % nodes.len();
            scope.spawn(move || {
                let mut connection = Connection::open(nodes[node]).expect("connect");
                for key in (client / nodes.len()..keys).step_by(WARM_CLIENTS) {
                    let turns = 1 + mixed((key * nodes.len() + node) as u64) % WARM_TURNS;
                    for _ in 0..turns {
                        answer(&mut connection, with_key(key));
                    }
                }
            });
        }
    });
}

fn ask(node: SocketAddr, client: usize, asked: Asked, stop: &AtomicBool, answered: &AtomicUsize) {
    let mut connection = Connection::open(node).expect("connect");
    for turn in 0_u64.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let request = match asked {
            Asked::Keys(keys) => {
                let number = mixed(((client as u64) << 40) + turn);
                with_key((number % keys as u64) as usize)
            }
            Asked::Nothing => Request::get("/open"),
        };
        answer(&mut connection, request);
        answered.fetch_add(1, Ordering::SeqCst);
    }
}

/// What one stretch of load cost the leader.
struct Cost {
    per_second: f64,
    /// The share of a core, by thread.
    shares: BTreeMap<String, f64>,
}

impl Cost {
    fn of_leases(&self) -> f64 {
        THREADS
            .iter()
            .filter_map(|name| self.shares.get(*name))
            .sum()
    }

    fn told(&self) -> String {
        let named = self.shares.iter().filter(|(_, share)| **share >= 0.005);
        let told: Vec<String> = named
            .map(|(name, share)| format!("{name} {:.1} %", share * 100.0))
            .collect();
        told.join(", ")
    }
}

/// What a stretch of load costs the leader: one in which no other takes its place, which may happen
/// where the machine has much else to do.
fn measure(cluster: &mut Cluster, asked: Asked, time: Duration) -> Cost {
    let nodes: Vec<SocketAddr> = cluster.nodes().iter().map(|it| it.http()).collect();
    for _ in 0..STRETCHES_MAX {
        let leader = cluster.leader(0, None);
        let pid = cluster.node(leader).process().pid();
        let cost = measure_once(&nodes, pid, asked, time);
        if cluster.leader(0, None) == leader {
            return cost;
        }
    }
    panic!("another node leads after each of {STRETCHES_MAX} stretches");
}

fn measure_once(nodes: &[SocketAddr], leader: u32, asked: Asked, time: Duration) -> Cost {
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        // Also when a check below fails: the scope waits for the clients.
        let stopping = StopOnDrop(&stop);
        for client in 0..nodes.len() * CLIENTS {
            let (stop, answered) = (&stop, &answered);
            scope.spawn(move || ask(nodes[client % nodes.len()], client, asked, stop, answered));
        }
        let all = || answered.load(Ordering::SeqCst);
        let (before, count, began) = (threads(leader), all(), Instant::now());
        wait_until(time + DEADLINE, "the time to measure in", || {
            let now = began.elapsed();
            if now >= time {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            }
        });
        let (after, took) = (threads(leader), began.elapsed().as_secs_f64());
        let count = all() - count;
        drop(stopping);
        let shares = after.into_iter().map(|(name, now)| {
            let spent = now.saturating_sub(before.get(&name).copied().unwrap_or_default());
            (name, spent.as_secs_f64() / took)
        });
        Cost {
            per_second: count as f64 / took,
            shares: shares.collect(),
        }
    })
}

/// Grants that the nodes received, and entries of the log.
fn agreed(cluster: &Cluster) -> [f64; 2] {
    let metrics: Vec<_> = cluster.nodes().iter().map(Node::metrics).collect();
    let all = |name| metrics.iter().filter_map(move |it| it.sum(name, &[]));
    [
        all("tollgate_quota_grants_total").sum(),
        all("tollgate_cluster_log_last_index").fold(0.0, f64::max),
    ]
}

#[test]
fn the_leases_of_very_many_keys_cost_the_leader_little() {
    let _alone = alone();
    let keys = prove(KEYS, PROMISED_KEYS);
    let promised = keys >= PROMISED_KEYS;
    let time = prove(MEASURED, MEASURED_OF_PROMISE);
    let mut cluster = Cluster::first(&api(QUOTA));
    cluster.add();
    cluster.add();
    cluster.wait_voters(3);
    import(&cluster.nodes()[0], 0, keys);
    let nodes: Vec<SocketAddr> = cluster.nodes().iter().map(|it| it.http()).collect();
    let without = measure(&mut cluster, Asked::Nothing, time);
    warm(&nodes, keys);
    let (before, began) = (agreed(&cluster), Instant::now());
    let with = measure(&mut cluster, Asked::Keys(keys), time);
    let (after, took) = (agreed(&cluster), began.elapsed().as_secs_f64());
    let [grants, entries] = [0, 1].map(|at| (after[at] - before[at]) / took);
    let share = with.of_leases() - without.of_leases();
    bar(
        7,
        &format!(
            "{keys} keys with quotas in use on 3 nodes, {:.0} requests/s, {grants:.0} grants and \
             {entries:.0} entries of the log a second: agreeing on leases takes {:.1} % of a core on the leader (at most {:.0} for {PROMISED_KEYS} keys in the published build; this is `{}`), \
             that is {:.1} us a request; its threads: {}; without keys, at {:.0} requests/s: {}",
            with.per_second,
            share * 100.0,
            SHARE_MAX * 100.0,
            profile(),
            share * 1e6 / with.per_second,
            with.told(),
            without.per_second,
            without.told(),
        ),
    );
    if promised && profile() == "dist" {
        assert!(share <= SHARE_MAX, "{share}");
    }
}
