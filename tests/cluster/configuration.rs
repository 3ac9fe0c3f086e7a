//! One item of the configuration, written and read through all nodes while the network fails and
//! nodes die: what the clients saw can have happened in one order, and each node shows a past of it.
//!
//! Applying a file is a write. Applying what is already so changes nothing, and tells that it was so
//! at that moment: a read that must be the latest. What a node serves may be behind the others, but
//! not behind what was written through itself.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{
    Administrator, CliOutput, Cluster, DEADLINE, Request, bar, prove, wait_until,
};
use tollgate_tests::files;

use crate::linear::{self, Did, Operation};

const CLIENTS_PER_NODE: usize = 2;
/// Answers between two faults.
const ANSWERS: usize = 12;
const CUT: Duration = Duration::from_secs(2);
/// The exit code of a command that may succeed later.
const TRY_AGAIN: i32 = 75;

fn api(value: u64) -> String {
    files::api(&format!(
        "      - {{routeKey: $default, integration: {{fixedResponse: {{body: value-{value}}}}}}}\n"
    ))
}

fn served(node: SocketAddr) -> Option<u64> {
    let answer = Request::get("/").host(files::HOST).try_send(node).ok()?;
    answer.text().strip_prefix("value-")?.parse().ok()
}

fn changed_nothing(applied: &CliOutput) -> bool {
    [&applied.stdout, &applied.stderr]
        .iter()
        .any(|said| said.contains("nothing to change"))
}

/// What all clients did, by the place of the node through which they did it.
struct History {
    began: Instant,
    next: AtomicU64,
    over: AtomicBool,
    /// The latest-reads and the writes.
    agreed: Mutex<Vec<(usize, Operation)>>,
    /// What nodes served.
    served: Mutex<Vec<(usize, Operation)>>,
}

impl History {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).expect("a few minutes")
    }

    fn answered(&self) -> usize {
        let agreed = self.agreed.lock().expect("no client panicked");
        agreed
            .iter()
            .filter(|(_, it)| it.answered.is_some())
            .count()
    }

    /// Waits until clients got so many more answers.
    fn wait_more(&self, more: usize) {
        let target = self.answered() + more;
        wait_until(DEADLINE, "answers to changes", || match self.answered() {
            now if now >= target => Ok(()),
            now => Err(format!("{now} of {target}")),
        });
    }

    /// Applies a value through a node: a new one, or the one that it serves.
    fn apply(&self, at: usize, client: usize, node: &Administrator, again: Option<u64>) {
        let value = again.unwrap_or_else(|| self.next.fetch_add(1, Ordering::SeqCst));
        let called = self.now();
        let applied = node.apply(&format!("of-client-{client}.yaml"), &api(value));
        let answered = (applied.code == 0).then(|| self.now());
        // Without an answer it may be carried out, whatever it was meant as.
        let did = if answered.is_some() && changed_nothing(&applied) {
            Did::Read(value)
        } else {
            Did::Write(value)
        };
        let operation = Operation {
            did,
            called,
            answered,
        };
        self.agreed
            .lock()
            .expect("no client panicked")
            .push((at, operation));
    }

    fn read(&self, at: usize, node: SocketAddr) -> Option<u64> {
        let called = self.now();
        let value = served(node)?;
        let (did, answered) = (Did::Read(value), Some(self.now()));
        let operation = Operation {
            did,
            called,
            answered,
        };
        self.served
            .lock()
            .expect("no client panicked")
            .push((at, operation));
        Some(value)
    }

    fn client(&self, at: usize, client: usize, node: &Administrator, http: SocketAddr) {
        for turn in client.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let value = self.read(at, http);
            let again = value.filter(|_| turn % 2 == 0);
            self.apply(at, client, node, again);
            self.read(at, http);
        }
    }

    /// # Errors
    /// What contradicts the promise.
    fn check(&self, nodes: usize) -> Result<(), String> {
        let agreed = self.agreed.lock().expect("no client panicked");
        let served = self.served.lock().expect("no client panicked");
        let all: Vec<Operation> = agreed.iter().map(|(_, it)| *it).collect();
        linear::check(&all, 0).map_err(|why| format!("all nodes together: {why}"))?;
        for node in 0..nodes {
            let mut seen: Vec<Operation> = Vec::new();
            for (at, operation) in agreed.iter() {
                match operation.did {
                    _ if *at == node => seen.push(*operation),
                    // Written elsewhere, it comes here at any time after.
                    Did::Write(_) => seen.push(Operation {
                        answered: None,
                        ..*operation
                    }),
                    Did::Read(_) => {}
                }
            }
            seen.extend(
                served
                    .iter()
                    .filter(|(at, _)| *at == node)
                    .map(|(_, it)| *it),
            );
            linear::check(&seen, 0).map_err(|why| format!("what node {node} showed: {why}"))?;
        }
        Ok(())
    }
}

fn lasts(time: Duration) {
    let began = Instant::now();
    wait_until(DEADLINE, "a fault's time", || {
        let now = began.elapsed();
        (now >= time)
            .then_some(())
            .ok_or_else(|| format!("{now:?}"))
    });
}

/// One fault after the other, with answers between them.
fn disturb(cluster: &mut Cluster, history: &History) {
    history.wait_more(ANSWERS);
    let leader = cluster.leader(0, None);
    cluster.network().isolate(leader);
    cluster.leader((leader + 1) % 3, Some(leader));
    lasts(CUT);
    cluster.network().heal();
    history.wait_more(ANSWERS);

    let leader = cluster.leader(0, None);
    cluster.network().mute(leader);
    lasts(CUT);
    cluster.network().heal();
    history.wait_more(ANSWERS);

    let leader = cluster.leader(0, None);
    cluster.node(leader).process().freeze();
    cluster.leader((leader + 1) % 3, Some(leader));
    lasts(CUT);
    cluster.node(leader).process().thaw();
    history.wait_more(ANSWERS);

    cluster.kill9_all();
    cluster.restart_all();
    history.wait_more(ANSWERS);

    let leader = cluster.leader(0, None);
    cluster.node(leader).kill9();
    cluster.leader((leader + 1) % 3, Some(leader));
    history.wait_more(ANSWERS / 2);
    cluster.node(leader).restart();
    history.wait_more(ANSWERS);
}

/// A node that is behind does not say that there is nothing to change.
fn assert_nothing_is_said_of_the_past(cluster: &Cluster) {
    let (past, latest) = (u64::MAX - 1, u64::MAX);
    let made = cluster.apply(0, &api(past));
    assert_eq!(made.code, 0, "{made:?}");
    wait_served(cluster, past);
    let behind = (cluster.leader(0, None) + 1) % 3;
    let others: Vec<usize> = (0..3).filter(|at| *at != behind).collect();
    cluster.network().isolate(behind);
    let changed = cluster.apply(others[0], &api(latest));
    assert_eq!(changed.code, 0, "{changed:?}");
    // It knows of the past only, and is asked for that: it may wait, or say that it cannot tell.
    let node = cluster.nodes()[behind].administrator();
    thread::scope(|scope| {
        let applying = scope.spawn(|| node.apply("behind.yaml", &api(past)));
        lasts(CUT);
        let is_early = applying.is_finished();
        cluster.network().heal();
        let applied = applying.join().expect("the command ends");
        assert!(!is_early || applied.code == TRY_AGAIN, "{applied:?}");
    });
    wait_until(DEADLINE, "the change to be made", || {
        let applied = node.apply("behind.yaml", &api(past));
        if applied.code == 0 {
            Ok(())
        } else {
            Err(applied.stderr)
        }
    });
    wait_served(cluster, past);
}

fn wait_served(cluster: &Cluster, value: u64) {
    for node in cluster.nodes() {
        wait_until(DEADLINE, "a change to be served", || {
            match served(node.http()) {
                Some(now) if now == value => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    }
}

#[test]
fn changes_through_all_nodes_happen_in_one_order_whatever_fails() {
    let mut cluster = Cluster::networked(3, 3, &api(0));
    let history = History {
        began: Instant::now(),
        next: AtomicU64::new(1),
        over: AtomicBool::new(false),
        agreed: Mutex::default(),
        served: Mutex::default(),
    };
    let rounds = prove(1, 10);
    thread::scope(|scope| {
        for client in 0..3 * CLIENTS_PER_NODE {
            let (at, history) = (client % 3, &history);
            let node = &cluster.nodes()[at];
            let (administrator, http) = (node.administrator(), node.http());
            scope.spawn(move || history.client(at, client, &administrator, http));
        }
        let watched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for _ in 0..rounds {
                disturb(&mut cluster, &history);
            }
        }));
        history.over.store(true, Ordering::SeqCst);
        if let Err(panic) = watched {
            std::panic::resume_unwind(panic);
        }
    });
    history.check(3).unwrap_or_else(|why| panic!("{why}"));
    assert_nothing_is_said_of_the_past(&cluster);
    let operations = history.agreed.lock().expect("no client panicked").len();
    bar(
        1,
        &format!(
            "cluster: {operations} changes and latest reads of one item, {} of them without an answer, \
             and {} reads of what nodes served, through {} faults: linearizable",
            operations - history.answered(),
            history.served.lock().expect("no client panicked").len(),
            5 * rounds
        ),
    );
}
