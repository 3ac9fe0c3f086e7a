//! The thread that owns store and state: commands in batches, one flush for each batch.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tollgate_protocol::codec;
use tollgate_protocol::{Clock, Millis};
use tollgate_state::{Command, Effect, Entry, ProposalId, Reply, State};
use tollgate_store::{Error, Loaded, Store};

use crate::Published;

/// The envelope's kind of an entry.
const ENTRY_KIND: u8 = 1;
/// Commands that share a flush.
const BATCH_ENTRIES_MAX: usize = 256;
/// A snapshot is due when the log since the last one has this many bytes or entries: replaying
/// that takes well under a second.
const SNAPSHOT_BYTES: usize = 32 * 1024 * 1024;
const SNAPSHOT_ENTRIES: usize = 50_000;

/// What the writer is asked to do.
#[expect(clippy::large_enum_variant, reason = "nearly all jobs are proposals")]
pub(crate) enum Job {
    Propose {
        proposal: ProposalId,
        command: Command,
        answer: oneshot::Sender<Reply>,
    },
    Read(Box<dyn FnOnce(&State) + Send>),
    Close,
}

pub(crate) struct Writer {
    store: Store,
    state: State,
    clock: Arc<dyn Clock>,
    publish: watch::Sender<Published>,
    bytes_since_snapshot: usize,
    entries_since_snapshot: usize,
}

/// A proposal on its way through a batch.
struct Pending {
    entry: Entry,
    answer: oneshot::Sender<Reply>,
}

/// The state that a store holds.
pub(crate) fn replay(dir: &Path, loaded: &Loaded) -> Result<State, Error> {
    let corrupt = |reason: String| Error::Corrupt {
        path: dir.to_owned(),
        reason,
    };
    let mut state = match &loaded.snapshot {
        None => State::default(),
        Some((index, bytes)) => {
            let state = State::restore(bytes)
                .map_err(|error| corrupt(format!("snapshot {index}: {error}")))?;
            if state.index != *index {
                return Err(corrupt(format!(
                    "snapshot {index} holds index {}",
                    state.index
                )));
            }
            state
        }
    };
    for (index, bytes) in &loaded.entries {
        let entry: Entry = codec::open(ENTRY_KIND, bytes)
            .map_err(|error| corrupt(format!("entry {index}: {error}")))?;
        if entry.index != *index {
            return Err(corrupt(format!(
                "entry {index} says that it is {}",
                entry.index
            )));
        }
        state.apply(&entry);
    }
    Ok(state)
}

impl Writer {
    pub(crate) fn new(
        store: Store,
        state: State,
        clock: Arc<dyn Clock>,
        publish: watch::Sender<Published>,
    ) -> Self {
        Self {
            store,
            state,
            clock,
            publish,
            bytes_since_snapshot: 0,
            entries_since_snapshot: 0,
        }
    }

    /// Works until the door closes or the disk fails.
    pub(crate) fn run(mut self, mut inbox: mpsc::Receiver<Job>) -> Result<(), Error> {
        let mut pending = Vec::new();
        while let Some(job) = inbox.blocking_recv() {
            let mut next = Some(job);
            let mut closing = false;
            while let Some(job) = next.take() {
                match job {
                    Job::Propose {
                        proposal,
                        command,
                        answer,
                    } => {
                        let index = self.store.last() + 1 + pending.len() as u64;
                        let entry = Entry {
                            index,
                            at: self.now(),
                            proposal,
                            command,
                        };
                        pending.push(Pending { entry, answer });
                    }
                    Job::Read(look) => {
                        // Reads see everything that was proposed before them.
                        self.commit(&mut pending)?;
                        look(&self.state);
                    }
                    Job::Close => closing = true,
                }
                if pending.len() < BATCH_ENTRIES_MAX && !closing {
                    next = inbox.try_recv().ok();
                }
            }
            self.commit(&mut pending)?;
            self.snapshot_if_due()?;
            if closing {
                return Ok(());
            }
        }
        Ok(())
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Makes a batch durable, then applies and answers it: nothing is answered that could be lost.
    fn commit(&mut self, pending: &mut Vec<Pending>) -> Result<(), Error> {
        if pending.is_empty() {
            return Ok(());
        }
        let mut records = Vec::with_capacity(pending.len());
        for it in pending.iter() {
            let record = codec::seal(ENTRY_KIND, &it.entry)
                .map_err(|error| Error::Failed(error.to_string()))?;
            self.bytes_since_snapshot += record.len();
            records.push(record);
        }
        self.entries_since_snapshot += records.len();
        self.store.append(&records)?;
        let mut answers = Vec::with_capacity(pending.len());
        let mut changed = false;
        for it in pending.drain(..) {
            let applied = self.state.apply(&it.entry);
            for effect in applied.effects {
                match effect {
                    Effect::PublishConfig(_) => changed = true,
                    Effect::NodesChanged
                    | Effect::Recall { .. }
                    | Effect::Reopened { .. }
                    | Effect::QuotaChanged { .. } => {}
                }
            }
            answers.push((it.answer, applied.reply));
        }
        if changed {
            // Level-triggered: ten changes may become one publication.
            let model = Arc::clone(&self.state.model);
            self.publish.send_replace(Published {
                revision: self.state.revision,
                model,
            });
        }
        for (answer, reply) in answers {
            // Whoever asked may have given up.
            drop(answer.send(reply));
        }
        Ok(())
    }

    fn snapshot_if_due(&mut self) -> Result<(), Error> {
        let due = self.bytes_since_snapshot >= SNAPSHOT_BYTES
            || self.entries_since_snapshot >= SNAPSHOT_ENTRIES;
        if !due {
            return Ok(());
        }
        self.bytes_since_snapshot = 0;
        self.entries_since_snapshot = 0;
        let bytes = match self.state.snapshot() {
            Ok(bytes) => bytes,
            Err(error) => {
                tracing::error!(%error, "no snapshot can be made; the log keeps growing");
                return Ok(());
            }
        };
        match self.store.save_snapshot(self.state.index, &bytes) {
            Err(error @ Error::Io { .. }) => {
                tracing::error!(%error, "no snapshot can be written; the log keeps growing");
                Ok(())
            }
            other => other,
        }
    }
}
