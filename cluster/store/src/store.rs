//! A data directory: identity, log and snapshots.

use std::path::{Path, PathBuf};

use crate::log::Log;
use crate::snapshot_file;
use crate::{Error, Identity};

/// Snapshots kept: the newest, and one more in case that one is damaged.
const SNAPSHOTS_KEPT: usize = 2;

/// A data directory that this process owns.
pub struct Store {
    dir: PathBuf,
    log: Log,
    last: u64,
}

/// What a store held when it was opened.
#[derive(Debug)]
pub struct Loaded {
    /// Who owns the directory.
    pub identity: Identity,
    /// Whether the directory was empty before.
    pub first_start: bool,
    /// The life that begins now.
    pub incarnation: u32,
    /// The newest snapshot: its last entry's index and its bytes.
    pub snapshot: Option<(u64, Vec<u8>)>,
    /// The entries after it, in order and without a gap.
    pub entries: Vec<(u64, Vec<u8>)>,
}

impl Store {
    /// Opens a directory, making it when it is not there; `first` says who owns a new one.
    ///
    /// # Errors
    /// [`Error`] when another process has it, when anything in it is damaged or newer, or when
    /// the file system refuses.
    pub fn open(dir: &Path, first: impl FnOnce() -> Identity) -> Result<(Self, Loaded), Error> {
        make_private(dir).map_err(|source| Error::Io {
            operation: "create",
            path: dir.to_owned(),
            source,
        })?;
        let known = Identity::read(dir)?;
        let log = Log::open(dir)?;
        let entries = log.entries()?;
        let snapshots = snapshot_file::list(dir)?;
        let first_start = known.is_none();
        if first_start && !(entries.is_empty() && snapshots.is_empty()) {
            return Err(Error::Corrupt {
                path: dir.join("node.json"),
                reason: "it is missing, but the directory holds a node's log".into(),
            });
        }
        // The first start counted a life; a log without one was emptied under its identity.
        if !first_start && log.incarnation()? == 0 {
            return Err(Error::Corrupt {
                path: dir.join("raft.redb"),
                reason: "it is empty".into(),
            });
        }
        let purged = log.purged()?;
        let snapshot = snapshots.last().map(read_snapshot).transpose()?;
        let have = snapshot.as_ref().map_or(0, |(index, _)| *index);
        let entries: Vec<_> = entries
            .into_iter()
            .filter(|(index, _)| *index > have)
            .collect();
        let whole = purged <= have
            && entries
                .iter()
                .enumerate()
                .all(|(n, (index, _))| *index == have + 1 + n as u64);
        if !whole {
            return Err(Error::Corrupt {
                path: dir.to_owned(),
                reason: format!("entries after {have} are missing"),
            });
        }
        let last = entries.last().map_or(have, |(index, _)| *index);
        let incarnation = log.next_incarnation()?;
        let identity = match known {
            Some(identity) => identity,
            None => {
                // Written last: a start that was cut short before is a first start again.
                let identity = first();
                identity.write(dir)?;
                identity
            }
        };
        let store = Self {
            dir: dir.to_owned(),
            log,
            last,
        };
        Ok((
            store,
            Loaded {
                identity,
                first_start,
                incarnation,
                snapshot,
                entries,
            },
        ))
    }

    /// The index of the last entry.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Appends entries after the last one, with one flush; they are durable when this returns.
    ///
    /// # Errors
    /// [`Error::Failed`]: the process must end, because nobody knows what is on disk.
    pub fn append(&mut self, entries: &[Vec<u8>]) -> Result<(), Error> {
        let first = self.last + 1;
        self.log
            .append((first..).zip(entries.iter().map(Vec::as_slice)))?;
        self.last += entries.len() as u64;
        Ok(())
    }

    /// Writes a snapshot that holds everything up to `index` and purges the log up to there.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written (nothing is lost then), [`Error::Failed`] when the
    /// log cannot be purged.
    pub fn save_snapshot(&mut self, index: u64, bytes: &[u8]) -> Result<(), Error> {
        snapshot_file::write_durably(&snapshot_file::path(&self.dir, index), bytes)?;
        self.log.purge(index)?;
        let files = snapshot_file::list(&self.dir)?;
        for (_, path) in files.iter().rev().skip(SNAPSHOTS_KEPT) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "an old snapshot stays");
            }
        }
        Ok(())
    }
}

fn read_snapshot((index, path): &(u64, PathBuf)) -> Result<(u64, Vec<u8>), Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io {
        operation: "read",
        path: path.clone(),
        source,
    })?;
    Ok((*index, bytes))
}

/// The log holds API keys and private keys: nobody but the owner may look into the directory.
fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if !dir.is_dir() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
    }
    // A directory that holds other things is not ours to close.
    let ours = dir.join("node.json").exists() || std::fs::read_dir(dir)?.next().is_none();
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if ours && mode & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode & !0o077))?;
    }
    Ok(())
}
