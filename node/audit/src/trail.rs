//! Writing.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::chain::{Head, Line};
use crate::{Error, Event, files};

/// How much a trail keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file before the next one is begun.
    pub file_bytes: u64,
    /// Files that are kept, at least 1; the oldest is removed when another one is begun.
    pub files: usize,
}

/// The files of one node, open for appending. Only one trail may be open on a directory.
#[derive(Debug)]
pub struct Trail {
    dir: PathBuf,
    limits: Limits,
    head: Head,
    path: PathBuf,
    file: File,
    bytes: u64,
    unsynced: bool,
    buffer: Vec<u8>,
}

impl Trail {
    /// Opens the trail of a directory, which is made when it is not there. What a crash left of a
    /// line is cut off; the chain goes on behind the last whole line, whatever it says.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(dir: &Path, limits: Limits) -> Result<Self, Error> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(dir).map_err(Error::io("make", dir))?;
        let (mut head, mut whole) = (Head::default(), 0);
        let mut path = files::path(dir, 1);
        // A newest file may be empty: then the one before it has the last line.
        for (first, newest) in files::list(dir)?.into_iter().rev() {
            let (last, bytes) = last_line(&newest)?;
            if head == Head::default() && whole == 0 {
                (path, whole) = (newest, bytes);
            }
            if let Some(last) = last {
                head = last;
                break;
            }
            head.number = first.saturating_sub(1);
        }
        let file = append_to(&path)?;
        let length = file.metadata().map_err(Error::io("look at", &path))?.len();
        if length > whole {
            file.set_len(whole).map_err(Error::io("cut", &path))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            limits,
            head,
            path,
            file,
            bytes: whole,
            unsynced: false,
            buffer: Vec::new(),
        })
    }

    /// Where the chain ends.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Writes events, in order; those that cannot be lines are left out and counted.
    ///
    /// # Errors
    /// [`Error::Io`]: none of them is written for certain, and the chain goes on as if none were.
    pub fn append(&mut self, events: &[Event]) -> Result<usize, Error> {
        if self.bytes >= self.limits.file_bytes {
            self.begin_next()?;
        }
        let before = self.head;
        let mut refused = 0;
        self.buffer.clear();
        for event in events {
            refused += usize::from(self.head.write(event, &mut self.buffer).is_err());
        }
        if let Err(error) = self.file.write_all(&self.buffer) {
            self.head = before;
            // What came to the file of it would be a line that the next one does not follow.
            drop(self.file.set_len(self.bytes));
            return Err(Error::io("append to", &self.path)(error));
        }
        self.bytes += self.buffer.len() as u64;
        self.unsynced |= !self.buffer.is_empty();
        Ok(refused)
    }

    /// Sees to it that what was appended survives the machine.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.unsynced {
            self.file
                .sync_data()
                .map_err(Error::io("flush", &self.path))?;
            self.unsynced = false;
        }
        Ok(())
    }

    fn begin_next(&mut self) -> Result<(), Error> {
        self.sync()?;
        let path = files::path(&self.dir, self.head.number + 1);
        self.file = append_to(&path)?;
        self.path = path;
        self.bytes = 0;
        let all = files::list(&self.dir)?;
        let surplus = all.len().saturating_sub(self.limits.files.max(1));
        for (_, oldest) in all.into_iter().take(surplus) {
            std::fs::remove_file(&oldest).map_err(Error::io("remove", &oldest))?;
        }
        Ok(())
    }
}

fn append_to(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600);
    options.open(path).map_err(Error::io("open", path))
}

/// What the last whole line claims to be, and the bytes of whole lines.
fn last_line(path: &Path) -> Result<(Option<Head>, u64), Error> {
    let mut last = Vec::new();
    let whole = files::lines(path, |_, bytes| {
        last.clear();
        last.extend_from_slice(bytes);
        true
    })?;
    let line = serde_json::from_slice::<Line<'_>>(&last).ok();
    let head = line
        .and_then(|line| Head::claimed(&line))
        .map(|(_, this)| this);
    Ok((head, whole))
}
