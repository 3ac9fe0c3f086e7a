//! The files of a trail: `audit-NUMBER.jsonl`, named by their first line's number.

use std::fs;
use std::io::{BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::limits::LINE_BYTES_MAX;

const PREFIX: &str = "audit-";
const SUFFIX: &str = ".jsonl";
/// Bytes of a line beside its event.
const FRAME_BYTES: usize = 512;

/// The file whose first line has this number.
pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
    // Twenty digits, so that names sort as numbers do.
    dir.join(format!("{PREFIX}{number:020}{SUFFIX}"))
}

/// The files of a directory with the number of their first line, oldest first.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let path = entry.map_err(Error::io("list", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|it| it.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        if let Some(number) = number.and_then(|it| it.parse().ok()) {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Calls `look` with the number (from 1) and the bytes of each line of a file, without line feed,
/// until it says no; a last line without line feed is not looked at. Returns the bytes of whole lines.
pub(crate) fn lines(path: &Path, look: impl FnMut(usize, &[u8]) -> bool) -> Result<u64, Error> {
    lines_from(path, 0, look)
}

/// [`lines`] of those that begin at a byte or behind it, which is the first of a line.
pub(crate) fn lines_from(
    path: &Path,
    from: u64,
    mut look: impl FnMut(usize, &[u8]) -> bool,
) -> Result<u64, Error> {
    let mut file = fs::File::open(path).map_err(Error::io("open", path))?;
    file.seek(SeekFrom::Start(from))
        .map_err(Error::io("read", path))?;
    let mut reader = BufReader::new(file);
    let (mut line, mut number, mut whole) = (Vec::new(), 0, 0);
    let most = (LINE_BYTES_MAX + FRAME_BYTES) as u64;
    loop {
        line.clear();
        let mut bounded = reader.by_ref().take(most);
        let read = bounded
            .read_until(b'\n', &mut line)
            .map_err(Error::io("read", path))?;
        if line.last() != Some(&b'\n') {
            return Ok(whole);
        }
        number += 1;
        whole += read as u64;
        if !look(number, &line[..read - 1]) {
            return Ok(whole);
        }
    }
}
