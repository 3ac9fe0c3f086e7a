//! Whether this node may ask for votes: only when a majority hears of no leader either.
//!
//! openraft 0.9 has no pre-vote. A voter that is cut off would ask for votes again and again, each
//! time in a higher term, and when it comes back that term deposes a leader that all others
//! follow. So elections are switched off except while a majority of the voters says that it
//! would vote; when to ask is still openraft's to decide. Nothing here is needed for safety.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use openraft::ServerState;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tollgate_state::NodeId;

use super::gate::Gate;
use super::heard::Heard;
use super::{ELECTION_MAX_MS, Raft, parts};
use crate::peers::{CallError, Lane, Transport, kind};
use crate::proposer::Proposer;

/// openraft's lease: who heard a leader this recently votes for nobody.
const LEASE: Duration = Duration::from_millis(ELECTION_MAX_MS);
/// How often the others are asked while no leader is heard: several times before openraft's own
/// patience ends, so that it is not waited for.
const ROUND: Duration = Duration::from_millis(100);

const YES: &[u8] = b"y";
const NO: &[u8] = b"n";

/// The answer to a node that asks whether this one would vote.
pub(crate) fn answer(raft: &Raft, heard: &Heard) -> Vec<u8> {
    let leads = heard.majority_silent_for(&raft.metrics().borrow());
    let leads = leads.is_some_and(|silent| silent < LEASE);
    let follows = heard.silent_for().is_some_and(|silent| silent < LEASE);
    if leads || follows { NO } else { YES }.to_vec()
}

/// What the others said lately.
#[derive(Default)]
struct Round {
    asking: BTreeSet<NodeId>,
    yes: BTreeMap<NodeId, Instant>,
    asked: JoinSet<(NodeId, Result<bool, CallError>)>,
}

/// Looks whether elections may be, while the node runs.
pub(crate) async fn run(proposer: Proposer, gate: Gate) {
    let mut look = tokio::time::interval(ROUND);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = Round::default();
    loop {
        look.tick().await;
        let may = round.may_ask(&proposer, &gate);
        proposer.raft.runtime_config().elect(may);
    }
}

impl Round {
    fn may_ask(&mut self, proposer: &Proposer, gate: &Gate) -> bool {
        let me = proposer.node;
        let (leads, sets) = {
            let metrics = proposer.raft.metrics();
            let metrics = metrics.borrow();
            let members = metrics.membership_config.membership();
            let sets = members.get_joint_config().clone();
            (metrics.state == ServerState::Leader, sets)
        };
        self.hear(gate);
        let voters: BTreeSet<NodeId> = sets.iter().flatten().copied().collect();
        let follows = proposer.heard.silent_for().is_some_and(|it| it < LEASE);
        if gate.is_retired() || leads || follows || !voters.contains(&me) {
            self.yes.clear();
            // Who becomes the only voter has nobody to hear.
            return !gate.is_retired() && voters.len() == 1 && voters.contains(&me);
        }
        self.ask(&proposer.transport, voters.iter().filter(|it| **it != me));
        self.yes.retain(|_, at| at.elapsed() < LEASE);
        let willing = |node: &NodeId| *node == me || self.yes.contains_key(node);
        sets.iter().all(|set| is_majority(set, willing))
    }

    fn ask<'n>(&mut self, transport: &Arc<dyn Transport>, nodes: impl Iterator<Item = &'n NodeId>) {
        for node in nodes.copied() {
            if self.asking.insert(node) {
                let transport = Arc::clone(transport);
                self.asked.spawn(async move {
                    let place = (node, Lane::Raft, kind::WOULD_VOTE);
                    let answer = parts::call(&*transport, place, "".into(), LEASE).await;
                    (node, answer.map(|answer| answer == YES))
                });
            }
        }
    }

    fn hear(&mut self, gate: &Gate) {
        while let Some(Ok((node, answer))) = self.asked.try_join_next() {
            self.asking.remove(&node);
            match answer {
                Ok(true) => drop(self.yes.insert(node, Instant::now())),
                Ok(false) => drop(self.yes.remove(&node)),
                Err(error) => {
                    self.yes.remove(&node);
                    if let CallError::Removed(_) = error {
                        gate.doubt();
                    }
                }
            }
        }
    }
}

/// Whether this holds for more than half of a set.
pub(crate) fn is_majority(set: &BTreeSet<NodeId>, willing: impl Fn(&NodeId) -> bool) -> bool {
    set.iter().filter(|node| willing(node)).count() * 2 > set.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_half_is_a_majority() {
        let most = |set: &[NodeId], willing: &[NodeId]| {
            is_majority(&set.iter().copied().collect(), |it| willing.contains(it))
        };
        assert!(most(&[1], &[1]) && most(&[1, 2, 3], &[1, 3]) && !most(&[1, 2, 3], &[1]));
        assert!(!most(&[1, 2], &[1]) && !most(&[1, 2, 3, 4], &[1, 4]) && !most(&[1, 2], &[7, 8]));
    }
}
