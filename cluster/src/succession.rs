//! A data directory becomes the first node of a new cluster: from a backup, or from the node that is
//! left of a cluster whose majority is lost.
//!
//! The directory gets a new cluster id, and with the next start a new authority, so that the nodes
//! of the old cluster are strangers to it: their handshakes fail, and nothing that they agreed on
//! meanwhile can mix with what is agreed on here.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use openraft::EntryPayload;
use tollgate_link::authority::ClusterKey;
use tollgate_protocol::Millis;
use tollgate_protocol::codec::CodecError;
use tollgate_protocol::codes::{self, Code};
use tollgate_state::{NodeId, Quotas, State};
use tollgate_store::{Identity, Loaded, Reader, Rewrite, Store, Successor, belongs_to_a_node};

use crate::credentials::{self, CredentialsError};
use crate::raft::log::READ_BYTES_MAX;
use crate::raft::snapshot::{self, ReadError};
use crate::raft::wire::{self, LogIdV1, MarkV1, MembersV1, MetaV1, VoteV1};

/// Why a directory does not go on as a new cluster.
#[derive(Debug, thiserror::Error)]
pub enum SuccessionError {
    /// It belongs to a node.
    #[error("{} belongs to a node", .0.display())]
    Occupied(PathBuf),
    /// It is used for something else.
    #[error("{} is not empty: {} is nothing of a node's", .dir.display(), .name.display())]
    Foreign {
        /// The directory.
        dir: PathBuf,
        /// What is in it, among other things maybe.
        name: OsString,
    },
    /// There is no node in it.
    #[error("there is no node in {}", .0.display())]
    Empty(PathBuf),
    /// Its node was removed from the cluster before.
    #[error("{} is of a node that was removed from its cluster", .0.display())]
    Removed(PathBuf),
    /// It cannot be read or written.
    #[error(transparent)]
    Store(#[from] tollgate_store::Error),
    /// The cluster's key cannot be put there.
    #[error(transparent)]
    Key(#[from] CredentialsError),
}

impl SuccessionError {
    /// The code of the page that says what to do.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Occupied(_) | Self::Foreign { .. } | Self::Empty(_) => codes::SUCCESSION,
            Self::Removed(_) => codes::REMOVED,
            Self::Store(error) => error.code(),
            Self::Key(_) => codes::DATA_DIR_IO,
        }
    }
}

/// What a recovered node knew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The node, which keeps its id.
    pub node: NodeId,
    /// The old cluster's id.
    pub old_cluster: String,
    /// The new one's.
    pub cluster: String,
    /// The configuration's version.
    pub revision: u64,
    /// The last entry of its log. What the lost nodes agreed on after it is lost.
    pub last: u64,
    /// The last entry that it knew to be agreed on. Those after it stay too: they may or may not
    /// have been acknowledged.
    pub agreed: u64,
    /// When the last entry was proposed.
    pub last_at: Millis,
    /// The nodes that do not belong to the cluster any more.
    pub left_out: Vec<NodeId>,
}

/// Makes a directory that belongs to nobody the first node of a new cluster with this state; its
/// id. `now` is the wall clock. With the old cluster's key, access keys that were sealed with it
/// are accepted by the new one; without it users need new ones.
///
/// # Errors
/// [`SuccessionError`]; nothing starts on the directory then, and the same can be done again.
pub fn restore(
    dir: &Path,
    mut state: State,
    quotas: Quotas,
    now: Millis,
    cluster_key: Option<ClusterKey>,
) -> Result<String, SuccessionError> {
    if belongs_to_a_node(dir)? {
        return Err(SuccessionError::Occupied(dir.to_owned()));
    }
    if let Some(name) = tollgate_store::foreign_file(dir)? {
        let dir = dir.to_owned();
        return Err(SuccessionError::Foreign { dir, name });
    }
    let identity = Identity::first(crate::new_cluster_id(), now);
    let first = || identity.clone();
    let (store, _) = Store::open_to_rewrite(dir, Rewrite::Restore, first)?;
    if let Some(key) = cluster_key {
        credentials::keep_cluster_key(dir, &key)?;
    }
    state.succeed(now, None, quotas);
    let last = LogIdV1 {
        term: 1,
        node: identity.node_id,
        index: state.index.max(1),
    };
    write(dir, store, &identity, state, last, 1)?;
    Ok(identity.cluster_id)
}

/// Makes the node of a directory, which does not run, a new cluster of one: everything in its log
/// counts, the other nodes are out. `now` is the wall clock.
///
/// # Errors
/// [`SuccessionError`]; nothing starts on the directory then, and the same can be done again.
pub fn recover(dir: &Path, quotas: Quotas, now: Millis) -> Result<Recovered, SuccessionError> {
    if tollgate_store::is_removed(dir)? {
        return Err(SuccessionError::Removed(dir.to_owned()));
    }
    if !tollgate_store::has_identity(dir)? || !belongs_to_a_node(dir)? {
        return Err(SuccessionError::Empty(dir.to_owned()));
    }
    let nobody = || Identity::first(crate::new_cluster_id(), now);
    let (store, loaded) = Store::open_to_rewrite(dir, Rewrite::Recovery, nobody)?;
    let corrupt = |reason: String| tollgate_store::Error::Corrupt {
        path: dir.to_owned(),
        reason,
    };
    let replayed = replay(&loaded, &store.reader()).map_err(corrupt)?;
    let Some((mut state, last)) = replayed else {
        store.give_up_rewriting(dir)?;
        return Err(SuccessionError::Empty(dir.to_owned()));
    };
    let node = loaded.identity.node_id;
    let removed = |state: &State| state.nodes().get(&node)?.removed;
    if removed(&state).is_some() {
        store.give_up_rewriting(dir)?;
        return Err(SuccessionError::Removed(dir.to_owned()));
    }
    let mark = loaded.committed.as_deref().map(MarkV1::open).transpose();
    let agreed = mark.map_err(|error| corrupt(error.to_string()))?;
    let vote = loaded.vote.as_deref().map(VoteV1::open).transpose();
    let vote = vote.map_err(|error| corrupt(error.to_string()))?;
    let term = vote.map_or(0, |vote| vote.term).max(last.term);
    let old = &loaded.identity;
    let identity = Identity {
        node_id: node,
        ..Identity::first(crate::new_cluster_id(), now)
    };
    let recovered = Recovered {
        node,
        old_cluster: old.cluster_id.clone(),
        cluster: identity.cluster_id.clone(),
        revision: state.revision.0,
        last: last.index,
        agreed: agreed.map_or(0, |mark| mark.id.index),
        last_at: state.now,
        left_out: state.live_ids().filter(|id| *id != node).collect(),
    };
    state.succeed(now, Some(node), quotas);
    write(dir, store, &identity, state, last, term)?;
    Ok(recovered)
}

/// The state with every entry of the log in it, agreed on or not, and the last entry. `None` when
/// the node has received nothing yet.
fn replay(loaded: &Loaded, reader: &Reader) -> Result<Option<(State, LogIdV1)>, String> {
    let mut state = State::default();
    let mut last: Option<LogIdV1> = None;
    if let Some(file) = &loaded.snapshot {
        let read = || -> Result<_, ReadError> {
            let (meta, image) = snapshot::open(file)?;
            Ok((meta.last, snapshot::restore(&image)?))
        };
        (last, state) = read().map_err(|error| format!("snapshot {}: {error}", file.index()))?;
    }
    let after = last.map_or(0, |last| last.index + 1);
    let mut from = after.max(loaded.log.start);
    while from < loaded.log.end {
        let records = reader.entries(from, loaded.log.end, READ_BYTES_MAX);
        for (index, record) in records.map_err(|error| error.to_string())? {
            let entry = wire::entry_from_bytes(&record)
                .map_err(|error| format!("entry {index}: {error}"))?;
            if index != from || entry.log_id.index != index {
                return Err(format!("entry {from} is missing"));
            }
            if let EntryPayload::Normal(batch) = &entry.payload {
                for proposed in batch.0.iter() {
                    state.apply(proposed);
                }
            }
            state.index = index;
            last = Some(entry.log_id.into());
            from += 1;
        }
    }
    Ok(last.map(|last| (state, last)))
}

fn write(
    dir: &Path,
    store: Store,
    identity: &Identity,
    mut state: State,
    last: LogIdV1,
    term: u64,
) -> Result<(), SuccessionError> {
    let node = identity.node_id;
    state.index = last.index;
    let alone = BTreeSet::from([node]);
    let meta = MetaV1 {
        last: Some(last),
        members_at: Some(last),
        members: MembersV1 {
            voters: vec![alone.clone()],
            all: alone,
        },
    };
    let vote = VoteV1 {
        term,
        node,
        committed: false,
    };
    let sealed = || Ok((MarkV1 { id: last }.seal()?, vote.seal()?));
    let (mark, vote) = sealed().map_err(|error: CodecError| {
        tollgate_store::Error::Failed(format!("the state cannot be written: {error}"))
    })?;
    let successor = Successor {
        identity: identity.clone(),
        index: last.index,
        mark,
        vote,
    };
    let write = |file: &mut dyn Write| snapshot::write(file, &meta, &state);
    Ok(store.rewrite(dir, &successor, write)?)
}
