//! What goes into the state machine and what comes out.
//!
//! These types are on disk and on the wire: variants are only added at the end, fields never
//! change (STYLE.md; `protocol::codec`). Configuration travels as JSON, which has room to grow.

use alloc::string::String;
use alloc::vec::Vec;

use tollgate_model::Mark;
use tollgate_protocol::Millis;
use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::ids::{KeyId, PlanId, Revision};

pub use tollgate_protocol::ids::NodeId;

use crate::iam::IamChange;
use crate::nodes::Addresses;

/// The SHA-256 of a public key (DER) or of a token's secret.
pub type Hash = [u8; 32];

/// Names a proposal, so that a retry of one whose outcome is unknown is answered and not done
/// again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct ProposalId(pub [u8; 16]);

/// A command on its way into the log. Several of them share an entry of it.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Entry {
    /// When it was proposed, by the proposer's clock. The state takes the latest it has seen.
    pub at: Millis,
    /// Its name.
    pub proposal: ProposalId,
    /// What to do.
    pub command: Command,
}

/// What to do.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub enum Command {
    /// Changes the configuration, all or nothing.
    Configure {
        /// The revision that the changes were made against; another one is a conflict.
        expected: Option<Revision>,
        /// What of that revision they rest on: marks of [`tollgate_model::mark`]. Changes that came
        /// since then and touched nothing of it, nor what these touch, are no conflict. `None`:
        /// they rest on everything.
        rests_on: Option<Vec<Mark>>,
        /// `Vec<tollgate_model::Change>` as JSON. No bytes at all make no revision: the answer is
        /// the latest revision, or a conflict as for any change.
        changes: Vec<u8>,
        /// Who asked: an access key id.
        who: String,
    },
    /// Reports, returns and requests of quota leases.
    Lease(LeaseBatch),
    /// Sets what is left of the current window of a key (AWS: UpdateUsage).
    AdjustUsage {
        /// The plan.
        plan: PlanId,
        /// The key.
        key: KeyId,
        /// Requests to be left.
        remaining: u64,
    },
    /// Makes the cluster and its first node, once per log.
    Found {
        /// The cluster's id.
        cluster: [u8; 16],
        /// The certificate of the cluster's authority, DER.
        authority: Vec<u8>,
        /// The authority's key, sealed for voters.
        sealed_key: Vec<u8>,
        /// The first node.
        node: NodeId,
        /// The hash of the first node's public key.
        key_hash: Hash,
        /// What people call the first node.
        name: String,
        /// Where it can be reached.
        addresses: Addresses,
    },
    /// Allows nodes to join.
    CreateToken {
        /// Its name, the part of a join token that is not secret.
        id: String,
        /// The hash of its secret.
        secret_hash: Hash,
        /// Until when it admits.
        expires: Millis,
        /// How many nodes it admits.
        uses: u32,
        /// Who asked: an access key id.
        who: String,
    },
    /// Takes a token back. Nodes that it admitted stay.
    RevokeToken {
        /// The token.
        id: String,
    },
    /// A node joins.
    AdmitNode {
        /// The token that it shows.
        token: String,
        /// The hash of the secret that it showed.
        secret_hash: Hash,
        /// The hash of its public key: its identity, and what makes a retry safe.
        key_hash: Hash,
        /// What people call it.
        name: String,
        /// Where it can be reached.
        addresses: Addresses,
    },
    /// A node began a new life: what its older lives held counts as spent.
    NodeUp {
        /// The node.
        node: NodeId,
        /// Its life, counted up by every start.
        incarnation: u32,
        /// Where it can be reached now.
        addresses: Addresses,
        /// The release that it runs.
        version: String,
        /// The feature levels that it can work at, lowest and highest.
        levels: (u16, u16),
    },
    /// Removes a node for ever: what it holds counts as spent, and neither its id nor its key
    /// comes back.
    RemoveNode {
        /// The node.
        node: NodeId,
        /// Who asked: an access key id.
        who: String,
    },
    /// Changes users, groups, policies and access keys, all or nothing. No changes confirm the
    /// revision.
    Iam {
        /// The revision of them that the changes were made on; another one is a conflict.
        expected: u64,
        /// What to do, in this order.
        changes: Vec<IamChange>,
        /// Who asked: an access key id.
        who: String,
    },
}

/// One node's news about its leases. Numbers are cumulative per lease, so that loss, repetition
/// and reordering do no harm.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct LeaseBatch {
    /// The node.
    pub node: NodeId,
    /// Its life.
    pub incarnation: u32,
    /// Counts the batches of this life: an old number is a repetition and grants nothing.
    pub seq: u64,
    /// The news.
    pub items: Vec<LeaseItem>,
}

/// News about one lease.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct LeaseItem {
    /// The plan.
    pub plan: PlanId,
    /// The key.
    pub key: KeyId,
    /// The start of the window; `None` asks for the current one.
    pub start: Option<Millis>,
    /// Which lease of this life on this key.
    pub lease: u32,
    /// Requests admitted so far.
    pub used: u64,
    /// Tokens given back so far.
    pub returned: u64,
    /// Tokens wanted beside those held; 0 only reports.
    pub want: u64,
    /// Requests that wait for tokens: when there are none, other nodes are asked to give back.
    pub waiting: u64,
    /// Tokens that the demand of the next seconds will take, for sizing the grant.
    pub demand: u64,
    /// Whether the lease is over: `used` is final and nothing is held any more.
    pub close: bool,
}

/// What became of an item.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct LeaseReply {
    /// The plan.
    pub plan: PlanId,
    /// The key.
    pub key: KeyId,
    /// Which lease.
    pub lease: u32,
    /// What became of it.
    pub verdict: LeaseVerdict,
}

/// What became of a lease.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub enum LeaseVerdict {
    /// It is open.
    Open {
        /// When the window began.
        start: Millis,
        /// When it ends.
        end: Millis,
        /// Tokens granted so far, cumulative.
        granted: u64,
        /// The quota of the window.
        cap: u64,
        /// Tokens that nobody holds and nobody spent.
        free: u64,
        /// Tokens that other nodes hold and did not report as spent. When this and `free` are 0,
        /// the quota is used up: nobody need ask before [`Effect::Reopened`] or
        /// [`Effect::QuotaChanged`].
        elsewhere: u64,
    },
    /// It is over, was never there, or its window has passed: seal it, report it closed, open
    /// another.
    Closed,
    /// The plan has no quota, or plan or key is gone.
    NoQuota,
    /// The numbers cannot be true; nothing is granted to this lease any more.
    Impossible,
}

/// The answer to a command.
#[derive(Clone, PartialEq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub enum Reply {
    /// The configuration has this revision now.
    Configured(Revision),
    /// The configuration had another revision than expected: this one.
    Conflict(Revision),
    /// What became of each item, in order.
    Leased(Vec<LeaseReply>),
    /// The batch came from a node's older life, or repeats one whose answer is gone.
    Stale,
    /// Done.
    Done,
    /// Not done, and why.
    Refused(String),
    /// The node is in, by this id.
    Admitted(NodeId),
    /// The node is not let in, and why.
    NotAdmitted(AdmitRefusal),
    /// Not done: the cluster works at this feature level, which does not fit.
    Level(u16),
    /// Users and what belongs to them have this revision now.
    Iam(u64),
    /// They had another revision than expected: this one.
    IamConflict(u64),
}

/// Why a node is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub enum AdmitRefusal {
    /// No such token: never made, taken back, or expired long ago.
    UnknownToken,
    /// The token's time is over.
    Expired,
    /// The token admitted as many nodes as it may.
    UsedUp,
    /// The secret is not the token's.
    WrongSecret,
    /// The key belonged to a node that was removed.
    RemovedKey,
    /// The cluster has as many nodes as it may, now or over all times.
    Full,
    /// There is no cluster yet.
    NotFounded,
    /// The key belongs to a node that has lived: it has a log somewhere, or lost it.
    Lived,
    /// Its release cannot work at the cluster's feature level.
    Level,
}

/// What the node has to do after an entry was applied.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The configuration changed.
    PublishConfig(Revision),
    /// A node came, changed or went.
    NodesChanged,
    /// Ask this node to give back what it does not need of a key's tokens: another waits. Advice:
    /// it may be lost or repeated.
    Recall {
        /// Who holds tokens.
        node: NodeId,
        /// The plan.
        plan: PlanId,
        /// The key.
        key: KeyId,
    },
    /// A quota that nodes were told to be used up has something left again.
    Reopened {
        /// The plan.
        plan: PlanId,
        /// The key.
        key: KeyId,
    },
    /// A plan's quota changed: what nodes were told of its keys may not hold any more.
    QuotaChanged {
        /// The plan.
        plan: PlanId,
    },
    /// Users, or what belongs to them, changed to this revision.
    PublishIam(u64),
}

/// The outcome of applying an entry.
#[derive(Clone, PartialEq, Debug)]
pub struct Applied {
    /// The answer.
    pub reply: Reply,
    /// What to do now.
    pub effects: Vec<Effect>,
}
