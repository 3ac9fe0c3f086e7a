//! Who is a member and where: the address book that the layer above keeps up to date.

use std::collections::{BTreeMap, BTreeSet};

use tollgate_protocol::ids::NodeId;

use crate::limits::ADDRESSES_MAX;

#[derive(Debug, Default)]
pub(crate) struct Nodes {
    addresses: BTreeMap<NodeId, Vec<String>>,
    removed: BTreeSet<NodeId>,
}

impl Nodes {
    pub(crate) fn new(
        mut addresses: BTreeMap<NodeId, Vec<String>>,
        removed: BTreeSet<NodeId>,
    ) -> Self {
        addresses.retain(|node, _| !removed.contains(node));
        for addresses in addresses.values_mut() {
            addresses.truncate(ADDRESSES_MAX);
        }
        Self { addresses, removed }
    }

    /// Where a node is; nothing when it is not known or was removed.
    pub(crate) fn addresses(&self, node: NodeId) -> Option<&[String]> {
        self.addresses.get(&node).map(Vec::as_slice)
    }

    pub(crate) fn is_removed(&self, node: NodeId) -> bool {
        self.removed.contains(&node)
    }

    pub(crate) fn is_known(&self, node: NodeId) -> bool {
        self.addresses.contains_key(&node)
    }
}
