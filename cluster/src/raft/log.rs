//! The log as openraft wants it: the tail in memory, everything on disk.

use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{LogState, RaftLogReader, StorageIOError};
use tokio::sync::watch;
use tollgate_state::NodeId;
use tollgate_store::{Change, Error, Loaded};

use super::disk::{Committed, Disk, Done, Job, lock};
use super::keeper::Entries;
use super::machine::Saved;
use super::tail::Tail;
use super::wire::{self, MarkV1, VoteV1};
use super::{Entry, LogId, StorageError, Types, Vote};

/// Bytes of one read: what a single append to a follower may weigh, unless one entry alone is
/// heavier.
pub(crate) const READ_BYTES_MAX: usize = 1024 * 1024;

/// The log of this node. Cloning gives another handle.
#[derive(Clone)]
pub(crate) struct LogStore {
    // Dropped before the way to the disk: the disk's thread says that nothing is open any more when
    // the last way to it is gone, and the reader holds the file too.
    reader: Entries,
    disk: Disk,
    shared: Arc<Shared>,
}

struct Shared {
    tail: Mutex<Tail>,
    vote: Mutex<Option<Vote>>,
    /// Known to be agreed on, in this life or as it was at the start.
    agreed: Mutex<Option<LogId>>,
    committed: Committed,
    saved: watch::Receiver<Saved>,
    /// A purge that waits for the snapshot that holds its entries: up to which, and what to do.
    purge: Mutex<Option<(u64, Change)>>,
    /// Bytes appended since the last snapshot, and entries.
    bytes: AtomicU64,
    entries: AtomicU64,
}

/// What was appended since the last snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) bytes: u64,
    pub(crate) entries: u64,
}

impl LogStore {
    /// The log that a store held.
    pub(crate) fn new(
        disk: Disk,
        reader: Entries,
        committed: Committed,
        saved: watch::Receiver<Saved>,
        loaded: &Loaded,
    ) -> Result<Self, String> {
        let mut tail = Tail::default();
        if let Some((index, mark)) = &loaded.purged {
            let mark = MarkV1::open(mark).map_err(|error| format!("mark {index}: {error}"))?;
            tail.purged = Some(mark.id.into());
            tail.last = tail.purged;
        }
        let mut bytes = 0;
        let after = loaded.snapshot.as_ref().map_or(0, |it| it.index() + 1);
        let end = loaded.log.end;
        // What the snapshot holds stays on disk; the last entry is read in any case, for its id.
        let mut from = after.min(end.saturating_sub(1)).max(loaded.log.start);
        while from < end {
            let records = reader.entries(from, end, READ_BYTES_MAX);
            for (index, record) in records.map_err(|error| error.to_string())? {
                let entry = wire::entry_from_bytes(&record)
                    .map_err(|error| format!("entry {index}: {error}"))?;
                let found = entry.log_id.index;
                if index != from || found != index {
                    return Err(format!(
                        "entry {from} is missing: {index} says it is {found}"
                    ));
                }
                if index >= after {
                    bytes += record.len() as u64;
                }
                tail.push(record.len(), entry);
                from += 1;
            }
            // They are read again, piece by piece, when they are applied.
            tail.shrink(end);
        }
        let vote = loaded.vote.as_deref().map(VoteV1::open).transpose();
        let vote = vote.map_err(|error| format!("the vote: {error}"))?;
        let agreed = loaded.committed.as_deref().map(MarkV1::open).transpose();
        let agreed = agreed.map_err(|error| format!("the mark of what is agreed: {error}"))?;
        let entries = end.saturating_sub(after.max(loaded.log.start));
        Ok(Self {
            disk,
            reader,
            shared: Arc::new(Shared {
                tail: Mutex::new(tail),
                vote: Mutex::new(vote.map(VoteV1::kept)),
                agreed: Mutex::new(agreed.map(|mark| mark.id.into())),
                committed,
                saved,
                purge: Mutex::new(None),
                bytes: AtomicU64::new(bytes),
                entries: AtomicU64::new(entries),
            }),
        })
    }

    /// How much was appended since the last snapshot.
    pub(crate) fn growth(&self) -> Growth {
        Growth {
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            entries: self.shared.entries.load(Ordering::Relaxed),
        }
    }

    /// Lets entries that were applied leave memory, down to what is kept for followers.
    pub(crate) fn shrink(&self, applied: u64) {
        lock(&self.shared.tail).shrink(applied);
    }

    /// A snapshot was taken: counting begins anew.
    pub(crate) fn reset_growth(&self) {
        self.shared.bytes.store(0, Ordering::Relaxed);
        self.shared.entries.store(0, Ordering::Relaxed);
    }

    /// The first of the newest entries before `end` that together have at most `bytes_max` bytes.
    pub(crate) fn first_within(&self, end: u64, bytes_max: u64) -> Result<u64, Error> {
        self.reader.first_within(end, bytes_max)
    }

    /// Carries out a purge that waited, if what it removes is in a snapshot on disk by now.
    pub(crate) fn purge_what_is_saved(&self) {
        let saved = self.shared.saved.borrow().index;
        let mut purge = lock(&self.shared.purge);
        if let Some((_, change)) = purge.take_if(|(upto, _)| *upto <= saved) {
            // Nobody waits for the disk: jobs are done in order.
            self.disk.send(Job {
                change,
                done: Done::Nobody,
            });
        }
    }

    /// What follows a purge must not be on disk, let alone acknowledged, before the snapshot that
    /// the purge waits for: a crash between would leave a gap.
    async fn follow_purge(&self) -> Result<(), StorageError> {
        let Some(upto) = lock(&self.shared.purge).as_ref().map(|(upto, _)| *upto) else {
            return Ok(());
        };
        let mut saved = self.shared.saved.clone();
        let ready = saved.wait_for(|saved| saved.failed || saved.index >= upto);
        let failed = ready.await.map_or(true, |saved| saved.failed);
        if failed {
            let error = std::io::Error::other("the snapshot was not written");
            return Err(StorageIOError::write_logs(&error).into());
        }
        self.purge_what_is_saved();
        Ok(())
    }

    fn read(&self, from: u64, to: u64) -> Result<Vec<Entry>, StorageError> {
        if let Some(entries) = lock(&self.shared.tail).range(from, to, READ_BYTES_MAX) {
            return Ok(entries);
        }
        let records = self.reader.entries(from, to, READ_BYTES_MAX);
        let records = records.map_err(|error| read_error(&error))?;
        let decode = |(index, record): &(u64, Vec<u8>)| {
            wire::entry_from_bytes(record).map_err(|error| {
                let error = std::io::Error::other(error.to_string());
                StorageError::from(StorageIOError::read_log_at_index(*index, &error))
            })
        };
        records.iter().map(decode).collect()
    }

    /// Appends as a follower or leader does, whoever waits for the flush.
    fn append_entries(
        &self,
        entries: impl IntoIterator<Item = Entry>,
        done: Done,
    ) -> Result<(), StorageError> {
        let mut records = Vec::new();
        let mut first = None;
        let mut tail = lock(&self.shared.tail);
        for entry in entries {
            let record = wire::entry_to_bytes(&entry).map_err(|error| {
                let error = std::io::Error::other(error.to_string());
                StorageIOError::write_log_entry(entry.log_id, &error)
            })?;
            first.get_or_insert(entry.log_id.index);
            self.shared
                .bytes
                .fetch_add(record.len() as u64, Ordering::Relaxed);
            self.shared.entries.fetch_add(1, Ordering::Relaxed);
            tail.push(record.len(), entry);
            records.push(record);
        }
        drop(tail);
        let change = Change::Append {
            first: first.unwrap_or(0),
            records,
        };
        self.disk.send(Job { change, done });
        Ok(())
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> Result<Vec<Entry>, StorageError> {
        // Every entry of the range is asked for here: the limit of bytes does not apply.
        let (mut from, to) = bounds(&range);
        let mut all = Vec::new();
        while from < to {
            let some = self.read(from, to)?;
            let Some(last) = some.last() else { break };
            from = last.log_id.index + 1;
            all.extend(some);
        }
        Ok(all)
    }

    async fn limited_get_log_entries(
        &mut self,
        start: u64,
        end: u64,
    ) -> Result<Vec<Entry>, StorageError> {
        self.read(start, end)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, StorageError> {
        let tail = lock(&self.shared.tail);
        Ok(LogState {
            last_purged_log_id: tail.purged,
            last_log_id: tail.last,
        })
    }

    async fn get_log_reader(&mut self) -> Self::LogReader {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        let bytes = VoteV1::from(*vote).seal().map_err(|error| {
            let error = std::io::Error::other(error.to_string());
            StorageIOError::write_vote(&error)
        })?;
        let written = self.disk.write(Change::Vote(bytes)).await;
        written.map_err(|error| StorageIOError::write_vote(&error))?;
        *lock(&self.shared.vote) = Some(*vote);
        Ok(())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        Ok(*lock(&self.shared.vote))
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let Some(id) = committed else { return Ok(()) };
        *lock(&self.shared.agreed) = Some(id);
        let mark = MarkV1 { id: id.into() }.seal().ok();
        *lock(&self.shared.committed) = mark;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(*lock(&self.shared.agreed))
    }

    async fn append<I>(
        &mut self,
        entries: I,
        flushed: LogFlushed<Types>,
    ) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        self.follow_purge().await?;
        self.append_entries(entries, Done::Entries(flushed))
    }

    async fn truncate(&mut self, from: LogId) -> Result<(), StorageError> {
        self.follow_purge().await?;
        let before = match from.index.checked_sub(1) {
            None => None,
            Some(before) => {
                let purged = lock(&self.shared.tail).purged;
                match purged {
                    Some(purged) if purged.index == before => Some(purged),
                    _ => self.read(before, from.index)?.first().map(|it| it.log_id),
                }
            }
        };
        lock(&self.shared.tail).truncate(from.index, before);
        let written = self.disk.write(Change::Truncate { from: from.index });
        written
            .await
            .map_err(|error| StorageIOError::write_logs(&error).into())
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), StorageError> {
        let mark = MarkV1 { id: upto.into() }.seal().map_err(|error| {
            let error = std::io::Error::other(error.to_string());
            StorageIOError::write_logs(&error)
        })?;
        lock(&self.shared.tail).purge(upto);
        let change = Change::Purge {
            upto: upto.index,
            mark,
        };
        *lock(&self.shared.purge) = Some((upto.index, change));
        // openraft asks for this while a snapshot that it received is still being installed: what
        // the snapshot replaces must be on disk until the snapshot is. Consensus does not wait for
        // that, because it could answer no heartbeat meanwhile.
        self.purge_what_is_saved();
        Ok(())
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(from) => from + 1,
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(to) => to.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

fn read_error(error: &Error) -> StorageError {
    let error = std::io::Error::other(error.to_string());
    StorageIOError::<NodeId>::read_logs(&error).into()
}
