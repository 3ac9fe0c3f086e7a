//! A node whose disk is full ends itself with its code, the others go on, and it comes back when there
//! is room: as the leader and as a follower.

use std::time::Duration;

use tollgate_harness::{Cluster, DEADLINE, SmallDisk, bar, wait_until};
use tollgate_tests::files;

use crate::keys::{addresses, make, request};
use crate::oracle::Oracle;

/// The node with the small disk.
const VICTIM: usize = 0;
/// Bytes of a change that needs room.
const LARGE_BYTES: usize = 60_000;

/// An API beside the one that is served, of this size and no other use.
fn padding(number: usize) -> String {
    let text = "x".repeat(LARGE_BYTES);
    format!(
        "apis:
  - name: padding
    routes:
      - {{routeKey: $default, integration: {{fixedResponse: {{body: {number}-{text}}}}}}}
"
    )
}

/// Makes changes through another node until the victim's log has no room for them; the keys among
/// them, all of which are acknowledged.
fn until_it_ends(cluster: &mut Cluster, name: &str) -> Vec<String> {
    let mut made = Vec::new();
    wait_until(DEADLINE, "the node to end", || {
        let number = made.len();
        let applied = cluster.apply(1, &padding(number));
        assert_eq!(applied.code, 0, "{applied:?}");
        made.push(make(
            &cluster.nodes()[1],
            &format!("{name}-{number}"),
            "plan",
        ));
        let victim = cluster.node(VICTIM).process();
        victim.exited().map(drop).ok_or_else(|| victim.tail())
    });
    made
}

fn assert_known(cluster: &Cluster, keys: &[String]) {
    for node in addresses(cluster) {
        for key in keys {
            wait_until(
                DEADLINE,
                "an acknowledged key to be served",
                || match request(key).send(node).status {
                    200 => Ok(()),
                    other => Err(format!("{other} for {key} at {node}")),
                },
            );
        }
    }
}

#[test]
fn a_node_whose_disk_is_full_ends_with_its_code_and_comes_back_when_there_is_room() {
    let oracle = Oracle::start(Duration::ZERO);
    let disk = SmallDisk::new();
    let mut cluster = Cluster::on_disk(&disk, 3, &files::with_quota(&oracle.url(), 100_000));
    let mut acknowledged = Vec::new();
    for role in ["leader", "follower"] {
        disk.fill(cluster.node(VICTIM));
        acknowledged.extend(until_it_ends(&mut cluster, role));
        let victim = cluster.node(VICTIM).process();
        let (status, said) = (victim.wait_exit(DEADLINE), victim.stderr());
        assert!(!status.success(), "{role}: {status}: {said}");
        assert!(said.contains("TG0012"), "{role}: {status}: {said}");
        // Without room it does not get far, and says so.
        disk.forget_addresses();
        acknowledged.push(make(
            &cluster.nodes()[2],
            &format!("{role}-without"),
            "plan",
        ));
        disk.free();
        cluster.node(VICTIM).restart();
        assert_known(&cluster, &acknowledged);
    }
    bar(
        1,
        &format!(
            "cluster: a full disk under the leader and under a follower: ended with TG0012, back when \
             there was room, all of {} acknowledged changes there",
            acknowledged.len()
        ),
    );
}
