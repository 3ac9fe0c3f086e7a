//! Three nodes' leases on one state, without a disk: near its end a quota is exact in both
//! directions, and then nobody says anything any more.

use std::sync::Arc;

use tollgate_config::cells::{QuotaSlot, Take};
use tollgate_state::{Addresses, Command, Effect, Entry, LeaseBatch, ProposalId, Reply, State};

use tollgate_protocol::Millis;

use super::hub::NOON;
use super::quota::{configuration, quota};
use crate::{Leases, Outcome, Place, Times};

struct Node {
    leases: Leases,
    slot: Arc<QuotaSlot>,
    admitted: u64,
    refused: bool,
}

struct Cluster {
    state: State,
    nodes: Vec<Node>,
    /// Batches that were carried out.
    batches: u64,
}

fn place() -> Place {
    ("gold".into(), "k".into())
}

impl Cluster {
    fn new(limit: u64) -> Self {
        let mut cluster = Self {
            state: State::default(),
            nodes: Vec::new(),
            batches: 0,
        };
        cluster.limit(limit);
        cluster.say(Command::Found {
            cluster: [0; 16],
            authority: Vec::new(),
            sealed_key: Vec::new(),
            node: 1,
            key_hash: [1; 32],
            name: String::new(),
            addresses: Addresses::default(),
        });
        cluster.say(Command::CreateToken {
            id: "t".into(),
            secret_hash: [0; 32],
            expires: Millis(NOON.0 + 1),
            uses: 2,
            who: String::new(),
        });
        for key in 1..=3 {
            if key > 1 {
                cluster.say(Command::AdmitNode {
                    token: "t".into(),
                    secret_hash: [0; 32],
                    key_hash: [key; 32],
                    name: String::new(),
                    addresses: Addresses::default(),
                });
            }
            let node = u64::from(key);
            let up = Command::NodeUp {
                node,
                incarnation: 1,
                addresses: Addresses::default(),
                version: String::new(),
                levels: (1, 1),
            };
            assert_eq!(cluster.say(up), Reply::Done);
            let mut leases = Leases::new(node, 1);
            let slot = leases.slot(&"gold".into(), &"k".into(), quota(limit));
            cluster.nodes.push(Node {
                leases,
                slot,
                admitted: 0,
                refused: false,
            });
        }
        cluster
    }

    fn limit(&mut self, limit: u64) {
        let command = configuration(limit);
        assert!(matches!(self.say(command), Reply::Configured(_)));
    }

    /// Applies a command, and tells every node what it means for its quotas.
    fn say(&mut self, command: Command) -> Reply {
        let applied = self.state.apply(&Entry {
            at: NOON,
            proposal: ProposalId::default(),
            command,
        });
        for effect in applied.effects {
            for (at, node) in self.nodes.iter_mut().enumerate() {
                match &effect {
                    Effect::Recall { node: whom, .. } if *whom == at as u64 + 1 => {
                        node.leases.recall(&place());
                    }
                    Effect::Reopened { .. } => node.leases.reopen(&place()),
                    Effect::QuotaChanged { plan } => node.leases.reopen_plan(plan),
                    _ => {}
                }
            }
        }
        applied.reply
    }

    fn exchange(&mut self, at: usize) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while let Some(batch) = self.nodes[at].leases.batch(NOON) {
            let batch: LeaseBatch = batch;
            self.batches += 1;
            match self.say(Command::Lease(batch)) {
                Reply::Leased(replies) => {
                    outcomes.extend(self.nodes[at].leases.answer(replies, Times::agreed(NOON)));
                }
                other => panic!("{other:?}"),
            }
        }
        outcomes
    }

    /// A request at a node, which waits as long as the node says.
    fn request(&mut self, at: usize) {
        let slot = Arc::clone(&self.nodes[at].slot);
        let waiting = slot.begin_wait();
        self.nodes[at].refused = false;
        for _ in 0..20 {
            match slot.take(NOON) {
                Take::Taken | Take::TakenLow => {
                    self.nodes[at].admitted += 1;
                    break;
                }
                Take::Exhausted { .. } => {
                    self.nodes[at].refused = true;
                    break;
                }
                Take::Ask => {
                    assert!(self.nodes[at].leases.want(&place()));
                    for outcome in self.exchange(at) {
                        if outcome.retry_ms.is_some() {
                            // The others hear of it while this one waits.
                            for other in 0..self.nodes.len() {
                                self.exchange(other);
                            }
                            self.nodes[at].leases.retry(&place());
                        }
                    }
                }
            }
        }
        drop(waiting);
    }

    fn admitted(&self) -> u64 {
        self.nodes.iter().map(|node| node.admitted).sum()
    }

    /// Requests until every node refuses.
    fn drain(&mut self, pattern: &[usize]) {
        for round in 0.. {
            self.request(pattern[round % pattern.len()]);
            if self.nodes.iter().all(|node| node.refused) {
                return;
            }
            assert!(round < 100_000, "{} admitted", self.admitted());
        }
    }
}

#[test]
fn near_its_end_a_quota_is_exact_in_both_directions() {
    let patterns: [&[usize]; 3] = [&[0, 1, 2], &[0, 0, 0, 0, 0, 1, 2, 2], &[2, 1, 1, 0, 1]];
    for limit in [0, 1, 2, 3, 10, 59, 1_000, 4_321] {
        for pattern in patterns {
            let mut cluster = Cluster::new(limit);
            cluster.drain(pattern);
            assert_eq!(cluster.admitted(), limit, "{pattern:?}");
        }
    }
}

#[test]
fn tokens_that_lie_idle_at_a_node_reach_the_one_that_needs_them() {
    let mut cluster = Cluster::new(1_000);
    for at in 0..3 {
        cluster.request(at);
    }
    let idle: u64 = cluster.nodes[1].leases.numbers().held;
    assert!(idle > 0);
    while !cluster.nodes[0].refused {
        cluster.request(0);
    }
    assert_eq!(cluster.admitted(), 1_000);
    assert_eq!(cluster.nodes[1].leases.numbers().held, 0);
}

#[test]
fn a_used_up_quota_is_refused_without_a_word_until_it_changes() {
    let mut cluster = Cluster::new(40);
    cluster.drain(&[0, 1, 2]);
    for at in 0..3 {
        cluster.nodes[at].leases.report();
        cluster.exchange(at);
    }
    let before = cluster.batches;
    for at in 0..3 {
        for _ in 0..100 {
            cluster.request(at);
        }
        cluster.nodes[at].leases.report();
        assert!(!cluster.nodes[at].leases.has_news());
    }
    assert_eq!(cluster.batches, before);
    // Every node hears of more, without asking.
    cluster.say(Command::AdjustUsage {
        plan: "gold".into(),
        key: "k".into(),
        remaining: 5,
    });
    cluster.drain(&[2, 1, 0]);
    assert_eq!(cluster.admitted(), 45);
    // An adjustment holds for its window, whatever the plan says.
    cluster.limit(50);
    cluster.drain(&[0, 1, 2]);
    assert_eq!(cluster.admitted(), 45);
}

#[test]
fn a_raised_limit_reaches_every_node() {
    let mut cluster = Cluster::new(4);
    cluster.drain(&[0, 1, 2]);
    cluster.limit(9);
    cluster.drain(&[1, 2, 0]);
    assert_eq!(cluster.admitted(), 9);
}

#[test]
fn a_lease_that_was_closed_before_it_was_opened_holds_nothing() {
    let mut cluster = Cluster::new(100);
    cluster.nodes[0].leases.want(&place());
    let batch = cluster.nodes[0].leases.batch(NOON).unwrap();
    cluster.nodes[0].leases.close_all();
    let Reply::Leased(replies) = cluster.say(Command::Lease(batch)) else {
        panic!("stale")
    };
    cluster.nodes[0].leases.answer(replies, Times::agreed(NOON));
    cluster.exchange(0);
    let bucket = cluster.state.quota.bucket(&"gold".into(), &"k".into());
    assert_eq!(bucket.unwrap().current.held(), 0);
}
