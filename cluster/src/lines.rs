//! The links of `tollgate_link` as the transport of this package, and this package as their
//! handler.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tollgate_link::net::{Net, Tcp};
use tollgate_link::{Caller, Handler, Incoming, Links, Peer, Pin, Refusal};
use tollgate_state::NodeId;

use crate::Server;
use crate::introductions::Introductions;
use crate::joining::Admission;
use crate::peers::{Boxed, CallError, Lane, Transport, kind};
use crate::raft::machine::Machine;

/// Calls over links, once there are any.
pub(crate) struct Lines<N: Net = Tcp> {
    links: Arc<OnceLock<Links<N>>>,
    /// Whom this node knows from others.
    pub(crate) introductions: Introductions,
}

impl<N: Net> Default for Lines<N> {
    fn default() -> Self {
        Self {
            links: Arc::default(),
            introductions: Introductions::default(),
        }
    }
}

impl<N: Net> Clone for Lines<N> {
    fn clone(&self) -> Self {
        Self {
            links: Arc::clone(&self.links),
            introductions: self.introductions.clone(),
        }
    }
}

impl<N: Net> Lines<N> {
    pub(crate) fn set(&self, links: Links<N>) {
        if self.links.set(links).is_err() {
            tracing::error!("the links were started twice");
        }
    }

    pub(crate) fn links(&self) -> Option<&Links<N>> {
        self.links.get()
    }
}

impl<N: Net> Transport for Lines<N> {
    fn call(
        &self,
        node: NodeId,
        lane: Lane,
        kind: u8,
        body: Bytes,
        within: Duration,
    ) -> Boxed<Result<Bytes, CallError>> {
        let links = self.links.get().cloned();
        Box::pin(async move {
            let links = links.ok_or(CallError::Unreachable(node))?;
            let lane = match lane {
                Lane::Raft => tollgate_link::Lane::Raft,
                Lane::Rpc => tollgate_link::Lane::Rpc,
                Lane::Bulk => tollgate_link::Lane::Bulk,
            };
            let answer = links.call(node, lane, kind, body, within).await;
            answer.map_err(|error| match error {
                tollgate_link::CallError::Refused(refusal) if refusal.code == Refusal::REMOVED => {
                    CallError::Removed(node)
                }
                tollgate_link::CallError::Refused(refusal) => CallError::Refused {
                    node,
                    reason: refusal.to_string(),
                },
                error if error.is_undelivered() => CallError::Unreachable(node),
                _ => CallError::Unknown(node),
            })
        })
    }
}

/// Answers what comes over the links.
pub(crate) struct Desk {
    pub(crate) server: Server,
    pub(crate) admission: Arc<Admission>,
}

impl Handler for Desk {
    fn call(&self, incoming: Incoming) -> Boxed<Result<Bytes, Refusal>> {
        let refusal = |text: String| Refusal::new(Refusal::HANDLER_CODES, text);
        match incoming.caller {
            Caller::Node(node) => {
                let server = self.server.clone();
                Box::pin(async move {
                    let served = server.serve(node, incoming.kind, incoming.body).await;
                    served.map_err(|error| refusal(error.to_string()))
                })
            }
            Caller::Joiner(from) => {
                let admission = Arc::clone(&self.admission);
                Box::pin(async move {
                    if incoming.kind != kind::JOIN {
                        return Err(refusal(
                            "only joining is possible without a certificate".into(),
                        ));
                    }
                    tracing::info!(%from, "a machine asks to join");
                    let answer = admission.answer(&incoming.body).await;
                    answer
                        .map(Bytes::from)
                        .map_err(|error| refusal(error.to_string()))
                })
            }
        }
    }
}

/// What the links were last told of the nodes.
#[derive(Default)]
pub(crate) struct Told {
    peers: BTreeMap<NodeId, Peer>,
    removed: BTreeSet<NodeId>,
}

impl Told {
    /// Tells the links who belongs to the cluster, when that changed.
    pub(crate) fn tell<N: Net>(&mut self, lines: &Lines<N>, machine: &Machine) {
        let Some(links) = lines.links() else { return };
        // A removed node is refused once it is out of consensus: until then its vote may be needed
        // to take it out.
        let members = machine.members();
        let mut peers = lines.introductions.all();
        let removed = machine.look(|state| {
            let mut removed = BTreeSet::new();
            for (id, node) in state.nodes() {
                if node.removed.is_some() && !members.contains(id) {
                    removed.insert(*id);
                } else {
                    let peer = Peer {
                        key: Pin(node.key_hash),
                        addresses: node.addresses.peer.clone(),
                    };
                    peers.insert(*id, peer);
                }
            }
            removed
        });
        if peers != self.peers || removed != self.removed {
            links.set_nodes(peers.clone(), removed.clone());
            (self.peers, self.removed) = (peers, removed);
        }
    }
}
