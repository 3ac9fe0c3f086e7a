//! Snapshots that are coming in, while they are read, checked and written: one at a time, owned by
//! the work and not by the call that asked for it, and kept for whoever asks again. While one is
//! being installed no other one is begun: where the disk is slow to flush, each further question
//! would decode the whole state once more.
//!
//! A snapshot is known by what it is of: its last entry, and who is a member. What that entry leads
//! to is agreed on, so the same snapshot of another leader is the same state.

use std::fmt;
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

/// The one that is under way, ready or being installed. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct Preparing {
    slot: Arc<Mutex<Option<Slot>>>,
    changed: Arc<Notify>,
    beside: Beside,
}

struct Slot {
    meta: MetaV1,
    stage: Stage,
    since: Instant,
}

enum Stage {
    WorkedAt,
    Done(Result<Box<Ready>, String>),
    /// Somebody has it, with a [`BeingInstalled`].
    BeingInstalled,
}

/// Stands as long as a prepared snapshot is being installed, whoever gave up waiting for that:
/// dropped with it, when it is in its place or consensus does not want it.
pub(crate) struct BeingInstalled(Preparing);

impl fmt::Debug for BeingInstalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeingInstalled")
    }
}

impl Drop for BeingInstalled {
    fn drop(&mut self) {
        // Nothing else takes the place of this stage.
        *lock(&self.0.slot) = None;
        self.0.changed.notify_waiters();
    }
}

/// Where somebody who asks stands.
enum Turn {
    Done(Result<Box<Ready>, String>),
    /// It is worked at, or another one is.
    Wait,
    /// It is being installed, or another one is.
    WaitForInstallation,
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

    /// Begins with a snapshot, unless it is begun or another one is begun or being installed, and
    /// waits for it this long.
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
            let turn = self.take_or_begin(meta, &mut work);
            let waits_for_installation = match turn {
                Turn::Done(done) => return done.map(Prepared::Ready),
                Turn::Wait => false,
                Turn::WaitForInstallation => true,
            };
            let is_late = timeout_at(deadline, changed).await.is_err();
            // What was installed is perhaps what is asked for: whoever asks again sees that.
            if is_late || waits_for_installation {
                return Ok(Prepared::Busy);
            }
        }
    }

    /// What is done about this snapshot; begins with it where nothing is under way.
    fn take_or_begin<W>(&self, meta: &MetaV1, work: &mut Option<W>) -> Turn
    where
        W: FnOnce() -> Result<Box<Ready>, String> + Send + 'static,
    {
        let mut slot = lock(&self.slot);
        let before = match slot.take() {
            Some(Slot {
                meta: of,
                stage: Stage::Done(done),
                ..
            }) if of == *meta => {
                return Turn::Done(done.map(|ready| self.hand_over(&mut slot, of, ready)));
            }
            Some(busy) if !matches!(busy.stage, Stage::Done(_)) => {
                let is_installed = matches!(busy.stage, Stage::BeingInstalled);
                *slot = Some(busy);
                return match is_installed {
                    true => Turn::WaitForInstallation,
                    false => Turn::Wait,
                };
            }
            before => before,
        };
        let Some(work) = work.take() else {
            // What was begun for this one went to somebody else who asked for it.
            *slot = before;
            return Turn::Wait;
        };
        *slot = Some(Slot {
            meta: meta.clone(),
            stage: Stage::WorkedAt,
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
                (slot.stage, slot.since) = (Stage::Done(done), Instant::now());
            }
            this.changed.notify_waiters();
        });
        Turn::Wait
    }

    /// Gives what is ready to whoever installs it, and remembers that somebody does.
    fn hand_over(
        &self,
        slot: &mut Option<Slot>,
        meta: MetaV1,
        mut ready: Box<Ready>,
    ) -> Box<Ready> {
        ready.being_installed = Some(BeingInstalled(self.clone()));
        *slot = Some(Slot {
            meta,
            stage: Stage::BeingInstalled,
            since: Instant::now(),
        });
        ready
    }

    /// Lets go of what nobody asks for any more; called from time to time, on a node that has
    /// applied so many entries.
    pub(crate) fn forget_old(&self, applied: u64) {
        let mut slot = lock(&self.slot);
        let old = slot.take_if(|it| {
            let passed = it.meta.last.is_none_or(|last| last.index <= applied);
            matches!(it.stage, Stage::Done(_)) && (passed || it.since.elapsed() >= KEPT)
        });
        drop(slot);
        if let Some(old) = old {
            let beside = self.beside.clone();
            tokio::spawn(async move { beside.run(move || drop(old)).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tollgate_state::State;
    use tollgate_store::Snapshots;

    use super::*;
    use crate::raft::StoredMembership;
    use crate::raft::wire::LogIdV1;

    const WITHIN: Duration = Duration::from_secs(5);

    fn meta(index: u64) -> MetaV1 {
        let last = LogIdV1 {
            term: 1,
            node: 1,
            index,
        };
        MetaV1 {
            last: Some(last),
            ..MetaV1::new(None, &StoredMembership::default())
        }
    }

    fn ready(dir: &Path, index: u64) -> Box<Ready> {
        let all = |file: &mut dyn Write| file.write_all(b"all");
        Box::new(Ready {
            state: State::default(),
            written: Snapshots::of(dir).write(index, all).unwrap(),
            being_installed: None,
        })
    }

    /// Asks for a snapshot; whoever works at it counts that.
    async fn ask(
        preparing: &Preparing,
        (dir, works): (&Path, &Arc<AtomicUsize>),
        index: u64,
    ) -> Prepared {
        let (dir, works) = (dir.to_owned(), Arc::clone(works));
        let work = move || {
            works.fetch_add(1, Ordering::SeqCst);
            Ok(ready(&dir, index))
        };
        preparing.ask(&meta(index), WITHIN, work).await.unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_begun_with_before_what_was_handed_over_is_installed() {
        let dir = tempfile::tempdir().unwrap();
        let preparing = Preparing::new(Beside::Here);
        let works = Arc::new(AtomicUsize::new(0));
        let of = (dir.path(), &works);
        let count = || works.load(Ordering::SeqCst);
        let Prepared::Ready(installs) = ask(&preparing, of, 7).await else {
            panic!("it is not ready");
        };
        // Consensus takes its time: the sender asks again, and another leader has a newer one.
        for index in [7, 7, 8] {
            let began = Instant::now();
            let asked = ask(&preparing, of, index).await;
            assert!(matches!(asked, Prepared::Busy), "{index} is ready");
            assert!(began.elapsed() >= WITHIN);
        }
        preparing.forget_old(9);
        assert_eq!(count(), 1);
        // Whoever waits meanwhile is told at once, and to ask again: it may be installed already.
        let began = Instant::now();
        let done = async {
            tokio::time::advance(WITHIN / 4).await;
            drop(installs);
        };
        let (asked, ()) = tokio::join!(ask(&preparing, of, 7), done);
        assert!(matches!(asked, Prepared::Busy) && began.elapsed() < WITHIN / 2);
        assert_eq!(count(), 1);
        let asked = ask(&preparing, of, 8).await;
        assert!(matches!(asked, Prepared::Ready(_)));
        assert_eq!(count(), 2);
    }
}
