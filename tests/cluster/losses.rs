//! What was acknowledged is there after every node died at once; a node that is cut off serves what
//! it has.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{CliOutput, Cluster, DEADLINE, Node, Request, wait_until};
use tollgate_tests::files;

use crate::keys::make;
use crate::oracle::Oracle;

const TAKES: Duration = Duration::ZERO;
/// Changes acknowledged before everything dies.
const WRITES: usize = 12;
const DEATHS: usize = 2;
/// Far more than one node holds at a time.
const QUOTA: u64 = 100_000;

fn status(node: SocketAddr, key: &str) -> u16 {
    let request = Request::get("/x").host(files::HOST);
    request.header("x-api-key", key).send(node).status
}

#[test]
fn what_was_acknowledged_outlives_the_death_of_all_nodes() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), 1_000));
    let mut keys = Vec::new();
    for death in 0..DEATHS {
        for write in 0..WRITES {
            let name = format!("customer-{death}-{write}");
            keys.push(make(&cluster.nodes()[write % 3], &name, "plan"));
        }
        cluster.kill9_all();
        cluster.restart_all();
        for (at, node) in cluster.nodes().iter().enumerate() {
            for (number, key) in keys.iter().enumerate() {
                // A node may serve before it has heard the others.
                wait_until(
                    DEADLINE,
                    "an acknowledged key to be served",
                    || match status(node.http(), key) {
                        200 => Ok(()),
                        other => Err(format!("{other} for key {number} on node {at}")),
                    },
                );
            }
        }
    }
}

/// What a command says that makes a key, and how long it took.
fn make_late_key(node: &Node) -> (CliOutput, Duration) {
    let began = Instant::now();
    let args = ["key", "create", "late", "--plan", "plan", "-o", "json"];
    (node.cli(&args), began.elapsed())
}

#[test]
fn a_node_that_is_cut_off_serves_what_it_has_and_accepts_no_change() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), QUOTA));
    let alone = (cluster.leader(0, None) + 1) % 3;
    let nodes: Vec<SocketAddr> = cluster.nodes().iter().map(|node| node.http()).collect();
    assert_eq!(status(nodes[alone], files::KEY), 200);
    let (mut alone_node, mut others) = (None, Vec::new());
    for (at, node) in cluster.nodes_mut().iter_mut().enumerate() {
        if at == alone {
            alone_node = Some(&*node);
        } else {
            node.process().freeze();
            others.push(node);
        }
    }
    let alone_node = alone_node.expect("one of three");
    let (made, took) = thread::scope(|scope| {
        let change = scope.spawn(|| make_late_key(alone_node));
        // It spends what it held; for more it asks in vain, and refuses.
        let mut served = 0;
        while status(nodes[alone], files::KEY) == 200 {
            served += 1;
            assert!(served < QUOTA, "it spends more than it can hold");
        }
        assert!(served > 0, "it served nothing");
        assert_eq!(status(nodes[alone], "nobody-has-this-key-00001"), 403);
        assert_eq!(alone_node.ops("/readyz").status, 200);
        assert!(!change.is_finished(), "a change without a majority");
        for other in others {
            other.process().thaw();
        }
        change.join().expect("the command ends")
    });
    assert!(took > Duration::from_secs(1), "{took:?}");
    let late = made.json()["value"].as_str().expect("its value").to_owned();
    for node in nodes {
        wait_until(DEADLINE, "the change to be everywhere", || {
            match status(node, &late) {
                200 => Ok(()),
                other => Err(other),
            }
        });
    }
}
