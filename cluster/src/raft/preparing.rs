//! Snapshots that are coming in, while they are read, checked and written: one at a time, owned by
//! the work and not by the call that asked for it, and kept for whoever asks again.
//!
//! A snapshot is known by what it is of: its last entry, and who is a member. What that entry leads
//! to is agreed on, so the same snapshot of another leader is the same state.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::beside::Beside;
use super::disk::lock;
use super::snapshot::Ready;
use super::wire::MetaV1;

/// How long what is ready waits for somebody who asks for it: an election, and the next leader's
/// transfer of as much as it does not have to send again.
const KEPT: Duration = Duration::from_secs(120);

/// The one that is under way or ready. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Preparing {
    slot: Arc<Mutex<Option<Slot>>>,
    changed: Arc<Notify>,
    beside: Beside,
}

struct Slot {
    meta: MetaV1,
    /// `None` while it is worked at.
    done: Option<Result<Box<Ready>, String>>,
    since: Instant,
}

/// What there is for whoever asked.
pub(crate) enum Prepared {
    Ready(Box<Ready>),
    /// Not yet: ask again.
    Busy,
}

impl Preparing {
    pub(crate) fn new(beside: Beside) -> Self {
        Self {
            slot: Arc::default(),
            changed: Arc::default(),
            beside,
        }
    }

    /// Begins with a snapshot, unless it is begun or another one is, and waits for it this long.
    ///
    /// # Errors
    /// What went wrong with it, once: asked again it is tried again.
    pub(crate) async fn ask(
        &self,
        meta: &MetaV1,
        within: Duration,
        work: impl FnOnce() -> Result<Box<Ready>, String> + Send + 'static,
    ) -> Result<Prepared, String> {
        let deadline = Instant::now() + within;
        let mut work = Some(work);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(done) = self.take_or_begin(meta, &mut work) {
                return done.map(Prepared::Ready);
            }
            if timeout_at(deadline, changed).await.is_err() {
                return Ok(Prepared::Busy);
            }
        }
    }

    /// What is done about this snapshot; begins with it where nothing is under way.
    fn take_or_begin<W>(
        &self,
        meta: &MetaV1,
        work: &mut Option<W>,
    ) -> Option<Result<Box<Ready>, String>>
    where
        W: FnOnce() -> Result<Box<Ready>, String> + Send + 'static,
    {
        let mut slot = lock(&self.slot);
        let before = match slot.take() {
            Some(busy @ Slot { done: None, .. }) => {
                *slot = Some(busy);
                return None;
            }
            Some(Slot {
                meta: of,
                done: Some(done),
                ..
            }) if of == *meta => return Some(done),
            before => before,
        };
        let work = work.take()?;
        *slot = Some(Slot {
            meta: meta.clone(),
            done: None,
            since: Instant::now(),
        });
        drop(slot);
        let this = self.clone();
        // On its own: whoever asked may give up.
        tokio::spawn(async move {
            let whole = move || {
                // Taking another state apart takes long.
                drop(before);
                work()
            };
            let done = this.beside.run(whole).await;
            let done = done.unwrap_or_else(|error| Err(error.to_string()));
            if let Some(slot) = &mut *lock(&this.slot) {
                (slot.done, slot.since) = (Some(done), Instant::now());
            }
            this.changed.notify_waiters();
        });
        None
    }

    /// Lets go of what nobody asks for any more; called from time to time, on a node that has
    /// applied so many entries.
    pub(crate) fn forget_old(&self, applied: u64) {
        let mut slot = lock(&self.slot);
        let old = slot.take_if(|it| {
            let passed = it.meta.last.is_none_or(|last| last.index <= applied);
            it.done.is_some() && (passed || it.since.elapsed() >= KEPT)
        });
        drop(slot);
        if let Some(old) = old {
            let beside = self.beside.clone();
            tokio::spawn(async move { beside.run(move || drop(old)).await });
        }
    }
}
