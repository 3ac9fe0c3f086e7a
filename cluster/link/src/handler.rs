//! What a node does with the calls that reach it.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tollgate_protocol::ids::NodeId;

use crate::Refusal;
use crate::limits::{ACCEPTED_BYTES_MAX, LANE_BYTES_MAX};

/// A connection of a link, for one kind of traffic, so that none waits behind another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Votes, appends, heartbeats of Raft: nothing else may delay them.
    Raft = 1,
    /// Forwarded proposals, leases, posts to connections of another node.
    Rpc = 2,
    /// State snapshots and other things that take long.
    Bulk = 3,
}

impl Lane {
    /// All lanes.
    pub const ALL: [Self; 3] = [Self::Raft, Self::Rpc, Self::Bulk];

    /// How many calls may be under way on it. Raft has one or two per peer; bodies of bulk are
    /// large; all bodies together are at most [`LANE_BYTES_MAX`].
    #[must_use]
    pub const fn calls_max(self) -> usize {
        match self {
            Self::Raft => 64,
            Self::Rpc => 1024,
            Self::Bulk => 16,
        }
    }

    pub(crate) fn from_wire(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| *lane as u8 == byte)
    }
}

const _: () = assert!(2 * LANE_BYTES_MAX <= ACCEPTED_BYTES_MAX);

/// Who makes a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// A member of this cluster, proven by its certificate. Whether the state knows it is for the
    /// handler to see: a node that joined a moment ago may be ahead of the news.
    Node(NodeId),
    /// Someone without a certificate, from this address, who may make the one call to join.
    Joiner(SocketAddr),
}

/// A call that came in.
#[derive(Debug)]
pub struct Incoming {
    /// Who makes it.
    pub caller: Caller,
    /// What for; the numbers are the handler's.
    pub kind: u8,
    /// What was sent.
    pub body: Bytes,
    /// When the caller stops waiting.
    pub deadline: Instant,
}

/// Answers calls.
pub trait Handler: Send + Sync + 'static {
    /// Answers one. The future is dropped at the deadline, when the caller cancels, and when the
    /// connection ends: what must be finished then is spawned.
    fn call(&self, incoming: Incoming) -> BoxFuture<'static, Result<Bytes, Refusal>>;
}
