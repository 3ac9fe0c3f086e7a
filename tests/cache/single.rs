//! A miss is one request to the back end, however many wait for it.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use tollgate_harness::{Answer, Backend, Node, NodeOptions};

use crate::{FULL_KEY, file, get};

const CLIENTS: usize = 100;
/// Long enough that all clients ask before the back end has answered.
const BACKEND_DELAY: Duration = Duration::from_millis(1500);

#[test]
fn a_hundred_clients_that_miss_at_once_ask_once() {
    let backend = Backend::start(|_| Answer::status(200, "slow").after(BACKEND_DELAY));
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    let seen: BTreeSet<(u16, String)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let response = get(&node, "/things/1");
                    (response.status, response.text())
                })
            })
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client does not panic"))
            .collect()
    });
    assert_eq!(seen, BTreeSet::from([(200, "slow".to_owned())]));
    assert_eq!(backend.requests(), 1);
}

#[test]
fn a_failure_is_not_shared_for_long() {
    let backend = Backend::start(|_| Answer::status(500, "ill"));
    let node = Node::start(NodeOptions::api(file(&backend.url(), FULL_KEY, "")));
    assert_eq!(get(&node, "/things/1").status, 500);
    backend.set(|_| Answer::status(200, "well"));
    assert_eq!(get(&node, "/things/1").text(), "well");
}
