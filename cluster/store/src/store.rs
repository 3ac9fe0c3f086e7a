//! A data directory: identity, log and snapshots.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::{Change, Log, Reader};
use crate::spool::{OpenFile, Spool};
use crate::{Error, Identity, rewrite, snapshot_file};

/// Snapshots kept: the newest, and one more in case that one is damaged.
const SNAPSHOTS_KEPT: usize = 2;

/// A data directory that this process owns.
pub struct Store {
    dir: PathBuf,
    log: Log,
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
    /// The last vote.
    pub vote: Option<Vec<u8>>,
    /// The last entry known to be agreed on, as it was written.
    pub committed: Option<Vec<u8>>,
    /// The last purged entry: its index and the bytes that name it.
    pub purged: Option<(u64, Vec<u8>)>,
    /// The newest snapshot.
    pub snapshot: Option<SnapshotFile>,
    /// The indexes of the entries of the log, which has no gap. They are read by [`Reader`]: those
    /// that the snapshot holds are there for others, and need not be read at a start.
    pub log: Range<u64>,
}

impl Store {
    /// Opens a directory, making it when it is not there; `first` says who owns a new one.
    ///
    /// # Errors
    /// [`Error`] when another process has it, when anything in it is damaged or newer, or when
    /// the file system refuses.
    pub fn open(dir: &Path, first: impl FnOnce() -> Identity) -> Result<(Self, Loaded), Error> {
        if let Some(rewrite) = rewrite::unfinished(dir)? {
            return Err(Error::Unfinished {
                path: dir.to_owned(),
                command: rewrite.command(),
            });
        }
        Self::open_marked(dir, first)
    }

    /// Opens a directory whether its marker stands or not.
    pub(crate) fn open_marked(
        dir: &Path,
        first: impl FnOnce() -> Identity,
    ) -> Result<(Self, Loaded), Error> {
        Self::open_with(dir, first, || Log::open(dir))
    }

    /// [`Self::open`] with a log that is opened otherwise.
    pub(crate) fn open_with(
        dir: &Path,
        first: impl FnOnce() -> Identity,
        log: impl FnOnce() -> Result<Log, Error>,
    ) -> Result<(Self, Loaded), Error> {
        make_private(dir)?;
        let known = Identity::read(dir)?;
        if known.is_none() {
            Log::discard_unfinished(dir)?;
        }
        let log = log()?;
        // Now that the log is open nobody else writes here.
        snapshot_file::discard_unfinished(dir)?;
        let extent = log.extent()?;
        let snapshots = snapshot_file::list(dir)?;
        let first_start = known.is_none();
        if first_start && !(extent.is_empty() && snapshots.is_empty()) {
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
        let snapshot = snapshots.last().map(SnapshotFile::open).transpose()?;
        check_whole(dir, purged.as_ref(), snapshot.as_ref(), &extent)?;
        let (vote, committed) = (log.vote()?, log.committed()?);
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
        let loaded = Loaded {
            identity,
            first_start,
            incarnation,
            vote,
            committed,
            purged,
            snapshot,
            log: extent,
        };
        let dir = dir.to_owned();
        Ok((Self { dir, log }, loaded))
    }

    /// Carries changes out in order, with one flush; all of them are durable when this returns.
    /// `committed` rides along.
    ///
    /// # Errors
    /// [`Error::Failed`]: the process must end, because nobody knows what is on disk.
    pub fn commit(&mut self, changes: &[Change], committed: Option<&[u8]>) -> Result<(), Error> {
        self.log.commit(changes, committed)
    }

    /// Reads entries beside the writer.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.log.reader()
    }

    /// The snapshots of the directory.
    #[must_use]
    pub fn snapshots(&self) -> Snapshots {
        Snapshots::of(&self.dir)
    }
}

/// The snapshot files of a data directory.
#[derive(Debug, Clone)]
pub struct Snapshots {
    dir: PathBuf,
}

impl Snapshots {
    /// The snapshots of a directory that is there, whoever keeps its log.
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// Writes what is going to be a snapshot that holds everything up to `index`. It is flushed,
    /// but not one before [`Snapshots::keep`].
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; nothing is lost then.
    pub fn write(
        &self,
        index: u64,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<Written, Error> {
        static WRITTEN: AtomicU64 = AtomicU64::new(0);
        let path = snapshot_file::path(&self.dir, index);
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let written = Written {
            beside: snapshot_file::beside(&path, number),
            path,
            index,
        };
        snapshot_file::write_beside(&written.beside, snapshot_file::OWNER_ONLY, write)?;
        Ok(written)
    }

    /// Makes what was written the newest snapshot; older ones are removed.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing is lost then.
    pub fn keep(&self, written: &Written) -> Result<SnapshotFile, Error> {
        snapshot_file::put_in_place(&written.beside, &written.path)?;
        let (index, path) = (written.index, written.path.clone());
        let saved = SnapshotFile::open(&(index, path))?;
        let files = snapshot_file::list(&self.dir)?;
        for (_, path) in files.iter().rev().skip(SNAPSHOTS_KEPT) {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), %error, "an old snapshot stays");
            }
        }
        Ok(saved)
    }

    /// Makes a place for one that is coming in.
    ///
    /// # Errors
    /// [`Error::Io`] when the file system refuses.
    pub fn spool(&self) -> Result<Spool, Error> {
        Spool::make(&self.dir)
    }

    /// The newest one.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be opened.
    pub fn newest(&self) -> Result<Option<SnapshotFile>, Error> {
        let files = snapshot_file::list(&self.dir)?;
        files.last().map(SnapshotFile::open).transpose()
    }
}

/// A snapshot that was written and is not in its place yet; without that it is removed, by the
/// next start where this process is killed.
#[derive(Debug)]
pub struct Written {
    index: u64,
    beside: PathBuf,
    path: PathBuf,
}

impl Drop for Written {
    fn drop(&mut self) {
        // It is not there when it was put in its place.
        std::fs::remove_file(&self.beside).ok();
    }
}

/// A snapshot, open to be read. Cloning gives another handle.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    index: u64,
    file: OpenFile,
}

impl SnapshotFile {
    fn open((index, path): &(u64, PathBuf)) -> Result<Self, Error> {
        Ok(Self {
            index: *index,
            file: OpenFile::open(path)?,
        })
    }

    /// The last entry that it holds.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Its bytes.
    #[must_use]
    pub fn file(&self) -> &OpenFile {
        &self.file
    }
}

/// Snapshot and log together must hold every entry from the first one.
fn check_whole(
    dir: &Path,
    purged: Option<&(u64, Vec<u8>)>,
    snapshot: Option<&SnapshotFile>,
    log: &Range<u64>,
) -> Result<(), Error> {
    let corrupt = |reason: String| Error::Corrupt {
        path: dir.to_owned(),
        reason,
    };
    if let Some((purged, _)) = purged
        && snapshot.is_none_or(|it| it.index < *purged)
    {
        return Err(corrupt(format!("the entries up to {purged} are missing")));
    }
    let first = purged.map_or(0, |(index, _)| index + 1);
    if !log.is_empty() && log.start != first {
        return Err(corrupt(format!("entry {first} is missing")));
    }
    Ok(())
}

/// The log holds API keys and private keys: nobody but the owner may look into the directory.
pub(crate) fn make_private(dir: &Path) -> Result<(), Error> {
    try_make_private(dir).map_err(|source| Error::Io {
        operation: "create",
        path: dir.to_owned(),
        source,
    })
}

fn try_make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if !dir.is_dir() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
    }
    // A directory that holds other things is not ours to close.
    let ours = dir.join("node.json").exists()
        || dir.join("tls").exists()
        || std::fs::read_dir(dir)?.next().is_none();
    let mode = std::fs::metadata(dir)?.permissions().mode();
    if ours && mode & 0o077 != 0 {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode & !0o077))?;
    }
    Ok(())
}
