//! All links of one node: the door through which the layers above talk to other nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::select;
use tokio::time::{Instant, timeout};
use tollgate_protocol::ids::NodeId;

use crate::accept::{accept, stranger};
use crate::calls::Calls;
use crate::contact::Contact;
use crate::dial::{Dialled, drive};
use crate::error::{CallError, Refusal, Unreachable};
use crate::handler::{Handler, Lane};
use crate::limits::{CALL_WITHIN_MAX, CLOSE_WITHIN};
use crate::name::Member;
use crate::net::{Net, Simulated};
use crate::nodes::{Nodes, Peer};
use crate::pump::Endpoint as _;
use crate::shared::{Guard, Shared, lock};
use crate::tls::Identity;

/// What links need to know beside who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The kind of call that those without a certificate may make; `None` when nobody can join
    /// through this node.
    pub join_kind: Option<u8>,
    /// Seeds the spread of pauses. Nodes should differ in it.
    pub seed: u64,
}

/// The links of one node. Clones share them; they close when the last clone is dropped. A handler
/// that holds a clone keeps them, and itself, until [`Links::close`].
pub struct Links<N: Net> {
    shared: Arc<Shared<N>>,
    life: Arc<Life<N>>,
}

impl<N: Net> Clone for Links<N> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            life: Arc::clone(&self.life),
        }
    }
}

/// Closes the links when the last handle is gone; tasks hold [`Shared`] but not this.
struct Life<N: Net>(Arc<Shared<N>>);

impl<N: Net> Drop for Life<N> {
    fn drop(&mut self) {
        shut(&self.0);
    }
}

fn shut<N: Net>(shared: &Shared<N>) {
    shared.closing.say();
    let lanes = std::mem::take(&mut *lock(&shared.lanes));
    for lane in lanes.into_values() {
        lane.calls.close(CallError::Closed);
    }
}

impl<N: Net> Links<N> {
    /// Starts to accept on `listener`. Must be called within a tokio runtime, on which all of it
    /// runs; a runtime of one thread is enough.
    pub fn start(
        net: N,
        identity: Identity,
        listener: N::Listener,
        handler: Arc<dyn Handler>,
        settings: Settings,
    ) -> Self {
        Self::begin(net, Guard::Tls(identity), listener, handler, settings)
    }

    /// As [`Links::start`] in a simulated network, where a greeting is believed.
    pub fn simulate(
        net: N,
        member: Member,
        listener: N::Listener,
        handler: Arc<dyn Handler>,
        settings: Settings,
    ) -> Self
    where
        N: Simulated,
    {
        Self::begin(net, Guard::Claimed(member), listener, handler, settings)
    }

    fn begin(
        net: N,
        guard: Guard,
        listener: N::Listener,
        handler: Arc<dyn Handler>,
        settings: Settings,
    ) -> Self {
        let shared = Shared::new(net, guard, handler, settings.join_kind, settings.seed);
        let shared = Arc::new(shared);
        tokio::spawn(accept(Arc::clone(&shared), listener));
        Self {
            life: Arc::new(Life(Arc::clone(&shared))),
            shared,
        }
    }

    /// Who this node is.
    #[must_use]
    pub fn member(&self) -> Member {
        self.shared.guard().member()
    }

    /// Uses a renewed certificate for every connection from now on. Connections that are open stay.
    pub fn renew(&self, identity: Identity) {
        self.shared.set_guard(Guard::Tls(identity));
    }

    /// Sets who is a member, by which key and where, and who was removed for ever. Lanes to and from
    /// nodes that were removed end, with a refusal that says so; those of nodes that are no longer
    /// known, or by another key, end too. A node whose address is not known can still call; one
    /// that is not known is told to try again, and [`Links::strangers`] tells of it.
    pub fn set_nodes(&self, peers: BTreeMap<NodeId, Peer>, removed_nodes: BTreeSet<NodeId>) {
        let shared = &self.shared;
        let before = shared.set_nodes(Nodes::new(peers, removed_nodes));
        let gone = |node| {
            let now = shared.with_nodes(|nodes| nodes.key(node));
            now.is_none() || now != before.key(node)
        };
        let mut lanes = lock(&shared.lanes);
        lanes.retain(|(node, _), lane| {
            if gone(*node) {
                lane.calls
                    .close(CallError::Unreachable(Unreachable::NoAddress));
                return false;
            }
            let moved = |nodes: &Nodes| nodes.addresses(*node) != before.addresses(*node);
            if shared.with_nodes(moved) {
                lane.moved.notify_one();
            }
            true
        });
        drop(lanes);
        for ((node, _), (accepted, key)) in &*lock(&shared.accepted) {
            if let Some(refusal) = shared.with_nodes(|nodes| stranger(nodes, *node, *key)) {
                accepted.tell(refusal);
            }
        }
        let known = |node| shared.with_nodes(|nodes| nodes.is_known(node));
        shared.contacts.keep(known);
    }

    /// Waits for nodes that called and are not known, though their certificates are this cluster's:
    /// this node may lag behind the others, who can be asked about them. For one listener.
    pub async fn strangers(&self) -> BTreeSet<NodeId> {
        self.shared.strangers.next().await
    }

    /// Calls `node`, and waits for its answer for at most `within` (and [`CALL_WITHIN_MAX`]).
    /// Dropping the future stops the wait and tells the peer.
    ///
    /// # Errors
    /// [`CallError`] says why there is no answer, and whether the call may have been done all the
    /// same. Nothing is retried here.
    pub async fn call(
        &self,
        node: NodeId,
        lane: Lane,
        kind: u8,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, CallError> {
        let deadline = Instant::now() + within.min(CALL_WITHIN_MAX);
        let calls = self.lane(node, lane)?;
        let waiting = calls.begin(kind, body, deadline)?;
        waiting.until(deadline).await
    }

    fn lane(&self, node: NodeId, lane: Lane) -> Result<Arc<Calls>, CallError> {
        let shared = &self.shared;
        if !shared.with_nodes(|nodes| nodes.is_known(node)) || node == self.member().node {
            return Err(CallError::Unreachable(Unreachable::NoAddress));
        }
        let mut lanes = lock(&shared.lanes);
        // Under the lock that closing takes next, so that no lane is made that it does not close.
        if shared.closing.is_said() {
            return Err(CallError::Closed);
        }
        if let Some(dialled) = lanes.get(&(node, lane)) {
            return Ok(Arc::clone(&dialled.calls));
        }
        let calls = Calls::new(node, lane.calls_max(), Arc::clone(&shared.contacts));
        let calls = Arc::new(calls);
        let dialled = Arc::new(Dialled {
            node,
            lane,
            calls: Arc::clone(&calls),
            moved: tokio::sync::Notify::new(),
        });
        lanes.insert((node, lane), Arc::clone(&dialled));
        let closing = shared.closing.listen();
        let shared = Arc::clone(shared);
        tokio::spawn(async move {
            let ended = Arc::clone(&dialled.calls);
            select! {
                biased;
                () = closing.heard() => {}
                () = drive(shared, dialled) => {}
            }
            ended.fail_sent();
        });
        Ok(calls)
    }

    /// What is known of the way to a node.
    #[must_use]
    pub fn contact(&self, node: NodeId) -> Contact {
        self.shared.contacts.get(node)
    }

    /// Whether some peer said that this node was removed from the cluster.
    #[must_use]
    pub fn removed_by(&self) -> Option<(NodeId, Refusal)> {
        self.shared.contacts.removed_by()
    }

    /// Stops accepting, ends all connections and waits for their tasks, for a few seconds at most.
    /// Calls under way fail: sent ones as [`CallError::Lost`], others as [`CallError::Closed`].
    pub async fn close(&self) {
        shut(&self.shared);
        if timeout(CLOSE_WITHIN, self.shared.closing.ended())
            .await
            .is_err()
        {
            let tasks = self.shared.closing.tasks();
            tracing::warn!(tasks, "links did not close in time");
        }
    }
}
