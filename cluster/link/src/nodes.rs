//! Who is a member, by which key, and where: the address book that the layer above keeps up to
//! date.
//!
//! A certificate alone makes nobody a member. Every node can open the authority's key, and so could
//! a machine that was one: what counts is the key that the cluster has agreed to let in under an
//! id.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_protocol::ids::NodeId;

use crate::Pin;
use crate::limits::ADDRESSES_MAX;

/// A node, as links must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its key: whoever has another one is not this node, whatever the certificate says.
    pub key: Pin,
    /// Its `host:port`s, in the order in which they are tried; of a long list the first ones.
    pub addresses: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Nodes {
    peers: BTreeMap<NodeId, Peer>,
    removed: BTreeSet<NodeId>,
}

impl Nodes {
    pub(crate) fn new(mut peers: BTreeMap<NodeId, Peer>, removed: BTreeSet<NodeId>) -> Self {
        peers.retain(|node, _| !removed.contains(node));
        for peer in peers.values_mut() {
            peer.addresses.truncate(ADDRESSES_MAX);
        }
        Self { peers, removed }
    }

    /// Where a node is; nothing when it is not known or was removed.
    pub(crate) fn addresses(&self, node: NodeId) -> Option<&[String]> {
        self.peers.get(&node).map(|peer| peer.addresses.as_slice())
    }

    /// A node's key; nothing when it is not known or was removed.
    pub(crate) fn key(&self, node: NodeId) -> Option<Pin> {
        self.peers.get(&node).map(|peer| peer.key)
    }

    pub(crate) fn is_removed(&self, node: NodeId) -> bool {
        self.removed.contains(&node)
    }

    pub(crate) fn is_known(&self, node: NodeId) -> bool {
        self.peers.contains_key(&node)
    }
}
