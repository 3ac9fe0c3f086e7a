//! The end of all links: said once, heard by every task in the order in which the tasks began to
//! listen. tokio's `watch` wakes its listeners in random order, and a simulation has no choice that
//! its seed does not make.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Notify, watch};

/// Whether the links close, and which tasks they still have.
pub(crate) struct Closing {
    said: Arc<Said>,
    /// Only counts: every task holds a receiver.
    tasks: watch::Sender<()>,
}

#[derive(Default)]
struct Said {
    closing: AtomicBool,
    changed: Notify,
}

/// One task's ear; the links have ended when none is left.
pub(crate) struct Listening {
    said: Arc<Said>,
    _task: watch::Receiver<()>,
}

impl Closing {
    pub(crate) fn new() -> Self {
        Self {
            said: Arc::default(),
            tasks: watch::Sender::new(()),
        }
    }

    /// Tells every task to end.
    pub(crate) fn say(&self) {
        self.said.closing.store(true, Ordering::SeqCst);
        self.said.changed.notify_waiters();
    }

    pub(crate) fn is_said(&self) -> bool {
        self.said.closing.load(Ordering::SeqCst)
    }

    /// Counts one more task.
    pub(crate) fn listen(&self) -> Listening {
        Listening {
            said: Arc::clone(&self.said),
            _task: self.tasks.subscribe(),
        }
    }

    /// Tasks that have not ended.
    pub(crate) fn tasks(&self) -> usize {
        self.tasks.receiver_count()
    }

    /// Waits until every task has ended.
    pub(crate) async fn ended(&self) {
        self.tasks.closed().await;
    }
}

impl Listening {
    /// Waits until the links close.
    pub(crate) async fn heard(&self) {
        loop {
            let mut changed = pin!(self.said.changed.notified());
            // In line before looking: what is said in between is not missed.
            changed.as_mut().enable();
            if self.said.closing.load(Ordering::SeqCst) {
                return;
            }
            changed.await;
        }
    }
}
