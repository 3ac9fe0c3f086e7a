//! The state machine as openraft wants it: agreed entries in, published configuration and answers
//! out. What is decided is decided in `tollgate_state`.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, RaftSnapshotBuilder, Snapshot, StorageIOError};
use tokio::sync::watch;
use tollgate_state::{Command, Entry as Proposed, Iam, NodeId, State};
use tollgate_store::{Loaded, SnapshotFile, Snapshots, Written};

use super::beside::Beside;
use super::preparing::{Prepared, Preparing};
use super::snapshot::{self, Image, ReadError, Ready};
use super::wire::MetaV1;
use super::{Entry, LogId, Outcome, SnapshotMeta, StorageError, StoredMembership, Types};
use crate::mark::Mark;
use crate::{Effects, Published};

/// Bytes of changes that are decoded on a thread of their own.
const LARGE_BYTES: usize = 256 * 1024;

/// The state of this node. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Machine {
    shared: Arc<Shared>,
}

struct Shared {
    inner: RwLock<Inner>,
    snapshots: Snapshots,
    publish: watch::Sender<Published>,
    iam: watch::Sender<Arc<Iam>>,
    applied: Mark<u64>,
    effects: Effects,
    saved: watch::Sender<Saved>,
    node: NodeId,
    /// Where snapshots are made and read.
    beside: Beside,
    /// A snapshot that is coming in.
    preparing: Preparing,
}

struct Inner {
    state: State,
    applied: Option<LogId>,
    members: StoredMembership,
}

/// How far the snapshots on disk go, and whether one that was to be installed failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Saved {
    pub(crate) index: u64,
    pub(crate) failed: bool,
}

/// The ends that the machine feeds.
pub(crate) struct Feeds {
    pub(crate) saved: watch::Sender<Saved>,
    pub(crate) publish: watch::Sender<Published>,
    pub(crate) applied: Mark<u64>,
    pub(crate) effects: Effects,
}

impl Machine {
    /// The state that a store's snapshot holds; entries come through [`RaftStateMachine::apply`].
    pub(crate) fn new(
        loaded: &Loaded,
        snapshots: Snapshots,
        feeds: Feeds,
        beside: Beside,
    ) -> Result<Self, String> {
        let mut inner = Inner {
            state: State::default(),
            applied: None,
            members: StoredMembership::default(),
        };
        if let Some(file) = &loaded.snapshot {
            let read = || -> Result<_, ReadError> {
                let (meta, image) = snapshot::open(file)?;
                Ok((meta, snapshot::restore(&image)?))
            };
            let (meta, state) =
                read().map_err(|error| format!("snapshot {}: {error}", file.index()))?;
            inner = Inner {
                state,
                applied: meta.last.map(Into::into),
                members: meta.stored_membership(),
            };
        }
        let machine = Self {
            shared: Arc::new(Shared {
                inner: RwLock::new(inner),
                snapshots,
                publish: feeds.publish,
                iam: watch::Sender::default(),
                applied: feeds.applied,
                effects: feeds.effects,
                saved: feeds.saved,
                node: loaded.identity.node_id,
                preparing: Preparing::new(beside.clone()),
                beside,
            }),
        };
        machine.publish();
        Ok(machine)
    }

    /// Looks at the state as it is on this node.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.read().state)
    }

    /// Users and what belongs to them, now and at every change.
    pub(crate) fn iam(&self) -> watch::Receiver<Arc<Iam>> {
        self.shared.iam.subscribe()
    }

    /// Who gets the log, as far as this node has applied it: voters and learners.
    pub(crate) fn members(&self) -> BTreeSet<NodeId> {
        let inner = self.read();
        let members = inner.members.membership();
        members.nodes().map(|(id, _)| *id).collect()
    }

    /// The last entry that was applied.
    pub(crate) fn applied(&self) -> u64 {
        self.read().applied.map_or(0, |id| id.index)
    }

    /// Does all that takes long about installing a snapshot that is coming in, and waits for it
    /// this long. While consensus itself installs one it answers nothing, so that only the rest is
    /// left to it. `None` when it takes longer: it goes on, for whoever asks again.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(crate) async fn prepare(
        &self,
        meta: &MetaV1,
        image: Image,
        within: Duration,
    ) -> std::io::Result<Option<Image>> {
        if meta.last.is_some_and(|last| last.index <= self.applied()) {
            // Consensus refuses what is not news, and looks at its head only.
            return Ok(Some(image));
        }
        let (shared, of) = (Arc::clone(&self.shared), meta.clone());
        let work = move || {
            let prepared = shared.prepare(&of, image);
            prepared.map_err(|error| error.to_string())
        };
        let prepared = self.shared.preparing.ask(meta, within, work).await;
        Ok(match prepared.map_err(std::io::Error::other)? {
            Prepared::Ready(ready) => Some(Image::Ready(ready)),
            Prepared::Busy => None,
        })
    }

    /// Lets go of a prepared snapshot that nobody asks for any more.
    pub(crate) fn forget_prepared(&self) {
        self.shared.preparing.forget_old(self.applied());
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.shared
            .inner
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.shared
            .inner
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the configuration and how far it goes.
    fn publish(&self) {
        let inner = self.read();
        let published = Published {
            revision: inner.state.revision,
            model: Arc::clone(&inner.state.model),
        };
        let iam = Arc::clone(inner.state.iam());
        let applied = inner.applied.map_or(0, |id| id.index);
        drop(inner);
        // Level-triggered: ten changes may become one publication.
        self.shared.publish.send_if_modified(|now| {
            let changed =
                now.revision != published.revision || !Arc::ptr_eq(&now.model, &published.model);
            if changed {
                *now = published;
            }
            changed
        });
        self.shared.iam.send_if_modified(|now| {
            let changed = !Arc::ptr_eq(now, &iam);
            if changed {
                *now = iam;
            }
            changed
        });
        self.shared.applied.set(applied);
    }

    fn carry_out(&self, entries: impl IntoIterator<Item = Entry>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut effects = Vec::new();
        let mut inner = self.write();
        for entry in entries {
            inner.applied = Some(entry.log_id);
            #[cfg(test)]
            crate::tests::sim::applied(self.shared.node, &entry);
            let mut outcome = Outcome::default();
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(members) => {
                    inner.members = StoredMembership::new(Some(entry.log_id), members);
                }
                EntryPayload::Normal(batch) => {
                    for proposed in batch.0.iter() {
                        let state = &mut inner.state;
                        let applied = if is_large(proposed) {
                            self.shared.beside.apart(|| state.apply(proposed))
                        } else {
                            state.apply(proposed)
                        };
                        effects.extend(applied.effects);
                        outcome.0.push(applied.reply);
                    }
                }
            }
            inner.state.index = entry.log_id.index;
            outcomes.push(outcome);
        }
        drop(inner);
        for effect in effects {
            self.shared.effects.add(self.shared.node, effect);
        }
        outcomes
    }
}

/// Whether decoding a command takes much memory for a moment.
fn is_large(proposed: &Proposed) -> bool {
    matches!(&proposed.command, Command::Configure { changes, .. } if changes.len() > LARGE_BYTES)
}

impl Shared {
    /// Writes a state to where a snapshot of it is going to be.
    fn write(&self, meta: &MetaV1, state: &State) -> Result<Written, StorageError> {
        let index = meta.last.map_or(0, |last| last.index);
        let write = |file: &mut dyn Write| snapshot::write(file, meta, state);
        let written = self.snapshots.write(index, write);
        written.map_err(|error| write_error(&error))
    }

    /// Makes what was written the newest snapshot.
    fn keep(&self, meta: &MetaV1, written: &Written) -> Result<SnapshotFile, StorageError> {
        let index = meta.last.map_or(0, |last| last.index);
        let kept = self.snapshots.keep(written);
        let kept = kept.map_err(|error| write_error(&error))?;
        self.saved
            .send_modify(|saved| saved.index = saved.index.max(index));
        Ok(kept)
    }

    /// Saves a snapshot and returns it in openraft's form.
    fn save(&self, inner: &Inner) -> Result<Snapshot<Types>, StorageError> {
        let meta = MetaV1::new(inner.applied, &inner.members);
        let written = self.write(&meta, &inner.state)?;
        in_openraft(&self.keep(&meta, &written)?).map_err(|error| write_error(&error))
    }

    /// Does all that takes long about installing a snapshot.
    fn prepare(&self, meta: &MetaV1, image: Image) -> Result<Box<Ready>, StorageError> {
        if let Image::Ready(ready) = image {
            return Ok(ready);
        }
        let state = snapshot::restore(&image).map_err(|error| read_error(&error))?;
        let written = self.write(meta, &state)?;
        Ok(Box::new(Ready {
            state,
            written,
            being_installed: None,
        }))
    }

    /// Makes a received snapshot the state, once it is on disk. Returns its last entry's index.
    fn install(&self, meta: &SnapshotMeta, image: Image) -> Result<u64, StorageError> {
        let head = MetaV1::new(meta.last_log_id, &meta.last_membership);
        let ready = self.prepare(&head, image)?;
        // On disk before anything of the log that it replaces is purged.
        self.keep(&head, &ready.written)?;
        let inner = Inner {
            state: ready.state,
            applied: meta.last_log_id,
            members: meta.last_membership.clone(),
        };
        let mut current = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, inner);
        drop(current);
        // Not while anybody waits for the lock: taking a large state apart takes long.
        drop(before);
        // Whoever asks from now on finds its entries applied.
        drop(ready.being_installed);
        Ok(meta.last_log_id.map_or(0, |id| id.index))
    }
}

fn in_openraft(file: &SnapshotFile) -> Result<Snapshot<Types>, ReadError> {
    let (meta, image) = snapshot::open(file)?;
    Ok(Snapshot {
        meta: meta.to_openraft(),
        snapshot: Box::new(image),
    })
}

fn write_error(error: &dyn std::fmt::Display) -> StorageError {
    let error = std::io::Error::other(error.to_string());
    StorageIOError::write_snapshot(None, &error).into()
}

fn read_error(error: &dyn std::fmt::Display) -> StorageError {
    let error = std::io::Error::other(error.to_string());
    StorageIOError::read_snapshot(None, &error).into()
}

/// A moment of the state, to be written as a snapshot beside the machine's work.
pub(crate) struct Moment {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
}

impl RaftSnapshotBuilder<Types> for Moment {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let (shared, inner) = (Arc::clone(&self.shared), Arc::clone(&self.inner));
        let beside = shared.beside.clone();
        let saved = beside.run(move || shared.save(&inner)).await;
        saved.map_err(|error| write_error(&error))?
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotBuilder = Moment;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        let inner = self.read();
        Ok((inner.applied, inner.members.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcome>, StorageError>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let outcomes = self.carry_out(entries);
        self.publish();
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> Self::SnapshotBuilder {
        let inner = self.read();
        let moment = Inner {
            state: inner.state.clone(),
            applied: inner.applied,
            members: inner.members.clone(),
        };
        Moment {
            shared: Arc::clone(&self.shared),
            inner: Arc::new(moment),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<Image>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<Image>,
    ) -> Result<(), StorageError> {
        let shared = Arc::clone(&self.shared);
        let meta = meta.clone();
        let install = move || shared.install(&meta, *snapshot);
        let installed = self.shared.beside.run(install).await;
        let installed = installed.unwrap_or_else(|error| Err(read_error(&error)));
        if let Err(error) = installed {
            // Who waits for this snapshot to be on disk must not wait for ever.
            self.shared.saved.send_modify(|saved| saved.failed = true);
            return Err(error);
        }
        #[cfg(test)]
        crate::tests::sim::installed(self.shared.node, installed.unwrap_or_default());
        self.publish();
        self.shared.effects.replaced();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let snapshots = self.shared.snapshots.clone();
        let newest = self.shared.beside.run(move || {
            let newest = snapshots.newest().map_err(|error| read_error(&error))?;
            let opened = newest.as_ref().map(in_openraft).transpose();
            opened.map_err(|error| read_error(&error))
        });
        newest.await.map_err(|error| read_error(&error))?
    }
}
