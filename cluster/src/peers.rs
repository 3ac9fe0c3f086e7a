//! The way to other nodes, as everything here sees it: calls with an answer and a deadline.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tollgate_state::NodeId;

/// A future of any kind.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Which connection a call takes: small urgent calls never queue behind large ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Votes and log entries.
    Raft,
    /// Commands, leases, questions.
    Rpc,
    /// Snapshots and other large bodies.
    Bulk,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It was certainly not delivered.
    #[error("node {0} cannot be reached")]
    Unreachable(NodeId),
    /// Nobody can say whether it was delivered.
    #[error("node {0} did not answer in time")]
    Unknown(NodeId),
    /// The peer knows that this node was removed from the cluster, for ever.
    #[error("node {0} says that this node was removed")]
    Removed(NodeId),
    /// The peer answered that it will not.
    #[error("node {node} refused: {reason}")]
    Refused {
        /// The peer.
        node: NodeId,
        /// What it said.
        reason: String,
    },
}

/// What a call is about. Numbers are never given to something else.
pub mod kind {
    /// A leader's entries.
    pub const APPEND: u8 = 1;
    /// A candidate asks for a vote.
    pub const VOTE: u8 = 2;
    /// A whole snapshot.
    pub const INSTALL: u8 = 3;
    /// Commands for the leader.
    pub const PROPOSE: u8 = 4;
    /// Wait until a revision is served.
    pub const SERVED: u8 = 5;
    /// A new node asks to be let in.
    pub const JOIN: u8 = 6;
    /// How a node sees itself and the cluster.
    pub const STATUS: u8 = 7;
    /// The caller wants to leave: its vote should be given to others.
    pub const LEAVE: u8 = 8;
    /// Who other nodes are: their keys and addresses.
    pub const WHO: u8 = 9;
    /// A node's word for the one who leads, and the shares of rates that it gets.
    pub const RATES: u8 = 10;
    /// A token of a bucket that only the leader has.
    pub const RATE_ASK: u8 = 11;
    /// Whether the called node would vote, were it asked: it hears of no leader.
    pub const WOULD_VOTE: u8 = 12;
    /// Up to which entry everything is agreed on; for the leader.
    pub const READ_INDEX: u8 = 13;
    /// The leader goes, and says who leads next.
    pub const HAND_OVER: u8 = 14;
    /// Tell what the called node's leases spent, of one key or of all, and answer when that is agreed on.
    pub const REPORT: u8 = 15;
    /// A question that the called node's upper layers answer.
    pub const ASK: u8 = 16;
}

/// Carries calls to other nodes. Implementations bound what is in flight.
pub trait Transport: Send + Sync + 'static {
    /// Calls a node and waits for its answer, at most this long.
    fn call(
        &self,
        node: NodeId,
        lane: Lane,
        kind: u8,
        body: Bytes,
        within: Duration,
    ) -> Boxed<Result<Bytes, CallError>>;
}

/// The transport of a node that has no peers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Transport for Alone {
    fn call(
        &self,
        node: NodeId,
        _lane: Lane,
        _kind: u8,
        _body: Bytes,
        _within: Duration,
    ) -> Boxed<Result<Bytes, CallError>> {
        Box::pin(async move { Err(CallError::Unreachable(node)) })
    }
}
