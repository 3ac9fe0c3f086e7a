//! Files that are whole or not there: written beside, flushed, renamed. Snapshots are such files.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::Error;

/// Who may read what a node keeps: its owner. The log and the state hold API keys.
pub(crate) const OWNER_ONLY: u32 = 0o600;

const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".tgs";
/// What a file ends with that is not whole yet.
const UNFINISHED_SUFFIX: &str = ".tmp";

/// The bytes that are gathered before the file is written to.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes a file so that a crash leaves the old one or the new one, never a part, and the new one
/// once this has returned. `mode` says who may read it, as `chmod` has it.
///
/// # Errors
/// [`Error::Io`].
pub fn write_durably(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("tmp");
    write_beside(&beside, mode, |file| file.write_all(bytes))?;
    put_in_place(&beside, path)
}

/// Writes and flushes a file under a name that nobody reads.
pub(crate) fn write_beside(
    path: &Path,
    mode: u32,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Error> {
    let io = |operation| io_error(operation, path);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let file = options.open(path).map_err(io("create"))?;
    // A file that a crash left behind keeps the mode that it had.
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(io("protect"))?;
    let mut buffer = BufWriter::with_capacity(BUFFER_BYTES, file);
    write(&mut buffer).map_err(io("write"))?;
    let file = buffer
        .into_inner()
        .map_err(|error| io("write")(error.into_error()))?;
    file.sync_all().map_err(io("flush"))
}

/// Gives a file that [`write_beside`] wrote its name.
pub(crate) fn put_in_place(beside: &Path, path: &Path) -> Result<(), Error> {
    let io = |operation| io_error(operation, path);
    std::fs::rename(beside, path).map_err(io("rename"))?;
    if let Some(dir) = path.parent() {
        let dir = File::open(dir).map_err(io("open the directory of"))?;
        dir.sync_all().map_err(io("flush the directory of"))?;
    }
    Ok(())
}

pub(crate) fn io_error(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        operation,
        path,
        source,
    }
}

pub(crate) fn path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{index:020}{SUFFIX}"))
}

/// Where the snapshot that is going to be at `path` is written, as this process's `number`th: one
/// may be made here while another one of the same index is received.
pub(crate) fn beside(path: &Path, number: u64) -> PathBuf {
    path.with_extension(format!("{number}{UNFINISHED_SUFFIX}"))
}

/// The snapshot files of a directory with their indexes, oldest first.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let mut found = named(dir, SUFFIX, |index| index.parse::<u64>().ok())?;
    found.sort_unstable();
    Ok(found)
}

/// Removes what a process that was killed had not finished writing: each is as large as the state.
/// Nobody may be writing into the directory. One that cannot be removed stays: it harms nobody but
/// for its size.
pub(crate) fn discard_unfinished(dir: &Path) -> Result<(), Error> {
    for ((), path) in named(dir, UNFINISHED_SUFFIX, |_| Some(()))? {
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "an unfinished snapshot stays");
        }
    }
    Ok(())
}

/// The files of a directory that are named as snapshots are and end so, with what `read` makes of
/// the middle of the name.
fn named<T>(
    dir: &Path,
    suffix: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<(T, PathBuf)>, Error> {
    let io = |source| Error::Io {
        operation: "list",
        path: dir.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let middle = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(suffix));
        if let Some(read) = middle.and_then(&read) {
            found.push((read, entry.path()));
        }
    }
    Ok(found)
}
