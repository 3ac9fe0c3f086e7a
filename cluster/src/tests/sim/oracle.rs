//! What must be true of a cluster, seen from outside: who led when, what was applied where, what
//! was acknowledged, and how many requests were let in.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{EmptyNode, ServerState};
use tollgate_protocol::Millis;
use tollgate_protocol::codec::crc32c;
use tollgate_state::{NodeId, State};

use super::rate::Bound;
use crate::raft::{Entry, wire};

type RaftMetrics = openraft::RaftMetrics<NodeId, EmptyNode>;

/// Something that happened: its kind, and what it was about.
pub(super) type Event = [u64; 4];

/// Everything that was seen, and the first thing that was wrong.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    wrong: Option<String>,
    /// Everything that happened, in order: equal for equal runs.
    trace: Vec<Event>,
    /// Who led, by vote: openraft's leader is a term and a node, in this order.
    leaders: BTreeSet<(u64, NodeId)>,
    votes: BTreeMap<NodeId, (u64, NodeId)>,
    /// What is agreed on, by index.
    entries: BTreeMap<u64, u32>,
    /// The last entry applied in a node's present life.
    applied: BTreeMap<NodeId, u64>,
    /// The revision that a node's present life showed, or acknowledged.
    shown: BTreeMap<NodeId, u64>,
    /// Acknowledged revisions, and what made them.
    acked: BTreeMap<u64, String>,
    tags: BTreeMap<String, u64>,
    /// Requests let in, by window.
    pub(super) admitted: BTreeMap<Millis, u64>,
    /// What the rate allows, in a seed that has one.
    pub(super) rate: Option<Bound>,
    /// The highest limit there was.
    pub(super) ceiling: u64,
    /// Lives that ended without giving back.
    pub(super) lost_lives: u64,
}

impl Oracle {
    /// The first thing that was wrong.
    pub(super) fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    pub(super) fn fail(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    pub(super) fn take_trace(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.trace)
    }

    /// How many elections there were, and acknowledged changes.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.leaders.len() as u64, self.acked.len() as u64)
    }

    pub(super) fn note(&mut self, event: &[u64]) {
        let mut noted = [0; 4];
        noted[..event.len()].copy_from_slice(event);
        self.trace.push(noted);
    }

    /// A node's life begins.
    pub(super) fn begins(&mut self, node: NodeId) {
        self.applied.remove(&node);
        self.shown.remove(&node);
    }

    /// Looks at a node as it is now.
    pub(super) fn look(&mut self, metrics: &RaftMetrics, state: &State) {
        let node = metrics.id;
        let leader = metrics.vote.leader_id;
        let vote = (leader.term, leader.node_id);
        let before = self.votes.insert(node, vote).unwrap_or_default();
        if vote < before {
            self.fail(format!(
                "vote: node {node} went from {before:?} to {vote:?}"
            ));
        }
        if metrics.state == ServerState::Leader {
            if vote.1 != node {
                self.fail(format!("election: node {node} leads by {vote:?}"));
            }
            if self.leaders.insert(vote) {
                self.note(&[1, node, vote.0]);
            }
        }
        self.shows(node, state.revision.0);
    }

    /// What a node shows never goes back in one life.
    pub(super) fn shows(&mut self, node: NodeId, revision: u64) {
        let before = self.shown.insert(node, revision).unwrap_or(0);
        if revision < before {
            self.fail(format!(
                "read: node {node} shows revision {revision} after {before}"
            ));
        }
    }

    /// A node applied an entry.
    pub(super) fn applied(&mut self, node: NodeId, entry: &Entry) {
        let index = entry.log_id.index;
        let sum = wire::entry_to_bytes(entry).map_or(0, |bytes| crc32c(&bytes));
        let agreed = *self.entries.entry(index).or_insert(sum);
        if agreed != sum {
            self.fail(format!("log: node {node} applied another entry {index}"));
        }
        if let Some(last) = self.applied.insert(node, index)
            && index != last + 1
        {
            self.fail(format!("log: node {node} applied {index} after {last}"));
        }
        self.note(&[2, node, index, sum.into()]);
    }

    /// A node took a snapshot in the place of entries.
    pub(super) fn installed(&mut self, node: NodeId, index: u64) {
        let before = self.applied.insert(node, index).unwrap_or(0);
        if index < before {
            self.fail(format!("log: node {node} went from {before} to {index}"));
        }
        self.note(&[3, node, index]);
    }

    /// A node let a request in by the rate.
    pub(super) fn admit_by_rate(&mut self, node: NodeId, now_us: u64) {
        self.note(&[10, node, now_us]);
        let over = self.rate.as_mut().and_then(|rate| rate.admit(now_us));
        if let Some(over) = over {
            self.fail(format!("rate: node {node} let in {over:.2} too many"));
        }
    }

    /// The highest acknowledged revision: what is begun now must come after it.
    pub(super) fn newest(&self) -> u64 {
        self.acked
            .last_key_value()
            .map_or(0, |(revision, _)| *revision)
    }

    /// A change was acknowledged on a node that shows `shown`. `floor` is what [`Self::newest`]
    /// was when it was first proposed.
    pub(super) fn acked(&mut self, node: NodeId, tag: &str, revision: u64, floor: u64, shown: u64) {
        if shown < revision {
            self.fail(format!(
                "read: node {node} acknowledged {revision} and shows {shown}"
            ));
        }
        self.shows(node, shown);
        let known = *self.tags.entry(tag.to_owned()).or_insert(revision);
        if known != revision {
            self.fail(format!("retry: {tag} is both {known} and {revision}"));
            return;
        }
        if revision <= floor {
            self.fail(format!("order: {tag} is {revision}, begun after {floor}"));
        }
        let holder = self.acked.entry(revision).or_insert_with(|| tag.to_owned());
        if holder != tag {
            let text = format!("order: {revision} is both {holder} and {tag}");
            self.fail(text);
        }
        self.note(&[4, node, revision]);
    }

    /// A request was let in by a lease of a window.
    pub(super) fn admit(&mut self, node: NodeId, window: Millis) {
        let count = self.admitted.entry(window).or_default();
        *count += 1;
        let count = *count;
        if count > self.ceiling {
            self.fail(format!("quota: {count} of {} let in", self.ceiling));
        }
        self.note(&[5, node, count]);
    }

    /// What must be on every node at the end.
    pub(super) fn end(&mut self, node: NodeId, state: &State) {
        let mut names = BTreeSet::new();
        let mut history = BTreeMap::new();
        for record in state.history() {
            if !names.insert(record.who.clone()) {
                self.fail(format!("retry: {} happened twice", record.who));
            }
            history.insert(record.revision.0, record.who.clone());
        }
        let lost = self
            .acked
            .iter()
            .find(|(at, tag)| history.get(at) != Some(tag));
        if let Some((revision, tag)) = lost {
            let text = format!("lost: node {node} has no {tag} at {revision}");
            self.fail(text);
        }
        self.books(node, state);
    }

    /// Every request that was let in is counted, as used or as assumed to be.
    fn books(&mut self, node: NodeId, state: &State) {
        let Some(bucket) = state.quota.bucket(&"gold".into(), &"k".into()) else {
            return;
        };
        for window in bucket.previous.iter().chain([&bucket.current]) {
            let admitted = self.admitted.get(&window.start).copied().unwrap_or(0);
            let out = window.spent + window.assumed + window.held();
            if admitted > out {
                self.fail(format!(
                    "usage: node {node} knows of {out} of {admitted} let in"
                ));
            }
            if out > self.ceiling {
                self.fail(format!("books: {out} of {} are out", self.ceiling));
            }
        }
    }
}
