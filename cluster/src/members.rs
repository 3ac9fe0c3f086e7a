//! How consensus stands, as this node sees it.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_state::NodeId;

use crate::raft::Raft;
use crate::raft::heard::Heard;

/// How consensus stands, as this node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Members {
    /// This node.
    pub node: NodeId,
    /// What it does: `leader`, `follower`, `candidate`, `learner` or `shutdown`.
    pub role: &'static str,
    /// Who leads, if somebody does that was heard of in the last 2.1 seconds.
    pub leader: Option<NodeId>,
    /// The term: counts elections.
    pub term: u64,
    /// Who votes; of both sets while it changes.
    pub voters: BTreeSet<NodeId>,
    /// Who only listens.
    pub learners: BTreeSet<NodeId>,
    /// The last entry in this node's log.
    pub last_log: u64,
    /// The last entry that this node has applied.
    pub applied: u64,
    /// The last entry in this node's newest snapshot.
    pub snapshot: u64,
    /// The last entry that is in the snapshot only.
    pub purged: u64,
    /// On the leader: the last entry that each node has. Empty elsewhere.
    pub matched: BTreeMap<NodeId, u64>,
    /// On the leader: how long ago a majority answered, in milliseconds.
    pub quorum_ack_ms: Option<u64>,
}

/// A leader that no majority answered for this long cannot say that it leads.
const QUORUM_FRESH_MS: u64 = 2_000;

impl Members {
    /// Whether somebody leads, and on the leader whether a majority answered lately: whether
    /// changes can be agreed on, as far as this node knows.
    #[must_use]
    pub fn agrees(&self) -> bool {
        match self.leader {
            None => false,
            Some(leader) if leader == self.node => {
                let alone = self.voters.len() == 1 && self.voters.contains(&leader);
                alone || self.quorum_ack_ms.is_some_and(|ms| ms < QUORUM_FRESH_MS)
            }
            Some(_) => true,
        }
    }

    pub(crate) fn of(raft: &Raft, heard: &Heard) -> Self {
        use openraft::ServerState;
        let leader = heard.leader(raft);
        let metrics = raft.metrics().borrow().clone();
        let members = metrics.membership_config.membership();
        let replication = metrics.replication.unwrap_or_default();
        Self {
            node: metrics.id,
            role: match metrics.state {
                ServerState::Leader => "leader",
                ServerState::Follower => "follower",
                ServerState::Candidate => "candidate",
                ServerState::Learner => "learner",
                ServerState::Shutdown => "shutdown",
            },
            leader,
            term: metrics.current_term,
            voters: members.voter_ids().collect(),
            learners: members.learner_ids().collect(),
            last_log: metrics.last_log_index.unwrap_or(0),
            applied: metrics.last_applied.map_or(0, |id| id.index),
            snapshot: metrics.snapshot.map_or(0, |id| id.index),
            purged: metrics.purged.map_or(0, |id| id.index),
            matched: replication
                .into_iter()
                .map(|(id, matched)| (id, matched.map_or(0, |it| it.index)))
                .collect(),
            quorum_ack_ms: metrics.millis_since_quorum_ack,
        }
    }
}
