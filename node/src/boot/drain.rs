//! Running until told to stop, and stopping in order: nothing that was accepted is dropped, and
//! what the node held goes back.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot::error::RecvError;
use tollgate_protocol::codes;

use super::{BootError, Node, report};
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

impl Node {
    /// Serves until a signal or a failed disk, then drains; the exit code.
    pub(super) async fn until_stopped(mut self, mut signals: Signals) -> i32 {
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => break,
                _ = signals.interrupt.recv() => break,
                _ = signals.hangup.recv() => {
                    tracing::info!("log files are opened anew");
                    self.logs.reopen();
                }
                ended = &mut self.opened.ended => {
                    // Nobody knows what is on disk: going on could acknowledge what is lost.
                    return report(&writer_ended(ended));
                }
            }
        }
        tracing::info!(seconds = self.drain.as_secs(), "draining");
        tokio::select! {
            code = self.drain() => code,
            () = signals.stop() => {
                report(&BootError::new(codes::DRAIN_CUT_SHORT, "a second signal came"))
            }
        }
    }

    async fn drain(self) -> i32 {
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
        if tokio::time::timeout(GIVE_BACK_DEADLINE, self.throttle.give_back())
            .await
            .is_err()
        {
            tracing::warn!("held quota was not given back in time and counts as spent");
        }
        self.opened.door.close().await;
        let closed = self.opened.ended.await;
        self.logs.flush();
        drop(self.systems);
        match closed {
            Ok(Ok(())) => {
                tracing::info!("stopped");
                0
            }
            other => report(&writer_ended(other)),
        }
    }
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
