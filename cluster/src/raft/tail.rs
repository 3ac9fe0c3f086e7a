//! The newest entries in memory, so that applying and replicating read no disk.

use std::collections::VecDeque;

use super::{Entry, LogId};

/// Bytes of entries that stay after they were applied: what a follower that is a moment behind
/// still needs. Entries that are not applied yet stay whatever they weigh. A follower that is
/// further behind is read to from disk.
const TAIL_BYTES_MAX: usize = 1024 * 1024;

/// A run of entries without a gap, up to the last one of the log.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    entries: VecDeque<(usize, Entry)>,
    bytes: usize,
    /// The last entry of the log, also when none is here.
    pub(crate) last: Option<LogId>,
    /// The last entry that was purged.
    pub(crate) purged: Option<LogId>,
}

impl Tail {
    /// Adds the next entry, with its size on disk.
    pub(crate) fn push(&mut self, bytes: usize, entry: Entry) {
        self.last = Some(entry.log_id);
        self.bytes += bytes;
        self.entries.push_back((bytes, entry));
    }

    /// The index of the first entry here.
    pub(crate) fn first(&self) -> Option<u64> {
        self.entries.front().map(|(_, entry)| entry.log_id.index)
    }

    /// The entries of a range that are all here, or `None` when some are on disk only.
    pub(crate) fn range(&self, from: u64, to: u64, bytes_max: usize) -> Option<Vec<Entry>> {
        let first = self.first()?;
        let skip = usize::try_from(from.checked_sub(first)?).ok()?;
        let count = usize::try_from(to.saturating_sub(from)).ok()?;
        let mut sum = 0;
        let found = self.entries.iter().skip(skip).take(count);
        let within = found.take_while(|(bytes, _)| {
            let fits = sum == 0 || sum + bytes <= bytes_max;
            sum += bytes;
            fits
        });
        Some(within.map(|(_, entry)| entry.clone()).collect())
    }

    /// Drops the entries from `index` on; `before` is then the last of the log.
    pub(crate) fn truncate(&mut self, index: u64, before: Option<LogId>) {
        while self
            .entries
            .back()
            .is_some_and(|(_, entry)| entry.log_id.index >= index)
        {
            self.pop_back();
        }
        self.last = before;
    }

    /// Forgets what was purged.
    pub(crate) fn purge(&mut self, upto: LogId) {
        while self.first().is_some_and(|first| first <= upto.index) {
            self.pop_front();
        }
        self.purged = Some(upto);
        if self.last.is_none_or(|last| last.index < upto.index) {
            self.last = Some(upto);
        }
    }

    /// Forgets the oldest entries that are applied, down to the budget.
    pub(crate) fn shrink(&mut self, applied: u64) {
        while self.bytes > TAIL_BYTES_MAX && self.first().is_some_and(|first| first <= applied) {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        if let Some((bytes, _)) = self.entries.pop_front() {
            self.bytes -= bytes;
        }
    }

    fn pop_back(&mut self) {
        if let Some((bytes, _)) = self.entries.pop_back() {
            self.bytes -= bytes;
        }
    }
}
