//! A quota is an exact number, whoever asks, how many at once, and whatever happens to the node.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tollgate_harness::{Backend, Connection, DEADLINE, Node, NodeOptions, Request, wait_until};
use tollgate_tests::files;

const LIMIT: u64 = 700;
const CLIENTS: usize = 64;

fn request(key: &str) -> Request {
    Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", key)
}

/// Asks until refused; how often it was admitted.
fn until_refused(address: SocketAddr, key: &str) -> u64 {
    let mut connection = Connection::open(address).expect("connect");
    let mut admitted = 0;
    loop {
        let response = connection.request(&request(key)).expect("an answer");
        match response.status {
            200 => admitted += 1,
            429 => return admitted,
            _ => panic!("after {admitted}: {response:?}"),
        }
        assert!(admitted <= LIMIT, "no end of a quota of {LIMIT}");
    }
}

fn used(node: &Node, key: &str) -> u64 {
    let usage = node.cli(&["usage", key, "-o", "json"]);
    let rows = usage.json();
    rows[0]["used"]
        .as_u64()
        .unwrap_or_else(|| panic!("{usage:?}"))
}

#[test]
fn sixty_four_clients_together_get_exactly_the_quota() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    let address = node.http();
    let admitted: u64 = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| scope.spawn(move || until_refused(address, files::KEY)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client does not panic"))
            .sum()
    });
    assert_eq!(admitted, LIMIT);
    assert_eq!(backend.requests() as u64, LIMIT);
    assert_eq!(used(&node, files::KEY_ID), LIMIT);
}

#[test]
fn usage_is_the_truth_at_once() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    let mut sent = 0;
    for more in [1, 2, 40, 100] {
        for _ in 0..more {
            assert_eq!(node.send(&request(files::KEY)).status, 200);
        }
        sent += more;
        assert_eq!(used(&node, files::KEY_ID), sent);
    }
    let usage = node.cli(&["usage", files::KEY_ID, "-o", "json"]).json();
    assert_eq!(usage[0]["remaining"], LIMIT - sent, "{usage}");
}

#[test]
fn kill_9_under_load_never_admits_beyond_the_quota() {
    let backend = Backend::echo();
    let mut node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), LIMIT)));
    for _ in 0..3 {
        let before = backend.requests();
        let address = node.http();
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| ask_until_gone(address, &stop));
            }
            wait_until(DEADLINE, "requests to be admitted", || {
                let now = backend.requests();
                if now >= before + 30 || refused(address) {
                    Ok(())
                } else {
                    Err(now)
                }
            });
            node.kill9();
            stop.store(true, Ordering::SeqCst);
        });
        node.restart();
    }
    let rest = until_refused(node.http(), files::KEY);
    let admitted = backend.requests() as u64;
    assert!(admitted <= LIMIT, "{admitted} of {LIMIT}");
    // A death strands what was held: at most a twentieth of the quota each time.
    let least = LIMIT - 3 * LIMIT.div_ceil(20) - 3 * 8;
    assert!(
        admitted >= least,
        "{admitted} of {LIMIT}, {rest} of them at the end: a death strands too much"
    );
    assert!(used(&node, files::KEY_ID) <= LIMIT);
}

/// Asks again and again until the node is gone.
fn ask_until_gone(address: SocketAddr, stop: &AtomicBool) {
    let Ok(mut connection) = Connection::open(address) else {
        return;
    };
    while !stop.load(Ordering::SeqCst) && connection.request(&request(files::KEY)).is_ok() {}
}

/// Whether the quota is used up already.
fn refused(address: SocketAddr) -> bool {
    request(files::KEY)
        .try_send(address)
        .is_ok_and(|response| response.status == 429)
}

#[test]
fn two_keys_of_a_plan_have_quotas_of_their_own() {
    let backend = Backend::echo();
    let second = "another-key-000000000000000000002";
    let text = files::with_quota(&backend.url(), 5)
        + &format!("  - {{id: second, name: second, value: {second}, usagePlans: [plan]}}\n");
    let node = Node::start(NodeOptions::api(text));
    assert_eq!(until_refused(node.http(), files::KEY), 5);
    assert_eq!(until_refused(node.http(), second), 5);
    assert_eq!(used(&node, "second"), 5);
}

#[test]
fn a_refusal_says_which_limit_and_until_when() {
    let backend = Backend::echo();
    let node = Node::start(NodeOptions::api(files::with_quota(&backend.url(), 2)));
    let admitted = node.send(&request(files::KEY));
    let header = |name: &str| admitted.header(name).unwrap_or_default().to_owned();
    assert!(
        header("ratelimit-policy").contains("\"quota\";q=2"),
        "{admitted:?}"
    );
    assert!(
        header("ratelimit").contains("\"quota\";r=1"),
        "{admitted:?}"
    );
    until_refused(node.http(), files::KEY);
    let refused = node.send(&request(files::KEY));
    assert_eq!(refused.status, 429);
    assert_eq!(refused.text(), r#"{"message":"Limit Exceeded"}"#);
    let seconds: u64 = refused
        .header("retry-after")
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{refused:?}"));
    assert!((1..=86_400).contains(&seconds), "{refused:?}");
}
