//! A command on its way into the log.

use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tollgate_state::Reply;

use crate::DoorError;

/// How long an answer is waited for: longer than a busy disk takes for a flush (several seconds
/// were seen while a build wrote beside it). A proposal without an answer is unknown, not absent.
pub(crate) const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
/// How long an answer is waited for on a node that knows that nothing can be agreed on: enough for a
/// question to nodes that may know better.
const CUT_OFF_DEADLINE: Duration = Duration::from_secs(1);

/// A command on its way. Dropping it does not take the command back.
#[derive(Debug)]
pub struct Submitted {
    pub(crate) reply: oneshot::Receiver<Result<Reply, DoorError>>,
    /// Whether the node is cut off; `None` for commands that wait nevertheless.
    pub(crate) cut_off: Option<watch::Receiver<bool>>,
}

impl Submitted {
    /// Waits until the command is agreed on, applied and visible on this node.
    ///
    /// # Errors
    /// [`DoorError`].
    pub async fn answer(self) -> Result<Reply, DoorError> {
        tokio::select! {
            biased;
            reply = tokio::time::timeout(ANSWER_DEADLINE, self.reply) => match reply {
                Ok(Ok(reply)) => reply,
                Ok(Err(_)) => Err(DoorError::Stopped),
                Err(_) => Err(DoorError::Unknown),
            },
            () = stays_cut_off(self.cut_off) => Err(DoorError::NoMajority),
        }
    }
}

/// Waits until the node is cut off and stays so for a while.
async fn stays_cut_off(cut_off: Option<watch::Receiver<bool>>) {
    let Some(mut cut_off) = cut_off else {
        return std::future::pending().await;
    };
    loop {
        if cut_off.wait_for(|it| *it).await.is_err() {
            return std::future::pending().await;
        }
        let connected = cut_off.wait_for(|it| !*it);
        if tokio::time::timeout(CUT_OFF_DEADLINE, connected)
            .await
            .is_err()
        {
            return;
        }
    }
}
