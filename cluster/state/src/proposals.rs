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
    /// Those of commands that no base protects from being done again, apart from the others: they
    /// are few, and a burst of changes must not make them forgotten.
    bare: VecDeque<ProposalId>,
    replies: BTreeMap<ProposalId, Reply>,
}

impl Proposals {
    pub(crate) fn get(&self, id: &ProposalId) -> Option<&Reply> {
        self.replies.get(id)
    }

    /// Remembers an answer; `bare` when only its name keeps the command from being done again.
    pub(crate) fn remember(&mut self, id: ProposalId, reply: Reply, bare: bool) {
        let order = if bare {
            &mut self.bare
        } else {
            &mut self.order
        };
        if self.replies.insert(id, reply).is_none() {
            order.push_back(id);
        }
        while order.len() > PROPOSALS_REMEMBERED {
            if let Some(oldest) = order.pop_front() {
                self.replies.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(kind: u8, number: usize) -> ProposalId {
        let mut name = [kind; 16];
        name[..8].copy_from_slice(&(number as u64).to_le_bytes());
        ProposalId(name)
    }

    #[test]
    fn a_burst_of_changes_makes_no_adjustment_forgotten() {
        let mut answers = Proposals::default();
        answers.remember(name(1, 0), Reply::Done, true);
        for number in 0..=PROPOSALS_REMEMBERED {
            answers.remember(name(2, number), Reply::Stale, false);
        }
        assert_eq!(answers.get(&name(1, 0)), Some(&Reply::Done));
        assert_eq!(answers.get(&name(2, 0)), None);
        assert_eq!(answers.get(&name(2, 1)), Some(&Reply::Stale));
        assert_eq!(answers.replies.len(), PROPOSALS_REMEMBERED + 1);
    }
}
