//! How a node goes for good.
//!
//! A node that leaves gives its vote up first and is removed after that: the others refuse a
//! removed node's calls at once, and if it were still needed for a majority then, nothing could be
//! agreed on any more, not even that it is not needed.

use std::time::Duration;

use tokio::time::Instant;
use tollgate_state::{Command, Reply};

use crate::door::{Door, DoorError};
use crate::peers::{Lane, kind};
use crate::raft::parts;

/// How long leaving may take: a node that can take the vote must have kept up for some seconds,
/// and an election may come in between.
const LEAVE_DEADLINE: Duration = Duration::from_secs(60);
/// How often the leader is told.
const SAY_INTERVAL: Duration = Duration::from_millis(250);
/// How long the leader may take to answer.
const SAY_DEADLINE: Duration = Duration::from_secs(1);

/// Why a node did not leave. It is still a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeaveError {
    /// Without its vote the others could not agree on anything, or nobody leads.
    #[error("no other node took its vote within {} seconds", LEAVE_DEADLINE.as_secs())]
    Needed,
    /// The cluster refused, and why.
    #[error("{0}")]
    Refused(String),
    /// As for any change.
    #[error(transparent)]
    Door(#[from] DoorError),
}

impl Door {
    /// Takes this node out of the cluster for ever: it gives up its vote, leadership with it, and
    /// is removed. What it holds of quotas counts as spent, so that goes back before.
    ///
    /// # Errors
    /// [`LeaveError`]; the node is still a member then.
    pub async fn leave(&self, who: &str) -> Result<(), LeaveError> {
        let (door, who) = (self.clone(), who.to_owned());
        let left = self.runtime.spawn(async move { door.go(who).await });
        left.await
            .unwrap_or_else(|_| Err(DoorError::Stopped.into()))
    }

    async fn go(&self, who: String) -> Result<(), LeaveError> {
        let deadline = Instant::now() + LEAVE_DEADLINE;
        tokio::time::timeout_at(deadline, self.give_up_vote())
            .await
            .map_err(|_| LeaveError::Needed)?;
        let mut removed = self.removed();
        let command = Command::RemoveNode {
            node: self.members().node,
            who,
        };
        let proposal = self.names.next();
        loop {
            // The others may hang up before they have answered: being refused is an answer too.
            let reply = tokio::select! {
                biased; // A simulation has no choice that its seed does not make.
                reply = self.propose(proposal, command.clone()) => reply,
                Ok(_) = removed.wait_for(|removed| *removed) => return Ok(()),
            };
            match reply {
                Ok(Reply::Done) => return Ok(()),
                Ok(Reply::Refused(reason)) => return Err(LeaveError::Refused(reason)),
                Ok(other) => return Err(LeaveError::Refused(format!("{other:?}"))),
                Err(DoorError::Stopped) => return Err(DoorError::Stopped.into()),
                Err(error) if Instant::now() >= deadline => return Err(error.into()),
                Err(_) => tokio::time::sleep(SAY_INTERVAL).await,
            }
        }
    }

    /// Tells whoever leads that this node goes, until it neither votes nor leads.
    async fn give_up_vote(&self) {
        // Else the others would notice by an election that nobody leads.
        self.office.hand_over().await;
        loop {
            let members = self.members();
            let me = members.node;
            match members.leader {
                Some(leader) if leader == me => self.leaving.said(me),
                Some(leader) => {
                    if !members.voters.contains(&me) {
                        return;
                    }
                    let place = (leader, Lane::Rpc, kind::LEAVE);
                    let said = parts::call(&*self.transport, place, "".into(), SAY_DEADLINE);
                    if let Err(error) = said.await {
                        tracing::debug!(%error, "the leader does not hear that this node leaves");
                    }
                }
                None => {}
            }
            tokio::time::sleep(SAY_INTERVAL).await;
        }
    }
}
