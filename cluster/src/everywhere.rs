//! Waiting until every node of the cluster serves a revision.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use tokio::sync::watch;
use tollgate_protocol::ids::Revision;
use tollgate_state::NodeId;

use crate::Door;
use crate::peers::{Lane, kind};
use crate::raft::parts;

/// What this node serves: told by the node, waited for by others.
pub(crate) type Served = watch::Sender<Revision>;

impl Door {
    /// Tells which revision this node serves.
    pub fn set_served(&self, revision: Revision) {
        self.served.send_if_modified(|served| {
            let newer = revision > *served;
            *served = revision.max(*served);
            newer
        });
    }

    /// Waits until every node that belongs to the cluster serves a revision, at most this long.
    /// Returns the nodes that did not say so in time.
    pub async fn served_everywhere(&self, revision: Revision, within: Duration) -> Vec<NodeId> {
        let me = self.members().node;
        let others: Vec<NodeId> =
            self.read(|state| state.live_ids().filter(|id| *id != me).collect());
        // On the cluster's thread: a lane ends with the runtime that it was opened on.
        let ask = |node: NodeId| {
            let transport = Arc::clone(&self.transport);
            let asked = self.runtime.spawn(async move {
                let body = Bytes::copy_from_slice(&revision.0.to_le_bytes());
                let place = (node, Lane::Rpc, kind::SERVED);
                parts::call(&*transport, place, body, within).await
            });
            async move { (!matches!(asked.await, Ok(Ok(_)))).then_some(node) }
        };
        let asked = join_all(others.into_iter().map(ask)).await;
        asked.into_iter().flatten().collect()
    }
}

/// Answers another node's question once this node serves the revision; who asked bounds the wait.
pub(crate) async fn wait_served(served: &Served, body: &[u8]) -> Option<Vec<u8>> {
    let revision = Revision(u64::from_le_bytes(body.try_into().ok()?));
    let mut served = served.subscribe();
    let found = served.wait_for(|served| *served >= revision).await.ok()?;
    Some(found.0.to_le_bytes().to_vec())
}
