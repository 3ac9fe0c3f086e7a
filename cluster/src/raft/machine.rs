//! The state machine as openraft wants it: agreed entries in, published configuration and answers
//! out. What is decided is decided in `tollgate_state`.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use openraft::storage::RaftStateMachine;
use openraft::{EntryPayload, RaftSnapshotBuilder, Snapshot, StorageIOError};
use tokio::sync::watch;
use tollgate_state::{NodeId, State};
use tollgate_store::{Loaded, Snapshots};

use super::snapshot::{self, Image};
use super::wire::MetaV1;
use super::{Entry, LogId, Outcome, SnapshotMeta, StorageError, StoredMembership, Types};
use crate::{Effects, Published};

/// The state of this node. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Machine {
    shared: Arc<Shared>,
}

struct Shared {
    inner: RwLock<Inner>,
    snapshots: Snapshots,
    publish: watch::Sender<Published>,
    applied: watch::Sender<u64>,
    effects: Effects,
    saved: watch::Sender<Saved>,
    node: NodeId,
    /// Whether snapshots are made on a thread beside.
    threads: bool,
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
    pub(crate) applied: watch::Sender<u64>,
    pub(crate) effects: Effects,
}

impl Machine {
    /// The state that a store's snapshot holds; entries come through [`RaftStateMachine::apply`].
    pub(crate) fn new(
        loaded: &Loaded,
        snapshots: Snapshots,
        feeds: Feeds,
        threads: bool,
    ) -> Result<Self, String> {
        let mut inner = Inner {
            state: State::default(),
            applied: None,
            members: StoredMembership::default(),
        };
        if let Some((index, bytes)) = &loaded.snapshot {
            let (meta, state) =
                snapshot::read(bytes).map_err(|error| format!("snapshot {index}: {error}"))?;
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
                applied: feeds.applied,
                effects: feeds.effects,
                saved: feeds.saved,
                node: loaded.identity.node_id,
                threads,
            }),
        };
        machine.publish();
        Ok(machine)
    }

    /// Looks at the state as it is on this node.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.read().state)
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
        self.shared.applied.send_replace(applied);
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
                        let applied = inner.state.apply(proposed);
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

    /// Saves a snapshot and returns it in openraft's form.
    fn save(shared: &Shared, inner: &Inner) -> Result<Snapshot<Types>, StorageError> {
        let failed = |error: &dyn std::fmt::Display| {
            let error = std::io::Error::other(error.to_string());
            StorageError::from(StorageIOError::write_snapshot(None, &error))
        };
        let meta = MetaV1::new(inner.applied, &inner.members);
        let image = inner.state.snapshot().map_err(|error| failed(&error))?;
        let bytes = snapshot::to_bytes(&meta, &image).map_err(|error| failed(&error))?;
        let index = inner.applied.map_or(0, |id| id.index);
        shared
            .snapshots
            .save(index, &bytes)
            .map_err(|error| failed(&error))?;
        shared
            .saved
            .send_modify(|saved| saved.index = saved.index.max(index));
        Ok(Snapshot {
            meta: meta.to_openraft(),
            snapshot: Box::new(Image(image)),
        })
    }
}

/// A moment of the state, to be written as a snapshot beside the machine's work.
pub(crate) struct Moment {
    shared: Arc<Shared>,
    inner: Arc<Inner>,
}

impl RaftSnapshotBuilder<Types> for Moment {
    async fn build_snapshot(&mut self) -> Result<Snapshot<Types>, StorageError> {
        let (shared, inner) = (Arc::clone(&self.shared), Arc::clone(&self.inner));
        if !shared.threads {
            return Machine::save(&shared, &inner);
        }
        let saved = tokio::task::spawn_blocking(move || Machine::save(&shared, &inner));
        saved
            .await
            .map_err(|error| StorageIOError::write_snapshot(None, &error))?
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
        let failed = |error: &dyn std::fmt::Display| {
            // Who waits for this snapshot to be on disk must not wait for ever.
            self.shared.saved.send_modify(|saved| saved.failed = true);
            let error = std::io::Error::other(error.to_string());
            StorageError::from(StorageIOError::read_snapshot(None, &error))
        };
        let state = State::restore(&snapshot.0).map_err(|error| failed(&error))?;
        let inner = Inner {
            state,
            applied: meta.last_log_id,
            members: meta.last_membership.clone(),
        };
        // On disk before anything of the log that it replaces is purged.
        let head = MetaV1::new(inner.applied, &inner.members);
        let bytes = snapshot::to_bytes(&head, &snapshot.0).map_err(|error| failed(&error))?;
        let index = inner.applied.map_or(0, |id| id.index);
        self.shared
            .snapshots
            .save(index, &bytes)
            .map_err(|error| failed(&error))?;
        self.shared
            .saved
            .send_modify(|saved| saved.index = saved.index.max(index));
        *self.write() = inner;
        #[cfg(test)]
        crate::tests::sim::installed(self.shared.node, index);
        self.publish();
        self.shared.effects.replaced();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<Types>>, StorageError> {
        let failed = |error: &dyn std::fmt::Display| {
            let error = std::io::Error::other(error.to_string());
            StorageError::from(StorageIOError::read_snapshot(None, &error))
        };
        let newest = self.shared.snapshots.newest();
        let Some((_, bytes)) = newest.map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        let (meta, image) = snapshot::split(&bytes).map_err(|error| failed(&error))?;
        Ok(Some(Snapshot {
            meta: meta.to_openraft(),
            snapshot: Box::new(Image(image.to_vec())),
        }))
    }
}
