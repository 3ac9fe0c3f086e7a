//! Very many API keys, each with a quota: what they cost in memory and on disk, how long a start
//! and the first change after it take, and that a key is found as fast among many as among few.

use std::fs;
use std::time::{Duration, Instant};

use tollgate_harness::{Connection, DEADLINE, Node, NodeOptions, Request, bar, prove, wait_until};
use tollgate_tests::{drivers, files};

use super::{MIB, alone, median, ms, profile};

/// The promise of bar 8, for this many keys.
const PROMISED_KEYS: usize = 1_000_000;
const RESTART_MAX: Duration = Duration::from_secs(10);
/// In `make test`.
const KEYS: usize = 20_000;
const FEW: usize = 1_000;
/// Requests whose time is measured, spread over all keys.
const LOOKUPS: usize = 2_000;
/// A key among many may be found so many times slower than one among few, on a machine that does
/// other things as well. What it costs without noise is counted by `make gate`.
const SLOWER_MAX: f64 = 2.0;
/// Bytes that a key may cost in memory before it is used: its resource and its place in the table
/// that requests read. A million cost 650 each; among few, pages that are half full weigh more.
const KEY_BYTES_MAX: f64 = 1536.0;

/// One API with a route for keys of a plan with a quota of so many requests a month, and one for
/// everybody.
pub(crate) fn api(quota: u64) -> String {
    let routes = "      - routeKey: GET /open
        integration: {fixedResponse: {body: open}}
      - routeKey: GET /x
        apiKeyRequired: true
        integration: {fixedResponse: {body: found}}
";
    format!(
        "{}usagePlans:\n  gold: {{apiStages: [{{api: {}}}], quota: {{limit: {quota}, period: MONTH}}}}\n",
        files::api(routes),
        files::API
    )
}

/// Imports the keys with these numbers.
pub(crate) fn import(node: &Node, from: usize, to: usize) {
    let (from, to) = (from.to_string(), to.to_string());
    let environment = [("FIRST", &*from), ("LAST", &*to), ("PLAN_ID", "gold")];
    drivers::drive(node, "scale/keys.py", &environment);
}

fn call(connection: &mut Connection, key: usize) -> u16 {
    let value = format!("key-value-of-scale-{key:09}");
    let request = Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", &value);
    connection.request(&request).expect("an answer").status
}

/// The median times of a request to a node with few keys and to one with many, whose quotas are at
/// hand. They take turns, so that whatever else the machine does slows both.
fn lookup(few: &Node, (many, keys): (&Node, usize)) -> (Duration, Duration) {
    let places = [(few, FEW), (many, keys)];
    let mut times = places.map(|(node, keys)| {
        let mut connection = Connection::open(node.http()).expect("connect");
        for turn in 0..LOOKUPS {
            let key = turn * 7919 % keys;
            assert_eq!(call(&mut connection, key), 200, "key {key} of {keys}");
        }
        (connection, Vec::new())
    });
    for turn in 0..LOOKUPS {
        for ((connection, times), (_, keys)) in times.iter_mut().zip(places) {
            let began = Instant::now();
            assert_eq!(call(connection, turn * 7919 % keys), 200);
            times.push(began.elapsed());
        }
    }
    let [(_, few), (_, many)] = times;
    (median(few), median(many))
}

fn node() -> Node {
    let node = Node::start(NodeOptions::new());
    fs::write(node.home().join("keys.yaml"), api(1_000_000)).expect("write");
    let applied = node.cli(&["apply", "-f", "keys.yaml"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    import(&node, 0, FEW);
    node
}

/// How long one new key takes until it is served.
fn add_one(node: &Node, number: usize) -> Duration {
    let began = Instant::now();
    import(node, number, number + 1);
    let mut connection = Connection::open(node.http()).expect("connect");
    assert_eq!(call(&mut connection, number), 200);
    began.elapsed()
}

/// How long it takes until all keys of the plan have a rate, in milliseconds.
fn give_rate(node: &Node) -> f64 {
    let took = drivers::drive(node, "scale/plan.py", &[("PLAN_ID", "gold")]);
    took.trim().parse().expect("milliseconds")
}

/// The newest snapshot of the state, or nothing while all is in the log.
fn snapshot_bytes(node: &Node) -> u64 {
    let files = fs::read_dir(node.data_dir()).expect("a data directory");
    let files = files.map(|it| it.expect("an entry"));
    let snapshots = files.filter(|it| it.path().extension().is_some_and(|it| it == "tgs"));
    let newest = snapshots.max_by_key(|it| it.file_name());
    newest.map_or(0, |it| it.metadata().expect("a size").len())
}

#[test]
fn very_many_keys_are_small_start_fast_and_are_found_at_once() {
    let keys = prove(KEYS, PROMISED_KEYS);
    let _alone = alone();
    let (mut node, few) = (node(), node());
    let before = node.usage().rss_bytes;
    let began = Instant::now();
    import(&node, FEW, keys);
    let imported = began.elapsed();
    if keys >= PROMISED_KEYS {
        wait_until(DEADLINE, "a snapshot", || match snapshot_bytes(&node) {
            0 => Err(0),
            bytes => Ok(bytes),
        });
    }
    node.kill9();
    let began = Instant::now();
    node.restart();
    let restart = began.elapsed();
    let rested = node.usage().rss_bytes;
    let (few, many) = lookup(&few, (&node, keys));
    let first_change = add_one(&node, keys);
    let after = node.usage().rss_bytes;
    let rated = give_rate(&node);
    let slower = many.as_secs_f64() / few.as_secs_f64();
    let each = rested.saturating_sub(before) as f64 / (keys - FEW) as f64;
    bar(
        8,
        &format!(
            "{keys} API keys with quotas on a node: {:.0} MiB of memory after a start ({each:.0} \
             bytes a key), {:.0} MiB after {LOOKUPS} of them were used and one was added; snapshot \
             {:.0} MiB; ready {:.2} s after the start of the process (at most {} for {PROMISED_KEYS} \
             keys); import {:.1} s; the first new key was served {:.0} ms after the start of the \
             command that made it, and a rate for all of them {rated:.0} ms after it was asked for; a call \
             with a key takes {:.0} us, with {FEW} keys {:.0} us; this build is `{}`",
            rested as f64 / MIB,
            after as f64 / MIB,
            snapshot_bytes(&node) as f64 / MIB,
            restart.as_secs_f64(),
            RESTART_MAX.as_secs(),
            imported.as_secs_f64(),
            ms(first_change),
            ms(many) * 1000.0,
            ms(few) * 1000.0,
            profile(),
        ),
    );
    assert!(each <= KEY_BYTES_MAX, "{each:.0} bytes a key");
    assert!(restart <= RESTART_MAX, "{restart:?}");
    assert!(
        slower <= SLOWER_MAX,
        "{few:?} with {FEW} keys, {many:?} with {keys}"
    );
}
