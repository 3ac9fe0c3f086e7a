//! Nodes that this one was called by and does not know: the layer above asks others about them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use tokio::sync::Notify;
use tollgate_protocol::ids::NodeId;

use crate::limits::STRANGERS_MAX;
use crate::shared::lock;

#[derive(Debug, Default)]
pub(crate) struct Strangers {
    seen: Mutex<BTreeSet<NodeId>>,
    more: Notify,
}

impl Strangers {
    /// One too many is dropped: it calls again.
    pub(crate) fn called(&self, node: NodeId) {
        let mut seen = lock(&self.seen);
        if seen.len() < STRANGERS_MAX {
            seen.insert(node);
            self.more.notify_one();
        }
    }

    pub(crate) async fn next(&self) -> BTreeSet<NodeId> {
        loop {
            let seen = std::mem::take(&mut *lock(&self.seen));
            if !seen.is_empty() {
                return seen;
            }
            self.more.notified().await;
        }
    }
}
