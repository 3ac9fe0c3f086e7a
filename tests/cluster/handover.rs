//! A leader that is told to stop gives its office away first: changes wait for no election.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Node, bar};
use tollgate_tests::files;

use crate::keys::make;
use crate::oracle::Oracle;

const TAKES: Duration = Duration::ZERO;
const QUOTA: u64 = 1_000;
/// Changes before the leader goes and after it went.
const AROUND: usize = 3;

/// The longest of changes that are made one after the other through a node while a leader goes.
fn longest(through: &Node, name: &str, goes: impl FnOnce()) -> Duration {
    let gone = AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let (mut longest, mut after, mut count) = (Duration::ZERO, 0, 0);
            while after < AROUND {
                let was_gone = gone.load(Ordering::SeqCst);
                let began = Instant::now();
                make(through, &format!("{name}-{count}"), "plan");
                longest = longest.max(began.elapsed());
                count += 1;
                after += usize::from(was_gone);
            }
            longest
        });
        goes();
        gone.store(true, Ordering::SeqCst);
        writing.join().expect("every change is made")
    })
}

#[test]
fn changes_wait_less_for_a_leader_that_stops_than_for_one_that_dies() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), QUOTA));
    let mut took = [Duration::ZERO; 2];
    for (took, dies) in took.iter_mut().zip([false, true]) {
        let leader = cluster.leader(0, None);
        let mut through = None;
        let mut goes = None;
        for (at, node) in cluster.nodes_mut().iter_mut().enumerate() {
            if at == leader {
                goes = Some(node);
            } else {
                through = Some(&*node);
            }
        }
        let (through, goes) = (through.expect("two others"), goes.expect("the leader"));
        *took = longest(through, if dies { "dies" } else { "stops" }, || {
            if dies {
                goes.kill9();
            } else {
                assert!(goes.stop().success());
            }
        });
        cluster.node(leader).restart();
        cluster.wait_voters(3);
    }
    let [stops, dies] = took;
    bar(
        4,
        &format!(
            "cluster: the longest change while the leader stops took {} ms, while it is killed {} ms",
            stops.as_millis(),
            dies.as_millis()
        ),
    );
    assert!(stops < dies, "{stops:?}, {dies:?}");
}
