//! Who leads, believed only while it is heard, and whether a leader is heard by a majority.
//!
//! Consensus names the last leader that it knew until it asks for votes itself. A learner never
//! does, and neither does a voter that may not; both would name a dead one for ever.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::{EmptyNode, RaftMetrics, ServerState};
use tokio::sync::watch;
use tokio::time::Instant;
use tollgate_state::NodeId;

use super::disk::lock;
use super::{ELECTION_MAX_MS, Raft};

/// How long a leader is believed in that is not heard: others have elected the next one by then,
/// after a lease and a draw of at most as long.
pub(crate) const BELIEVED_WITHIN: Duration = Duration::from_millis(3 * ELECTION_MAX_MS);

/// A node that could agree on nothing for this long is cut off. An election is over before: the
/// next leader is there 1.4 seconds after the last word of the old one, and twice that after a
/// split vote.
const CUT_OFF_AFTER: Duration = Duration::from_secs(3);

/// When which leader was heard last, and whether this node is cut off. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    last: Arc<Mutex<Option<(NodeId, Instant)>>>,
    agreed: Arc<Mutex<Instant>>,
    /// The term that this node was last seen to lead, and since when.
    led: Arc<Mutex<Option<(u64, Instant)>>>,
    cut_off: watch::Sender<bool>,
}

impl Default for Heard {
    fn default() -> Self {
        Self {
            last: Arc::default(),
            agreed: Arc::new(Mutex::new(Instant::now())),
            led: Arc::default(),
            cut_off: watch::Sender::new(false),
        }
    }
}

impl Heard {
    /// A node's entries or its snapshot were accepted: it leads.
    pub(crate) fn accepted(&self, from: NodeId) {
        *lock(&self.last) = Some((from, Instant::now()));
    }

    /// Something came of the one that leads, which a slow disk may take long to accept. Of another
    /// node it says nothing.
    pub(crate) fn arrived(&self, from: NodeId) {
        if let Some((leader, at)) = &mut *lock(&self.last)
            && *leader == from
        {
            *at = Instant::now();
        }
    }

    /// How long ago a leader was heard last, whoever it was; `None` when none ever was.
    pub(crate) fn silent_for(&self) -> Option<Duration> {
        lock(&self.last).map(|(_, at)| at.elapsed())
    }

    fn recently(&self, node: NodeId) -> bool {
        let last = *lock(&self.last);
        last.is_some_and(|(leader, at)| leader == node && at.elapsed() < BELIEVED_WITHIN)
    }

    /// Where this node leads: how long ago a majority answered it last. Consensus counts from the
    /// first answer; a leader that never had one counts from when it was first seen to lead. A
    /// node that is a majority by itself always answers. `None` where it does not lead.
    pub(crate) fn majority_silent_for(
        &self,
        metrics: &RaftMetrics<NodeId, EmptyNode>,
    ) -> Option<Duration> {
        if metrics.state != ServerState::Leader {
            return None;
        }
        let mut voters = metrics.membership_config.membership().voter_ids();
        if voters.all(|id| id == metrics.id) {
            return Some(Duration::ZERO);
        }
        let since = self.led_since(metrics.current_term).elapsed();
        Some(match metrics.millis_since_quorum_ack {
            Some(answered_ms) => Duration::from_millis(answered_ms),
            None => since,
        })
    }

    fn led_since(&self, term: u64) -> Instant {
        let mut led = lock(&self.led);
        match *led {
            Some((known, since)) if known == term => since,
            _ => led.insert((term, Instant::now())).1,
        }
    }

    /// Takes in whether changes can be agreed on now; looked at several times a second.
    pub(crate) fn look(&self, agrees: bool) {
        let mut agreed = lock(&self.agreed);
        if agrees {
            *agreed = Instant::now();
        }
        let cut_off = agreed.elapsed() >= CUT_OFF_AFTER;
        drop(agreed);
        self.cut_off
            .send_if_modified(|before| std::mem::replace(before, cut_off) != cut_off);
    }

    /// Whether this node knows that nothing can be agreed on, now and when that changes.
    pub(crate) fn cut_off(&self) -> watch::Receiver<bool> {
        self.cut_off.subscribe()
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

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_no_majority_ever_answered_counts_from_when_it_began() {
        let heard = Heard::default();
        let voters = std::collections::BTreeSet::from([1, 2, 3]);
        let members = openraft::Membership::new(vec![voters], None);
        let mut metrics = RaftMetrics::new_initial(1);
        metrics.membership_config = Arc::new(openraft::StoredMembership::new(None, members));
        assert_eq!(heard.majority_silent_for(&metrics), None);
        (metrics.state, metrics.current_term) = (ServerState::Leader, 4);
        let mut silent_ms = |term, answered_ms| {
            (metrics.current_term, metrics.millis_since_quorum_ack) = (term, answered_ms);
            heard.majority_silent_for(&metrics).unwrap().as_millis()
        };
        assert_eq!(silent_ms(4, None), 0);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(silent_ms(4, None), 3_000);
        assert_eq!(silent_ms(4, Some(20)), 20);
        // It led before, and does again: nobody answered it in this term.
        assert_eq!(silent_ms(6, None), 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(silent_ms(6, None), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_only_voter_is_a_majority_by_itself() {
        let heard = Heard::default();
        let silent = |voter| {
            let voters = std::collections::BTreeSet::from([voter]);
            let members = openraft::Membership::new(vec![voters], None);
            let mut metrics = RaftMetrics::new_initial(1);
            metrics.membership_config = Arc::new(openraft::StoredMembership::new(None, members));
            metrics.state = ServerState::Leader;
            metrics.millis_since_quorum_ack = Some(7_000);
            heard.majority_silent_for(&metrics)
        };
        assert_eq!(silent(1), Some(Duration::ZERO));
        assert_eq!(silent(2), Some(Duration::from_secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_cut_off_when_nothing_was_agreed_on_for_a_while_and_not_before() {
        let heard = Heard::default();
        let cut_off = heard.cut_off();
        let steps = [
            (0, false, false),
            (2_900, false, false),
            (100, false, true),
            (1, true, false),
            (2_999, false, false),
            (1, false, true),
        ];
        for (ms, agrees, expected) in steps {
            tokio::time::advance(Duration::from_millis(ms)).await;
            heard.look(agrees);
            assert_eq!(*cut_off.borrow(), expected, "after {ms} ms");
        }
    }
}
