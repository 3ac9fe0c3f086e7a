//! Running until told to stop, and stopping in order: nothing that was accepted is dropped, and
//! what the node held goes back.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot::error::RecvError;
use tollgate_cluster::Door;
use tollgate_protocol::{Clock as _, codes};

use super::membership::was_removed;
use super::{BootError, Node, report};
use crate::actors::ThrottleHandle;
use crate::clock::SystemClock;
use crate::ops::Phase;

/// How long functions get to finish once no request waits for them.
const FUNCTIONS_DEADLINE: Duration = Duration::from_secs(5);
/// How long giving quota back may take.
const GIVE_BACK_DEADLINE: Duration = Duration::from_secs(5);

/// The signals that a node listens to.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Why a node ends.
enum Reason {
    /// A signal.
    Told,
    /// An administrator, by this access key, wants it to leave the cluster.
    Leave(String),
    /// The cluster removed it.
    Removed,
}

impl Node {
    /// Serves until a signal, a failed disk or the cluster ends that, then drains; the exit code.
    pub(super) async fn until_stopped(mut self, mut signals: Signals) -> i32 {
        let mut removed = self.opened.door.removed();
        let reason = loop {
            tokio::select! {
                _ = signals.terminate.recv() => break Reason::Told,
                _ = signals.interrupt.recv() => break Reason::Told,
                Some(who) = self.leave.recv() => break Reason::Leave(who),
                Ok(_) = removed.wait_for(|removed| *removed) => break Reason::Removed,
                _ = signals.hangup.recv() => {
                    tracing::info!("log files are opened anew");
                    self.logs.reopen();
                }
                ended = &mut self.opened.ended => {
                    // Nobody knows what is on disk: going on could acknowledge what is lost.
                    return report(&writer_ended(ended));
                }
            }
        };
        tracing::info!(seconds = self.drain.as_secs(), "draining");
        tokio::select! {
            code = self.drain(reason) => code,
            () = signals.stop() => {
                report(&BootError::new(codes::DRAIN_CUT_SHORT, "a second signal came"))
            }
        }
    }

    async fn drain(self, reason: Reason) -> i32 {
        self.phase.set(Phase::Draining);
        let drained = self.edge.drain(self.drain).await;
        if drained.aborted > 0 {
            tracing::warn!(
                connections = drained.aborted,
                "connections were cut at the deadline"
            );
        }
        if let Some(admin) = self.admin
            && let Err(error) = admin.stop().await
        {
            tracing::warn!(%error, "the admin listener did not end cleanly");
        }
        self.functions.shutdown(FUNCTIONS_DEADLINE).await;
        let disk = (self.data_dir.as_path(), self.clock);
        let end = part(reason, &self.opened.door, &self.throttle, disk).await;
        self.opened.door.close().await;
        let closed = self.opened.ended.await;
        self.logs.flush();
        drop(self.systems);
        match (closed, end) {
            (Ok(Ok(())), Ok(())) => {
                tracing::info!("stopped");
                0
            }
            (Ok(Ok(())), Err(error)) => report(&error),
            (other, _) => report(&writer_ended(other)),
        }
    }
}

/// Gives back what the cluster gave, the node's place in it too where that is wanted.
async fn part(
    reason: Reason,
    door: &Door,
    throttle: &ThrottleHandle,
    (data_dir, clock): (&Path, SystemClock),
) -> Result<(), BootError> {
    if let Reason::Removed = reason {
        return Err(was_removed(data_dir, clock.now()));
    }
    if tokio::time::timeout(GIVE_BACK_DEADLINE, throttle.give_back())
        .await
        .is_err()
    {
        tracing::warn!("held quota was not given back in time and counts as spent");
    }
    let Reason::Leave(who) = reason else {
        return Ok(());
    };
    let left = door.leave(&who).await;
    left.map_err(|error| BootError::chain(codes::NOT_LEFT, &error))?;
    tracing::info!(who, "left the cluster");
    tollgate_store::mark_removed(data_dir, clock.now()).map_err(|error| BootError::store(&error))
}

/// Why the log's writer ended by itself: the disk, as far as is known.
fn writer_ended(ended: Result<Result<(), tollgate_store::Error>, RecvError>) -> BootError {
    let reason = match ended {
        Ok(Err(error)) => BootError::store(&error).reason,
        Ok(Ok(())) => "the log was closed".to_owned(),
        Err(_) => "the log's writer ended without a word".to_owned(),
    };
    BootError::new(codes::STORE_FAILED, reason)
}
