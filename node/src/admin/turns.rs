//! The order of a node's changes.
//!
//! Changes of one resource that are all planned on one revision would get in each other's way: one
//! gets through and the others begin anew. So they come one after another, and those of different
//! resources side by side. A change of everything waits until it is alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tollgate_aws::{AwsError, ErrorKind};
use tollgate_model::Mark;

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

/// The queues: one for each mark that a change looks at now. Rejected: a fixed number that marks
/// share. Whoever comes by has to pass the one that two busy resources share, so that in the end
/// most changes stand there.
#[derive(Debug, Default)]
pub struct Turns {
    alone: RwLock<()>,
    /// At most as many as the changes that are in hand look at.
    queues: Mutex<HashMap<Mark, Queue>>,
}

type Queue = Arc<tokio::sync::Mutex<()>>;

/// A change's turn, until it is dropped.
pub(super) enum Turn<'t> {
    Alone {
        _guard: RwLockWriteGuard<'t, ()>,
    },
    Beside {
        _guard: RwLockReadGuard<'t, ()>,
        _places: Vec<Place<'t>>,
    },
}

/// A place in a queue: at its end, then at its head.
pub(super) struct Place<'t> {
    turns: &'t Turns,
    mark: Mark,
    /// `None` only while it is dropped.
    queue: Option<Queue>,
    head: Option<OwnedMutexGuard<()>>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.head.take());
        drop(self.queue.take());
        let mut queues = self.turns.queues();
        // Nobody else stands there, and nobody can come while all of them are looked at.
        let is_empty = |queue: &Queue| Arc::strong_count(queue) == 1;
        if queues.get(&self.mark).is_some_and(is_empty) {
            queues.remove(&self.mark);
        }
    }
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
        let mut marks = marks.to_vec();
        // In one order everywhere, so that no two wait for each other.
        marks.sort_unstable();
        marks.dedup();
        let mut _places = Vec::with_capacity(marks.len());
        for mark in marks {
            _places.push(self.stand(mark).await);
        }
        Turn::Beside { _guard, _places }
    }

    /// Waits at the queue of a mark.
    async fn stand(&self, mark: Mark) -> Place<'_> {
        let queue = Arc::clone(self.queues().entry(mark).or_default());
        let mut place = Place {
            turns: self,
            mark,
            queue: Some(Arc::clone(&queue)),
            head: None,
        };
        place.head = Some(queue.lock_owned().await);
        place
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Mark, Queue>> {
        // A panic while it was held cannot have left a change half made.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(turns.queues().is_empty(), "{turns:?}");
    }

    #[test]
    fn who_gives_up_waiting_leaves_its_queue() {
        let turns = Turns::default();
        let first = now(turns.wait(LooksAt::Only(&[1]))).unwrap();
        assert!(now(turns.wait(LooksAt::Only(&[1]))).is_none());
        assert_eq!(turns.queues().len(), 1);
        drop(first);
        assert!(turns.queues().is_empty());
        assert!(now(turns.wait(LooksAt::Only(&[1, 257]))).is_some());
    }

    #[test]
    fn no_two_resources_share_a_queue() {
        let turns = Turns::default();
        let all: Vec<_> = (0..1000)
            .map(|mark| now(turns.wait(LooksAt::Only(&[mark]))).unwrap())
            .collect();
        assert_eq!(turns.queues().len(), 1000);
        drop(all);
        assert!(turns.queues().is_empty());
    }
}
