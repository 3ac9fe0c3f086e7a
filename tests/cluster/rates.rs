//! A rate is one number for all nodes together: the back end counts what three of them let through.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, Connection, DEADLINE, Request, bar, wait_until};
use tollgate_tests::files;

use crate::front::Balancer;
use crate::oracle::Oracle;

const RATE: f64 = 200.0;
const BURST: f64 = 60.0;
/// What is measured at a time.
const MEASURED: Duration = Duration::from_secs(6);
/// How long shares take to follow the demand.
const MOVES: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(4);

fn request() -> Request {
    Request::get("/x")
        .host(files::HOST)
        .header("x-api-key", files::KEY)
}

/// One client asks these nodes in turn until it is told to stop; a node that is gone is left out.
fn ask_around(nodes: &[SocketAddr], stop: &AtomicBool) {
    let mut connections: Vec<Option<Connection>> = nodes.iter().map(|_| None).collect();
    while !stop.load(Ordering::SeqCst) {
        for (node, kept) in nodes.iter().zip(&mut connections) {
            let open = kept.take().map(Ok);
            let Ok(mut connection) = open.unwrap_or_else(|| Connection::open(*node)) else {
                continue;
            };
            if let Ok(response) = connection.request(&request()) {
                let status = response.status;
                assert!([200, 429, 503].contains(&status), "{response:?}");
                *kept = Some(connection);
            }
        }
        thread::park_timeout(PAUSE);
    }
}

/// Runs clients of these nodes while something happens.
fn load<T>(nodes: &[SocketAddr], happens: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| ask_around(nodes, &stop));
        }
        let happened = happens();
        stop.store(true, Ordering::SeqCst);
        happened
    })
}

fn passes(time: Duration) {
    let began = Instant::now();
    wait_until(DEADLINE, "the time", || {
        let now = began.elapsed();
        (now >= time)
            .then_some(())
            .ok_or_else(|| format!("{now:?}"))
    });
}

/// What the back end counts in a while, and what the limit allows in it.
struct Measure<'a> {
    oracle: &'a Oracle,
    began: Instant,
    before: u64,
}

impl<'a> Measure<'a> {
    fn begin(oracle: &'a Oracle) -> Self {
        let before = oracle.served(files::KEY);
        Self {
            oracle,
            began: Instant::now(),
            before,
        }
    }

    /// The count of a second; panics when the whole is above the bound.
    fn end(self, what: &str) -> f64 {
        let count = (self.oracle.served(files::KEY) - self.before) as f64;
        let seconds = self.began.elapsed().as_secs_f64();
        let most = BURST + RATE * seconds * 1.001;
        println!("{what}: {count} of at most {most:.0} in {seconds:.2} s");
        assert!(count <= most, "{what}: {count} of {most}");
        count / seconds
    }
}

#[test]
fn three_nodes_together_keep_a_rate_and_use_it_wherever_requests_come_in() {
    let oracle = Oracle::start(Duration::ZERO);
    let limits = format!("    throttle: {{rateLimit: {RATE}, burstLimit: {BURST}}}\n");
    let mut cluster = Cluster::networked(3, 3, &files::with_plan(&oracle.url(), &limits));
    let balancer = Balancer::start(&cluster, &Request::get("/x").host(files::HOST));
    let nodes: Vec<SocketAddr> = cluster.nodes().iter().map(|node| node.http()).collect();
    let whole = Measure::begin(&oracle);

    let steady = |at: &[SocketAddr], what: &str| {
        load(at, || {
            passes(MOVES);
            let measure = Measure::begin(&oracle);
            passes(MEASURED);
            measure.end(what) / RATE
        })
    };
    let even = steady(&nodes, "all nodes in turn");
    let balanced = steady(&[balancer.address], "through HAProxy");
    let skewed = steady(&nodes[1..2], "one node alone");

    let cut_off = load(&nodes, || {
        let measure = Measure::begin(&oracle);
        cluster.network().isolate(2);
        passes(MEASURED);
        cluster.network().heal();
        measure.end("a node cut off") / RATE
    });
    let leader = cluster.leader(0, None);
    let killed = load(&nodes, || {
        let measure = Measure::begin(&oracle);
        cluster.node(leader).kill9();
        passes(MEASURED);
        cluster.node(leader).restart();
        passes(MEASURED);
        measure.end("the leader killed and back") / RATE
    });
    whole.end("from the beginning");
    bar(
        1,
        &format!(
            "cluster: a rate of {RATE} a second over 3 nodes, as the back end counts: {even:.2} of it \
             in turn, {balanced:.2} through HAProxy, {skewed:.2} at one node; {cut_off:.2} with a node \
             cut off, {killed:.2} around the death of the leader; never above b + r * t * 1.001"
        ),
    );
    for (what, part) in [("even", even), ("balanced", balanced), ("skewed", skewed)] {
        assert!(part >= 0.9, "{what}: {part}");
    }
}

#[test]
fn a_burst_smaller_than_the_cluster_is_kept_and_found_on_every_node() {
    let oracle = Oracle::start(Duration::ZERO);
    let limits = "    throttle: {rateLimit: 10, burstLimit: 1}\n";
    let cluster = Cluster::start(3, &files::with_plan(&oracle.url(), limits));
    let nodes: Vec<SocketAddr> = cluster.nodes().iter().map(|node| node.http()).collect();
    for (at, node) in nodes.iter().enumerate() {
        let (count, seconds) = load(&[*node], || {
            passes(MOVES);
            let (before, began) = (oracle.served(files::KEY), Instant::now());
            passes(MEASURED);
            let count = oracle.served(files::KEY) - before;
            (count as f64, began.elapsed().as_secs_f64())
        });
        println!("node {at}: {count} in {seconds:.2} s of 10 a second");
        assert!(count <= 1.0 + 10.0 * seconds * 1.001, "{count}");
        assert!(count >= 9.0 * seconds, "{count} in {seconds}");
    }
}
