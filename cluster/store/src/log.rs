//! The log of entries in redb: one file, one writer, one flush per commit.
//!
//! redb and not a log of our own: its format is promised to stay, it is fuzzed, and about 200
//! commits a second are far below where a B-tree's extra pages matter.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageError, TableDefinition,
};

use crate::Error;

const FILE: &str = "raft.redb";
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// The life of the node that runs now, counted up by every start.
const INCARNATION: &str = "incarnation";
/// The last entry that is in a snapshot and not in the log any more: its index, then the bytes
/// that name it.
const PURGED: &str = "purged";
/// What this node voted for.
const VOTE: &str = "vote";
/// The last entry that is known to be agreed on. Written along with other changes only: losing it
/// costs a moment at the next start, never an entry.
const COMMITTED: &str = "committed";
/// Memory that redb may keep pages in. The log is written and read only at a start, so more of it
/// would hold pages that nobody asks for again: 2 MiB of resident memory at 5,000 routes.
const CACHE_BYTES: usize = 256 * 1024;

/// A change of the log, made durable together with its neighbours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds entries, the first with this index, the others right after it.
    Append {
        /// The first one's index.
        first: u64,
        /// Their bytes.
        records: Vec<Vec<u8>>,
    },
    /// Removes the entries from this index on: another leader's log goes on differently.
    Truncate {
        /// The first one to remove.
        from: u64,
    },
    /// Removes the entries up to this index, which a snapshot holds.
    Purge {
        /// The last one to remove.
        upto: u64,
        /// The bytes that name it.
        mark: Vec<u8>,
    },
    /// Remembers a vote.
    Vote(Vec<u8>),
}

pub(crate) struct Log {
    database: Arc<Database>,
    path: PathBuf,
}

/// Reads entries beside the writer.
#[derive(Clone)]
pub struct Reader {
    database: Arc<Database>,
    path: PathBuf,
}

impl Reader {
    /// The entries from `from` up to but without `to`, at least one if there is one, and then as
    /// many as stay within `bytes_max`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the file contradicts itself.
    pub fn entries(
        &self,
        from: u64,
        to: u64,
        bytes_max: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        guarded(&self.path, || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(LOG)?;
            let mut entries: Vec<(u64, Vec<u8>)> = Vec::new();
            let mut sum = 0_usize;
            for row in table.range(from..to)? {
                let (index, bytes) = row?;
                sum = sum.saturating_add(bytes.value().len());
                if !entries.is_empty() && sum > bytes_max {
                    break;
                }
                entries.push((index.value(), bytes.value().to_vec()));
            }
            Ok(entries)
        })?
        .map_err(|error| corrupt(&self.path, &error))
    }
}

impl Reader {
    /// The first of the newest entries before `end` that together have at most `bytes_max` bytes;
    /// `end` when not even one has.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the file contradicts itself.
    pub fn first_within(&self, end: u64, bytes_max: u64) -> Result<u64, Error> {
        guarded(&self.path, || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(LOG)?;
            let (mut first, mut sum) = (end, 0_u64);
            for row in table.range(..end)?.rev() {
                let (index, bytes) = row?;
                sum = sum.saturating_add(bytes.value().len() as u64);
                if sum > bytes_max {
                    break;
                }
                first = index.value();
            }
            Ok(first)
        })?
        .map_err(|error| corrupt(&self.path, &error))
    }
}

impl Log {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, |builder| builder.create(dir.join(FILE)))
    }

    /// Opens the log where `create` finds it: tests have disks that fail.
    pub(crate) fn open_with(
        dir: &Path,
        create: impl FnOnce(&Builder) -> Result<Database, DatabaseError>,
    ) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let opened = guarded(&path, || {
            let mut builder = Database::builder();
            builder.set_cache_size(CACHE_BYTES);
            // A wrong bit is noticed here and not when a page is read, where redb may panic.
            builder.set_check_integrity_on_open(true);
            create(&builder)
        })?;
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
                Error::InUse {
                    path: dir.to_owned(),
                }
            }
            DatabaseError::Storage(StorageError::Io(source))
                if source.kind() != std::io::ErrorKind::InvalidData
                    && source.kind() != std::io::ErrorKind::UnexpectedEof =>
            {
                Error::Io {
                    operation: "open",
                    path: path.clone(),
                    source,
                }
            }
            other => corrupt(&path, &other),
        })?;
        let log = Self {
            database: Arc::new(database),
            path,
        };
        log.transact(|transaction| {
            transaction.open_table(LOG)?;
            transaction.open_table(META)?;
            Ok(())
        })?;
        Ok(log)
    }

    /// Removes a file that redb did not finish making: it writes the first bytes last, and nothing
    /// was ever committed to a file without them.
    pub(crate) fn discard_unfinished(dir: &Path) -> Result<(), Error> {
        let path = dir.join(FILE);
        let mut first = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(8).read_to_end(&mut first));
        let discarded = match read {
            Ok(_) if first.iter().all(|byte| *byte == 0) => std::fs::remove_file(&path),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        };
        discarded.map_err(|source| Error::Io {
            operation: "begin anew with",
            path,
            source,
        })
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader {
            database: Arc::clone(&self.database),
            path: self.path.clone(),
        }
    }

    /// The last life that began, 0 when none did.
    pub(crate) fn incarnation(&self) -> Result<u64, Error> {
        Ok(self
            .meta(INCARNATION)?
            .and_then(|bytes| number(&bytes))
            .unwrap_or(0))
    }

    /// The indexes of the entries.
    pub(crate) fn extent(&self) -> Result<Range<u64>, Error> {
        let path = &self.path;
        let (extent, count) = guarded(path, || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(LOG)?;
            let first = table.first()?.map_or(0, |(index, _)| index.value());
            let end = table.last()?.map_or(0, |(index, _)| index.value() + 1);
            Ok((first..end, table.len()?))
        })?
        .map_err(|error| corrupt(path, &error))?;
        if extent.end - extent.start == count {
            Ok(extent)
        } else {
            Err(corrupt(path, &"entries are missing"))
        }
    }

    /// The last purged entry's index and the bytes that name it.
    pub(crate) fn purged(&self) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let Some(bytes) = self.meta(PURGED)? else {
            return Ok(None);
        };
        let split = bytes.split_at_checked(8);
        let read = split.and_then(|(index, mark)| Some((number(index)?, mark.to_vec())));
        read.map(Some)
            .ok_or_else(|| corrupt(&self.path, &"a mark is cut short"))
    }

    pub(crate) fn vote(&self) -> Result<Option<Vec<u8>>, Error> {
        self.meta(VOTE)
    }

    pub(crate) fn committed(&self) -> Result<Option<Vec<u8>>, Error> {
        self.meta(COMMITTED)
    }

    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = &self.path;
        guarded(path, || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(META)?;
            Ok(table.get(name)?.map(|value| value.value().to_vec()))
        })?
        .map_err(|error| corrupt(path, &error))
    }

    /// Begins a new life and returns its number.
    pub(crate) fn next_incarnation(&self) -> Result<u32, Error> {
        let next = self.incarnation()? + 1;
        self.transact(|transaction| {
            let mut meta = transaction.open_table(META)?;
            meta.insert(INCARNATION, next.to_le_bytes().as_slice())?;
            Ok(())
        })?;
        u32::try_from(next).map_err(|_| Error::Failed("too many starts".into()))
    }

    /// Carries changes out in order; all of them are on disk when this returns.
    pub(crate) fn commit(&self, changes: &[Change], committed: Option<&[u8]>) -> Result<(), Error> {
        self.transact(|transaction| {
            let mut log = transaction.open_table(LOG)?;
            let mut meta = transaction.open_table(META)?;
            for change in changes {
                match change {
                    Change::Append { first, records } => {
                        for (index, bytes) in (*first..).zip(records) {
                            log.insert(index, bytes.as_slice())?;
                        }
                    }
                    Change::Truncate { from } => log.retain_in(*from.., |_, _| false)?,
                    Change::Purge { upto, mark } => {
                        let mut value = upto.to_le_bytes().to_vec();
                        value.extend_from_slice(mark);
                        meta.insert(PURGED, value.as_slice())?;
                        log.retain_in(..=*upto, |_, _| false)?;
                    }
                    Change::Vote(bytes) => {
                        meta.insert(VOTE, bytes.as_slice())?;
                    }
                }
            }
            if let Some(committed) = committed {
                meta.insert(COMMITTED, committed)?;
            }
            Ok(())
        })
    }

    /// A failed commit is final: after a failed flush nobody knows what is on disk.
    fn transact(
        &self,
        write: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), Error> {
        let transact = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            write(&transaction)?;
            transaction.commit()?;
            Ok(())
        };
        transact().map_err(|error| Error::Failed(error.to_string()))
    }
}

fn corrupt(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::Corrupt {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// redb asserts what it finds on disk; on damaged files an assertion is an answer, not a crash.
fn guarded<T>(path: &Path, read: impl FnOnce() -> T) -> Result<T, Error> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .map_err(|_| corrupt(path, &"its structure contradicts itself"))
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
