//! Who votes: one rule, on the leader only, one change at a time.
//!
//! A node that was let in only learns at first. It votes when there are enough nodes for an odd
//! number of voters and it has kept up for a while. A voter that is silent for long is replaced
//! when a learner is there to take its place; without one nothing is done, because every removal
//! costs safety. A half-done change is finished first. A leader that does not vote any more hands
//! over: consensus lets it lead for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tollgate_state::NodeId;

/// Entries that a node may be behind and still count as keeping up.
const LAG_ENTRIES_MAX: u64 = 250;

/// How patient the rule is, and how many voters it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// At most this many voters: 1, 3 or 5.
    pub voters_max: usize,
    /// How long a node must have kept up before it votes.
    pub stable: Duration,
    /// How long a voter must have been silent before it is replaced.
    pub silent: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            voters_max: 3,
            stable: Duration::from_secs(10),
            silent: Duration::from_secs(60),
        }
    }
}

/// What the leader knows of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen {
    /// Entries that it is behind.
    pub(crate) lag: Option<u64>,
    /// For how long it has kept up without a break.
    pub(crate) stable: Duration,
    /// For how long it has not answered.
    pub(crate) silent: Duration,
}

/// What the rule looks at.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) leader: NodeId,
    /// Nodes that belong to the cluster: let in and not removed.
    pub(crate) live: BTreeSet<NodeId>,
    /// Those of them that are about to go: they learn to the end and do not vote.
    pub(crate) leaving: BTreeSet<NodeId>,
    /// One set of voters, or two while it changes.
    pub(crate) voters: Vec<BTreeSet<NodeId>>,
    pub(crate) learners: BTreeSet<NodeId>,
    pub(crate) seen: BTreeMap<NodeId, Seen>,
}

/// The next change of who votes or leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Sends the log to a node.
    Learn(NodeId),
    /// Sets who votes. Voters that are left out learn, unless they are removed.
    Vote(BTreeSet<NodeId>),
    /// Stops sending the log to nodes.
    Forget(BTreeSet<NodeId>),
    /// Gives the lead to a voter.
    HandOver,
}

impl View {
    /// Whether a node may vote: it belongs to the cluster and is not about to go.
    fn stays(&self, id: NodeId) -> bool {
        self.live.contains(&id) && !self.leaving.contains(&id)
    }

    /// Whether a node answered at the last looks.
    fn answers(&self, id: NodeId) -> bool {
        self.seen
            .get(&id)
            .is_some_and(|seen| !seen.stable.is_zero())
    }

    /// Whether most of these voters answer. A change to a set of which most are silent would
    /// never be agreed on, and nothing after it either.
    fn can_agree(&self, voters: &BTreeSet<NodeId>) -> bool {
        let answering = voters.iter().filter(|id| self.answers(**id)).count();
        answering * 2 > voters.len()
    }
}

/// The next step, if there is one.
pub(crate) fn next(view: &View, settings: Settings) -> Option<Step> {
    if let [_, wanted] = view.voters.as_slice() {
        return Some(Step::Vote(wanted.clone()));
    }
    let voters = view.voters.first()?;
    // Before anything else: one that is forgotten while it leads leaves an election behind.
    if !voters.contains(&view.leader) {
        return Some(Step::HandOver);
    }
    let spare = spare(view, voters, settings);
    if let Some(one) = voters.iter().find(|id| !view.stays(**id)) {
        // With its place filled at once where that can be.
        let mut wanted = voters.clone();
        wanted.remove(one);
        wanted.extend(spare);
        let wanted = odd(&wanted, view);
        return view.can_agree(&wanted).then_some(Step::Vote(wanted));
    }
    let gone: BTreeSet<NodeId> = view.learners.difference(&view.live).copied().collect();
    if !gone.is_empty() {
        return Some(Step::Forget(gone));
    }
    let known = |id: &NodeId| voters.contains(id) || view.learners.contains(id);
    if let Some(new) = view.live.iter().find(|id| !known(id)) {
        return Some(Step::Learn(*new));
    }
    let staying = view.live.difference(&view.leaving).count();
    let target = target(staying, settings.voters_max);
    if voters.len() < target {
        return grow(view, voters, target, settings).map(Step::Vote);
    }
    let silent = |id: &&NodeId| {
        **id != view.leader
            && view
                .seen
                .get(id)
                .is_some_and(|seen| seen.silent >= settings.silent)
    };
    let dead = voters.iter().find(silent)?;
    let mut wanted = voters.clone();
    wanted.remove(dead);
    wanted.insert(spare?);
    Some(Step::Vote(wanted))
}

/// How many voters a cluster of this size should have: odd, because an even one more stops on the
/// same number of failures and is slower.
fn target(live: usize, voters_max: usize) -> usize {
    match live.min(voters_max) {
        0..=2 => 1,
        3..=4 => 3,
        _ => 5,
    }
}

/// From one voter to three (or three to five) in one step: two voters would stop at one failure.
fn grow(
    view: &View,
    voters: &BTreeSet<NodeId>,
    target: usize,
    settings: Settings,
) -> Option<BTreeSet<NodeId>> {
    let mut wanted = voters.clone();
    let ready = view
        .learners
        .iter()
        .filter(|id| view.stays(**id) && ready(view, **id, settings));
    wanted.extend(ready.take(target - voters.len()));
    let wanted = odd(&wanted, view);
    (wanted.len() > voters.len()).then_some(wanted)
}

/// A node that could vote in place of another.
fn spare(view: &View, voters: &BTreeSet<NodeId>, settings: Settings) -> Option<NodeId> {
    view.learners
        .iter()
        .copied()
        .find(|id| view.stays(*id) && !voters.contains(id) && ready(view, *id, settings))
}

fn ready(view: &View, id: NodeId, settings: Settings) -> bool {
    view.seen.get(&id).is_some_and(|seen| {
        seen.stable >= settings.stable && seen.lag.is_some_and(|lag| lag <= LAG_ENTRIES_MAX)
    })
}

/// The largest odd set within this one that keeps the leader, and rather those that answer.
fn odd(ids: &BTreeSet<NodeId>, view: &View) -> BTreeSet<NodeId> {
    let mut odd = ids.clone();
    if odd.len().is_multiple_of(2) {
        let others = odd.iter().filter(|id| **id != view.leader);
        let least = others.max_by_key(|id| (!view.answers(**id), **id)).copied();
        if let Some(least) = least {
            odd.remove(&least);
        }
    }
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Seen = Seen {
        lag: Some(0),
        stable: Duration::from_secs(60),
        silent: Duration::ZERO,
    };
    const DEAD: Seen = Seen {
        lag: None,
        stable: Duration::ZERO,
        silent: Duration::from_secs(600),
    };

    fn set(ids: &[NodeId]) -> BTreeSet<NodeId> {
        ids.iter().copied().collect()
    }

    fn view(live: &[NodeId], voters: &[NodeId], learners: &[NodeId]) -> View {
        View {
            leader: 1,
            live: set(live),
            leaving: BTreeSet::new(),
            voters: vec![set(voters)],
            learners: set(learners),
            seen: live.iter().map(|id| (*id, WELL)).collect(),
        }
    }

    fn decide(view: &View) -> Option<Step> {
        next(view, Settings::default())
    }

    #[test]
    fn nodes_learn_first_and_vote_in_odd_numbers() {
        assert_eq!(decide(&view(&[1, 2], &[1], &[])), Some(Step::Learn(2)));
        assert_eq!(decide(&view(&[1, 2], &[1], &[2])), None);
        assert_eq!(
            decide(&view(&[1, 2, 3], &[1], &[2, 3])),
            Some(Step::Vote(set(&[1, 2, 3])))
        );
        assert_eq!(decide(&view(&[1, 2, 3, 4], &[1, 2, 3], &[4])), None);
        let five = Settings {
            voters_max: 5,
            ..Settings::default()
        };
        assert_eq!(
            next(&view(&[1, 2, 3, 4, 5], &[1, 2, 3], &[4, 5]), five),
            Some(Step::Vote(set(&[1, 2, 3, 4, 5])))
        );
    }

    #[test]
    fn a_node_that_lags_or_just_came_does_not_vote() {
        let mut lagging = view(&[1, 2, 3], &[1], &[2, 3]);
        lagging.seen.insert(
            3,
            Seen {
                lag: Some(251),
                ..WELL
            },
        );
        assert_eq!(decide(&lagging), None);
        let mut fresh = view(&[1, 2, 3], &[1], &[2, 3]);
        fresh.seen.insert(
            3,
            Seen {
                stable: Duration::from_secs(9),
                ..WELL
            },
        );
        assert_eq!(decide(&fresh), None);
    }

    #[test]
    fn a_silent_voter_is_replaced_when_somebody_can_take_its_place() {
        let mut spare = view(&[1, 2, 3, 4], &[1, 2, 3], &[4]);
        spare.seen.insert(3, DEAD);
        assert_eq!(decide(&spare), Some(Step::Vote(set(&[1, 2, 4]))));
        let mut none = view(&[1, 2, 3], &[1, 2, 3], &[]);
        none.seen.insert(3, DEAD);
        assert_eq!(decide(&none), None);
    }

    #[test]
    fn a_removed_node_stops_voting_and_is_forgotten() {
        assert_eq!(
            decide(&view(&[1, 2, 4], &[1, 2, 3], &[4])),
            Some(Step::Vote(set(&[1, 2, 4])))
        );
        // Two cannot vote better than one.
        assert_eq!(
            decide(&view(&[1, 2], &[1, 2, 3], &[])),
            Some(Step::Vote(set(&[1])))
        );
        assert_eq!(
            decide(&view(&[1, 2], &[1], &[2, 3])),
            Some(Step::Forget(set(&[3])))
        );
        // The leader itself was removed: the others go on without it.
        let mut leader = view(&[2, 3, 4], &[1, 2, 3], &[4]);
        leader.seen.insert(4, WELL);
        assert_eq!(decide(&leader), Some(Step::Vote(set(&[2, 3, 4]))));
    }

    #[test]
    fn a_node_that_leaves_gives_up_its_vote_and_learns_to_the_end() {
        let leaving = |mut view: View, id: NodeId| {
            view.leaving = set(&[id]);
            view
        };
        // Its place is filled where that can be; two would be no better than one.
        let spare = leaving(view(&[1, 2, 3, 4], &[1, 2, 3], &[4]), 3);
        assert_eq!(decide(&spare), Some(Step::Vote(set(&[1, 2, 4]))));
        let three = leaving(view(&[1, 2, 3], &[1, 2, 3], &[]), 3);
        assert_eq!(decide(&three), Some(Step::Vote(set(&[1]))));
        let learns = leaving(view(&[1, 2, 3], &[1], &[2, 3]), 3);
        assert_eq!(decide(&learns), None);
        // The leader hands over, also to its only companion.
        let leader = leaving(view(&[1, 2, 3], &[1, 2, 3], &[]), 1);
        assert_eq!(decide(&leader), Some(Step::Vote(set(&[2]))));
        let two = leaving(view(&[1, 2], &[1], &[2]), 1);
        assert_eq!(decide(&two), Some(Step::Vote(set(&[2]))));
    }

    #[test]
    fn a_leader_that_does_not_vote_hands_over() {
        let mut leader = view(&[1, 2, 3, 4, 5], &[2, 3, 4], &[1, 5]);
        assert_eq!(decide(&leader), Some(Step::HandOver));
        leader.leaving = set(&[1]);
        assert_eq!(decide(&leader), Some(Step::HandOver));
        leader.voters = vec![set(&[1, 2, 3, 4, 5]), set(&[2, 3, 4])];
        assert_eq!(decide(&leader), Some(Step::Vote(set(&[2, 3, 4]))));
        let removed = view(&[2, 3, 4], &[2, 3, 4], &[1]);
        assert_eq!(decide(&removed), Some(Step::HandOver));
    }

    #[test]
    fn no_vote_is_left_to_nodes_that_do_not_answer() {
        let mut leader = view(&[1, 2, 3], &[1, 2, 3], &[]);
        leader.leaving = set(&[1]);
        leader.seen.insert(2, DEAD);
        assert_eq!(decide(&leader), Some(Step::Vote(set(&[3]))));
        leader.seen.insert(3, DEAD);
        assert_eq!(decide(&leader), None);
        let mut removed = view(&[2, 3, 4], &[1, 2, 3, 4, 5], &[]);
        removed.voters = vec![set(&[1, 2, 3])];
        removed.seen.insert(2, DEAD);
        assert_eq!(decide(&removed), Some(Step::Vote(set(&[3]))));
    }

    #[test]
    fn a_half_done_change_is_finished_first() {
        let mut joint = view(&[1, 2, 3, 4], &[1], &[2, 3, 4]);
        joint.voters = vec![set(&[1]), set(&[1, 2, 3])];
        assert_eq!(decide(&joint), Some(Step::Vote(set(&[1, 2, 3]))));
    }
}
