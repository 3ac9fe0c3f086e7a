//! Reading what is agreed on now, and not what this node happened to have heard of.

use std::time::Duration;

use tokio::time::timeout;

use crate::Door;
use crate::peers::{Lane, kind};
use crate::raft::parts;

/// How long catching up may take: a round of the leader's to a majority, and this node's lag.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(2);

impl Door {
    /// As [`Door::catch_up`], and nothing is written for it: waits until this node shows everything
    /// that was agreed on when it was called. `false` when nobody can say now what that is, or this
    /// node lags too far behind.
    pub(crate) async fn reach_read_index(&self) -> bool {
        let there = async {
            let members = self.members();
            let leader = members.leader?;
            let index = if leader == members.node {
                self.read_index().await?
            } else {
                let place = (leader, Lane::Rpc, kind::READ_INDEX);
                let answer = parts::call(&*self.transport, place, "".into(), CATCH_UP_WITHIN).await;
                u64::from_le_bytes(answer.ok()?.as_ref().try_into().ok()?)
            };
            let applied = self.raft.wait(Some(CATCH_UP_WITHIN));
            let applied = applied.applied_index_at_least(Some(index), "catch up");
            applied.await.ok()
        };
        matches!(timeout(CATCH_UP_WITHIN, there).await, Ok(Some(_)))
    }

    /// Everything that was agreed on until now is at or before this entry: known to a leader that a
    /// majority just confirmed.
    pub(crate) async fn read_index(&self) -> Option<u64> {
        let (read, _) = self.raft.get_read_log_id().await.ok()?;
        read.map(|id| id.index)
    }
}
