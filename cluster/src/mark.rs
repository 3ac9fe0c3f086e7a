//! A value that tasks wait for, woken in the order in which they began to wait. tokio's `watch`
//! wakes in random order, and a simulation has no choice that its seed does not make.

use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use crate::raft::disk::lock;

/// A value that changes. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Mark<T>(Arc<Inner<T>>);

#[derive(Default)]
struct Inner<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Copy + PartialEq> Mark<T> {
    /// The value now.
    pub(crate) fn get(&self) -> T {
        *lock(&self.0.value)
    }

    /// Sets the value; who waits looks at it when it is another one.
    pub(crate) fn set(&self, value: T) {
        let before = std::mem::replace(&mut *lock(&self.0.value), value);
        if before != value {
            self.0.changed.notify_waiters();
        }
    }

    /// Waits for a value that is right.
    pub(crate) async fn wait_for(&self, right: impl Fn(T) -> bool) {
        loop {
            let mut changed = pin!(self.0.changed.notified());
            // In line before looking: a change in between is not missed.
            changed.as_mut().enable();
            if right(self.get()) {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_woken_in_order() {
        let mark = Mark::<u64>::default();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let waits = (0..40_usize).map(|number| {
            let (mark, woken) = (mark.clone(), Arc::clone(&woken));
            tokio::spawn(async move {
                mark.wait_for(|value| value >= 7).await;
                lock(&woken).push(number);
            })
        });
        let waits: Vec<_> = waits.collect();
        mark.set(6);
        tokio::task::yield_now().await;
        mark.set(7);
        for wait in waits {
            wait.await.unwrap();
        }
        assert_eq!(*lock(&woken), (0..40).collect::<Vec<_>>());
        // What is right already is not waited for.
        mark.wait_for(|value| value == 7).await;
    }
}
