//! Reading a trail as it grows, oldest first, from where the last reader ended.
//!
//! What is sent elsewhere is read from the files and not kept in memory: however long the other side
//! is away, a batch is all that is held, and a restart goes on behind what was taken.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::chain::Line;
use crate::{Error, files};

/// The file in a trail's directory that tells how far it was taken.
const CURSOR: &str = "sent";

/// A line that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// Its number.
    pub number: u64,
    /// Its hash in hexadecimal: no other line of any trail has it.
    pub hash: String,
    /// Its event, as it stands in the file: one JSON object.
    pub event: String,
}

/// What was read at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The lines, in order.
    pub lines: Vec<Followed>,
    /// Lines that were gone before they were read: removed for their age, lost or unreadable.
    pub missed: u64,
}

/// Where a reader of a trail is.
#[derive(Debug)]
pub struct Follower {
    dir: PathBuf,
    /// The number of the next line.
    next: u64,
    /// The file that it is expected in, and from which byte on.
    place: Option<(PathBuf, u64)>,
}

impl Follower {
    /// Goes on behind the line that was kept as the last one taken. Such a line that the trail never
    /// had, because its files are others now, is none: everything that is there is read again.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn resume(dir: &Path, head: u64) -> Result<Self, Error> {
        let path = dir.join(CURSOR);
        let taken = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        Ok(Self {
            dir: dir.to_owned(),
            next: if taken > head { 1 } else { taken + 1 },
            place: None,
        })
    }

    /// The number of the last line that was read.
    #[must_use]
    pub fn read_to(&self) -> u64 {
        self.next - 1
    }

    /// Keeps that every line that was read was taken.
    ///
    /// # Errors
    /// [`Error::Io`]: a restart reads some of them again.
    pub fn taken(&self) -> Result<(), Error> {
        let (path, new) = (self.dir.join(CURSOR), self.dir.join("sent.new"));
        let write = || -> std::io::Result<()> {
            let mut file = fs::File::create(&new)?;
            writeln!(file, "{}", self.read_to())?;
            file.sync_data()?;
            fs::rename(&new, &path)
        };
        write().map_err(Error::io("write", &path))
    }

    /// Reads on, up to the line `until`: at most `lines_max` lines, and no further one when they have
    /// `bytes_max` bytes.
    ///
    /// # Errors
    /// [`Error::Io`]; nothing counts as read then.
    pub fn read(&mut self, until: u64, lines_max: usize, bytes_max: usize) -> Result<Batch, Error> {
        let before = self.next;
        let read = self.read_on(until, lines_max, bytes_max);
        if read.is_err() {
            (self.next, self.place) = (before, None);
        }
        read
    }

    fn read_on(&mut self, until: u64, lines_max: usize, bytes_max: usize) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while self.next <= until && batch.lines.len() < lines_max && bytes < bytes_max {
            let Some((path, from)) = self.place(&mut batch.missed)? else {
                break;
            };
            let next = &mut self.next;
            let read = files::lines_from(&path, from, |_, line| {
                let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
                    return true;
                };
                if line.number >= *next && line.number <= until {
                    batch.missed += line.number - *next;
                    *next = line.number + 1;
                    bytes += line.event.get().len();
                    batch.lines.push(Followed {
                        number: line.number,
                        hash: line.hash,
                        event: line.event.get().to_owned(),
                    });
                }
                *next <= until && batch.lines.len() < lines_max && bytes < bytes_max
            });
            let read = read?;
            self.place = Some((path, from + read));
            if read == 0 && !self.skip_to_newer(until, &mut batch.missed)? {
                // What is left is not written yet, or not whole.
                break;
            }
        }
        Ok(batch)
    }

    /// Goes to the next file when the trail went on there without the lines that are looked for: a
    /// file was lost, or its end cannot be read. Whether there is such a file.
    fn skip_to_newer(&mut self, until: u64, missed: &mut u64) -> Result<bool, Error> {
        let all = files::list(&self.dir)?;
        let newer = all.iter().find(|(first, _)| *first > self.next);
        let Some((first, _)) = newer.filter(|(first, _)| *first <= until) else {
            return Ok(false);
        };
        *missed += first - self.next;
        self.next = *first;
        Ok(true)
    }

    /// The file with the next line. Behind the end of a file it is the one that begins there.
    fn place(&mut self, missed: &mut u64) -> Result<Option<(PathBuf, u64)>, Error> {
        let all = files::list(&self.dir)?;
        let holds = all.iter().rposition(|(first, _)| *first <= self.next);
        let (first, path) = match (holds, all.first()) {
            (Some(at), _) => &all[at],
            (None, Some(oldest)) => {
                *missed += oldest.0 - self.next;
                self.next = oldest.0;
                oldest
            }
            (None, None) => return Ok(None),
        };
        let known = self.place.take().filter(|(known, _)| known == path);
        debug_assert!(*first <= self.next, "{first} {}", self.next);
        Ok(Some(known.unwrap_or_else(|| (path.clone(), 0))))
    }
}
