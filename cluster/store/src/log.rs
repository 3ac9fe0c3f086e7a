//! The log of entries in redb: one file, one writer, one flush per commit.
//!
//! redb and not a log of our own: its format is promised to stay, it is fuzzed, and about 200
//! commits a second are far below where a B-tree's extra pages matter.

use std::path::{Path, PathBuf};

use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, TableDefinition,
};

use crate::Error;

const FILE: &str = "raft.redb";
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// The life of the node that runs now, counted up by every start.
const INCARNATION: &str = "incarnation";
/// The entries before this one are in a snapshot.
const PURGED: &str = "purged";
/// Memory that redb may keep pages in. The log is written and read only at a start, so more of it
/// would hold pages that nobody asks for again: 2 MiB of resident memory at 5,000 routes.
const CACHE_BYTES: usize = 256 * 1024;

pub(crate) struct Log {
    database: Database,
    path: PathBuf,
}

impl Log {
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let opened = guarded(&path, || {
            Database::builder()
                .set_cache_size(CACHE_BYTES)
                .create(&path)
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
        let log = Self { database, path };
        log.commit(|transaction| {
            transaction.open_table(LOG)?;
            transaction.open_table(META)?;
            Ok(())
        })?;
        Ok(log)
    }

    /// Every entry that is not purged, in order and without a gap.
    pub(crate) fn entries(&self) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let path = &self.path;
        guarded(path, || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(LOG)?;
            let mut entries: Vec<(u64, Vec<u8>)> = Vec::new();
            for row in table.iter()? {
                let (index, bytes) = row?;
                entries.push((index.value(), bytes.value().to_vec()));
            }
            Ok(entries)
        })?
        .map_err(|error| corrupt(path, &error))
    }

    pub(crate) fn purged(&self) -> Result<u64, Error> {
        self.meta(PURGED)
    }

    /// The last life that began, 0 when none did.
    pub(crate) fn incarnation(&self) -> Result<u64, Error> {
        self.meta(INCARNATION)
    }

    fn meta(&self, name: &str) -> Result<u64, Error> {
        let path = &self.path;
        guarded(path, || -> Result<_, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(META)?;
            Ok(table.get(name)?.map_or(0, |value| value.value()))
        })?
        .map_err(|error| corrupt(path, &error))
    }

    /// Begins a new life and returns its number.
    pub(crate) fn next_incarnation(&self) -> Result<u32, Error> {
        let next = self.incarnation()? + 1;
        self.commit(|transaction| {
            transaction.open_table(META)?.insert(INCARNATION, next)?;
            Ok(())
        })?;
        u32::try_from(next).map_err(|_| Error::Failed("too many starts".into()))
    }

    /// Appends entries; they are on disk when this returns.
    pub(crate) fn append<'e>(
        &self,
        entries: impl Iterator<Item = (u64, &'e [u8])>,
    ) -> Result<(), Error> {
        self.commit(|transaction| {
            let mut table = transaction.open_table(LOG)?;
            for (index, bytes) in entries {
                table.insert(index, bytes)?;
            }
            Ok(())
        })
    }

    /// Removes the entries up to `index`, which a snapshot holds.
    pub(crate) fn purge(&self, index: u64) -> Result<(), Error> {
        self.commit(|transaction| {
            transaction.open_table(META)?.insert(PURGED, index)?;
            transaction
                .open_table(LOG)?
                .retain(|entry, _| entry > index)?;
            Ok(())
        })
    }

    /// A failed commit is final: after a failed flush nobody knows what is on disk.
    fn commit(
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
