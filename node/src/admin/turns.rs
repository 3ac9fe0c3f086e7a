//! The order of a node's changes.
//!
//! Changes of one resource that are all planned on one revision would get in each other's way: one
//! gets through and the others begin anew. So they come one after another, and those of different
//! resources side by side. A change of everything waits until it is alone.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_model::Mark;

/// Queues of resources. Two resources may share one, and then wait without need.
const QUEUES: u64 = 256;
/// How long a change waits for those before it.
const TURN_DEADLINE: Duration = Duration::from_secs(30);

/// What a change is made of: what its author looks at, beside what it changes and what the rules
/// of the model look at because of that.
#[derive(Debug, Clone, Copy)]
pub(crate) enum LooksAt<'a> {
    /// The whole configuration.
    Everything,
    /// What these marks stand for.
    Only(&'a [Mark]),
}

/// The queues.
#[derive(Debug)]
pub struct Turns {
    alone: RwLock<()>,
    queues: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            alone: RwLock::default(),
            queues: (0..QUEUES).map(|_| Mutex::default()).collect(),
        }
    }
}

/// A change's turn, until it is dropped.
pub(super) enum Turn<'t> {
    Alone {
        _guard: RwLockWriteGuard<'t, ()>,
    },
    Beside {
        _guard: RwLockReadGuard<'t, ()>,
        _queues: Vec<MutexGuard<'t, ()>>,
    },
}

impl Turn<'_> {
    /// Whether nothing else changes meanwhile, as far as this node is concerned.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self, Self::Alone { .. })
    }
}

impl Turns {
    /// Waits for the changes before this one to be committed.
    ///
    /// # Errors
    /// `ServiceUnavailableException` when they take too long.
    pub(super) async fn take(&self, looks_at: LooksAt<'_>) -> Result<Turn<'_>, AwsError> {
        let waited = tokio::time::timeout(TURN_DEADLINE, self.wait(looks_at)).await;
        waited.map_err(|_| {
            let text = "too many changes come before this one; try again";
            AwsError::new(ErrorKind::ServiceUnavailable, text).with_retry_after(1)
        })
    }

    async fn wait(&self, looks_at: LooksAt<'_>) -> Turn<'_> {
        let LooksAt::Only(marks) = looks_at else {
            let _guard = self.alone.write().await;
            return Turn::Alone { _guard };
        };
        let _guard = self.alone.read().await;
        let mut places: Vec<u64> = marks.iter().map(|mark| mark % QUEUES).collect();
        // In one order everywhere, so that no two wait for each other.
        places.sort_unstable();
        places.dedup();
        let mut _queues = Vec::with_capacity(places.len());
        for (place, queue) in (0..).zip(&self.queues) {
            if places.binary_search(&place).is_ok() {
                _queues.push(queue.lock().await);
            }
        }
        Turn::Beside { _guard, _queues }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn now<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(it) => Some(it),
            Poll::Pending => None,
        }
    }

    #[test]
    fn changes_of_one_resource_queue_and_others_pass() {
        let turns = Turns::default();
        let first = now(turns.wait(LooksAt::Only(&[1, 2]))).unwrap();
        assert!(now(turns.wait(LooksAt::Only(&[2, 3]))).is_none());
        assert!(now(turns.wait(LooksAt::Everything)).is_none());
        let other = now(turns.wait(LooksAt::Only(&[3]))).unwrap();
        drop(first);
        assert!(now(turns.wait(LooksAt::Only(&[2, 1]))).is_some());
        assert!(now(turns.wait(LooksAt::Everything)).is_none());
        drop(other);
        let alone = now(turns.wait(LooksAt::Everything)).unwrap();
        assert!(now(turns.wait(LooksAt::Only(&[]))).is_none());
        drop(alone);
        assert!(now(turns.wait(LooksAt::Only(&[]))).is_some());
    }
}
