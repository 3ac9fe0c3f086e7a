//! How far the end of the edge has come, and how a connection learns of it.

use core::cell::Cell;
use core::future::poll_fn;
use core::task::Poll;
use core::time::Duration;
use std::rc::Rc;

use tokio::sync::watch;

/// How long a connection without a request may still send one once the drain has begun: a client
/// that sent it just before it could know gets its answer.
pub(crate) const DRAIN_GRACE: Duration = Duration::from_millis(500);

/// How far the end of the edge has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Running,
    /// No new connections; every response is the last of its connection.
    Draining,
    /// Connections are dropped.
    Aborting,
}

/// Resolves when the edge is at this stage or past it.
pub(crate) async fn reached(stages: &watch::Sender<Stage>, stage: Stage) {
    let mut receiver = stages.subscribe();
    // What `wait_for` gives is a lock on the stage, which must not be held. It fails only without
    // a sender, and there is one.
    receiver.wait_for(|now| *now >= stage).await.map(drop).ok();
}

/// Whether a connection is to end after its current requests. It is set by the task that serves
/// the connection, between two polls of what serves it, so nobody needs to be woken, and a
/// connection watches the stage in one place only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draining(Rc<Cell<bool>>);

impl Draining {
    pub(crate) fn begin(&self) {
        self.0.set(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.0.get()
    }

    /// Resolves when it has begun.
    pub(crate) async fn begun(&self) {
        poll_fn(|_| {
            if self.has_begun() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}
