//! A backup: the state in one file, which says what it is and whether it is whole.
//!
//! ```text
//! format (sealed) | head (sealed) | the state's records, as in a snapshot | foot (sealed)
//! ```
//!
//! The format stands alone in the first record, so that a newer one is known as such whatever its
//! head has become. Every record has a checksum, the foot one over all of them: whoever passes a
//! backup on can check it without making a state of it.

use std::io::Read;

use tollgate_protocol::Millis;
use tollgate_protocol::codec::{self, CodecError, Decode, ENVELOPE_BYTES, Encode};
use tollgate_protocol::limits::SNAPSHOT_RECORD_BYTES_MAX;
use tollgate_state::{LEVELS, Records, Restore, RestoreError, State};

/// The form of backups that this release writes, and the newest that it reads.
const FORMAT: u16 = 1;
/// The envelopes' kinds; 17 are the state's records.
const KIND_FORMAT: u8 = 18;
const KIND_HEAD: u8 = 19;
const KIND_FOOT: u8 = 20;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub struct Head {
    /// The release that wrote it.
    pub version: String,
    /// When it was taken, by the clock of the node.
    pub taken: Millis,
    /// The cluster that it was taken from.
    pub cluster: [u8; 16],
    /// The last entry of the log that is in it.
    pub index: u64,
    /// The configuration's version.
    pub revision: u64,
    /// The feature level that the cluster worked at.
    pub level: u16,
    /// Whether everything that was acknowledged anywhere before it was taken is in it. Else it was
    /// taken without a majority, and has what one node knew.
    pub agreed: bool,
}

#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Foot {
    records: u64,
    sum: u32,
}

/// Why a backup cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It cannot be read at all.
    #[error("it cannot be read")]
    Io(#[source] std::io::Error),
    /// It is something else.
    #[error("it is not a backup of this product")]
    Foreign,
    /// A newer release wrote it.
    #[error("it has form {found}, and this release reads up to {FORMAT}")]
    Newer {
        /// Its form.
        found: u16,
    },
    /// The cluster that it is of had risen above this release.
    #[error("release {version} wrote it at feature level {found}, and this one reads up to {}", LEVELS.1)]
    Level {
        /// Its level.
        found: u16,
        /// The release that wrote it.
        version: String,
    },
    /// Its end is missing.
    #[error("it ends too early")]
    CutShort,
    /// A part is not what was written.
    #[error("it is damaged")]
    Damaged(#[source] CodecError),
    /// Parts are missing, repeated or of different backups.
    #[error("its parts do not belong together")]
    Mixed,
    /// Its parts are whole but no state.
    #[error("it holds no state that this release can read")]
    State(#[source] RestoreError),
}

/// Checks a backup part by part, in order, without keeping it.
#[derive(Debug, Default)]
pub struct Check {
    head: Option<Head>,
    formed: bool,
    records: u64,
    sum: u32,
    whole: bool,
}

impl Check {
    /// Takes one part, a whole record. Says whether it is one of the state's.
    ///
    /// # Errors
    /// [`BackupError`].
    fn take(&mut self, part: &[u8]) -> Result<bool, BackupError> {
        if self.whole {
            return Err(BackupError::Mixed);
        }
        let kind = part.get(3).copied().unwrap_or_default();
        if !self.formed {
            let format: u16 = codec::open(KIND_FORMAT, part).map_err(|error| match error {
                CodecError::UnknownFormat(found) => BackupError::Newer {
                    found: found.into(),
                },
                CodecError::WrongKind(_) => BackupError::Foreign,
                other => BackupError::Damaged(other),
            })?;
            if format > FORMAT {
                return Err(BackupError::Newer { found: format });
            }
            self.formed = true;
        } else if self.head.is_none() {
            let head: Head = codec::open(KIND_HEAD, part).map_err(BackupError::Damaged)?;
            if head.level > LEVELS.1 {
                return Err(BackupError::Level {
                    found: head.level,
                    version: head.version,
                });
            }
            self.head = Some(head);
        } else if kind == KIND_FOOT {
            let foot: Foot = codec::open(KIND_FOOT, part).map_err(BackupError::Damaged)?;
            if (foot.records, foot.sum) != (self.records, self.sum) {
                return Err(BackupError::Mixed);
            }
            self.whole = true;
            return Ok(false);
        } else {
            codec::check(part).map_err(BackupError::Damaged)?;
        }
        let of_state = self.records > 1;
        self.count(part);
        Ok(of_state)
    }

    fn count(&mut self, part: &[u8]) {
        let own = part.get(8..ENVELOPE_BYTES).unwrap_or_default();
        self.sum = codec::crc32c(&[&self.sum.to_le_bytes(), own].concat());
        self.records += 1;
    }

    /// What the backup says of itself, when its end came.
    ///
    /// # Errors
    /// [`BackupError::CutShort`] before that.
    pub fn finish(self) -> Result<Head, BackupError> {
        self.head
            .filter(|_| self.whole)
            .ok_or(BackupError::CutShort)
    }
}

/// Finds the parts in bytes that come in pieces of any size, and checks them.
#[derive(Debug, Default)]
pub struct Arriving {
    check: Check,
    rest: Vec<u8>,
}

impl Arriving {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`BackupError`].
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        self.rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(head) = self.rest.get(from..from + ENVELOPE_BYTES) {
            let length = part_len(head, self.check.formed)?;
            let Some(part) = self.rest.get(from..from + length) else {
                break;
            };
            self.check.take(part)?;
            from += length;
        }
        self.rest.drain(..from);
        Ok(())
    }

    /// What the backup says of itself, when its end came.
    ///
    /// # Errors
    /// [`BackupError::CutShort`] before that.
    pub fn finish(self) -> Result<Head, BackupError> {
        if self.rest.is_empty() {
            self.check.finish()
        } else {
            Err(BackupError::CutShort)
        }
    }
}

/// The length of the part that begins with this envelope.
fn part_len(envelope: &[u8], formed: bool) -> Result<usize, BackupError> {
    let length = codec::sealed_len(envelope).map_err(|error| match error {
        CodecError::NotAnEnvelope if !formed => BackupError::Foreign,
        other => BackupError::Damaged(other),
    })?;
    if length > SNAPSHOT_RECORD_BYTES_MAX {
        return Err(BackupError::Damaged(CodecError::TooLarge));
    }
    Ok(length)
}

/// Reads a backup to its end.
///
/// # Errors
/// [`BackupError`].
pub fn read(mut from: impl Read) -> Result<(Head, State), BackupError> {
    let mut check = Check::default();
    let mut restore = Restore::default();
    while let Some(part) = next_part(&mut from, check.formed)? {
        if check.take(&part)? {
            restore.take(&part).map_err(BackupError::State)?;
        }
    }
    let head = check.finish()?;
    Ok((head, restore.finish().map_err(BackupError::State)?))
}

fn next_part(from: &mut impl Read, formed: bool) -> Result<Option<Vec<u8>>, BackupError> {
    let mut part = vec![0; ENVELOPE_BYTES];
    let read = fill(from, &mut part)?;
    if read == 0 {
        return Ok(None);
    }
    if read < ENVELOPE_BYTES {
        let begun = part.get(..read.min(2)).unwrap_or_default();
        let foreign = !formed && !b"TG".starts_with(begun);
        return Err(if foreign {
            BackupError::Foreign
        } else {
            BackupError::CutShort
        });
    }
    let length = part_len(&part, formed)?;
    part.resize(length, 0);
    let body = part.get_mut(ENVELOPE_BYTES..).unwrap_or_default();
    if fill(from, body)? < body.len() {
        return Err(BackupError::CutShort);
    }
    Ok(Some(part))
}

/// Reads until the buffer is full or the end came; how much that was.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> Result<usize, BackupError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(BackupError::Io(error)),
        }
    }
    Ok(filled)
}

/// The parts of a backup, made as they are asked for.
pub struct Parts {
    head: Head,
    records: Records,
    check: Check,
    step: Step,
}

enum Step {
    Format,
    Head,
    Records,
    Done,
}

/// The backup of a state.
#[must_use]
pub fn parts(head: Head, state: &State) -> Parts {
    Parts {
        head,
        records: state.records(),
        check: Check::default(),
        step: Step::Format,
    }
}

impl Parts {
    /// What the backup says of itself.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }
}

impl Iterator for Parts {
    type Item = Result<Vec<u8>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = match self.step {
            Step::Format => {
                self.step = Step::Head;
                codec::seal(KIND_FORMAT, &FORMAT)
            }
            Step::Head => {
                self.step = Step::Records;
                codec::seal(KIND_HEAD, &self.head)
            }
            Step::Records => self.records.next().unwrap_or_else(|| {
                self.step = Step::Done;
                let (records, sum) = (self.check.records, self.check.sum);
                codec::seal(KIND_FOOT, &Foot { records, sum })
            }),
            Step::Done => return None,
        };
        if let Ok(part) = &part {
            self.check.count(part);
        }
        Some(part)
    }
}
