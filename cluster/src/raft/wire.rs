//! What consensus writes to disk and sends to peers, as types of our own with a fixed encoding.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use openraft::{CommittedLeaderId, EmptyNode, EntryPayload};
use tollgate_protocol::codec::{self, CodecError, Decode, Encode};
use tollgate_protocol::ids::{KeyId, PlanId};
use tollgate_state::NodeId;
use tollgate_state::{Entry as Proposed, Reply};

use super::{Batch, Entry, LogId, Membership, StoredMembership, Types, Vote};

/// The envelopes' kinds. Numbers are never given to something else.
mod kind {
    pub(super) const RECORD: u8 = 32;
    pub(super) const VOTE: u8 = 33;
    pub(super) const LOG_ID: u8 = 34;
    pub(super) const APPEND: u8 = 35;
    pub(super) const APPENDED: u8 = 36;
    pub(super) const ASK_VOTE: u8 = 37;
    pub(super) const VOTED: u8 = 38;
    pub(super) const PROPOSE: u8 = 39;
    pub(super) const PROPOSED: u8 = 40;
    pub(super) const META: u8 = 41;
    pub(super) const HAND_OVER: u8 = 42;
    pub(super) const REPORT: u8 = 43;
}

/// The highest term that is taken from another node. A term counts elections: ten a second reach
/// this after 890,000 years. A vote for a higher one would be kept, and whoever asks for votes next
/// counts on from it: past the last number, at every start again.
pub(crate) const TERM_MAX: u64 = 1 << 48;

macro_rules! record {
    ($(#[$doc:meta])* $name:ident = $kind:expr, { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Encode, Decode)]
        #[bincode(crate = "tollgate_protocol::codec::bincode")]
        pub(crate) struct $name { $(pub(crate) $field: $type),* }

        impl $name {
            pub(crate) fn seal(&self) -> Result<Vec<u8>, CodecError> {
                codec::seal($kind, self)
            }

            pub(crate) fn open(bytes: &[u8]) -> Result<Self, CodecError> {
                codec::open($kind, bytes)
            }
        }
    };
}

/// The identity of an entry: who led when it was proposed, and its place.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct LogIdV1 {
    pub(crate) term: u64,
    pub(crate) node: NodeId,
    pub(crate) index: u64,
}

/// Who votes and who only listens.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct MembersV1 {
    /// One set of voters, or two while it changes.
    pub(crate) voters: Vec<BTreeSet<NodeId>>,
    pub(crate) all: BTreeSet<NodeId>,
}

#[derive(Debug, Clone, PartialEq, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
enum PayloadV1 {
    Blank,
    Batch(Vec<Proposed>),
    Members(MembersV1),
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct RecordV1 {
    id: LogIdV1,
    payload: PayloadV1,
}

record!(
    /// What this node voted for.
    VoteV1 = kind::VOTE, { term: u64, node: NodeId, committed: bool }
);
record!(
    /// A mark in the log.
    MarkV1 = kind::LOG_ID, { id: LogIdV1 }
);
record!(
    /// A leader's entries: each sealed as it is on disk.
    AppendV1 = kind::APPEND, {
        vote: VoteV1,
        before: Option<LogIdV1>,
        entries: Vec<Vec<u8>>,
        committed: Option<LogIdV1>,
    }
);
record!(
    /// The answer to entries.
    AppendedV1 = kind::APPENDED, { verdict: AppendVerdictV1 }
);
record!(
    /// A candidate asks.
    AskVoteV1 = kind::ASK_VOTE, { vote: VoteV1, last: Option<LogIdV1> }
);
record!(
    /// The answer to a candidate.
    VotedV1 = kind::VOTED, { vote: VoteV1, granted: bool, last: Option<LogIdV1> }
);
record!(
    /// Commands on their way to the leader.
    ProposeV1 = kind::PROPOSE, { commands: Vec<Proposed> }
);
record!(
    /// What became of them.
    ProposedV1 = kind::PROPOSED, { verdict: ProposeVerdictV1 }
);
record!(
    /// The leader of a term gives its office to another voter.
    HandOverV1 = kind::HAND_OVER, { term: u64, heir: NodeId }
);
record!(
    /// Asks what leases spent: of one key in a plan, or of all.
    ReportV1 = kind::REPORT, { of: Option<(PlanId, KeyId)> }
);
record!(
    /// The head of a snapshot: up to where it goes, and who the members were.
    MetaV1 = kind::META, {
        last: Option<LogIdV1>,
        members_at: Option<LogIdV1>,
        members: MembersV1,
    }
);

/// What a follower says to entries.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) enum AppendVerdictV1 {
    Success,
    Partial(Option<LogIdV1>),
    Conflict,
    HigherVote(VoteV1),
}

/// What the asked node says to forwarded commands.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) enum ProposeVerdictV1 {
    /// Carried out, in the entry with this index.
    Done { index: u64, replies: Vec<Reply> },
    /// Not the leader, and certainly not carried out; it knows who might be.
    Elsewhere(Option<NodeId>),
    /// Too many wait; certainly not carried out.
    Overloaded,
    /// Nobody can say whether it was or will be carried out.
    Unknown,
}

impl From<LogId> for LogIdV1 {
    fn from(id: LogId) -> Self {
        Self {
            term: id.leader_id.term,
            node: id.leader_id.node_id,
            index: id.index,
        }
    }
}

impl From<LogIdV1> for LogId {
    fn from(id: LogIdV1) -> Self {
        Self::new(CommittedLeaderId::new(id.term, id.node), id.index)
    }
}

impl From<Vote> for VoteV1 {
    fn from(vote: Vote) -> Self {
        Self {
            term: vote.leader_id.term,
            node: vote.leader_id.node_id,
            committed: vote.committed,
        }
    }
}

impl VoteV1 {
    /// What this node kept itself.
    pub(crate) fn kept(self) -> Vote {
        if self.committed {
            Vote::new_committed(self.term, self.node)
        } else {
            Vote::new(self.term, self.node)
        }
    }
}

/// [`CodecError::Malformed`] of a term that no election can have reached.
fn believable(term: u64) -> Result<(), CodecError> {
    if term > TERM_MAX {
        return Err(CodecError::Malformed);
    }
    Ok(())
}

/// What another node says.
impl TryFrom<VoteV1> for Vote {
    type Error = CodecError;

    fn try_from(vote: VoteV1) -> Result<Self, CodecError> {
        believable(vote.term)?;
        Ok(vote.kept())
    }
}

impl HandOverV1 {
    /// What another node sent.
    ///
    /// # Errors
    /// As [`codec::open`], and of a term above [`TERM_MAX`].
    pub(crate) fn received(bytes: &[u8]) -> Result<Self, CodecError> {
        let to = Self::open(bytes)?;
        believable(to.term)?;
        Ok(to)
    }
}

impl From<&Membership> for MembersV1 {
    fn from(members: &Membership) -> Self {
        Self {
            voters: members.get_joint_config().clone(),
            all: members.nodes().map(|(id, _)| *id).collect(),
        }
    }
}

impl From<MembersV1> for Membership {
    fn from(members: MembersV1) -> Self {
        let nodes: BTreeMap<NodeId, EmptyNode> = members
            .all
            .into_iter()
            .map(|id| (id, EmptyNode {}))
            .collect();
        Self::new(members.voters, nodes)
    }
}

/// [`RecordV1`] of what is borrowed: an entry can be as large as a whole API file.
#[derive(Encode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct RecordRef<'a> {
    id: LogIdV1,
    payload: PayloadRef<'a>,
}

/// [`PayloadV1`] of what is borrowed; the same variants in the same order.
#[derive(Encode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
enum PayloadRef<'a> {
    Blank,
    Batch(&'a [Proposed]),
    Members(MembersV1),
}

pub(crate) fn entry_to_bytes(entry: &Entry) -> Result<Vec<u8>, CodecError> {
    let payload = match &entry.payload {
        EntryPayload::Blank => PayloadRef::Blank,
        EntryPayload::Normal(batch) => PayloadRef::Batch(&batch.0),
        EntryPayload::Membership(members) => PayloadRef::Members(members.into()),
    };
    let id = entry.log_id.into();
    codec::seal(kind::RECORD, &RecordRef { id, payload })
}

pub(crate) fn entry_from_bytes(bytes: &[u8]) -> Result<Entry, CodecError> {
    let record: RecordV1 = codec::open(kind::RECORD, bytes)?;
    let payload = match record.payload {
        PayloadV1::Blank => EntryPayload::Blank,
        PayloadV1::Batch(commands) => EntryPayload::Normal(Batch(Arc::new(commands))),
        PayloadV1::Members(members) => EntryPayload::Membership(members.into()),
    };
    Ok(Entry {
        log_id: record.id.into(),
        payload,
    })
}

impl AppendV1 {
    pub(crate) fn from_request(request: &AppendEntriesRequest<Types>) -> Result<Self, CodecError> {
        Ok(Self {
            vote: request.vote.into(),
            before: request.prev_log_id.map(Into::into),
            entries: request
                .entries
                .iter()
                .map(entry_to_bytes)
                .collect::<Result<_, _>>()?,
            committed: request.leader_commit.map(Into::into),
        })
    }

    pub(crate) fn into_request(self) -> Result<AppendEntriesRequest<Types>, CodecError> {
        Ok(AppendEntriesRequest {
            vote: Vote::try_from(self.vote)?,
            prev_log_id: self.before.map(Into::into),
            entries: self
                .entries
                .iter()
                .map(|bytes| entry_from_bytes(bytes))
                .collect::<Result<_, _>>()?,
            leader_commit: self.committed.map(Into::into),
        })
    }
}

impl From<AppendEntriesResponse<NodeId>> for AppendedV1 {
    fn from(response: AppendEntriesResponse<NodeId>) -> Self {
        let verdict = match response {
            AppendEntriesResponse::Success => AppendVerdictV1::Success,
            AppendEntriesResponse::PartialSuccess(id) => {
                AppendVerdictV1::Partial(id.map(Into::into))
            }
            AppendEntriesResponse::Conflict => AppendVerdictV1::Conflict,
            AppendEntriesResponse::HigherVote(vote) => AppendVerdictV1::HigherVote(vote.into()),
        };
        Self { verdict }
    }
}

impl TryFrom<AppendedV1> for AppendEntriesResponse<NodeId> {
    type Error = CodecError;

    fn try_from(appended: AppendedV1) -> Result<Self, CodecError> {
        Ok(match appended.verdict {
            AppendVerdictV1::Success => Self::Success,
            AppendVerdictV1::Partial(id) => Self::PartialSuccess(id.map(Into::into)),
            AppendVerdictV1::Conflict => Self::Conflict,
            AppendVerdictV1::HigherVote(vote) => Self::HigherVote(Vote::try_from(vote)?),
        })
    }
}

impl From<VoteRequest<NodeId>> for AskVoteV1 {
    fn from(request: VoteRequest<NodeId>) -> Self {
        Self {
            vote: request.vote.into(),
            last: request.last_log_id.map(Into::into),
        }
    }
}

impl TryFrom<AskVoteV1> for VoteRequest<NodeId> {
    type Error = CodecError;

    fn try_from(ask: AskVoteV1) -> Result<Self, CodecError> {
        let vote = Vote::try_from(ask.vote)?;
        Ok(Self::new(vote, ask.last.map(Into::into)))
    }
}

impl From<VoteResponse<NodeId>> for VotedV1 {
    fn from(response: VoteResponse<NodeId>) -> Self {
        Self {
            vote: response.vote.into(),
            granted: response.vote_granted,
            last: response.last_log_id.map(Into::into),
        }
    }
}

impl TryFrom<VotedV1> for VoteResponse<NodeId> {
    type Error = CodecError;

    fn try_from(voted: VotedV1) -> Result<Self, CodecError> {
        let vote = Vote::try_from(voted.vote)?;
        let last = voted.last.map(Into::into);
        Ok(Self::new(vote, last, voted.granted))
    }
}

impl MetaV1 {
    pub(crate) fn new(last: Option<LogId>, members: &StoredMembership) -> Self {
        Self {
            last: last.map(Into::into),
            members_at: members.log_id().map(Into::into),
            members: members.membership().into(),
        }
    }

    pub(crate) fn stored_membership(&self) -> StoredMembership {
        StoredMembership::new(self.members_at.map(Into::into), self.members.clone().into())
    }

    /// openraft's form. The id names the content: the same state has the same one on every node.
    pub(crate) fn to_openraft(&self) -> super::SnapshotMeta {
        let id = self.last.map_or_else(
            || "empty".to_owned(),
            |last| format!("{}-{}-{}", last.term, last.node, last.index),
        );
        super::SnapshotMeta {
            last_log_id: self.last.map(Into::into),
            last_membership: self.stored_membership(),
            snapshot_id: id,
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_state::{Command, ProposalId};

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn entry(payload: EntryPayload<Types>) -> Entry {
        Entry {
            log_id: LogIdV1 {
                term: 3,
                node: 2,
                index: 300,
            }
            .into(),
            payload,
        }
    }

    /// What was once written must be read by every later release.
    #[test]
    fn golden_bytes_never_change() {
        let command = Command::RevokeToken { id: "t".into() };
        let proposed = Proposed {
            at: tollgate_protocol::Millis(7),
            proposal: ProposalId([9; 16]),
            command,
        };
        let members = Membership::new(
            vec![BTreeSet::from([1, 2])],
            BTreeMap::from([(1, EmptyNode {}), (2, EmptyNode {}), (3, EmptyNode {})]),
        );
        let golden = [
            (EntryPayload::Blank, "0302fb2c0100"),
            (
                EntryPayload::Normal(Batch(Arc::new(vec![proposed]))),
                "0302fb2c010101070909090909090909090909090909090905\
                 0174",
            ),
            (
                EntryPayload::Membership(members),
                "0302fb2c010201020102030102 03",
            ),
        ];
        for (payload, body) in golden {
            let entry = entry(payload);
            let bytes = entry_to_bytes(&entry).unwrap();
            let found = hex(&bytes[codec::ENVELOPE_BYTES..]);
            assert_eq!(found, body.replace(' ', ""));
            assert_eq!(entry_from_bytes(&bytes).unwrap(), entry);
        }
    }
}
