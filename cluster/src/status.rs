//! How every node of the cluster does, as each says itself.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tollgate_protocol::codec::{self, CodecError, Decode, Encode};
use tollgate_state::NodeId;

use crate::Door;
use crate::peers::{Lane, Transport, kind};
use crate::proposer::Proposer;
use crate::raft::beside::Beside;
use crate::raft::parts;

/// The envelope's kind of a node's status; not one of `raft/wire.rs` or `joining.rs`.
const KIND: u8 = 66;
/// How long a node may take to say how it does.
const ANSWER_DEADLINE: Duration = Duration::from_secs(1);
/// Nodes that are asked at once.
const ASKED_MAX: usize = 32;
/// How often a node that does not lead asks the one that does. The answer says nothing new; that a
/// removed node is refused is how it learns that it is one.
const PULSE_INTERVAL: Duration = Duration::from_secs(5);

/// How a node does, as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct NodeStatus {
    /// The configuration revision that it has.
    pub revision: u64,
    /// The configuration revision that its requests are served by.
    pub served: u64,
    /// The last entry that it has applied.
    pub applied: u64,
    /// Bytes in its data directory.
    pub disk_bytes: u64,
}

/// Counts the bytes of the data directory, which is not known here.
pub(crate) type DiskBytes = Arc<OnceLock<Arc<dyn Fn() -> u64 + Send + Sync>>>;

impl Door {
    /// Sets, once, what counts the bytes of this node's data directory.
    pub fn tell_disk(&self, bytes: impl Fn() -> u64 + Send + Sync + 'static) {
        if self.disk_bytes.set(Arc::new(bytes)).is_err() {
            tracing::error!("the node's data directory was told twice");
        }
    }

    /// How this node does.
    pub async fn status(&self) -> NodeStatus {
        // Walking through files waits for the disk, and heartbeats must not.
        let disk_bytes = match self.disk_bytes.get().map(Arc::clone) {
            Some(count) => Beside::Thread.run(move || count()).await.unwrap_or(0),
            None => 0,
        };
        NodeStatus {
            revision: self.read(|state| state.revision.0),
            served: self.served.borrow().0,
            applied: self.members().applied,
            disk_bytes,
        }
    }

    /// How every node does that answers within a second, this one among them.
    pub async fn status_of_all(&self) -> BTreeMap<NodeId, NodeStatus> {
        let me = self.members().node;
        let mut others =
            self.read(|state| -> Vec<NodeId> { state.live_ids().filter(|id| *id != me).collect() });
        let mut all = BTreeMap::from([(me, self.status().await)]);
        let mut asked = JoinSet::new();
        loop {
            while asked.len() < ASKED_MAX
                && let Some(node) = others.pop()
            {
                let transport = Arc::clone(&self.transport);
                let ask = async move { (node, ask(&*transport, node).await) };
                asked.spawn_on(ask, &self.runtime);
            }
            match asked.join_next().await {
                Some(Ok((node, Some(status)))) => drop(all.insert(node, status)),
                Some(_) => {}
                None => return all,
            }
        }
    }

    /// The answer to a node that asks how this one does.
    pub(crate) async fn sealed_status(&self) -> Result<Vec<u8>, CodecError> {
        codec::seal(KIND, &self.status().await)
    }
}

async fn ask(transport: &dyn Transport, node: NodeId) -> Option<NodeStatus> {
    let place = (node, Lane::Rpc, kind::STATUS);
    let answer = parts::call(transport, place, "".into(), ANSWER_DEADLINE).await;
    codec::open(KIND, &answer.ok()?).ok()
}

/// Keeps in contact with the leader while the node runs, and without one with the others in turn.
pub(crate) async fn pulse(proposer: Proposer) {
    let mut beat = tokio::time::interval(PULSE_INTERVAL);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0_usize;
    loop {
        beat.tick().await;
        let whom = proposer.leader().or_else(|| {
            let others = proposer.others();
            turn += 1;
            others.get(turn % others.len().max(1)).copied()
        });
        if let Some(node) = whom.filter(|node| *node != proposer.node) {
            // Whether it is reached shows elsewhere.
            ask(&*proposer.transport, node).await;
        }
    }
}
