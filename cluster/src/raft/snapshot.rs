//! Snapshots as files and as bytes on their way to a follower.
//!
//! ```text
//! length of head u32 | head (MetaV1, sealed) | state, as `State::records` made it
//! ```
//!
//! On its way to a follower the leader's vote stands before it, in the same form. A state may be
//! large: it is written, read and sent piece by piece.

use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope};

use bytes::Bytes;
use tollgate_protocol::codec::{self, CodecError, ENVELOPE_BYTES};
use tollgate_protocol::limits::SNAPSHOT_RECORD_BYTES_MAX;
use tollgate_state::{Decoded, Restore, RestoreError, State};
use tollgate_store::{OpenFile, SnapshotFile, Written};

use super::Vote;
use super::preparing::BeingInstalled;
use super::wire::{MetaV1, VoteV1};

/// The largest head: a vote, or who is a member, of at most a thousand nodes.
const HEAD_BYTES_MAX: u32 = 1024 * 1024;
/// Records of a snapshot that one decoder has before it: what is read ahead stays below 4 MiB.
const RECORDS_AHEAD: usize = 4;
/// Threads that decode records, where the machine has so many cores. Putting records together is
/// one thread's work, and more than a few would wait for it.
const DECODERS_MAX: usize = 4;

/// The state part of a snapshot: in memory as it was received, in a file, or ready to be installed.
#[derive(Debug)]
pub(crate) enum Image {
    /// Received, and small.
    Bytes(Bytes),
    /// A file, from this byte on.
    File(OpenFile, u64),
    /// Read, checked and written.
    Ready(Box<Ready>),
}

/// A snapshot of which all that takes long is done.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) state: State,
    pub(crate) written: Written,
    /// There once it was handed over; it is to be dropped last.
    pub(crate) being_installed: Option<BeingInstalled>,
}

impl Default for Image {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl Image {
    /// Its size in bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(file, from) => file.bytes().saturating_sub(*from),
            Self::Ready(_) => 0,
        }
    }

    /// What is behind so many bytes of it.
    fn after(self, bytes: usize) -> Result<Self, ReadError> {
        if bytes as u64 > self.len() {
            return Err(ReadError::CutShort);
        }
        Ok(match self {
            Self::Bytes(all) => Self::Bytes(all.slice(bytes..)),
            Self::File(file, from) => Self::File(file, from + bytes as u64),
            ready @ Self::Ready(_) => ready,
        })
    }

    /// So many bytes from a place on.
    pub(crate) fn piece(&self, at: u64, length: usize) -> Result<Bytes, ReadError> {
        match self {
            Self::Bytes(bytes) => {
                let from = usize::try_from(at).map_err(|_| ReadError::CutShort)?;
                let end = from.checked_add(length).filter(|end| *end <= bytes.len());
                Ok(bytes.slice(from..end.ok_or(ReadError::CutShort)?))
            }
            Self::File(file, from) => {
                if at.saturating_add(length as u64) > self.len() {
                    return Err(ReadError::CutShort);
                }
                let mut piece = vec![0; length];
                file.read_at(from + at, &mut piece)?;
                Ok(piece.into())
            }
            Self::Ready(_) => Err(ReadError::CutShort),
        }
    }
}

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the snapshot is cut short")]
    CutShort,
    #[error("the head cannot be read")]
    Head(#[from] CodecError),
    #[error("the file cannot be read: {0}")]
    Store(#[from] tollgate_store::Error),
    #[error("{0}")]
    State(#[from] RestoreError),
    #[error("no thread could be started")]
    Thread(#[from] std::io::Error),
}

/// Writes a whole snapshot file, record by record.
pub(crate) fn write(file: &mut dyn Write, meta: &MetaV1, state: &State) -> std::io::Result<()> {
    let mut head = Vec::new();
    meta.seal()
        .and_then(|meta| put_head(&mut head, &meta))
        .map_err(std::io::Error::other)?;
    file.write_all(&head)?;
    for record in state.records() {
        file.write_all(&record.map_err(std::io::Error::other)?)?;
    }
    Ok(())
}

/// The head of a file that [`write`] made, and its state part.
pub(crate) fn open(file: &SnapshotFile) -> Result<(MetaV1, Image), ReadError> {
    let (meta, image) = split_head(Image::File(file.file().clone(), 0))?;
    Ok((MetaV1::open(&meta)?, image))
}

/// What stands before the state part on its way to a follower, from the leader with this vote. The
/// whole is not one record: a state may be larger than a record can be.
pub(crate) fn transfer_head(vote: &VoteV1, meta: &MetaV1) -> Result<Vec<u8>, CodecError> {
    let (vote, head) = (vote.seal()?, meta.seal()?);
    let mut bytes = Vec::with_capacity(8 + vote.len() + head.len());
    put_head(&mut bytes, &vote)?;
    put_head(&mut bytes, &head)?;
    Ok(bytes)
}

/// What [`transfer_head`] of another node made, and the state part behind it.
pub(crate) fn from_transfer(body: Image) -> Result<(Vote, MetaV1, Image), ReadError> {
    let (vote, rest) = split_head(body)?;
    let (meta, image) = split_head(rest)?;
    let vote = Vote::try_from(VoteV1::open(&vote)?)?;
    Ok((vote, MetaV1::open(&meta)?, image))
}

fn put_head(bytes: &mut Vec<u8>, head: &[u8]) -> Result<(), CodecError> {
    let length = u32::try_from(head.len()).map_err(|_| CodecError::TooLarge)?;
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(head);
    Ok(())
}

fn split_head(image: Image) -> Result<(Bytes, Image), ReadError> {
    let length = image.piece(0, 4)?;
    let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
    if length > HEAD_BYTES_MAX {
        return Err(ReadError::CutShort);
    }
    let head = image.piece(4, length as usize)?;
    Ok((head, image.after(4 + length as usize)?))
}

/// The records of an image, one after the other.
struct Pieces<'a> {
    image: &'a Image,
    at: u64,
}

impl Iterator for Pieces<'_> {
    type Item = Result<Bytes, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.at < self.image.len()).then(|| self.read())
    }
}

impl Pieces<'_> {
    fn read(&mut self) -> Result<Bytes, ReadError> {
        let envelope = self.image.piece(self.at, ENVELOPE_BYTES)?;
        let length = codec::sealed_len(&envelope)?;
        if length > SNAPSHOT_RECORD_BYTES_MAX {
            return Err(RestoreError::Codec(CodecError::TooLarge).into());
        }
        let record = self.image.piece(self.at, length)?;
        self.at += length as u64;
        Ok(record)
    }
}

/// The state that an image holds, decoded by as many threads as help.
pub(crate) fn restore(image: &Image) -> Result<State, ReadError> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let pieces = Pieces { image, at: 0 };
    let mut restore = Restore::default();
    thread::scope(|scope| {
        let count = cores.min(DECODERS_MAX);
        let decoders: Result<Vec<Decoder>, _> = (0..count).map(|_| decoder(scope)).collect();
        let decoders = decoders?;
        // Records go round, and come back in their order.
        let (mut sent, mut taken) = (0, 0);
        for record in pieces {
            if sent - taken == count * RECORDS_AHEAD {
                restore.put(decoders[taken % count].decoded()?)?;
                taken += 1;
            }
            decoders[sent % count].decode(record?);
            sent += 1;
        }
        while taken < sent {
            restore.put(decoders[taken % count].decoded()?)?;
            taken += 1;
        }
        Ok(restore.finish()?)
    })
}

/// A thread that decodes records.
struct Decoder {
    records: SyncSender<Bytes>,
    decoded: Receiver<Result<Decoded, RestoreError>>,
}

fn decoder<'s>(scope: &'s Scope<'s, '_>) -> std::io::Result<Decoder> {
    let (records, inbox) = sync_channel::<Bytes>(RECORDS_AHEAD);
    let (outbox, decoded) = sync_channel(RECORDS_AHEAD);
    let work = move || {
        while let Ok(record) = inbox.recv() {
            // Whoever waited gave up on the snapshot.
            if outbox.send(Restore::decode(&record)).is_err() {
                break;
            }
        }
    };
    let thread = thread::Builder::new().name("decoder".into());
    thread.spawn_scoped(scope, work)?;
    Ok(Decoder { records, decoded })
}

impl Decoder {
    fn decode(&self, record: Bytes) {
        // A decoder that panicked is noticed when its answer is waited for.
        drop(self.records.send(record));
    }

    fn decoded(&self) -> Result<Decoded, ReadError> {
        let decoded = self.decoded.recv().map_err(std::io::Error::other)?;
        Ok(decoded?)
    }
}
