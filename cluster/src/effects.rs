//! What the log did that this node has to hear of, gathered until it is listened to.
//!
//! Sets and not a queue: a key that is reopened a thousand times is one thing to hear, and nothing
//! is dropped however long nobody listens. At most what the configuration has of plans and keys.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tollgate_protocol::ids::PlanId;
use tollgate_state::{Effect, NodeId};

use crate::Place;
use crate::raft::disk::lock;

/// Gathers and hands out. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Effects(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    quota: Notify,
    nodes: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    recalled: BTreeSet<Place>,
    reopened: BTreeSet<Place>,
    plans: BTreeSet<PlanId>,
    everything: bool,
}

/// What happened to quotas since it was last listened to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuotaNews {
    /// In the order in which they should be heard.
    pub effects: Vec<Effect>,
    /// Whether a snapshot took the place of entries: anything may have happened.
    pub everything: bool,
}

impl Effects {
    /// Takes in what an entry did.
    pub(crate) fn add(&self, me: NodeId, effect: Effect) {
        let mut pending = lock(&self.0.pending);
        match effect {
            Effect::NodesChanged => {
                self.0.nodes.notify_one();
                return;
            }
            // Configuration has a way of its own.
            Effect::PublishConfig(_) | Effect::PublishIam(_) => return,
            Effect::Recall { node, .. } if node != me => return,
            Effect::Recall { plan, key, .. } => drop(pending.recalled.insert((plan, key))),
            Effect::Reopened { plan, key } => drop(pending.reopened.insert((plan, key))),
            Effect::QuotaChanged { plan } => drop(pending.plans.insert(plan)),
        }
        drop(pending);
        self.0.quota.notify_one();
    }

    /// A snapshot took the place of entries that nobody saw here.
    pub(crate) fn replaced(&self) {
        lock(&self.0.pending).everything = true;
        self.0.quota.notify_one();
        self.0.nodes.notify_one();
    }

    /// Waits for a change of the table of nodes.
    pub(crate) async fn nodes_changed(&self) {
        self.0.nodes.notified().await;
    }

    /// Waits for news of quotas; for one listener.
    pub async fn quota_news(&self, me: NodeId) -> QuotaNews {
        loop {
            let pending = std::mem::take(&mut *lock(&self.0.pending));
            let plans = pending
                .plans
                .into_iter()
                .map(|plan| Effect::QuotaChanged { plan });
            let reopened = pending
                .reopened
                .into_iter()
                .map(|(plan, key)| Effect::Reopened { plan, key });
            let recalled = pending
                .recalled
                .into_iter()
                .map(|(plan, key)| Effect::Recall {
                    node: me,
                    plan,
                    key,
                });
            let effects: Vec<Effect> = plans.chain(reopened).chain(recalled).collect();
            if pending.everything || !effects.is_empty() {
                return QuotaNews {
                    effects,
                    everything: pending.everything,
                };
            }
            self.0.quota.notified().await;
        }
    }
}
