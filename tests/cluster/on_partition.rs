//! What a node does about quotas that is cut off from the majority: what each plan says.

use std::net::SocketAddr;

use tollgate_harness::{Cluster, DEADLINE, bar, wait_until};
use tollgate_tests::files;

use crate::keys::request;
use crate::oracle::Oracle;
use crate::partitions::wait_agrees;

const LIMIT: u64 = 3_000;
/// More than a node may hold of the quota: a twentieth, divided by the nodes.
const ASKED: u64 = 200;
const HELD_MAX: u64 = LIMIT / 20 / 3;
const PLANS: [&str; 3] = ["lease", "deny", "allow"];

fn api(url: &str) -> String {
    let mut text = files::api(&format!(
        "      - routeKey: ANY /{{proxy+}}
        apiKeyRequired: true
        integration: {url}/{{proxy}}
"
    ));
    text.push_str("usagePlans:\n");
    for plan in PLANS {
        text.push_str(&format!(
            "  {plan}: {{apiStages: [{{api: {}}}], quota: {{limit: {LIMIT}, period: MONTH}}, \
             onPartition: {plan}}}\n",
            files::API
        ));
    }
    text.push_str("apiKeys:\n");
    for plan in PLANS {
        let key = key(plan);
        text.push_str(&format!(
            "  - {{name: {plan}, value: {key}, usagePlans: [{plan}]}}\n"
        ));
    }
    text
}

fn key(plan: &str) -> String {
    format!("key-of-the-plan-that-says-{plan}")
}

fn status(node: SocketAddr, plan: &str) -> u16 {
    request(&key(plan)).send(node).status
}

fn admitted(node: SocketAddr, plan: &str) -> u64 {
    let statuses = (0..ASKED).map(|_| status(node, plan));
    statuses.map(|it| u64::from(it == 200)).sum()
}

#[test]
fn a_node_that_is_cut_off_does_what_the_plan_says() {
    let oracle = Oracle::start(std::time::Duration::ZERO);
    let mut cluster = Cluster::networked(3, 3, &api(&oracle.url()));
    let alone = (cluster.leader(0, None) + 1) % 3;
    let node = cluster.nodes()[alone].http();
    // So that there is something to spend, or to deny, while nobody can be asked.
    for plan in PLANS {
        assert_eq!(status(node, plan), 200, "{plan}");
    }
    cluster.network().isolate(alone);
    wait_agrees(&cluster, alone, false);
    wait_until(DEADLINE, "deny to refuse", || match status(node, "deny") {
        429 => Ok(()),
        other => Err(other),
    });
    assert_eq!(admitted(node, "deny"), 0);
    let leased = admitted(node, "lease");
    assert!((1..=HELD_MAX).contains(&leased), "{leased}");
    assert_eq!(admitted(node, "allow"), ASKED);
    let exceeded = "tollgate_quota_exceeded_requests_total";
    let beyond = cluster.node(alone).metrics().sum(exceeded, &[]);
    let beyond = beyond.expect("a counter");
    assert!(beyond >= (ASKED - HELD_MAX) as f64, "{beyond}");
    assert!(
        beyond < ASKED as f64,
        "what was held is spent first: {beyond}"
    );
    cluster.network().heal();
    wait_agrees(&cluster, alone, true);
    for plan in PLANS {
        wait_until(DEADLINE, "the plan to admit again", || {
            match status(node, plan) {
                200 => Ok(()),
                other => Err(format!("{plan}: {other}")),
            }
        });
    }
    bar(
        1,
        &format!(
            "cluster: a node that is cut off admits {leased} of {ASKED} by a lease, 0 where the plan \
             denies, and {ASKED} where it allows, {beyond} of them in no book"
        ),
    );
}
