//! The port to openraft: its types, its settings, and nothing of it outside this module.
//!
//! Version 0.9.25 is pinned: it is the newest that is not an alpha, and every earlier 0.9 has a
//! quorum bug (openraft issue 1802). What crosses disk or network is our own types (`wire`), so
//! that a newer openraft can take its place without touching either.

#![expect(
    clippy::result_large_err,
    reason = "openraft's traits fix the error types"
)]

pub(crate) mod ballot;
pub(crate) mod beside;
pub(crate) mod disk;
pub(crate) mod gate;
pub(crate) mod handover;
pub(crate) mod heard;
pub(crate) mod keeper;
pub(crate) mod log;
pub(crate) mod machine;
pub(crate) mod network;
pub(crate) mod parts;
pub(crate) mod preparing;
#[cfg(test)]
pub(crate) mod runtime;
pub(crate) mod snapshot;
pub(crate) mod tail;
pub(crate) mod upkeep;
pub(crate) mod wire;

use std::sync::Arc;
use std::time::Duration;

use self::parts::Transfers;
#[cfg(not(test))]
use openraft::impls::TokioRuntime as Runtime;
use openraft::{Config, EmptyNode, SnapshotPolicy};
use tollgate_state::NodeId;
use tollgate_state::{Entry as Proposed, Reply};

#[cfg(test)]
use runtime::Seeded as Runtime;

openraft::declare_raft_types!(
    /// The types that consensus runs on.
    pub(crate) Types:
        D = Batch,
        R = Outcome,
        NodeId = NodeId,
        Node = EmptyNode,
        SnapshotData = snapshot::Image,
        AsyncRuntime = Runtime,
);

pub(crate) type Raft = openraft::Raft<Types>;
pub(crate) type Entry = openraft::Entry<Types>;
pub(crate) type LogId = openraft::LogId<NodeId>;
pub(crate) type Vote = openraft::Vote<NodeId>;
pub(crate) type Membership = openraft::Membership<NodeId, EmptyNode>;
pub(crate) type StoredMembership = openraft::StoredMembership<NodeId, EmptyNode>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<NodeId, EmptyNode>;
pub(crate) type StorageError = openraft::StorageError<NodeId>;

/// One entry of the log: commands of many callers that share a flush. Shared, because the log
/// cache, the state machine and every replication stream look at it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Batch(pub(crate) Arc<Vec<Proposed>>);

/// The answers to a batch, in order; none for an entry of the protocol itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Outcome(pub(crate) Vec<Reply>);

/// How often a leader is heard of: above the slowest flush that is expected of a disk.
const HEARTBEAT_MS: u64 = 150;
/// A follower asks for votes when it heard nothing for this long, drawn from the range. Failover
/// takes one lease (the upper end) and one draw: 1.2 to 1.4 s.
const ELECTION_MIN_MS: u64 = 500;
const ELECTION_MAX_MS: u64 = 700;
/// Entries of one append; its bytes are limited where the log is read.
const APPEND_ENTRIES_MAX: u64 = 64;
/// When a snapshot is made, and what of the log is kept behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLimits {
    /// A snapshot is due when the log since the last one has this many bytes.
    pub(crate) snapshot_bytes: u64,
    /// The same, in entries.
    pub(crate) snapshot_entries: u64,
    /// Entries kept behind a snapshot, so that a follower that was away for a moment gets the log
    /// and not the whole state.
    pub(crate) kept_entries: u64,
    /// Their bytes, which may allow fewer.
    pub(crate) kept_bytes: u64,
    /// How snapshots are sent and taken in.
    pub(crate) transfers: Transfers,
}

impl LogLimits {
    /// Applying what a snapshot lacks takes well under a second at a start, and what is kept
    /// behind it is half of what is written until the next one.
    pub(crate) const OF_A_NODE: Self = Self {
        snapshot_bytes: 32 * 1024 * 1024,
        snapshot_entries: 50_000,
        kept_entries: 5_000,
        kept_bytes: 16 * 1024 * 1024,
        transfers: Transfers::OF_A_NODE,
    };
}

/// openraft's settings.
pub(crate) fn config(cluster: &str, limits: &LogLimits) -> Config {
    Config {
        cluster_name: cluster.to_owned(),
        heartbeat_interval: HEARTBEAT_MS,
        election_timeout_min: ELECTION_MIN_MS,
        election_timeout_max: ELECTION_MAX_MS,
        install_snapshot_timeout: millis(limits.transfers.patience),
        max_payload_entries: APPEND_ENTRIES_MAX,
        replication_lag_threshold: limits.kept_entries,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: limits.kept_entries,
        ..Config::default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
