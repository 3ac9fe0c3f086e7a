//! A disk that remembers what was done to it, so that a crash at any moment can be gone back to,
//! and that fails where a test wants it to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

/// The least that a disk writes at once.
pub(super) const SECTOR: usize = 512;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Done {
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    Length(usize),
    /// Everything before it is on disk.
    Flush,
    /// A flush that failed: what was not flushed before is lost, also for later flushes.
    Lost,
    /// The script began its step, or was told that it is done.
    Begins(usize),
    Ends(usize),
}

/// What fails, counted from the first: once, and then the disk works again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fails {
    /// A write, a change of the length or a flush.
    Change(usize),
    Read(usize),
}

#[derive(Debug, Default)]
struct Tape {
    now: Vec<u8>,
    done: Vec<Done>,
    fails: Option<Fails>,
    changes: usize,
    reads: usize,
}

/// The disk. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Mutex<Tape>>);

/// Carries something out on a file's bytes.
pub(super) fn carry_out(file: &mut Vec<u8>, done: &Done) {
    match done {
        Done::Write { at, bytes } => {
            let end = at + bytes.len();
            if file.len() < end {
                file.resize(end, 0);
            }
            file[*at..end].copy_from_slice(bytes);
        }
        Done::Length(length) => file.resize(*length, 0),
        Done::Flush | Done::Lost | Done::Begins(_) | Done::Ends(_) => {}
    }
}

impl Disk {
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        disk.tape().now = bytes;
        disk
    }

    pub(super) fn failing(bytes: Vec<u8>, fails: Fails) -> Self {
        let disk = Self::holding(bytes);
        disk.tape().fails = Some(fails);
        disk
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, done: Done) {
        self.tape().done.push(done);
    }

    pub(super) fn done(&self) -> Vec<Done> {
        self.tape().done.clone()
    }

    /// What the file's readers see.
    pub(super) fn now(&self) -> Vec<u8> {
        self.tape().now.clone()
    }

    /// Reads that there were.
    pub(super) fn reads(&self) -> usize {
        self.tape().reads
    }

    /// Changes that there were.
    pub(super) fn changes(&self) -> usize {
        self.tape().changes
    }

    fn change(&self, done: Done) -> io::Result<()> {
        let mut tape = self.tape();
        let number = tape.changes;
        tape.changes += 1;
        if tape.fails == Some(Fails::Change(number)) {
            if done == Done::Flush {
                tape.done.push(Done::Lost);
                return Err(io::Error::other("the flush failed"));
            }
            return Err(io::ErrorKind::StorageFull.into());
        }
        carry_out(&mut tape.now, &done);
        tape.done.push(done);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.tape().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut tape = self.tape();
        let number = tape.reads;
        tape.reads += 1;
        if tape.fails == Some(Fails::Read(number)) {
            return Err(io::Error::other("the read failed"));
        }
        let at = usize::try_from(offset).unwrap();
        let bytes = tape.now.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Done::Length(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(Done::Flush)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Done::Write {
            at: usize::try_from(offset).unwrap(),
            bytes: data.to_vec(),
        })
    }
}
