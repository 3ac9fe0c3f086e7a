//! Snapshot files: written beside, flushed, renamed; a file is whole or not there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::Error;

const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".tgs";

/// Writes a file so that a crash leaves the old one or the new one, never a part.
pub(crate) fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let io = |operation, source| Error::Io {
        operation,
        path: path.to_owned(),
        source,
    };
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside).map_err(|source| io("create", source))?;
    file.write_all(bytes)
        .map_err(|source| io("write", source))?;
    file.sync_all().map_err(|source| io("flush", source))?;
    std::fs::rename(&beside, path).map_err(|source| io("rename", source))?;
    if let Some(dir) = path.parent() {
        let dir = File::open(dir).map_err(|source| io("open the directory of", source))?;
        dir.sync_all()
            .map_err(|source| io("flush the directory of", source))?;
    }
    Ok(())
}

pub(crate) fn path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{index:020}{SUFFIX}"))
}

/// The snapshot files of a directory with their indexes, oldest first.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let io = |source| Error::Io {
        operation: "list",
        path: dir.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let index = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX))
            .and_then(|index| index.parse().ok());
        if let Some(index) = index {
            found.push((index, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}
