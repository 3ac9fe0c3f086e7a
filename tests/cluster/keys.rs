//! Keys with quotas of their own, and how often nodes serve them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;

use tollgate_harness::{Cluster, Connection, Node, Request};
use tollgate_tests::files;

/// Clients of each node that drain a quota.
const CLIENTS: usize = 2;

/// A key with a quota of its own.
pub(crate) struct Key {
    pub(crate) value: String,
    pub(crate) limit: u64,
}

/// Each of these limits once for each round.
pub(crate) fn of_rounds(rounds: usize, limits: &[u64]) -> Vec<Key> {
    let of_round = |round| {
        limits.iter().map(move |limit| Key {
            value: format!("key-of-round-{round}-with-limit-{limit}"),
            limit: *limit,
        })
    };
    (0..rounds).flat_map(of_round).collect()
}

/// One API for all keys. Months end less often than days: no test should run across an end.
pub(crate) fn api(url: &str, keys: &[Key]) -> String {
    let mut text = files::api(&format!(
        "      - routeKey: ANY /{{proxy+}}
        apiKeyRequired: true
        integration: {url}/{{proxy}}
"
    ));
    text.push_str("usagePlans:\n");
    let limits: BTreeSet<u64> = keys.iter().map(|key| key.limit).collect();
    for limit in limits {
        text.push_str(&format!(
            "  plan-{limit}: {{apiStages: [{{api: {}}}], quota: {{limit: {limit}, period: MONTH}}}}\n",
            files::API
        ));
    }
    text.push_str("apiKeys:\n");
    for Key { value, limit } in keys {
        text.push_str(&format!(
            "  - {{name: {value}, value: {value}, usagePlans: [plan-{limit}]}}\n"
        ));
    }
    text
}

pub(crate) fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.nodes().iter().map(|node| node.http()).collect()
}

pub(crate) fn request(key: &str) -> Request {
    Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", key)
}

/// Makes a key through a node; its value, once the node has acknowledged it.
pub(crate) fn make(node: &Node, name: &str, plan: &str) -> String {
    let args = ["key", "create", name, "--plan", plan, "-o", "json"];
    let made = node.cli(&args).json();
    made["value"].as_str().expect("its value").to_owned()
}

/// Asks one node until it refuses; how often it was served.
fn until_refused(node: SocketAddr, key: &Key) -> u64 {
    let mut connection = Connection::open(node).expect("connect");
    let mut served = 0;
    loop {
        let response = connection.request(&request(&key.value)).expect("an answer");
        match response.status {
            200 => served += 1,
            429 => return served,
            _ => panic!("after {served}: {response:?}"),
        }
        assert!(served <= key.limit, "no end of a quota of {}", key.limit);
    }
}

/// Asks all nodes at once until all refuse; how often they served.
pub(crate) fn drain(nodes: &[SocketAddr], key: &Key) -> u64 {
    thread::scope(|scope| {
        let clients: Vec<_> = nodes
            .iter()
            .flat_map(|node| [*node; CLIENTS])
            .map(|node| scope.spawn(move || until_refused(node, key)))
            .collect();
        let served = clients
            .into_iter()
            .map(|client| client.join().expect("a client does not panic"));
        served.sum()
    })
}
