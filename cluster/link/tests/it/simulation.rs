//! Links in a simulated network that is cut and healed.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};
use tollgate_link::net::{Net, Simulated};
use tollgate_link::{CallError, ClusterId, Handler, Lane, Links, Member, NodeId, Settings, limits};

use crate::memory::peer;
use crate::support::{Desk, ECHO, JOIN};

const PORT: u16 = 7000;

/// turmoil's network.
#[derive(Clone)]
struct Turmoil;

impl Net for Turmoil {
    type Stream = turmoil::net::TcpStream;
    type Listener = turmoil::net::TcpListener;

    async fn dial(&self, address: &str) -> io::Result<Self::Stream> {
        turmoil::net::TcpStream::connect(address).await
    }

    async fn listen(&self, address: &str) -> io::Result<Self::Listener> {
        turmoil::net::TcpListener::bind(address).await
    }

    async fn accept(
        &self,
        listener: &mut Self::Listener,
    ) -> io::Result<(Self::Stream, SocketAddr)> {
        listener.accept().await
    }
}

impl Simulated for Turmoil {}

async fn start(node: NodeId) -> Links<Turmoil> {
    let listener = Turmoil.listen(&format!("0.0.0.0:{PORT}")).await.unwrap();
    let member = Member {
        cluster: ClusterId([1; 16]),
        node,
    };
    let handler: Arc<dyn Handler> = Arc::new(Desk::default());
    let settings = Settings {
        join_kind: Some(JOIN),
        seed: node,
    };
    let links = Links::simulate(Turmoil, member, listener, handler, settings);
    let known = (1..=3).map(|n| (n, peer(&format!("node{n}:{PORT}"))));
    links.set_nodes(known.collect(), BTreeSet::new());
    links
}

/// What node 1 saw: when, to whom, and how it ended.
type Trace = Vec<(Duration, NodeId, Result<(), CallError>)>;

/// Node 1 calls the others every 50 ms; its link to node 2 is cut for 20 s.
fn run(seed: u64) -> Trace {
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(120))
        .tick_duration(Duration::from_millis(2))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(20))
        .build();
    for node in [2, 3] {
        sim.host(format!("node{node}"), move || async move {
            let _links = start(node).await;
            std::future::pending::<()>().await;
            Ok(())
        });
    }
    let trace: Arc<Mutex<Trace>> = Arc::default();
    let seen = Arc::clone(&trace);
    sim.client("node1", async move {
        let links = start(1).await;
        let began = Instant::now();
        let (mut cut, mut healed) = (false, false);
        while began.elapsed() < Duration::from_secs(45) {
            if !cut && began.elapsed() > CUT {
                turmoil::partition("node1", "node2");
                cut = true;
            }
            if !healed && began.elapsed() > HEALED {
                turmoil::repair("node1", "node2");
                healed = true;
            }
            for node in [2, 3] {
                let within = Duration::from_millis(500);
                let answer = links
                    .call(node, Lane::Raft, ECHO, Bytes::new(), within)
                    .await;
                let entry = (began.elapsed(), node, answer.map(drop));
                seen.lock().unwrap().push(entry);
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    });
    sim.run().unwrap();
    std::mem::take(&mut *trace.lock().unwrap())
}

const CUT: Duration = Duration::from_secs(5);
const HEALED: Duration = Duration::from_secs(25);

#[test]
fn calls_resume_after_a_partition_and_others_do_not_notice_it() {
    for seed in 0..3 {
        let trace = run(seed);
        let to = |node| trace.iter().filter(move |(_, to, _)| *to == node);
        assert!(
            to(3).all(|(.., answer)| answer.is_ok()),
            "{seed}: {trace:?}"
        );
        assert!(to(3).count() > 50);
        let slack = Duration::from_secs(1);
        // A pause, a dial that began in the partition, a dial.
        let resumed = HEALED + limits::BACKOFF_MAX + 2 * limits::DIAL_WITHIN;
        for (at, _, answer) in to(2) {
            let as_it_should = if *at <= CUT || *at > resumed {
                answer.is_ok()
            } else if *at > CUT + slack && *at < HEALED {
                answer.is_err()
            } else {
                true
            };
            assert!(as_it_should, "{seed}: {at:?} {answer:?}");
        }
        let unknown = to(2)
            .filter(|(.., answer)| matches!(answer, Err(CallError::Timeout | CallError::Lost)));
        assert!(
            unknown.count() > 0,
            "{seed}: the cut found no call under way"
        );
    }
}

#[test]
fn one_seed_replays_one_run() {
    assert_eq!(run(11), run(11));
    assert_ne!(run(11), run(12));
}
