//! What was acknowledged is there after every node died at once; a node that is cut off serves what
//! it has.

use std::net::SocketAddr;
use std::time::Duration;

use tollgate_harness::{Cluster, Connection, DEADLINE, Request, Response, wait_until};
use tollgate_tests::files;

use crate::oracle::Oracle;

const TAKES: Duration = Duration::ZERO;
/// Changes acknowledged before everything dies.
const WRITES: usize = 12;
const DEATHS: usize = 2;

fn call(node: SocketAddr, key: &str) -> std::io::Result<Response> {
    let request = Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", key);
    let mut connection = Connection::open(node)?;
    connection.silence_limit(DEADLINE)?;
    connection.request(&request)
}

fn status(node: SocketAddr, key: &str) -> u16 {
    call(node, key).expect("an answer").status
}

/// Makes a key through a node; its value, once the node has acknowledged it.
fn make_key(cluster: &Cluster, at: usize, name: &str) -> String {
    let args = ["key", "create", name, "--plan", "plan", "-o", "json"];
    let made = cluster.nodes()[at].cli(&args).json();
    made["value"].as_str().expect("its value").to_owned()
}

#[test]
fn what_was_acknowledged_outlives_the_death_of_all_nodes() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), 1_000));
    let mut keys = Vec::new();
    for death in 0..DEATHS {
        for write in 0..WRITES {
            let name = format!("customer-{death}-{write}");
            keys.push(make_key(&cluster, write % 3, &name));
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

#[test]
fn a_node_that_is_cut_off_serves_what_it_has_and_accepts_no_change() {
    let oracle = Oracle::start(TAKES);
    let mut cluster = Cluster::start(3, &files::with_quota(&oracle.url(), 100_000));
    let leader = cluster.leader(0, None);
    let (alone, other) = ((leader + 1) % 3, (leader + 2) % 3);
    let node = cluster.nodes()[alone].http();
    assert_eq!(status(node, files::KEY), 200);
    for frozen in [leader, other] {
        cluster.node(frozen).process().freeze();
    }
    // It spends what it held; what it cannot have, it refuses.
    let mut served = 0;
    while status(node, files::KEY) == 200 {
        served += 1;
        assert!(served < 100_000, "it spends more than it can hold");
    }
    assert!(served > 0, "it served nothing");
    assert_eq!(status(node, "nobody-has-this-key-00001"), 403);
    assert_eq!(cluster.nodes()[alone].ops("/readyz").status, 200);
    let args = ["key", "create", "late", "--plan", "plan"];
    let refused = cluster.nodes()[alone].cli(&args);
    assert_ne!(refused.code, 0, "{refused:?}");

    for frozen in [leader, other] {
        cluster.node(frozen).process().thaw();
    }
    let late = wait_until(DEADLINE, "a change to be accepted again", || {
        let args = ["key", "create", "later", "--plan", "plan", "-o", "json"];
        let made = cluster.nodes()[alone].cli(&args);
        if made.code == 0 {
            Ok(made.json())
        } else {
            Err(made.stderr)
        }
    });
    let late = late["value"].as_str().expect("its value");
    for at in 0..3 {
        let node = cluster.nodes()[at].http();
        wait_until(DEADLINE, "the change to be everywhere", || {
            match status(node, late) {
                200 => Ok(()),
                other => Err(other),
            }
        });
    }
    assert!(oracle.served(files::KEY) <= 100_000);
}
