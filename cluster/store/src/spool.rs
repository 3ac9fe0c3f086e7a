//! Bytes that come in piece by piece and are too many for memory.
//!
//! They go to a file without a name beside the log: it is gone when nobody has it open any more,
//! whatever ends the process.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Error;
use crate::snapshot_file::{OWNER_ONLY, io_error};

/// What a crash may leave behind, empty, until the next one is made.
const NAME: &str = "incoming.tmp";

/// A file that has no name. Cloning gives another handle.
#[derive(Debug, Clone)]
pub struct Spool(OpenFile);

impl Spool {
    /// Makes one in a directory. Whoever calls this for the same directory takes turns.
    pub(crate) fn make(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(NAME);
        let io = |operation| io_error(operation, &path);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let file = options.mode(OWNER_ONLY).open(&path);
        let file = Arc::new(file.map_err(io("create"))?);
        std::fs::remove_file(&path).map_err(io("take the name of"))?;
        let bytes = 0;
        Ok(Self(OpenFile { bytes, file, path }))
    }

    /// Writes a piece at a place; pieces may come in any order, and again.
    ///
    /// # Errors
    /// [`Error::Io`]: the disk is full, or broken.
    pub fn write_at(&self, at: u64, piece: &[u8]) -> Result<(), Error> {
        let written = self.0.file.write_all_at(piece, at);
        written.map_err(io_error("write", &self.0.path))
    }

    /// The file, once so many bytes of it are written.
    #[must_use]
    pub fn written(&self, bytes: u64) -> OpenFile {
        let mut file = self.0.clone();
        file.bytes = bytes;
        file
    }

    /// Whether nobody else has it open.
    #[must_use]
    pub fn is_unshared(&self) -> bool {
        Arc::strong_count(&self.0.file) == 1
    }
}

/// A file that is open to be read piece by piece, also after it was removed. Cloning gives another
/// handle.
#[derive(Debug, Clone)]
pub struct OpenFile {
    bytes: u64,
    file: Arc<File>,
    path: PathBuf,
}

impl OpenFile {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let open = || -> std::io::Result<(File, u64)> {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            Ok((file, bytes))
        };
        let (file, bytes) = open().map_err(io_error("open", path))?;
        Ok(Self {
            bytes,
            file: Arc::new(file),
            path: path.to_owned(),
        })
    }

    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills `piece` with what stands `at` so many bytes from its beginning.
    ///
    /// # Errors
    /// [`Error::Io`], also when it ends before.
    pub fn read_at(&self, at: u64, piece: &mut [u8]) -> Result<(), Error> {
        let read = self.file.read_exact_at(piece, at);
        read.map_err(io_error("read", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_and_nothing_is_left_of_them() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (
            Spool::make(dir.path()).unwrap(),
            Spool::make(dir.path()).unwrap(),
        );
        one.write_at(4, b"bytes").unwrap();
        other.write_at(0, b"others").unwrap();
        one.write_at(0, b"some").unwrap();
        one.write_at(4, b"bytes").unwrap();
        assert!(one.is_unshared());
        let whole = one.written(9);
        assert!(!one.is_unshared());
        let mut read = [0; 9];
        whole.read_at(0, &mut read).unwrap();
        assert_eq!((&read, whole.bytes()), (b"somebytes", 9));
        assert!(matches!(whole.read_at(1, &mut read), Err(Error::Io { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
