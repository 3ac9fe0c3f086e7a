//! Networks that fail between nodes, and a leader that freezes, under load through HAProxy: no quota
//! is exceeded, nothing that was acknowledged is lost, and the majority goes on. No node dies here,
//! so nothing is stranded either: in the end every quota has admitted exactly its number.

use std::time::{Duration, Instant};

use tollgate_harness::{Cluster, DEADLINE, Request, bar, prove, wait_until};

use crate::front::Balancer;
use crate::keys::{self, Key, addresses, api, drain, make, request};
use crate::load::Load;
use crate::oracle::Oracle;

const LIMITS_SMALL: [u64; 3] = [1, 2, 10];
/// Outlasts a fault, or at least an election.
const LARGE: u64 = 3_000;
const LARGE_LONG: u64 = 20_000;
const TAKES: Duration = Duration::from_millis(1);
const CLIENTS: usize = 16;
/// Answers during a fault that show that clients are served.
const SERVED: usize = 300;
/// Far longer than leases of leaders and elections, 1.4 seconds together.
const FROZEN: Duration = Duration::from_secs(4);
const FLAPS: u32 = 5;
const FLAP: Duration = Duration::from_millis(300);
/// More than a heartbeat takes to be answered, less than what makes a leader suspect.
const SLOW: Duration = Duration::from_millis(40);
/// What a new leader may take before somebody would call for help.
const ELECTED_MAX: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
    /// Nothing passes between the leader and the others.
    LeaderIsolated,
    /// Nobody hears the leader, which hears all.
    LeaderMute,
    /// The leader hears nobody, and is heard.
    LeaderDeaf,
    FollowerIsolated,
    /// The two followers do not hear each other.
    FollowersApart,
    LeaderFrozen,
    /// The leader is cut off again and again, for less than an election takes and more.
    Flapping,
    Slow,
}

const FAULTS: [Fault; 8] = [
    Fault::LeaderIsolated,
    Fault::LeaderMute,
    Fault::LeaderDeaf,
    Fault::FollowerIsolated,
    Fault::FollowersApart,
    Fault::LeaderFrozen,
    Fault::Flapping,
    Fault::Slow,
];

impl Fault {
    /// Whether the others must elect another leader.
    fn dethrones(self) -> bool {
        use Fault::{LeaderDeaf, LeaderFrozen, LeaderIsolated, LeaderMute};
        matches!(
            self,
            LeaderIsolated | LeaderMute | LeaderDeaf | LeaderFrozen
        )
    }

    fn begin(self, cluster: &mut Cluster, leader: usize) {
        let (one, other) = ((leader + 1) % 3, (leader + 2) % 3);
        let network = cluster.network();
        match self {
            Self::LeaderIsolated => network.isolate(leader),
            Self::LeaderMute => network.mute(leader),
            Self::LeaderDeaf => network.deafen(leader),
            Self::FollowerIsolated => network.isolate(other),
            Self::FollowersApart => {
                network.cut(one, other);
                network.cut(other, one);
            }
            Self::LeaderFrozen => cluster.node(leader).process().freeze(),
            Self::Flapping => {
                for flap in 1..=FLAPS {
                    cluster.network().isolate(leader);
                    lasts(FLAP * (1 + flap % 3));
                    cluster.network().heal();
                    lasts(FLAP);
                }
            }
            Self::Slow => network.delay(SLOW),
        }
    }

    fn end(self, cluster: &mut Cluster, leader: usize) {
        cluster.network().heal();
        cluster.node(leader).process().thaw();
    }
}

/// A fault that goes on so long.
fn lasts(time: Duration) {
    let began = Instant::now();
    wait_until(DEADLINE, "a fault's time", || {
        let now = began.elapsed();
        (now >= time)
            .then_some(())
            .ok_or_else(|| format!("{now:?}"))
    });
}

/// Waits until a node says that changes can be agreed on, or that they cannot. It is ready anyway.
pub(crate) fn wait_agrees(cluster: &Cluster, at: usize, agrees: bool) {
    let words = if agrees {
        "[+] cluster"
    } else {
        "no majority answers"
    };
    wait_until(DEADLINE, words, || {
        let told = cluster.nodes()[at].ops("/readyz?verbose");
        assert_eq!(told.status, 200, "{told:?}");
        let text = told.text();
        if text.contains(words) {
            Ok(())
        } else {
            Err(text)
        }
    });
}

/// Who is cut off from the majority, and can tell.
fn minority(fault: Fault, leader: usize) -> Option<usize> {
    match fault {
        Fault::LeaderIsolated => Some(leader),
        Fault::FollowerIsolated => Some((leader + 2) % 3),
        _ => None,
    }
}

/// What a fault does and does not do, while clients ask. What was acknowledged meanwhile is added.
fn endure(cluster: &mut Cluster, load: &Load, fault: Fault, acknowledged: &mut Vec<String>) {
    let leader = cluster.leader(0, None);
    let witness = (leader + 1) % 3;
    let began = Instant::now();
    fault.begin(cluster, leader);
    if fault.dethrones() {
        cluster.leader(witness, Some(leader));
        let took = began.elapsed();
        println!("{fault:?}: another leader after {took:?}");
        assert!(took < ELECTED_MAX, "{fault:?}: {took:?}");
    }
    let name = format!("made-in-{fault:?}-{}", acknowledged.len());
    acknowledged.push(make(&cluster.nodes()[witness], &name, "plan-1"));
    if let Some(alone) = minority(fault, leader) {
        wait_agrees(cluster, alone, false);
    }
    if fault == Fault::LeaderFrozen {
        lasts(FROZEN);
    }
    load.wait_more(SERVED);
    fault.end(cluster, leader);
    let healed = Instant::now();
    for at in 0..3 {
        wait_agrees(cluster, at, true);
    }
    println!("{fault:?}: all agree {:?} after its end", healed.elapsed());
    load.wait_more(SERVED);
}

fn assert_served(cluster: &Cluster, made: &[String]) {
    for value in made {
        let statuses: Vec<u16> = addresses(cluster)
            .into_iter()
            .map(|node| request(value).send(node).status)
            .collect();
        // Known to all, and admitted once by one of them: a quota of 1.
        assert!(!statuses.contains(&403), "{value}: {statuses:?}");
        let admitted = statuses.iter().filter(|it| **it == 200).count();
        assert_eq!(admitted, 1, "{value}: {statuses:?}");
    }
}

#[test]
fn a_network_that_fails_costs_nothing_that_was_promised() {
    let oracle = Oracle::start(TAKES);
    let rounds = prove(1, 5);
    let large = prove(LARGE, LARGE_LONG);
    let limits = [&LIMITS_SMALL[..], &[large]].concat();
    let keys = keys::of_rounds(rounds * FAULTS.len(), &limits);
    let mut cluster = Cluster::networked(3, 3, &api(&oracle.url(), &keys));
    let probe = Request::get("/x").host(tollgate_tests::files::HOST);
    let balancer = Balancer::start(&cluster, &probe);
    let requests = |of_round: &[Key]| of_round.iter().map(|key| request(&key.value)).collect();
    let asked = keys.chunks(limits.len()).map(requests).collect();
    let load = Load::rounds(balancer.address, CLIENTS, asked, &[200, 429]);
    let mut acknowledged = Vec::new();
    for (round, fault) in FAULTS.repeat(rounds).into_iter().enumerate() {
        load.turn_to(round);
        endure(&mut cluster, &load, fault, &mut acknowledged);
    }
    let report = load.finish();
    assert!(report.failed.is_empty(), "{:#?}", report.failed);
    assert_served(&cluster, &acknowledged);
    let nodes = addresses(&cluster);
    for key in &keys {
        drain(&nodes, key);
        assert_eq!(oracle.served(&key.value), key.limit, "{}", key.value);
    }
    bar(
        1,
        &format!(
            "cluster: {} partitions, one-way cuts and freezes under {} requests/s through HAProxy: {} \
             quotas of 1, 2, 10 and {large} admitted exactly as many; 0 of {} requests failed",
            FAULTS.len() * rounds,
            report.per_second,
            keys.len(),
            report.answered
        ),
    );
}
