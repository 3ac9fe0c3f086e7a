//! The handle through which everything that is agreed on is changed and read.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tollgate_model::Model;
use tollgate_protocol::Clock;
use tollgate_protocol::ids::Revision;
use tollgate_state::{Command, ProposalId, Reply, State};
use tollgate_store::{Identity, Store};

use crate::writer::{self, Job, Writer};

/// Jobs that may wait for the writer: 1,024 commands of a few hundred bytes each, and the few
/// large ones are bounded by the admin listener's body limit.
const QUEUE_JOBS_MAX: usize = 1024;
/// How long an answer is waited for: longer than a busy disk takes for a flush (several seconds
/// were seen while a build wrote beside it). A proposal without an answer is unknown, not absent.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// A cloneable handle to the node's writer.
#[derive(Clone)]
pub struct Door {
    jobs: mpsc::Sender<Job>,
    published: watch::Receiver<Published>,
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
    /// Who owns the data directory.
    pub identity: Identity,
    /// Whether the directory was empty before.
    pub first_start: bool,
    /// The life of the node that began.
    pub incarnation: u32,
    /// Ends when the writer does, with the reason if its disk failed.
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
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopped,
}

impl Door {
    /// Opens a data directory, replays it and starts the writer's thread.
    ///
    /// # Errors
    /// What [`Store::open`] refuses, and entries that this release cannot read.
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        first: impl FnOnce() -> Identity,
    ) -> Result<Opened, tollgate_store::Error> {
        let (store, loaded) = Store::open(dir, first)?;
        let state = writer::replay(dir, &loaded)?;
        let published = Published {
            revision: state.revision,
            model: Arc::clone(&state.model),
        };
        let (publish, published) = watch::channel(published);
        let (jobs, inbox) = mpsc::channel(QUEUE_JOBS_MAX);
        let (end, ended) = oneshot::channel();
        let writer = Writer::new(store, state, clock, publish);
        std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || {
                // Nobody listening means that the node is gone already.
                drop(end.send(writer.run(inbox)));
            })
            .map_err(|source| tollgate_store::Error::Io {
                operation: "start the writer of",
                path: dir.to_owned(),
                source,
            })?;
        Ok(Opened {
            door: Self { jobs, published },
            identity: loaded.identity,
            first_start: loaded.first_start,
            incarnation: loaded.incarnation,
            ended,
        })
    }

    /// Proposes a command and waits until it is durable and applied.
    ///
    /// # Errors
    /// [`DoorError`].
    pub async fn propose(
        &self,
        proposal: ProposalId,
        command: Command,
    ) -> Result<Reply, DoorError> {
        let (answer, reply) = oneshot::channel();
        let job = Job::Propose {
            proposal,
            command,
            answer,
        };
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DoorError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => DoorError::Stopped,
        })?;
        match tokio::time::timeout(ANSWER_DEADLINE, reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(DoorError::Stopped),
            Err(_) => Err(DoorError::Unknown),
        }
    }

    /// Reads the state, after every command that was answered before.
    ///
    /// # Errors
    /// [`DoorError`].
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T, DoorError> {
        let (answer, reply) = oneshot::channel();
        let look = Box::new(move |state: &State| drop(answer.send(look(state))));
        self.jobs
            .try_send(Job::Read(look))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => DoorError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => DoorError::Stopped,
            })?;
        match tokio::time::timeout(ANSWER_DEADLINE, reply).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) => Err(DoorError::Stopped),
            Err(_) => Err(DoorError::Unknown),
        }
    }

    /// The committed configuration, now and at every change.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Ends the writer once everything proposed before is done.
    pub async fn close(&self) {
        // A full queue empties; a closed one is what we want.
        drop(self.jobs.send(Job::Close).await);
    }
}
