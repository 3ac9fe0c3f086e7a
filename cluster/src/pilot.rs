//! Carries [`autopilot`](crate::autopilot) out: looks while this node leads, and takes one step at
//! a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft::{ChangeMembers, EmptyNode, ServerState};
use tokio::time::Instant;
use tollgate_state::NodeId;

use crate::autopilot::{self, Seen, Settings, Step, View};
use crate::raft::disk::lock;
use crate::raft::handover::Office;
use crate::raft::machine::Machine;

/// How often the leader looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// A node that answered this recently is in contact: several heartbeats.
const CONTACT: Duration = Duration::from_secs(1);
/// A step that takes longer is looked at anew: the change may be stuck behind a node that left.
const STEP_DEADLINE: Duration = Duration::from_secs(5);
/// How long a leader that could not hand over goes on before it tries again: nothing is written
/// while it tries.
const HAND_OVER_AGAIN: Duration = Duration::from_secs(2);

/// A node that wants to leave and did not say so for this long does not any more.
const LEAVING_FRESH: Duration = Duration::from_secs(5);

/// When each node last answered an append.
#[derive(Clone, Default, Debug)]
pub(crate) struct Contacts(Arc<Mutex<BTreeMap<NodeId, Instant>>>);

impl Contacts {
    pub(crate) fn heard(&self, node: NodeId) {
        lock(&self.0).insert(node, Instant::now());
    }

    /// When a node answered last.
    pub(crate) fn last(&self, node: NodeId) -> Option<Instant> {
        lock(&self.0).get(&node).copied()
    }
}

/// Nodes that said that they are about to go. Each says so again until it is gone, to whoever
/// leads, so that nothing is left of one that gave up: at most the cluster's nodes.
#[derive(Clone, Default, Debug)]
pub(crate) struct Leaving(Arc<Mutex<BTreeMap<NodeId, Instant>>>);

impl Leaving {
    pub(crate) fn said(&self, node: NodeId) {
        lock(&self.0).insert(node, Instant::now());
    }

    fn now(&self) -> BTreeSet<NodeId> {
        let mut said = lock(&self.0);
        said.retain(|_, at| at.elapsed() < LEAVING_FRESH);
        said.keys().copied().collect()
    }
}

/// The leader's memory of who kept up since when; empty on everybody else.
#[derive(Default)]
struct Memory {
    /// Since when a node is looked at.
    since: BTreeMap<NodeId, Instant>,
    /// Since when it keeps up.
    stable: BTreeMap<NodeId, Instant>,
    /// Who was to be forgotten at an earlier look.
    doomed: BTreeSet<NodeId>,
}

impl Memory {
    /// Whether a step is taken at this look. A node is forgotten at the second look: what it is
    /// sent until then says that it was removed, and it believes that of its own log alone where
    /// it knows only one voter.
    fn is_ripe(&mut self, step: &Step) -> bool {
        let Step::Forget(nodes) = step else {
            return true;
        };
        let ripe = nodes.is_subset(&self.doomed);
        self.doomed.clone_from(nodes);
        ripe
    }
}

/// Looks and steps while the node runs.
pub(crate) async fn run(office: Office, machine: Machine, leaving: Leaving, settings: Settings) {
    let mut memory = Memory::default();
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let Some(mut view) = view(&office, &machine, &mut memory) else {
            memory = Memory::default();
            continue;
        };
        view.leaving = leaving.now();
        let Some(step) = autopilot::next(&view, settings) else {
            continue;
        };
        if !memory.is_ripe(&step) {
            continue;
        }
        tracing::info!(?step, "the membership changes");
        match tokio::time::timeout(STEP_DEADLINE, take(&office, step.clone())).await {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => tracing::warn!(?step, %error, "the membership did not change"),
            Err(_) => tracing::warn!(?step, "the membership change takes long"),
        }
        if step == Step::HandOver {
            look.reset_after(HAND_OVER_AGAIN);
        }
    }
}

/// What the leader sees; `None` on everybody else, and before the cluster has a table of nodes.
fn view(office: &Office, machine: &Machine, memory: &mut Memory) -> Option<View> {
    let metrics = office.raft.metrics().borrow().clone();
    if metrics.state != ServerState::Leader {
        return None;
    }
    let live: BTreeSet<NodeId> = machine.look(|state| state.live_ids().collect());
    if live.is_empty() {
        return None;
    }
    let members = metrics.membership_config.membership();
    let last = metrics.last_log_index.unwrap_or(0);
    let replication = metrics.replication.clone().unwrap_or_default();
    let now = Instant::now();
    let mut seen = BTreeMap::new();
    for (id, matched) in &replication {
        let since = *memory.since.entry(*id).or_insert(now);
        let heard = office.contacts.last(*id).filter(|heard| *heard >= since);
        let silent = now.duration_since(heard.unwrap_or(since));
        let lag = matched.map(|matched| last.saturating_sub(matched.index));
        let well = heard.is_some() && silent < CONTACT;
        let stable = if well {
            now.duration_since(*memory.stable.entry(*id).or_insert(now))
        } else {
            memory.stable.remove(id);
            Duration::ZERO
        };
        seen.insert(
            *id,
            Seen {
                lag,
                stable,
                silent,
            },
        );
    }
    // This node is as far as it is.
    seen.insert(
        office.node,
        Seen {
            lag: Some(0),
            stable: Duration::MAX,
            silent: Duration::ZERO,
        },
    );
    memory.since.retain(|id, _| replication.contains_key(id));
    Some(View {
        leader: office.node,
        live,
        leaving: BTreeSet::new(),
        voters: members.get_joint_config().clone(),
        learners: members.learner_ids().collect(),
        seen,
    })
}

async fn take(office: &Office, step: Step) -> Result<(), String> {
    let raft = &office.raft;
    let change = match step {
        Step::HandOver => {
            let led = office.hand_over().await;
            return led
                .then_some(())
                .ok_or_else(|| "no voter leads instead".into());
        }
        Step::Learn(node) => {
            return raft
                .add_learner(node, EmptyNode {}, false)
                .await
                .map(drop)
                .map_err(|error| error.to_string());
        }
        Step::Vote(voters) => ChangeMembers::ReplaceAllVoters(voters),
        Step::Forget(nodes) => ChangeMembers::RemoveNodes(nodes),
    };
    raft.change_membership(change, true)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_forgotten_at_the_second_look_that_wants_it() {
        let mut memory = Memory::default();
        let forget = |nodes: &[NodeId]| Step::Forget(nodes.iter().copied().collect());
        assert!(memory.is_ripe(&Step::Learn(4)));
        assert!(!memory.is_ripe(&forget(&[2])));
        assert!(memory.is_ripe(&forget(&[2])));
        // Another one that was removed meanwhile waits in its turn.
        assert!(!memory.is_ripe(&forget(&[2, 3])));
        assert!(memory.is_ripe(&forget(&[3])));
    }
}
