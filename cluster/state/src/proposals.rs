//! The answers that were given, so that a retry gets the same one.

use alloc::collections::{BTreeMap, VecDeque};

use tollgate_protocol::codec::{Decode, Encode};
use tollgate_protocol::limits::PROPOSALS_REMEMBERED;

use crate::{ProposalId, Reply};

/// The newest answers, oldest forgotten first.
#[derive(Clone, PartialEq, Debug, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Proposals {
    order: VecDeque<ProposalId>,
    replies: BTreeMap<ProposalId, Reply>,
}

impl Proposals {
    pub(crate) fn get(&self, id: &ProposalId) -> Option<&Reply> {
        self.replies.get(id)
    }

    pub(crate) fn remember(&mut self, id: ProposalId, reply: Reply) {
        if self.replies.insert(id, reply).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > PROPOSALS_REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.replies.remove(&oldest);
            }
        }
    }
}
