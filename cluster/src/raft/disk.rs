//! The thread that owns the disk: what is queued together shares a flush.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use openraft::storage::LogFlushed;
use tokio::sync::oneshot;
use tollgate_store::{Change, Error};

use super::Types;
use super::keeper::Keeper;
use crate::faults::{Bug, planted};

/// Jobs that may wait, and that share a flush. Consensus waits for each append and vote before it
/// sends the next, so that the queue never fills.
const JOBS_MAX: usize = 256;

/// Who hears that a change is durable.
pub(crate) enum Done {
    /// Consensus itself, about entries.
    Entries(LogFlushed<Types>),
    /// A task that waits.
    Task(oneshot::Sender<Result<(), std::io::Error>>),
    /// Nobody.
    Nobody,
}

pub(crate) struct Job {
    pub(crate) change: Change,
    pub(crate) done: Done,
}

impl Job {
    /// The disk takes no jobs any more.
    fn refuse(self) {
        let gone = || Err(std::io::Error::other("the disk's thread ended"));
        match self.done {
            Done::Entries(flushed) => flushed.log_io_completed(gone()),
            Done::Task(waiting) => drop(waiting.send(gone())),
            Done::Nobody => {}
        }
    }
}

/// The way to the disk: a thread beside, or a task where everything has to run on one thread (a
/// simulation).
#[derive(Clone)]
pub(crate) enum Disk {
    Thread(SyncSender<Job>),
    #[cfg(test)]
    Task(tokio::sync::mpsc::Sender<Job>),
}

/// Owns the log. After the first failure nothing is written any more.
pub(crate) struct Owner {
    keeper: Keeper,
    committed: Committed,
    failed: Option<String>,
    end: End,
}

/// Tells once how the node's log ended.
#[derive(Clone)]
pub(crate) struct End(Arc<Mutex<Option<Teller>>>);

type Teller = oneshot::Sender<Result<(), Error>>;

impl End {
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<(), Error>>) {
        let (end, ended) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(end)))), ended)
    }

    pub(crate) fn tell(&self, result: Result<(), Error>) {
        if let Some(end) = lock(&self.0).take() {
            // Nobody listening means that the node is gone already.
            drop(end.send(result));
        }
    }
}

/// The last entry known to be agreed on: rides along with the next change.
pub(crate) type Committed = Arc<Mutex<Option<Vec<u8>>>>;

impl Owner {
    pub(crate) fn new(keeper: Keeper, committed: Committed, end: End) -> Self {
        Self {
            keeper,
            committed,
            failed: None,
            end,
        }
    }

    fn carry_out(&mut self, jobs: Vec<Job>) {
        let (changes, waiting): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.change, job.done)).unzip();
        let forgets =
            |change: &Change| matches!(change, Change::Vote(_)) && planted(Bug::VoteNotPersisted);
        let changes: Vec<_> = changes.into_iter().filter(|it| !forgets(it)).collect();
        if self.failed.is_none() {
            let committed = lock(&self.committed).take();
            if let Err(error) = self.keeper.commit(&changes, committed.as_deref()) {
                self.failed = Some(error.to_string());
                self.end.tell(Err(error));
            }
        }
        for done in waiting {
            let result = match &self.failed {
                None => Ok(()),
                Some(reason) => Err(std::io::Error::other(reason.clone())),
            };
            match done {
                Done::Entries(flushed) => flushed.log_io_completed(result),
                // Whoever waited may be gone.
                Done::Task(waiting) => drop(waiting.send(result)),
                Done::Nobody => {}
            }
        }
    }

    /// From now on the disk fails.
    #[cfg(test)]
    fn fail(&mut self) {
        let reason = "the simulated disk failed";
        self.failed = Some(reason.into());
        self.end.tell(Err(Error::Failed(reason.into())));
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut together = vec![first];
            together.extend(jobs.try_iter().take(JOBS_MAX - 1));
            self.carry_out(together);
        }
        self.close();
    }

    /// The last mark is written before the store closes, so that the next start applies at once
    /// what is known to be agreed on. The end is told when nothing is open any more.
    fn close(self) {
        let Self {
            mut keeper,
            committed,
            failed,
            end,
        } = self;
        let committed = lock(&committed).take();
        let result = match committed {
            Some(committed) if failed.is_none() => keeper.commit(&[], Some(committed.as_slice())),
            _ => Ok(()),
        };
        drop(keeper);
        end.tell(result);
    }
}

impl Disk {
    /// Starts the thread.
    pub(crate) fn start(owner: Owner) -> Result<Self, std::io::Error> {
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        std::thread::Builder::new()
            .name("disk".into())
            .spawn(move || owner.run(&inbox))?;
        Ok(Self::Thread(jobs))
    }

    /// Writes on this thread, each flush after the pause that the disk takes at that moment, until
    /// it takes none and fails. What waits when the node crashes was never written.
    #[cfg(test)]
    pub(crate) fn simulate(mut owner: Owner, pause: crate::member::Pause) -> Self {
        let (jobs, mut inbox) = tokio::sync::mpsc::channel(JOBS_MAX);
        tokio::spawn(async move {
            let mut together = Vec::new();
            while inbox.recv_many(&mut together, JOBS_MAX).await > 0 {
                match pause() {
                    Some(takes) if takes.is_zero() => {}
                    Some(takes) => tokio::time::sleep(takes).await,
                    None => owner.fail(),
                }
                owner.carry_out(std::mem::take(&mut together));
            }
            owner.close();
        });
        Self::Task(jobs)
    }

    pub(crate) fn send(&self, job: Job) {
        match self {
            Self::Thread(jobs) => {
                if let Err(unsent) = jobs.send(job) {
                    unsent.0.refuse();
                }
            }
            #[cfg(test)]
            Self::Task(jobs) => {
                if let Err(unsent) = jobs.try_send(job) {
                    unsent.into_inner().refuse();
                }
            }
        }
    }

    /// Waits until a change is durable.
    pub(crate) async fn write(&self, change: Change) -> Result<(), std::io::Error> {
        let (done, durable) = oneshot::channel();
        self.send(Job {
            change,
            done: Done::Task(done),
        });
        durable
            .await
            .unwrap_or_else(|_| Err(std::io::Error::other("the disk's thread ended")))
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // A panic while it was held cannot have broken an invariant: every change is one call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
