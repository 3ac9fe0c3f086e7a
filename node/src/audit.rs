//! The node's audit trail: events come in by a queue, one thread writes them.
//!
//! Who answers a management call waits for room in the queue and not for the disk: what was
//! accepted is written within moments and flushed within a second. Nothing is left out for want of
//! room; what the disk does not take is counted and said.
//!
//! There are two trails: that of calls which were let in, and that of refused ones. Whoever sends calls
//! that are refused fills files of their own and pushes nothing out that an administrator did.

mod pending;
mod search;
pub(crate) mod webhook;

pub(crate) use search::Searching;
pub use search::answerer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use tollgate_audit::{Error, Event, Head, Limits, Trail};

/// Events that wait for the disk. Beyond it calls wait for their turn to be answered.
const QUEUE_EVENTS_MAX: usize = 4096;
/// Searches at a time; further ones wait.
const SEARCHES_MAX: usize = 2;
/// Those who wait for a flush: searches, and the node's end.
const FLUSHES_MAX: usize = 64;
/// How long a call waits for room. A disk that hangs does not stop administration: the event is
/// counted as lost, and said.
const ROOM_WITHIN: Duration = Duration::from_secs(10);
/// Events of one write.
const BATCH_EVENTS_MAX: usize = 512;
/// Events of callers who proved nothing that are kept a second.
const STRANGERS_A_SECOND: u64 = 20;
/// How long an event may be unflushed.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);
/// The directory of refused calls in that of the others.
const REFUSED: &str = "refused";
/// For so many files of calls that were let in one is kept of refused ones.
const FILES_FOR_ONE_REFUSED: usize = 4;

/// Which of the trails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// That of calls whose callers were let in, whatever came of them.
    LetIn,
    /// That of calls that were refused for who made them.
    Refused,
}

/// The trails, in the order in which everything here has them.
pub(crate) const BOTH: [Which; 2] = [Which::LetIn, Which::Refused];

/// Where a trail ends, as others see it.
#[derive(Debug)]
struct End {
    dir: PathBuf,
    head: ArcSwap<Head>,
    /// The number of the last line that a lost power cannot take back.
    flushed: AtomicU64,
}

/// The trail of this node. Clones share it.
#[derive(Clone)]
pub struct Auditor {
    shared: Arc<Shared>,
}

struct Shared {
    ends: [Arc<End>; 2],
    queue: SyncSender<Word>,
    /// Places in the queue: a call waits for one without holding its thread.
    room: Arc<Semaphore>,
    lost: Arc<AtomicU64>,
    started: Instant,
    searches: Arc<Semaphore>,
    /// A second of the node's life, and how many strangers' events were kept in it.
    strangers: AtomicU64,
    left_out: AtomicU64,
}

enum Word {
    Event(Which, Box<Event>, tokio::sync::OwnedSemaphorePermit),
    Flush(SyncSender<()>),
}

impl Auditor {
    /// Opens the trail in a directory and starts its thread, which ends with the last clone.
    ///
    /// # Errors
    /// When the trail cannot be opened or the thread not started.
    pub fn start(dir: &Path, limits: Limits) -> Result<(Self, JoinHandle<()>), Error> {
        let refused = Limits {
            files: limits.files.div_ceil(FILES_FOR_ONE_REFUSED),
            ..limits
        };
        let sides = [
            Side::open(dir, limits)?,
            Side::open(&dir.join(REFUSED), refused)?,
        ];
        let ends = sides.each_ref().map(|it| Arc::clone(&it.end));
        let (queue, inbox) = sync_channel(QUEUE_EVENTS_MAX + FLUSHES_MAX);
        let lost = Arc::<AtomicU64>::default();
        let writer = Writer {
            sides,
            lost: Arc::clone(&lost),
            unflushed_since: None,
            failing: false,
        };
        let thread = std::thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run(&inbox))
            .map_err(|source| Error::Io {
                operation: "start a thread for",
                path: dir.to_owned(),
                source,
            })?;
        let shared = Shared {
            ends,
            queue,
            room: Arc::new(Semaphore::new(QUEUE_EVENTS_MAX)),
            lost,
            started: Instant::now(),
            searches: Arc::new(Semaphore::new(SEARCHES_MAX)),
            strangers: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        };
        let shared = Arc::new(shared);
        Ok((Self { shared }, thread))
    }

    /// Takes an event in; waits while too many wait for the disk.
    pub async fn record(&self, which: Which, event: Event) {
        let room = Arc::clone(&self.shared.room).acquire_owned();
        let room = tokio::time::timeout(ROOM_WITHIN, room).await;
        let taken = room.is_ok_and(|room| {
            let Ok(room) = room else {
                return false;
            };
            let word = Word::Event(which, Box::new(event), room);
            self.shared.queue.try_send(word).is_ok()
        });
        if !taken {
            tracing::error!("an event of the audit trail was lost: its disk does not keep up");
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the event of a caller in who proved nothing. Of such ones a bounded number a second is
    /// kept: whoever reaches the listener could push everything else out of the trail.
    pub async fn record_stranger(&self, event: Event) {
        let second = self.shared.started.elapsed().as_secs();
        let counted =
            self.shared
                .strangers
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
                    match word >> 32 {
                        at if at != second => Some(second << 32 | 1),
                        _ if word & u64::from(u32::MAX) < STRANGERS_A_SECOND => Some(word + 1),
                        _ => None,
                    }
                });
        match counted {
            Ok(_) => self.record(Which::Refused, event).await,
            Err(_) => {
                self.shared.left_out.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Calls of strangers that were left out because too many came, since the node's start.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.shared.left_out.load(Ordering::Relaxed)
    }

    fn end(&self, which: Which) -> &Arc<End> {
        &self.shared.ends[which as usize]
    }

    /// Where the chain of a trail ends; the newest events may not be in it yet.
    #[must_use]
    pub fn head(&self, which: Which) -> Head {
        **self.end(which).head.load()
    }

    /// Events that the disk did not take, since the node's start.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Turns for searches, which read the whole trail.
    pub(crate) fn searches(&self) -> Arc<Semaphore> {
        Arc::clone(&self.shared.searches)
    }

    /// The directory of a trail.
    #[must_use]
    pub fn dir(&self, which: Which) -> &Path {
        &self.end(which).dir
    }

    /// Waits until everything that was taken in before is written and flushed. Blocks.
    pub fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.shared.queue.send(Word::Flush(done)).is_ok() {
            // An error means that the thread has ended.
            flushed.recv().ok();
        }
    }
}

/// A trail and what is told of it.
struct Side {
    trail: Trail,
    end: Arc<End>,
}

impl Side {
    fn open(dir: &Path, limits: Limits) -> Result<Self, Error> {
        let trail = Trail::open(dir, limits)?;
        let head = trail.head();
        let end = Arc::new(End {
            dir: dir.to_owned(),
            head: ArcSwap::from_pointee(head),
            flushed: AtomicU64::new(head.number),
        });
        Ok(Self { trail, end })
    }
}

struct Writer {
    sides: [Side; 2],
    lost: Arc<AtomicU64>,
    unflushed_since: Option<Instant>,
    /// The last write failed, which was said.
    failing: bool,
}

impl Writer {
    fn run(mut self, inbox: &Receiver<Word>) {
        loop {
            let wait = self.unflushed_since.map_or(Duration::MAX, |since| {
                FLUSH_WITHIN.saturating_sub(since.elapsed())
            });
            let first = match self.unflushed_since {
                Some(_) => inbox.recv_timeout(wait),
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => self.take(first, inbox),
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => return self.flush(),
            }
            if self
                .unflushed_since
                .is_some_and(|since| since.elapsed() >= FLUSH_WITHIN)
            {
                self.flush();
            }
        }
    }

    /// Writes an event with all that wait behind it.
    fn take(&mut self, first: Word, inbox: &Receiver<Word>) {
        let (mut events, mut waiting) = ([Vec::new(), Vec::new()], Vec::new());
        let mut next = Some(first);
        while let Some(word) = next {
            match word {
                Word::Event(which, event, _room) => events[which as usize].push(*event),
                Word::Flush(done) => waiting.push(done),
            }
            let full = events.iter().any(|it| it.len() == BATCH_EVENTS_MAX);
            next = if full { None } else { inbox.try_recv().ok() };
        }
        for (which, events) in BOTH.into_iter().zip(&events) {
            self.write(which, events);
        }
        if !waiting.is_empty() {
            self.flush();
        }
        for done in waiting {
            // Who waited may have given up.
            done.send(()).ok();
        }
    }

    fn write(&mut self, which: Which, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let Side { trail, end } = &mut self.sides[which as usize];
        match trail.append(events) {
            Ok(refused) => {
                if refused > 0 {
                    self.lost.fetch_add(refused as u64, Ordering::Relaxed);
                    tracing::error!(refused, "events are too large for the audit trail");
                }
                end.head.store(Arc::new(trail.head()));
                self.said_well();
                self.unflushed_since.get_or_insert_with(Instant::now);
            }
            Err(error) => {
                self.lost.fetch_add(events.len() as u64, Ordering::Relaxed);
                self.said_ill(&error);
            }
        }
    }

    fn flush(&mut self) {
        self.unflushed_since = None;
        let mut failed = None;
        for Side { trail, end } in &mut self.sides {
            match trail.sync() {
                Ok(()) => end.flushed.store(trail.head().number, Ordering::Release),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            self.said_ill(&error);
        }
    }

    /// Says once that the disk does not take the trail, and once that it does again.
    fn said_ill(&mut self, error: &Error) {
        if !std::mem::replace(&mut self.failing, true) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            let cause = cause.unwrap_or_default();
            tracing::error!(%error, cause, "the audit trail is not written");
        }
    }

    fn said_well(&mut self) {
        if std::mem::replace(&mut self.failing, false) {
            tracing::info!("the audit trail is written again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        file_bytes: 1024 * 1024,
        files: 2,
    };

    #[tokio::test]
    async fn what_was_recorded_is_there_when_the_node_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (auditor, thread) = Auditor::start(dir.path(), LIMITS).unwrap();
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let auditor = auditor.clone();
                tokio::spawn(async move {
                    for _ in 0..1000 {
                        let event = Event::new("tollgate", "Apply");
                        auditor.record(Which::LetIn, event).await;
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        auditor.flush();
        let head = auditor.head(Which::LetIn);
        assert_eq!((head.number, auditor.lost()), (8000, 0));
        drop(auditor);
        thread.join().unwrap();
        let verified = tollgate_audit::verify(dir.path(), Some(head)).unwrap();
        assert_eq!(verified.unwrap().head, head);
    }

    #[tokio::test]
    async fn refused_calls_push_nothing_out_that_was_let_in() {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits {
            file_bytes: 64 * 1024,
            files: 4,
        };
        let (auditor, _thread) = Auditor::start(dir.path(), limits).unwrap();
        let call = Event::new("tollgate", "Apply");
        auditor.record(Which::LetIn, call).await;
        for _ in 0..2000 {
            let refused = Event::new("tollgate", "Unknown").refused("AccessDenied", "no");
            auditor.record(Which::Refused, refused).await;
        }
        auditor.flush();
        let counts = BOTH.map(|which| auditor.head(which).number);
        assert_eq!(counts, [1, 2000]);
        let oldest = |which| {
            let verified = tollgate_audit::verify(auditor.dir(which), None).unwrap();
            verified.unwrap().first
        };
        assert_eq!(oldest(Which::LetIn), 1);
        assert!(oldest(Which::Refused) > 1, "their own bound holds");
    }
}
