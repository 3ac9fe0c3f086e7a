//! Commands on their way into the log: gathered into batches, sent to whoever leads, answered when
//! they are agreed on and visible here.
//!
//! One entry of the log is one batch, because consensus flushes once per entry. While a batch is
//! on its way the next one gathers. Every command has a name or a number of its own, so that a
//! batch whose outcome is unknown is simply proposed again.

use std::sync::Arc;
use std::time::Duration;

use openraft::error::{ClientWriteError, RaftError};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tollgate_protocol::Clock;
use tollgate_state::{Command, Entry as Proposed, IamChange, NodeId, Reply, State};

use crate::DoorError;
use crate::faults::{Bug, planted};
use crate::mark::Mark;
use crate::peers::{CallError, Lane, Transport, kind};
use crate::raft::handover::Office;
use crate::raft::heard::Heard;
use crate::raft::machine::Machine;
use crate::raft::wire::{ProposeV1, ProposeVerdictV1, ProposedV1};
use crate::raft::{Batch, Raft, parts};
use crate::sieve::Sieve;

/// Commands that share an entry of the log.
const BATCH_COMMANDS_MAX: usize = 256;
/// Bytes that share an entry; one larger command has an entry for itself.
const BATCH_BYTES_MAX: usize = 1024 * 1024;
/// Batches on their way at once: one is agreed on while the next is flushed.
const IN_FLIGHT_MAX: usize = 2;
/// How long one attempt may take; after that its outcome is unknown and it is made again.
pub(crate) const ATTEMPT_DEADLINE: Duration = Duration::from_secs(5);
/// Pauses between attempts, doubled each time.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Commands that belong together, and who waits for them.
pub(crate) struct Group {
    pub(crate) commands: Vec<Proposed>,
    pub(crate) deadline: Instant,
    pub(crate) answer: Answer,
}

/// Who waits for a group.
pub(crate) enum Answer {
    /// A caller on this node, for its one command.
    Caller(oneshot::Sender<Result<Reply, DoorError>>),
    /// Another node, for all of them.
    Peer(oneshot::Sender<ProposeVerdictV1>),
}

/// Gathers and sends.
#[derive(Clone)]
pub(crate) struct Proposer {
    pub(crate) node: NodeId,
    pub(crate) raft: Raft,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) applied: Mark<u64>,
    /// Who leads, as [`crate::member`] hears it.
    pub(crate) leader: Mark<Option<NodeId>>,
    pub(crate) machine: Machine,
    pub(crate) heard: Heard,
    /// While it is given away nothing is written here.
    pub(crate) office: Office,
}

/// What became of an attempt.
enum Attempt {
    Done {
        index: u64,
        replies: Vec<Reply>,
    },
    /// Certainly not carried out; the node that was asked names this one.
    Elsewhere(Option<NodeId>),
    Overloaded,
    Unknown,
    /// Its outcome is unknown too; this node leads now.
    Here,
    Stopped,
}

/// Whom to ask when it is not known who leads.
#[derive(Default)]
struct Guess {
    /// Who was named by the last node that was asked.
    named: Option<NodeId>,
    /// Whether the last node was asked because another named it.
    followed: bool,
    /// Nodes that were asked in turn.
    asked: usize,
    /// Who was asked last: not asked twice in a row when there is somebody else.
    last: Option<NodeId>,
}

impl Guess {
    /// Whether to ask the named node at once.
    fn follow(&mut self, named: NodeId) -> bool {
        self.named = Some(named);
        self.followed = !self.followed;
        self.followed
    }

    /// Whom to ask: who was named, who is known to lead, or the others in turn. The known leader
    /// may have died a moment ago, so that it is asked every other time.
    fn whom(
        &mut self,
        known: Option<NodeId>,
        others: impl FnOnce() -> Vec<NodeId>,
    ) -> Option<NodeId> {
        let known = known.filter(|known| self.last != Some(*known));
        self.last = self.named.take().or(known).or_else(|| self.next(&others()));
        self.last
    }

    fn next(&mut self, others: &[NodeId]) -> Option<NodeId> {
        self.asked += 1;
        others.get(self.asked % others.len().max(1)).copied()
    }
}

impl Proposer {
    /// Works until every sender is gone.
    pub(crate) async fn run(self, mut inbox: mpsc::Receiver<Group>) {
        let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        let mut kept: Option<Group> = None;
        loop {
            let first = match kept.take() {
                Some(group) => group,
                None => match inbox.recv().await {
                    Some(group) => group,
                    None => return,
                },
            };
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else {
                return;
            };
            let mut size = weight(&first);
            let mut count = first.commands.len();
            let mut groups = vec![first];
            while count < BATCH_COMMANDS_MAX && size < BATCH_BYTES_MAX {
                let Ok(group) = inbox.try_recv() else { break };
                let more = weight(&group);
                if size + more > BATCH_BYTES_MAX {
                    kept = Some(group);
                    break;
                }
                size += more;
                count += group.commands.len();
                groups.push(group);
            }
            let proposer = self.clone();
            tokio::spawn(async move {
                proposer.send(groups).await;
                drop(permit);
            });
        }
    }

    /// Sends a batch until it is answered or its callers have given up.
    async fn send(&self, mut groups: Vec<Group>) {
        let mut pause = PAUSE_MIN;
        let mut guess = Guess::default();
        loop {
            let leads = self.office.writes();
            if !leads {
                // A peer that sent its commands here finds the leader itself: passing them on
                // could send them in circles.
                let leader = self.leader().filter(|leader| *leader != self.node);
                groups = groups
                    .into_iter()
                    .filter_map(|group| turn_away(group, leader))
                    .collect();
            }
            groups = drop_overdue(groups);
            if groups.is_empty() {
                return;
            }
            let commands: Vec<Proposed> = groups
                .iter()
                .flat_map(|group| group.commands.iter().cloned())
                .collect();
            let attempt = if leads {
                self.write(commands).await
            } else {
                self.forward_or_lead(commands, &mut guess).await
            };
            match attempt {
                Attempt::Done { index, replies } => {
                    // A node that moved says so before anybody can send it the log.
                    let mut commands = groups.iter().flat_map(|group| &group.commands);
                    let moved = commands.all(|it| matches!(it.command, Command::NodeUp { .. }));
                    let until = match groups.iter().map(|group| group.deadline).max() {
                        Some(until) if !moved => until,
                        _ => Instant::now() + ATTEMPT_DEADLINE,
                    };
                    if self.visible(index, until).await || moved {
                        return answer(groups, index, replies);
                    }
                    // Agreed on, but an answer would promise what a read here does not show.
                    return fail(groups, &DoorError::Unknown);
                }
                Attempt::Stopped => return fail(groups, &DoorError::Stopped),
                Attempt::Overloaded => return fail(groups, &DoorError::Overloaded),
                // Whoever was named is asked at once, but not two that name each other.
                Attempt::Elsewhere(Some(named)) if guess.follow(named) => continue,
                Attempt::Here => continue,
                Attempt::Elsewhere(_) | Attempt::Unknown => {}
            }
            self.pause(&mut pause).await;
        }
    }

    /// Waits before the next attempt, less when a leader is found meanwhile.
    async fn pause(&self, pause: &mut Duration) {
        let before = self.leader.get();
        let changed = self.leader.wait_for(|now| now.is_some() && now != before);
        // Either is a reason to go on.
        drop(tokio::time::timeout(*pause, changed).await);
        *pause = (*pause * 2).min(PAUSE_MAX);
    }

    pub(crate) fn leader(&self) -> Option<NodeId> {
        self.heard.leader(&self.raft)
    }

    /// Every node of the cluster but this one.
    pub(crate) fn others(&self) -> Vec<NodeId> {
        self.machine
            .look(|state| state.live_ids().filter(|id| *id != self.node).collect())
    }

    /// Whether this node, where it leads, has applied all that was agreed on before: the level may
    /// have risen in it.
    fn has_begun(&self) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow();
        let applied = metrics.last_applied.map(|id| id.leader_id.term);
        applied == Some(metrics.current_term)
    }

    /// Writes an entry here, where this node leads.
    async fn write(&self, commands: Vec<Proposed>) -> Attempt {
        let level = self.machine.look(State::level);
        let (mut commands, sieve) = Sieve::sift(commands, level, Command::level);
        if sieve.refuses() && !self.has_begun() {
            return Attempt::Unknown;
        }
        if commands.is_empty() {
            let (index, replies) = (self.machine.applied(), sieve.answers(Vec::new()));
            return Attempt::Done { index, replies };
        }
        let at = self.clock.now();
        for command in &mut commands {
            command.at = at;
        }
        let written = self.raft.client_write(Batch(Arc::new(commands)));
        match tokio::time::timeout(ATTEMPT_DEADLINE, written).await {
            Ok(Ok(response)) => Attempt::Done {
                index: response.log_id.index,
                replies: sieve.answers(response.data.0),
            },
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_)))) => {
                Attempt::Elsewhere(None)
            }
            Ok(Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(_)))) => {
                Attempt::Unknown
            }
            Ok(Err(RaftError::Fatal(_))) => Attempt::Stopped,
            Err(_) => Attempt::Unknown,
        }
    }

    /// Sends commands elsewhere, and stops waiting for an answer once this node leads itself: the
    /// node that was asked may be cut off, and what others send here would wait behind it.
    async fn forward_or_lead(&self, commands: Vec<Proposed>, guess: &mut Guess) -> Attempt {
        let (me, before) = (Some(self.node), self.leader.get());
        let elected = self.leader.wait_for(|now| now == me && before != me);
        tokio::select! {
            biased; // A simulation has no choice that its seed does not make.
            attempt = self.forward(commands, guess) => attempt,
            () = elected => Attempt::Here,
        }
    }

    /// Sends commands to the node that leads. A node that nobody leads as far as it knows asks the
    /// others in turn: one that came back under another address is not heard of by the leader
    /// before it has told it so.
    async fn forward(&self, commands: Vec<Proposed>, guess: &mut Guess) -> Attempt {
        let known = self.leader().filter(|leader| *leader != self.node);
        let Some(leader) = guess.whom(known, || self.others()) else {
            return Attempt::Elsewhere(None);
        };
        let Ok(body) = (ProposeV1 { commands }).seal() else {
            return Attempt::Overloaded;
        };
        let place = (leader, Lane::Rpc, kind::PROPOSE);
        let answer = parts::call(&*self.transport, place, body.into(), ATTEMPT_DEADLINE).await;
        let proposed = match answer {
            Ok(bytes) => ProposedV1::open(&bytes),
            Err(CallError::Unreachable(_) | CallError::Removed(_) | CallError::Refused { .. }) => {
                return Attempt::Elsewhere(None);
            }
            Err(CallError::Unknown(_)) => return Attempt::Unknown,
        };
        match proposed.map(|it| it.verdict) {
            Ok(ProposeVerdictV1::Done { index, replies }) => Attempt::Done { index, replies },
            Ok(ProposeVerdictV1::Elsewhere(named)) => Attempt::Elsewhere(named),
            Ok(ProposeVerdictV1::Overloaded) => Attempt::Overloaded,
            Ok(ProposeVerdictV1::Unknown) | Err(_) => Attempt::Unknown,
        }
    }

    /// Waits until this node has applied an entry: who wrote here reads here.
    /// `false` when it did not in time: it is cut off, or its disk is slow.
    async fn visible(&self, index: u64, until: Instant) -> bool {
        if planted(Bug::AnsweredBeforeApplied) {
            return true;
        }
        let waited = self.applied.wait_for(|applied| applied >= index);
        tokio::time::timeout_at(until, waited).await.is_ok()
    }
}

/// How much a group weighs in an entry.
fn weight(group: &Group) -> usize {
    let of = |proposed: &Proposed| match &proposed.command {
        Command::Configure {
            changes, rests_on, ..
        } => {
            let marks = rests_on.as_ref().map_or(0, Vec::len);
            changes.len() + marks * (size_of::<tollgate_model::Mark>() + 1) + 64
        }
        Command::Lease(batch) => batch.items.len() * 100 + 64,
        Command::Iam { changes, .. } => changes.iter().map(IamChange::weight).sum::<usize>() + 64,
        _ => 256,
    };
    group.commands.iter().map(of).sum()
}

/// Where this node does not lead, groups of other nodes are sent back.
fn turn_away(group: Group, leader: Option<NodeId>) -> Option<Group> {
    match group.answer {
        Answer::Peer(peer) => {
            // A peer that gave up hears nothing.
            drop(peer.send(ProposeVerdictV1::Elsewhere(leader)));
            None
        }
        Answer::Caller(_) => Some(group),
    }
}

fn drop_overdue(groups: Vec<Group>) -> Vec<Group> {
    let now = Instant::now();
    let (overdue, rest): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|group| group.deadline <= now);
    fail(overdue, &DoorError::Unknown);
    rest
}

fn answer(groups: Vec<Group>, index: u64, replies: Vec<Reply>) {
    let mut replies = replies.into_iter();
    for group in groups {
        let mine: Vec<Reply> = replies.by_ref().take(group.commands.len()).collect();
        match group.answer {
            // Whoever asked may have given up.
            Answer::Caller(caller) => {
                let reply = mine.into_iter().next().ok_or(DoorError::Unknown);
                drop(caller.send(reply));
            }
            Answer::Peer(peer) => {
                drop(peer.send(ProposeVerdictV1::Done {
                    index,
                    replies: mine,
                }));
            }
        }
    }
}

fn fail(groups: Vec<Group>, error: &DoorError) {
    for group in groups {
        match group.answer {
            Answer::Caller(caller) => drop(caller.send(Err(error.clone()))),
            Answer::Peer(peer) => {
                let verdict = match error {
                    DoorError::Overloaded => ProposeVerdictV1::Overloaded,
                    DoorError::Unknown | DoorError::NoMajority | DoorError::Stopped => {
                        ProposeVerdictV1::Unknown
                    }
                };
                drop(peer.send(verdict));
            }
        }
    }
}
