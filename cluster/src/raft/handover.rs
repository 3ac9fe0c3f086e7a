//! A leader that goes, or does not vote any more, gives its office to another voter first, so that
//! changes wait for no election.
//!
//! openraft 0.9 has no word for that, and a voter refuses its vote for as long as the lease of its
//! leader runs. So the leader writes nothing more, waits until one voter has all of its log, and
//! lets the others go: they put the term up to which that voter is about to ask for votes in, as
//! any message of a higher term makes them, and no lease stands in its way then. That one is told
//! last, and asks at once. Every vote is still given by openraft's own rules; what fails on the way
//! costs an election, as a death does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use openraft::raft::AppendEntriesRequest;
use openraft::{CommittedLeaderId, RaftMetrics, ServerState};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tollgate_state::NodeId;

use super::wire::HandOverV1;
use super::{LogId, Raft, Vote, parts};
use crate::peers::{Lane, Transport, kind};
use crate::pilot::Contacts;

/// How long a voter may take to have the leader's whole log.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(1);
/// How long a voter may take to be let go: a flush of its disk.
const ANSWER_DEADLINE: Duration = Duration::from_millis(500);
/// How long the new leader is waited for: two elections.
const ELECTED_WITHIN: Duration = Duration::from_secs(2);
/// Who answered this recently lives: several heartbeats.
const CONTACT: Duration = Duration::from_millis(3 * super::HEARTBEAT_MS);

/// Whether this node is handing over: it leads and writes nothing more. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Yielding(Arc<AtomicBool>);

impl Yielding {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ends with the attempt, whatever became of it.
struct Attempt<'y>(&'y Yielding);

impl<'y> Attempt<'y> {
    fn begin(yielding: &'y Yielding) -> Self {
        yielding.0.store(true, Ordering::Relaxed);
        Self(yielding)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

/// The office of a node, as long as it leads.
#[derive(Clone)]
pub(crate) struct Office {
    pub(crate) node: NodeId,
    pub(crate) raft: Raft,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) contacts: Contacts,
    pub(crate) yielding: Yielding,
}

impl Office {
    pub(crate) fn new(
        node: NodeId,
        raft: &Raft,
        transport: &Arc<dyn Transport>,
        contacts: &Contacts,
    ) -> Self {
        Self {
            node,
            raft: raft.clone(),
            transport: Arc::clone(transport),
            contacts: contacts.clone(),
            yielding: Yielding::default(),
        }
    }

    /// Hands over, where this node leads and another one can; whether somebody else leads now.
    /// Takes four seconds at most, and mostly a few flushes.
    pub(crate) async fn hand_over(&self) -> bool {
        if !self.leads() {
            return false;
        }
        let began = Instant::now();
        let _attempt = Attempt::begin(&self.yielding);
        let heir = timeout(CATCH_UP_WITHIN, self.heir()).await;
        let Ok(Some((term, heir, others))) = heir else {
            return false;
        };
        let to = HandOverV1 { term, heir };
        self.let_go(&to, others).await;
        if !self.tell(&to, heir).await {
            tracing::warn!(
                heir,
                "the next leader did not answer: there will be an election"
            );
            return false;
        }
        let me = self.node;
        let mut metrics = self.raft.metrics();
        let elected = metrics.wait_for(|it| it.current_leader.is_some_and(|it| it != me));
        let elected = matches!(timeout(ELECTED_WITHIN, elected).await, Ok(Ok(_)));
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(heir, elected, took_ms, "leadership was handed over");
        elected
    }

    fn leads(&self) -> bool {
        self.raft.metrics().borrow().state == ServerState::Leader
    }

    /// Whether this node leads, and is not giving that away: only then it writes.
    pub(crate) fn writes(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let leads = metrics.state == ServerState::Leader && !self.yielding.get();
        leads && metrics.current_leader == Some(self.node)
    }

    /// Waits for a voter that has the whole log: the term, that voter, and the other ones. `None`
    /// when there is none that lives, or this node does not lead.
    async fn heir(&self) -> Option<(u64, NodeId, BTreeSet<NodeId>)> {
        let mut metrics = self.raft.metrics();
        loop {
            {
                let now = metrics.borrow_and_update();
                let others = self.living_voters(&now)?;
                let has_all = |id: &&NodeId| {
                    let replication = now.replication.as_ref();
                    let matched = replication.and_then(|it| it.get(id)).copied().flatten();
                    matched.map(|id| id.index) == now.last_log_index
                };
                if let Some(heir) = others.iter().find(has_all).copied() {
                    return Some((now.current_term, heir, others));
                }
            }
            metrics.changed().await.ok()?;
        }
    }

    /// The other voters that live; `None` when there are none, or this node does not lead, or it
    /// changes who votes.
    fn living_voters(
        &self,
        now: &RaftMetrics<NodeId, openraft::EmptyNode>,
    ) -> Option<BTreeSet<NodeId>> {
        let members = now.membership_config.membership();
        let [voters] = members.get_joint_config().as_slice() else {
            return None;
        };
        let lives = |id: &NodeId| {
            let heard = self.contacts.last(*id);
            *id != self.node && heard.is_some_and(|at| at.elapsed() < CONTACT)
        };
        let living: BTreeSet<NodeId> = voters.iter().copied().filter(lives).collect();
        let leads = now.state == ServerState::Leader;
        (leads && !living.is_empty()).then_some(living)
    }

    /// Lets the voters go that are not to lead, and this node with them.
    async fn let_go(&self, to: &HandOverV1, others: BTreeSet<NodeId>) {
        let mut told = JoinSet::new();
        for node in others.into_iter().filter(|node| *node != to.heir) {
            let (office, to) = (self.clone(), to.clone());
            told.spawn(async move { office.tell(&to, node).await });
        }
        while told.join_next().await.is_some() {}
        expect(&self.raft, to).await;
    }

    async fn tell(&self, to: &HandOverV1, node: NodeId) -> bool {
        let Ok(body) = to.seal() else { return false };
        let place = (node, Lane::Raft, kind::HAND_OVER);
        let answer = parts::call(&*self.transport, place, body.into(), ANSWER_DEADLINE).await;
        answer.is_ok()
    }
}

/// What a voter does whose leader hands over. `false` when it follows another one by now.
pub(crate) async fn obey(raft: &Raft, me: NodeId, from: NodeId, to: &HandOverV1) -> bool {
    let now = raft.metrics().borrow().vote;
    let followed = Vote::new_committed(to.term, from);
    if now != followed || to.heir == from {
        return false;
    }
    if to.heir == me {
        tracing::info!(from, "the leader hands over to this node");
        return raft.trigger().elect().await.is_ok();
    }
    expect(raft, to).await;
    true
}

/// No log has so many entries.
const NOWHERE: u64 = u64::MAX / 2;

/// Goes to the term that the next leader asks for votes in. This is not a vote: whether its log
/// is good enough is looked at when it asks. openraft takes the term of entries in before it looks
/// where they belong, and there is no place for these.
async fn expect(raft: &Raft, to: &HandOverV1) {
    let next = to.term + 1; // Far from the last number: `TERM_MAX`.
    let nothing = AppendEntriesRequest {
        vote: Vote::new(next, to.heir),
        prev_log_id: Some(LogId::new(CommittedLeaderId::new(next, to.heir), NOWHERE)),
        entries: Vec::new(),
        leader_commit: None,
    };
    // Refused by who knows of a higher term already, which is as well.
    drop(raft.append_entries(nothing).await);
}
