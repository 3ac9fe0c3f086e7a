//! When each peer was heard of last: what failure detectors are fed with.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tollgate_protocol::ids::NodeId;

use crate::Refusal;

/// What is known of the way to a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Contact {
    /// When something last came on a lane that this node dialled: the way there and back worked.
    pub answered: Option<Instant>,
    /// When something last came on a lane that the peer dialled: it lives and reaches this node.
    pub called: Option<Instant>,
    /// A smoothed round trip, queueing at both ends included.
    pub round_trip: Option<Duration>,
    /// The peer's last refusal of a connection, until one succeeds. With [`Refusal::REMOVED`] this
    /// node is no longer a member.
    pub refusal: Option<Refusal>,
}

/// The contacts of all peers.
#[derive(Debug, Default)]
pub(crate) struct Contacts(Mutex<BTreeMap<NodeId, Contact>>);

impl Contacts {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<NodeId, Contact>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn get(&self, node: NodeId) -> Contact {
        self.with(|contacts| contacts.get(&node).cloned().unwrap_or_default())
    }

    /// Forgets peers that are not members any more, so that the map is no larger than the cluster.
    pub(crate) fn keep(&self, is_member: impl Fn(NodeId) -> bool) {
        self.with(|contacts| contacts.retain(|node, _| is_member(*node)));
    }

    pub(crate) fn answered(&self, node: NodeId, now: Instant) {
        self.with(|contacts| contacts.entry(node).or_default().answered = Some(now));
    }

    pub(crate) fn called(&self, node: NodeId, now: Instant) {
        self.with(|contacts| contacts.entry(node).or_default().called = Some(now));
    }

    /// The first peer that says that this node was removed.
    pub(crate) fn removed_by(&self) -> Option<(NodeId, Refusal)> {
        self.with(|contacts| {
            let mut refusals = contacts
                .iter()
                .filter_map(|(node, contact)| Some((*node, contact.refusal.clone()?)));
            refusals.find(|(_, refusal)| refusal.code == Refusal::REMOVED)
        })
    }

    /// One eighth of the new one, as TCP smooths (RFC 6298).
    pub(crate) fn measured(&self, node: NodeId, round_trip: Duration) {
        self.with(|contacts| {
            let smoothed = &mut contacts.entry(node).or_default().round_trip;
            let new = smoothed.map_or(round_trip, |old| (old * 7 + round_trip) / 8);
            *smoothed = Some(new);
        });
    }

    pub(crate) fn refused(&self, node: NodeId, refusal: Option<Refusal>) {
        self.with(|contacts| contacts.entry(node).or_default().refusal = refusal);
    }
}
