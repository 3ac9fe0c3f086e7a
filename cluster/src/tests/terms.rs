//! A term that no election can have reached is not believed of anybody: it would be kept, and the
//! next election counts on from it.

use openraft::raft::{AppendEntriesResponse, VoteResponse};
use tollgate_protocol::codec::CodecError;
use tollgate_state::NodeId;

use super::hub::{Hub, cluster};
use crate::peers::{CallError, kind};
use crate::raft::wire::{
    AppendV1, AppendVerdictV1, AppendedV1, AskVoteV1, HandOverV1, MembersV1, MetaV1, TERM_MAX,
    VoteV1, VotedV1,
};
use crate::raft::{Vote, snapshot};

/// One message of each kind that brings a vote in, with its kind.
fn messages(term: u64) -> Result<[(u8, Vec<u8>); 4], CodecError> {
    let vote = |committed| VoteV1 {
        term,
        node: 2,
        committed,
    };
    let append = AppendV1 {
        vote: vote(true),
        before: None,
        entries: Vec::new(),
        committed: None,
    };
    let ask = AskVoteV1 {
        vote: vote(false),
        last: None,
    };
    let meta = MetaV1 {
        last: None,
        members_at: None,
        members: MembersV1 {
            voters: Vec::new(),
            all: [].into(),
        },
    };
    Ok([
        (kind::APPEND, append.seal()?),
        (kind::VOTE, ask.seal()?),
        (kind::INSTALL, snapshot::transfer_head(&vote(true), &meta)?),
        (kind::HAND_OVER, HandOverV1 { term, heir: 1 }.seal()?),
    ])
}

async fn refusals(hub: &Hub, term: u64) -> Vec<String> {
    let mut reasons = Vec::new();
    for (of, body) in messages(term).unwrap() {
        match hub.call((2, 1), of, body).await {
            Err(CallError::Refused { reason, .. }) => reasons.push(reason),
            other => panic!("call {of} of term {term}: {other:?}"),
        }
    }
    reasons
}

#[tokio::test]
async fn a_message_with_such_a_term_is_refused_and_the_node_s_own_vote_stays() {
    let (hub, mut nodes, _clock) = cluster(1).await;
    let node = nodes.remove(0);
    let vote = || node.door.raft.metrics().borrow().vote;
    let before = vote();
    let malformed = CodecError::Malformed.to_string();
    for term in [TERM_MAX + 1, u64::MAX] {
        let reasons = refusals(&hub, term).await;
        for at in [0, 1] {
            let expected = format!("the call cannot be read: {malformed}");
            assert_eq!(reasons[at], expected, "term {term}");
        }
        let snapshot = "the snapshot cannot be read: the head cannot be read";
        assert_eq!(reasons[2..], [snapshot, malformed.as_str()], "term {term}");
        assert_eq!(vote(), before);
    }
    // It counts on from its own term, and finds itself elected.
    let again = node.restart().await;
    let after = again.door.raft.metrics().borrow().vote;
    assert!(after.leader_id.term <= before.leader_id.term + 1, "{after}");
    again.stop().await;
}

#[test]
fn an_answer_with_such_a_term_is_malformed() {
    for (term, believed) in [(TERM_MAX, true), (TERM_MAX + 1, false), (u64::MAX, false)] {
        let vote = || VoteV1 {
            term,
            node: 2,
            committed: false,
        };
        let verdict = AppendVerdictV1::HigherVote(vote());
        let appended = AppendEntriesResponse::<NodeId>::try_from(AppendedV1 { verdict });
        let voted = VoteResponse::<NodeId>::try_from(VotedV1 {
            vote: vote(),
            granted: false,
            last: None,
        });
        let expected = if believed {
            Ok(())
        } else {
            Err(CodecError::Malformed)
        };
        assert_eq!(appended.map(drop), expected, "term {term}");
        assert_eq!(voted.map(drop), expected, "term {term}");
        // To a snapshot.
        assert_eq!(Vote::try_from(vote()).map(drop), expected, "term {term}");
    }
}
