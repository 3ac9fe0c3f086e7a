//! Feature levels: what all nodes of a cluster can do together.
//!
//! A release says which levels it can work at. The cluster works at one of them, and goes up by
//! itself when every node that belongs to it can: when the last old node begins a life with a newer
//! release, or is removed. That is decided here, from what is agreed on, so that every node goes up
//! at the same entry of the log. It never goes down. A command that a level brought is refused
//! below it, so that no node ever reads an entry that its release does not know.

use alloc::sync::Arc;

use crate::State;
use crate::command::{Command, NodeId};
use crate::nodes::Nodes;

/// The lowest and the highest level that this release can work at.
pub const LEVELS: (u16, u16) = (1, 1);

/// The level of the first release.
const FIRST: u16 = 1;

impl Command {
    /// The level that brought this command.
    #[must_use]
    pub fn level(&self) -> u16 {
        if let Some(level) = tests_level(self) {
            return level;
        }
        match self {
            Self::Configure { .. }
            | Self::Lease(_)
            | Self::AdjustUsage { .. }
            | Self::Found { .. }
            | Self::CreateToken { .. }
            | Self::RevokeToken { .. }
            | Self::AdmitNode { .. }
            | Self::NodeUp { .. }
            | Self::RemoveNode { .. }
            | Self::Iam { .. } => FIRST,
        }
    }
}

#[cfg(test)]
use crate::tests::levels::of_tomorrow as tests_level;

#[cfg(not(test))]
const fn tests_level(_: &Command) -> Option<u16> {
    None
}

impl State {
    /// The level that the cluster works at.
    #[must_use]
    pub fn level(&self) -> u16 {
        self.level.max(FIRST)
    }

    /// Whether a release with these levels can be part of the cluster now.
    #[must_use]
    pub fn takes(&self, levels: (u16, u16)) -> bool {
        levels.0 <= self.level() && self.level() <= levels.1
    }

    /// Whether a node may begin a life with a release of these levels. One that is alone may skip
    /// levels: there is nobody else who has to follow.
    pub(crate) fn may_live(&self, node: NodeId, levels: (u16, u16)) -> bool {
        let alone = self.live_ids().all(|id| id == node);
        self.takes(levels) || alone && levels.0 <= levels.1 && self.level() <= levels.1
    }

    /// Goes up as far as every node can. One that was let in and did not live yet has not said how
    /// far it can.
    pub(crate) fn rise(&mut self) {
        self.level = self.level.max(highest(&self.nodes));
    }
}

fn highest(nodes: &Arc<Nodes>) -> u16 {
    let live = nodes.all().values().filter(|it| it.removed.is_none());
    live.map(|it| it.levels.1).min().unwrap_or(0)
}
