//! Very many keys in use on three nodes: what sharing their quotas out costs the node that leads.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Connection, DEADLINE, Request, bar, prove, wait_until};
use tollgate_tests::files;

use super::keys::{api, import};
use super::{StopOnDrop, alone, profile};

/// The promise of bar 7, for this many keys: of one core, in the published build.
const PROMISED_KEYS: usize = 100_000;
const SHARE_MAX: f64 = 0.10;
/// In `make test`.
const KEYS: usize = 2_000;
/// Clients of each node, each with a connection that it keeps.
const CLIENTS: usize = 2;
/// How long the requests may take with which every key comes into use on every node.
const WARM_DEADLINE: Duration = Duration::from_secs(600);
/// The threads of a node that agree on grants and make them durable.
const THREADS: [&str; 2] = ["cluster", "disk"];
/// How long is measured: threads' times are counted in hundredths of a second.
const MEASURED: Duration = Duration::from_secs(3);
const MEASURED_OF_PROMISE: Duration = Duration::from_secs(20);

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

/// What clients ask: a key after the other, or none.
#[derive(Clone, Copy)]
enum Asked {
    /// So many of them.
    Keys(usize),
    Nothing,
}

fn ask(node: SocketAddr, first: usize, asked: Asked, stop: &AtomicBool, answered: &AtomicUsize) {
    let mut connection = Connection::open(node).expect("connect");
    for turn in 0.. {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let request = match asked {
            Asked::Keys(keys) => {
                let key = format!("key-value-of-scale-{:09}", (first + turn * 7919) % keys);
                Request::get("/x").header("x-api-key", &key)
            }
            Asked::Nothing => Request::get("/open"),
        };
        let response = connection.request(&request.host(files::HOST));
        let status = response.expect("an answer").status;
        assert_eq!(status, 200, "turn {turn} from {first}");
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

fn measure(nodes: &[SocketAddr], leader: u32, asked: Asked, time: Duration) -> Cost {
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        // Also when a check below fails: the scope waits for the clients.
        let stopping = StopOnDrop(&stop);
        for client in 0..nodes.len() * CLIENTS {
            let (stop, answered) = (&stop, &answered);
            let first = client * 1_000;
            scope.spawn(move || ask(nodes[client % nodes.len()], first, asked, stop, answered));
        }
        let warm = match asked {
            Asked::Keys(keys) => keys * nodes.len(),
            Asked::Nothing => 1,
        };
        let all = || answered.load(Ordering::SeqCst);
        wait_until(WARM_DEADLINE, "every key to be in use", || {
            if all() >= warm { Ok(()) } else { Err(all()) }
        });
        let (before, count, began) = (threads(leader), all(), Instant::now());
        wait_until(DEADLINE, "the time to measure in", || {
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

#[test]
fn the_leases_of_very_many_keys_cost_the_leader_little() {
    let _alone = alone();
    let keys = prove(KEYS, PROMISED_KEYS);
    let promised = keys >= PROMISED_KEYS;
    let time = if promised {
        MEASURED_OF_PROMISE
    } else {
        MEASURED
    };
    let mut cluster = Cluster::first(&api());
    cluster.add();
    cluster.add();
    cluster.wait_voters(3);
    import(&cluster.nodes()[0], 0, keys);
    let leader = cluster.leader(0, None);
    let pid = cluster.node(leader).process().pid();
    let nodes: Vec<SocketAddr> = cluster.nodes().iter().map(|it| it.http()).collect();
    let without = measure(&nodes, pid, Asked::Nothing, time);
    let with = measure(&nodes, pid, Asked::Keys(keys), time);
    assert_eq!(cluster.leader(0, None), leader, "another node leads");
    let share = with.of_leases() - without.of_leases();
    bar(
        7,
        &format!(
            "{keys} keys with quotas in use on 3 nodes, {:.0} requests/s: agreeing on leases takes \
             {:.1} % of a core on the leader (at most {:.0} for {PROMISED_KEYS} keys in the published build; this is `{}`), \
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
