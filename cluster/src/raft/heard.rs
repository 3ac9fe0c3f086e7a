//! Who leads, believed only while it is heard.
//!
//! Consensus names the last leader that it knew until it asks for votes itself. A learner never
//! does, and neither does a voter that may not; both would name a dead one for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tollgate_state::NodeId;

use super::disk::lock;
use super::{ELECTION_MAX_MS, Raft};

/// How long a leader is believed in that is not heard: others have elected the next one by then,
/// after a lease and a draw of at most as long.
pub(crate) const BELIEVED_WITHIN: Duration = Duration::from_millis(3 * ELECTION_MAX_MS);

/// When which leader was heard last. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Option<(NodeId, Instant)>>>);

impl Heard {
    /// A node's entries or its snapshot were accepted: it leads.
    pub(crate) fn accepted(&self, from: NodeId) {
        *lock(&self.0) = Some((from, Instant::now()));
    }

    /// Something came of the one that leads, which a slow disk may take long to accept. Of another
    /// node it says nothing.
    pub(crate) fn arrived(&self, from: NodeId) {
        if let Some((leader, at)) = &mut *lock(&self.0)
            && *leader == from
        {
            *at = Instant::now();
        }
    }

    fn recently(&self, node: NodeId) -> bool {
        let last = *lock(&self.0);
        last.is_some_and(|(leader, at)| leader == node && at.elapsed() < BELIEVED_WITHIN)
    }

    /// Who leads, as far as this node may believe.
    pub(crate) fn leader(&self, raft: &Raft) -> Option<NodeId> {
        let (me, leader) = {
            let metrics = raft.metrics();
            let metrics = metrics.borrow();
            (metrics.id, metrics.current_leader)
        };
        leader.filter(|leader| *leader == me || self.recently(*leader))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_leader_is_believed_in_while_it_is_heard() {
        let heard = Heard::default();
        heard.arrived(1);
        assert!(!heard.recently(1), "it was never accepted");
        heard.accepted(1);
        tokio::time::advance(BELIEVED_WITHIN / 2).await;
        heard.arrived(2);
        heard.arrived(1);
        tokio::time::advance(BELIEVED_WITHIN / 2).await;
        assert!(heard.recently(1) && !heard.recently(2));
        tokio::time::advance(BELIEVED_WITHIN / 2).await;
        assert!(!heard.recently(1));
        heard.accepted(2);
        assert!(heard.recently(2) && !heard.recently(1));
    }
}
