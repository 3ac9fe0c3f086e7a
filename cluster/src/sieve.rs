//! Keeps commands out of the log that the cluster's feature level does not have yet.
//!
//! `apply` refuses them too, but by then they are in the log, and a node of an older release cannot
//! even read them. The level that counts is the one that this node has applied: it never goes down,
//! and rises only when every node can follow, so that what passes here can be read everywhere.

use tollgate_state::{Command, Entry as Proposed, Reply};

/// Which commands of a batch may be written.
#[derive(Debug)]
pub(crate) struct Sieve {
    passes: Vec<bool>,
    level: u16,
}

impl Sieve {
    /// Takes those out that are above the level.
    pub(crate) fn sift(
        commands: Vec<Proposed>,
        level: u16,
        of: impl Fn(&Command) -> u16,
    ) -> (Vec<Proposed>, Self) {
        let passes: Vec<bool> = commands
            .iter()
            .map(|proposed| of(&proposed.command) <= level)
            .collect();
        let all = commands.into_iter().zip(&passes);
        let written = all.filter(|(_, passes)| **passes).map(|(it, _)| it);
        (written.collect(), Self { passes, level })
    }

    /// Whether something was taken out.
    pub(crate) fn refuses(&self) -> bool {
        self.passes.iter().any(|passes| !passes)
    }

    /// The answers to the whole batch, given those to what was written.
    pub(crate) fn answers(self, written: Vec<Reply>) -> Vec<Reply> {
        let mut written = written.into_iter();
        let refusal = Reply::Level(self.level);
        let answer = |passes: bool| match passes {
            true => written.next(),
            false => Some(refusal.clone()),
        };
        self.passes.into_iter().map_while(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use tollgate_protocol::Millis;
    use tollgate_state::ProposalId;

    use super::*;

    #[test]
    fn what_is_above_the_level_is_refused_in_its_place_and_not_written() {
        let named = |who: &str| Proposed {
            at: Millis(0),
            proposal: ProposalId::default(),
            command: Command::RemoveNode {
                node: who.len() as u64,
                who: who.into(),
            },
        };
        let level = |command: &Command| match command {
            Command::RemoveNode { node, .. } => u16::try_from(*node).unwrap(),
            _ => 1,
        };
        let batch: Vec<_> = ["a", "bb", "ccc", "dd", "eee"].map(named).into();
        let (written, sieve) = Sieve::sift(batch.clone(), 2, level);
        assert!(sieve.refuses());
        assert_eq!(written, ["a", "bb", "dd"].map(named));
        let replies = ["1", "2", "4"].map(|it| Reply::Refused(it.into()));
        let [one, two, four] = replies.clone();
        let answers = sieve.answers(replies.into());
        assert_eq!(answers, [one, two, Reply::Level(2), four, Reply::Level(2)]);
        let (written, sieve) = Sieve::sift(batch, 0, level);
        assert!(written.is_empty() && sieve.refuses());
        assert_eq!(sieve.answers(Vec::new()), vec![Reply::Level(0); 5]);
        let (written, sieve) = Sieve::sift(vec![named("a")], 1, level);
        assert!(written.len() == 1 && !sieve.refuses());
    }
}
