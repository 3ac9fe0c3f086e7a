//! The handle through which everything that is agreed on is changed and read.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tollgate_config::cells::{BucketKey, Refused};
use tollgate_link::authority::{Authority, ClusterKey};
use tollgate_link::token::JoinToken;
use tollgate_link::vault::Vault;
use tollgate_model::Model;
use tollgate_protocol::ids::Revision;
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Command, Entry, Iam, LeaseBatch, NodeId, ProposalId, Reply, State};
use tollgate_store::Identity;

use crate::Effects;
use crate::asking::Answerers;
use crate::autopilot::Settings;
use crate::backup;
use crate::everywhere::Served;
use crate::lines::Lines;
use crate::member::{self, Peering, Ways, Work};
use crate::members::Members;
use crate::peers::{Alone, Transport};
use crate::pilot::Leaving;
use crate::proposer::{Answer, Group};
use crate::raft::handover::Office;
use crate::raft::heard::Heard;
use crate::raft::machine::Machine;
use crate::raft::{LogLimits, Raft};
use crate::rates::{self, Rates};
use crate::reports::Reports;
use crate::serve::Server;
use crate::status::DiskBytes;

/// Commands that may wait to be sent: 1,024 of a few hundred bytes each, and the few large ones
/// are bounded by the admin listener's body limit.
pub(crate) const QUEUE_GROUPS_MAX: usize = 1024;
/// How long an answer is waited for: longer than a busy disk takes for a flush (several seconds
/// were seen while a build wrote beside it). A proposal without an answer is unknown, not absent.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// How long an answer is waited for on a node that knows that nothing can be agreed on: enough for a
/// question to nodes that may know better.
const CUT_OFF_DEADLINE: Duration = Duration::from_secs(1);

/// How long a backup waits for a majority: a leader is elected within two seconds.
const BACKUP_CATCH_UP_DEADLINE: Duration = Duration::from_secs(5);

/// A cloneable handle to what the cluster agrees on.
#[derive(Clone)]
pub struct Door {
    pub(crate) groups: mpsc::Sender<Group>,
    pub(crate) published: watch::Receiver<Published>,
    pub(crate) machine: Machine,
    pub(crate) raft: Raft,
    pub(crate) stop: mpsc::Sender<()>,
    pub(crate) names: Arc<Names>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) served: Served,
    pub(crate) cluster_key: Arc<OnceLock<ClusterKey>>,
    pub(crate) heard: Heard,
    pub(crate) leaving: Leaving,
    pub(crate) office: Office,
    pub(crate) disk_bytes: DiskBytes,
    pub(crate) removed: watch::Receiver<bool>,
    pub(crate) rates: Rates,
    pub(crate) reports: Reports,
    pub(crate) answerers: Answerers,
    /// Where calls to other nodes run: their connections live as long as it does.
    pub(crate) runtime: tokio::runtime::Handle,
}

/// Makes names for proposals that have none: this node's life and a count.
#[derive(Debug)]
pub(crate) struct Names {
    node: NodeId,
    incarnation: u32,
    next: AtomicU64,
}

impl Names {
    pub(crate) fn new(node: NodeId, incarnation: u32) -> Self {
        let next = AtomicU64::new(1);
        Self {
            node,
            incarnation,
            next,
        }
    }

    /// A name that no other proposal of the cluster has.
    pub(crate) fn next(&self) -> ProposalId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let mut name = [0; 16];
        // Node ids and counts stay far below what these bytes hold.
        name[..4].copy_from_slice(&self.node.to_le_bytes()[..4]);
        name[4..8].copy_from_slice(&self.incarnation.to_le_bytes());
        name[8..].copy_from_slice(&count.to_le_bytes());
        ProposalId(name)
    }
}

/// The configuration as it was last committed.
#[derive(Debug, Clone, Default)]
pub struct Published {
    /// Its version.
    pub revision: Revision,
    /// The configuration.
    pub model: Arc<Model>,
}

/// An open door, and what the node must know of the state behind it.
pub struct Opened {
    /// The handle.
    pub door: Door,
    /// Answers the calls of other nodes.
    pub server: Server,
    /// Who owns the data directory.
    pub identity: Identity,
    /// Whether the directory was empty before.
    pub first_start: bool,
    /// The life of the node that began.
    pub incarnation: u32,
    /// What the log does that this node has to hear of.
    pub effects: Effects,
    /// The way to the others, where there is one.
    pub(crate) lines: Lines,
    /// Ends when the log does, with the reason if its disk failed.
    pub ended: oneshot::Receiver<Result<(), tollgate_store::Error>>,
}

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// Too many commands wait; nothing was done. Try again.
    #[error("too many changes are waiting; try again")]
    Overloaded,
    /// No answer in time: the command may still be carried out. A retry with the same proposal
    /// id is safe.
    #[error("the change was not answered in time and may still happen; retry it unchanged")]
    Unknown,
    /// This node knows that nothing can be agreed on now. As with [`DoorError::Unknown`] the command
    /// may still be carried out, and a retry with the same proposal id is safe.
    #[error(
        "no majority of the cluster's voters answers this node, so nothing can be changed now; the \
         change may still happen once one does"
    )]
    NoMajority,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
}

/// Why there is no join token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// This node's cluster takes no others.
    #[error("this node belongs to no cluster that others could join")]
    NoCluster,
    /// The cluster refused, and why.
    #[error("{0}")]
    Refused(String),
    /// As for any change.
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl Door {
    /// Opens a data directory, replays it and starts the thread of a cluster of one.
    ///
    /// # Errors
    /// What [`tollgate_store::Store::open`] refuses, and entries that this release cannot read.
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        first: impl FnOnce() -> Identity,
    ) -> Result<Opened, tollgate_store::Error> {
        let ways = Ways {
            clock,
            transport: Arc::new(Alone),
            autopilot: Settings::default(),
            log: LogLimits::OF_A_NODE,
            work: Work::Threads,
        };
        member::start(dir, first, ways, None)
    }

    /// The same for a node that meets others: the cluster is founded at the first start of its
    /// first node, and the links to the other nodes are opened.
    ///
    /// # Errors
    /// As [`Door::open`], and credentials that are missing or damaged.
    pub fn open_among(
        dir: &Path,
        clock: Arc<dyn Clock>,
        first: impl FnOnce() -> Identity,
        peering: Peering,
        autopilot: Settings,
    ) -> Result<Opened, tollgate_store::Error> {
        let lines = Lines::default();
        let ways = Ways {
            clock,
            transport: Arc::new(lines.clone()),
            autopilot,
            log: LogLimits::OF_A_NODE,
            work: Work::Threads,
        };
        member::start(dir, first, ways, Some((peering, lines)))
    }

    /// Proposes a command and waits until it is agreed on, applied and visible on this node.
    ///
    /// # Errors
    /// [`DoorError`].
    pub async fn propose(
        &self,
        proposal: ProposalId,
        command: Command,
    ) -> Result<Reply, DoorError> {
        // Leases have numbers of their own; everything else is named, so that sending it again
        // after an answer was lost does not do it again.
        let named = proposal != ProposalId::default() || matches!(command, Command::Lease(_));
        // Leases wait, because somebody would send them again at once; and a node that moved is
        // not heard of before it has said so.
        let patient = matches!(command, Command::Lease(_) | Command::NodeUp { .. });
        let entry = Entry {
            at: Millis(0),
            proposal: if named { proposal } else { self.names.next() },
            command,
        };
        let (answer, reply) = oneshot::channel();
        let group = Group {
            commands: vec![entry],
            deadline: Instant::now() + ANSWER_DEADLINE,
            answer: Answer::Caller(answer),
        };
        self.groups.try_send(group).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DoorError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => DoorError::Stopped,
        })?;
        tokio::select! {
            biased;
            reply = tokio::time::timeout(ANSWER_DEADLINE, reply) => match reply {
                Ok(Ok(reply)) => reply,
                Ok(Err(_)) => Err(DoorError::Stopped),
                Err(_) => Err(DoorError::Unknown),
            },
            () = self.is_cut_off_for(CUT_OFF_DEADLINE), if !patient => Err(DoorError::NoMajority),
        }
    }

    /// Whether this node knows that no majority of the voters answers it, now and when that
    /// changes: it heard of no leader, or as leader of no majority, for a few seconds.
    #[must_use]
    pub fn cut_off(&self) -> watch::Receiver<bool> {
        self.heard.cut_off()
    }

    /// Waits until the node is cut off and stays so for a while.
    async fn is_cut_off_for(&self, a_while: Duration) {
        let mut cut_off = self.cut_off();
        loop {
            if cut_off.wait_for(|it| *it).await.is_err() {
                return std::future::pending().await;
            }
            let connected = cut_off.wait_for(|it| !*it);
            if tokio::time::timeout(a_while, connected).await.is_err() {
                return;
            }
        }
    }

    /// Reads the state of this node, after every command that was answered here before.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.machine.look(look)
    }

    /// Waits until everything that was acknowledged anywhere before is visible on this node.
    ///
    /// # Errors
    /// [`DoorError`]: without a majority nobody can say.
    pub async fn catch_up(&self) -> Result<(), DoorError> {
        // No node has a life 0: the batch changes nothing, and is answered when this node has
        // applied the log up to it.
        let nothing = LeaseBatch {
            node: self.names.node,
            incarnation: 0,
            seq: 0,
            items: Vec::new(),
        };
        let command = Command::Lease(nothing);
        self.propose(ProposalId::default(), command).await?;
        Ok(())
    }

    /// A backup of what is agreed on. Without a majority it has what this node knows, and says so.
    pub async fn backup(&self, version: &str, now: Millis) -> backup::Parts {
        let caught_up = tokio::time::timeout(BACKUP_CATCH_UP_DEADLINE, self.catch_up());
        let agreed = matches!(caught_up.await, Ok(Ok(())));
        self.read(|state| {
            let head = backup::Head {
                version: version.to_owned(),
                taken: now,
                cluster: state.founding().map_or([0; 16], |it| it.cluster),
                index: state.index,
                revision: state.revision.0,
                level: state.level(),
                agreed,
            };
            backup::parts(head, state)
        })
    }

    /// Makes a join token that admits so many nodes until `expires`.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn create_token(
        &self,
        expires: Millis,
        uses: u32,
        who: &str,
    ) -> Result<JoinToken, TokenError> {
        let sealed = self.read(|state| state.founding().map(|it| it.sealed_key.clone()));
        let (Some(sealed), Some(key)) = (sealed, self.cluster_key.get()) else {
            return Err(TokenError::NoCluster);
        };
        let authority = Authority::open(&sealed, key).map_err(|_| TokenError::NoCluster)?;
        let token = JoinToken::generate(authority.pin());
        let command = Command::CreateToken {
            id: token.id.to_string(),
            secret_hash: token.secret.hash().0,
            expires,
            uses,
            who: who.to_owned(),
        };
        match self.propose(ProposalId::default(), command).await? {
            Reply::Done => Ok(token),
            Reply::Refused(reason) => Err(TokenError::Refused(reason)),
            _ => Err(TokenError::NoCluster),
        }
    }

    /// Who belongs to the cluster, as far as this node knows.
    #[must_use]
    pub fn members(&self) -> Members {
        Members::of(&self.raft, &self.heard)
    }

    /// The committed configuration, after every command that was answered here before. Unlike
    /// [`Door::read`] it does not wait while entries are applied.
    #[must_use]
    pub fn configuration(&self) -> Published {
        self.published.borrow().clone()
    }

    /// The committed configuration, now and at every change.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Users and what belongs to them, as last agreed on, now and at every change.
    #[must_use]
    pub fn iam(&self) -> watch::Receiver<Arc<Iam>> {
        self.machine.iam()
    }

    /// What seals secrets for the nodes of the cluster; `None` where this node belongs to none.
    #[must_use]
    pub fn vault(&self) -> Option<Vault> {
        self.cluster_key.get().map(Vault::new)
    }

    /// Whether the cluster removed this node, now and once it does.
    #[must_use]
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.removed.clone()
    }

    /// The token buckets of this node.
    #[must_use]
    pub fn rates(&self) -> Rates {
        self.rates
            .sync(&self.read(|state| state.live_ids().collect()));
        self.rates.clone()
    }

    /// Takes a token of a bucket that this node has no part of.
    ///
    /// # Errors
    /// [`Refused`] when there is none, or nobody says that there is one.
    pub async fn take_elsewhere(&self, bucket: BucketKey) -> Result<(), Refused> {
        rates::ask(self, bucket).await
    }

    /// Ends the node's part in the cluster.
    pub async fn close(&self) {
        // A full queue means that somebody asked already; a closed one is what we want.
        self.stop.send(()).await.ok();
    }
}
