//! How a node finds out for certain that it was removed.
//!
//! Its own log says so, where that still comes. Else it is refused by those that it calls; but one
//! of them may itself have been removed, and this node not have heard of it yet. So a refusal is
//! no more than a reason to ask: the node retires when most of the voters that it knows refuse it,
//! whom links know by their keys.
//!
//! Two at least have to, so that no one's word is enough. A node that knows of one voter, or whose
//! voters are mostly gone, stays up, cut off, and says so: a person decides.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tollgate_protocol::codes;
use tollgate_state::NodeId;

use crate::lines::Lines;
use crate::peers::{CallError, Lane, Transport, kind};
use crate::proposer::Proposer;
use crate::raft::ballot::is_majority;
use crate::raft::gate::Gate;
use crate::raft::machine::Machine;
use crate::raft::parts;

/// How often it is looked whether somebody refused this node, and the voters are asked then.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How long a voter may take to answer: as long as links try to connect.
const ANSWER_DEADLINE: Duration = Duration::from_secs(2);
/// So many voters have to say that this node was removed, where its own log does not.
const WITNESSES_MIN: usize = 2;

/// Looks while the node runs.
pub(crate) async fn run(
    proposer: Proposer,
    gate: Gate,
    removal: watch::Sender<bool>,
    lines: Option<Lines>,
) {
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut warned_of = BTreeSet::new();
    loop {
        look.tick().await;
        let refused = lines.as_ref().and_then(Lines::links);
        let refused = refused.is_some_and(|links| links.removed_by().is_some());
        if !gate.take_doubt() && !refused {
            continue;
        }
        let sets = voters(&proposer, lines.as_ref());
        let said = ask(&proposer, sets.iter().flatten().copied().collect()).await;
        if is_certain(log_says(&proposer), &sets, &said) {
            tracing::info!(by = ?said, "this node was removed from the cluster");
            gate.retire();
            removal.send_replace(true);
            return;
        }
        // Once for each: it may be so for as long as the node runs.
        if !said.is_subset(&warned_of) {
            tracing::warn!(
                by = ?said,
                voters = ?sets,
                code = codes::REMOVED.code,
                "nodes say that this one was removed, too few to be certain"
            );
            warned_of.extend(said);
        }
    }
}

/// Looks whether this node's own log says that it was removed, and is out of consensus.
pub(crate) fn look(removal: &watch::Sender<bool>, machine: &Machine, node: NodeId) {
    // A node that is still a member goes on: its vote may be needed to take it out.
    let out = || removal_agreed(machine, node) && !machine.members().contains(&node);
    if !*removal.borrow() && out() {
        removal.send_replace(true);
    }
}

fn removal_agreed(machine: &Machine, node: NodeId) -> bool {
    machine.look(|state| {
        let node = state.nodes().get(&node);
        node.is_some_and(|it| it.removed.is_some())
    })
}

fn log_says(proposer: &Proposer) -> bool {
    removal_agreed(&proposer.machine, proposer.node)
}

/// Who votes as far as this node knows: whom it was told of when it was let in, as long as it has
/// received nothing else. Not whom it heard of later by asking: a removed machine could name as
/// many as it likes.
fn voters(proposer: &Proposer, lines: Option<&Lines>) -> Vec<BTreeSet<NodeId>> {
    let sets = {
        let metrics = proposer.raft.metrics();
        let metrics = metrics.borrow();
        let members = metrics.membership_config.membership();
        members.get_joint_config().clone()
    };
    if sets.iter().any(|set| !set.is_empty()) {
        return sets;
    }
    let told = lines.map(|lines| lines.introductions.saved());
    told.into_iter().collect()
}

/// Which of these nodes say that this one was removed. A removed node is refused whatever it asks.
async fn ask(proposer: &Proposer, voters: BTreeSet<NodeId>) -> BTreeSet<NodeId> {
    let mut asked = JoinSet::new();
    for node in voters.into_iter().filter(|node| *node != proposer.node) {
        let transport: Arc<dyn Transport> = Arc::clone(&proposer.transport);
        asked.spawn(async move {
            let place = (node, Lane::Raft, kind::WOULD_VOTE);
            let answer = parts::call(&*transport, place, "".into(), ANSWER_DEADLINE).await;
            matches!(answer, Err(CallError::Removed(_))).then_some(node)
        });
    }
    let mut said = BTreeSet::new();
    while let Some(answer) = asked.join_next().await {
        said.extend(answer.ok().flatten());
    }
    said
}

/// Whether what others said is enough: of one, where this node's log has the removal already and
/// lacks only that it is out of consensus; else of most voters, and of two.
fn is_certain(in_log: bool, voters: &[BTreeSet<NodeId>], said: &BTreeSet<NodeId>) -> bool {
    let most = |set: &BTreeSet<NodeId>| is_majority(set, |node| said.contains(node));
    match said.len() {
        0 => false,
        _ if in_log => true,
        witnesses => witnesses >= WITNESSES_MIN && voters.iter().all(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &[NodeId]) -> BTreeSet<NodeId> {
        ids.iter().copied().collect()
    }

    #[test]
    fn most_voters_of_every_set_must_say_so_or_one_and_the_log() {
        let certain = |in_log, voters: &[&[NodeId]], said: &[NodeId]| {
            let voters: Vec<_> = voters.iter().map(|it| set(it)).collect();
            is_certain(in_log, &voters, &set(said))
        };
        assert!(!certain(false, &[&[1, 2, 3]], &[1]));
        assert!(certain(false, &[&[1, 2, 3]], &[1, 2]));
        // The one voter may itself have been removed since.
        assert!(!certain(false, &[&[1]], &[1]));
        assert!(!certain(false, &[&[1], &[1, 2]], &[1]));
        assert!(certain(false, &[&[1], &[1, 2, 3]], &[1, 3]));
        assert!(certain(true, &[&[1]], &[1]));
        assert!(!certain(false, &[&[1, 2, 3], &[1, 4, 5]], &[1, 2]));
        assert!(certain(false, &[&[1, 2, 3], &[1, 4, 5]], &[1, 2, 4]));
        assert!(certain(true, &[&[1, 2, 3]], &[1]));
        for in_log in [false, true] {
            assert!(!certain(in_log, &[&[1, 2, 3]], &[]));
            assert!(!certain(in_log, &[], &[]));
        }
    }
}
