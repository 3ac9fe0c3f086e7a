//! The whole state as a sequence of small records, and back.
//!
//! A state of a million keys must neither need one buffer of its size nor stop the log while it is
//! written: a copy of the state shares its tables, and the records are made one by one from it.
//! A header comes first, a footer with the number of records and a checksum over all of them last,
//! so that a lost, repeated, reordered or foreign record is found as well as a damaged one.

mod keys;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use tollgate_model::{ApiKey, Model};
use tollgate_protocol::codec::{self, CodecError, Decode, ENVELOPE_BYTES, Encode};
use tollgate_protocol::ids::{KeyId, PlanId, Revision};
use tollgate_protocol::limits::SNAPSHOT_RECORD_BYTES_MAX;
use tollgate_protocol::{Millis, Table};

use crate::State;
use crate::history::{History, RevisionRecord};
use crate::iam::Iam;
use crate::nodes::Nodes;
use crate::proposals::Proposals;
use crate::quota::{Bucket, QuotaTable, Sessions};
use crate::tokens::Tokens;

use self::keys::KeyV1;

/// The envelope's kind of a record of a state snapshot.
const KIND: u8 = 17;
/// A record is closed when it holds this many bytes: what is added last must still fit.
const RECORD_BYTES: usize = SNAPSHOT_RECORD_BYTES_MAX / 4;
/// Bytes of a part: what is larger than a record travels in parts.
const PART_BYTES: usize = SNAPSHOT_RECORD_BYTES_MAX / 2;

/// One record. Variants are only added at the end.
#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
enum Record {
    Header(Header),
    /// A part of what is encoded as one piece; the last one says so.
    Part {
        piece: u8,
        bytes: Vec<u8>,
        last: bool,
    },
    /// API keys.
    Keys(Vec<KeyV1>),
    /// Quotas of keys.
    Buckets(Vec<((PlanId, KeyId), Bucket)>),
    Footer {
        records: u64,
        checksum: u64,
    },
}

#[derive(Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
struct Header {
    index: u64,
    now: Millis,
    revision: Revision,
    level: u16,
    sessions: Sessions,
    pruned: (PlanId, KeyId),
}

/// The pieces that are encoded as one, in their order; the last one is the history.
const MODEL: u8 = 0;
const NODES: u8 = 1;
const TOKENS: u8 = 2;
const PROPOSALS: u8 = 3;
const IAM: u8 = 4;
const PIECES: u8 = 6;

/// Why a state snapshot cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreError {
    /// The bytes are damaged or of another release.
    Codec(CodecError),
    /// The model inside is not readable.
    Model(String),
    /// A record is missing, or not in its place.
    OutOfOrder,
    /// The records are whole, but not those that were written.
    Checksum,
}

impl core::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Codec(_) => "the state snapshot is damaged",
            Self::Model(_) => "the state snapshot's model cannot be read",
            Self::OutOfOrder => "a record of the state snapshot is missing or not in its place",
            Self::Checksum => "the state snapshot's records are not those that were written",
        })
    }
}

impl core::error::Error for RestoreError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Codec(error) => Some(error),
            Self::Model(_) | Self::OutOfOrder | Self::Checksum => None,
        }
    }
}

/// Mixes a record into the checksum over all (FNV-1a, 64 bits, over the records' own checksums).
fn mix(sum: u64, own: [u8; 4]) -> u64 {
    own.iter().fold(sum, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The checksum in a record's envelope.
fn own_checksum(record: &[u8]) -> [u8; 4] {
    let own = record.get(8..ENVELOPE_BYTES).unwrap_or_default();
    own.try_into().unwrap_or_default()
}

const MIX_START: u64 = 0xcbf2_9ce4_8422_2325;

/// The records of a state, made one at a time.
pub struct Records {
    state: State,
    step: Step,
    records: u64,
    checksum: u64,
}

enum Step {
    Header,
    Piece { piece: u8, bytes: VecDeque<Vec<u8>> },
    Keys(Option<KeyId>),
    Buckets(Option<(PlanId, KeyId)>),
    Footer,
    Done,
}

impl Iterator for Records {
    type Item = Result<Vec<u8>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = match self.make() {
            Ok(record) => record?,
            Err(error) => return Some(Err(error)),
        };
        let sealed = codec::seal(KIND, &record);
        if let Ok(bytes) = &sealed {
            self.records += 1;
            self.checksum = mix(self.checksum, own_checksum(bytes));
        }
        Some(sealed)
    }
}

impl Records {
    fn make(&mut self) -> Result<Option<Record>, CodecError> {
        match core::mem::replace(&mut self.step, Step::Done) {
            Step::Header => {
                self.step = self.piece(0)?;
                let (sessions, pruned) = self.state.quota.head();
                Ok(Some(Record::Header(Header {
                    index: self.state.index,
                    now: self.state.now,
                    revision: self.state.revision,
                    level: self.state.level,
                    sessions,
                    pruned,
                })))
            }
            Step::Piece { piece, mut bytes } => {
                let part = bytes.pop_front().unwrap_or_default();
                let last = bytes.is_empty();
                self.step = if !last {
                    Step::Piece { piece, bytes }
                } else if piece + 1 < PIECES {
                    self.piece(piece + 1)?
                } else {
                    Step::Keys(Some(KeyId::default()))
                };
                Ok(Some(Record::Part {
                    piece,
                    bytes: part,
                    last,
                }))
            }
            Step::Keys(Some(from)) => {
                let (keys, next) = self.keys(&from);
                self.step = Step::Keys(next);
                Ok(Some(Record::Keys(keys)))
            }
            Step::Keys(None) => {
                self.step = Step::Buckets(Some(Default::default()));
                self.make()
            }
            Step::Buckets(Some(from)) => {
                let (buckets, next) = self.buckets(&from);
                self.step = Step::Buckets(next);
                Ok(Some(Record::Buckets(buckets)))
            }
            Step::Buckets(None) => {
                self.step = Step::Footer;
                self.make()
            }
            Step::Footer => Ok(Some(Record::Footer {
                records: self.records,
                checksum: self.checksum,
            })),
            Step::Done => Ok(None),
        }
    }

    fn piece(&self, piece: u8) -> Result<Step, CodecError> {
        let state = &self.state;
        let bytes = match piece {
            MODEL => {
                // Keys follow in records of their own.
                let mut model = (*state.model).clone();
                model.api_keys = Table::new();
                serde_json::to_vec(&model).map_err(|_| CodecError::Malformed)?
            }
            NODES => codec::seal(KIND, &*state.nodes)?,
            TOKENS => codec::seal(KIND, &*state.tokens)?,
            PROPOSALS => codec::seal(KIND, &*state.proposals)?,
            IAM => codec::seal(KIND, &*state.iam)?,
            _ => {
                let records: Vec<RevisionRecord> = state.history().cloned().collect();
                codec::seal(KIND, &records)?
            }
        };
        let mut bytes: VecDeque<Vec<u8>> = bytes.chunks(PART_BYTES).map(Vec::from).collect();
        if bytes.is_empty() {
            bytes.push_back(Vec::new());
        }
        Ok(Step::Piece { piece, bytes })
    }

    fn keys(&self, from: &KeyId) -> (Vec<KeyV1>, Option<KeyId>) {
        let (mut keys, mut bytes) = (Vec::new(), 0);
        for (id, key) in self.state.model.api_keys.range_from(from) {
            if bytes > RECORD_BYTES {
                return (keys, Some(id.clone()));
            }
            let key = KeyV1::from(&**key);
            bytes += key.bytes();
            keys.push(key);
        }
        (keys, None)
    }

    #[expect(clippy::type_complexity, reason = "named by its one caller")]
    fn buckets(
        &self,
        from: &(PlanId, KeyId),
    ) -> (Vec<((PlanId, KeyId), Bucket)>, Option<(PlanId, KeyId)>) {
        let (mut buckets, mut bytes) = (Vec::new(), 0);
        for (place, bucket) in self.state.quota.range_from(from) {
            if bytes > RECORD_BYTES {
                return (buckets, Some(place.clone()));
            }
            bytes += place.0.as_str().len() + place.1.as_str().len() + bucket.bytes();
            buckets.push((place.clone(), bucket.clone()));
        }
        (buckets, None)
    }
}

/// A record that was read and has not been put in its place yet.
pub struct Decoded {
    content: Content,
    /// The checksum that it carried.
    own: [u8; 4],
}

enum Content {
    Header(Header),
    Part {
        piece: u8,
        bytes: Vec<u8>,
        last: bool,
    },
    Keys(Vec<(KeyId, Arc<ApiKey>)>),
    Buckets(Vec<((PlanId, KeyId), Arc<Bucket>)>),
    Footer {
        records: u64,
        checksum: u64,
    },
}

/// Takes records in their order and gives back the state.
pub struct Restore {
    state: State,
    model: Model,
    history: Vec<RevisionRecord>,
    /// The piece that is expected next, and what came of it.
    piece: u8,
    parts: Vec<u8>,
    records: u64,
    checksum: u64,
    whole: bool,
}

impl Default for Restore {
    fn default() -> Self {
        Self {
            state: State::default(),
            model: Model::default(),
            history: Vec::new(),
            piece: 0,
            parts: Vec::new(),
            records: 0,
            checksum: MIX_START,
            whole: false,
        }
    }
}

impl Restore {
    /// Reads a record. Needs nothing of the others, so that several can be read at once.
    ///
    /// # Errors
    /// [`RestoreError`] when it is damaged.
    pub fn decode(record: &[u8]) -> Result<Decoded, RestoreError> {
        if record.len() > SNAPSHOT_RECORD_BYTES_MAX {
            return Err(RestoreError::Codec(CodecError::TooLarge));
        }
        let read: Record = codec::open(KIND, record).map_err(RestoreError::Codec)?;
        let content = match read {
            Record::Header(header) => Content::Header(header),
            Record::Part { piece, bytes, last } => Content::Part { piece, bytes, last },
            Record::Keys(keys) => {
                let shared = |key: KeyV1| {
                    let key = ApiKey::from(key);
                    (key.id.clone(), Arc::new(key))
                };
                Content::Keys(keys.into_iter().map(shared).collect())
            }
            Record::Buckets(buckets) => {
                let shared = buckets.into_iter();
                Content::Buckets(shared.map(|(it, bucket)| (it, Arc::new(bucket))).collect())
            }
            Record::Footer { records, checksum } => Content::Footer { records, checksum },
        };
        Ok(Decoded {
            content,
            own: own_checksum(record),
        })
    }

    /// Takes the next record.
    ///
    /// # Errors
    /// [`RestoreError`] when it is damaged or not the next one; the state is then not to be had.
    pub fn take(&mut self, record: &[u8]) -> Result<(), RestoreError> {
        self.put(Self::decode(record)?)
    }

    /// Takes the next record, which was read.
    ///
    /// # Errors
    /// [`RestoreError`] when it is not the next one; the state is then not to be had.
    pub fn put(&mut self, record: Decoded) -> Result<(), RestoreError> {
        let in_order = !self.whole
            && match &record.content {
                Content::Header(_) => self.records == 0,
                Content::Part { piece, .. } => self.records > 0 && *piece == self.piece,
                Content::Keys(_) | Content::Buckets(_) | Content::Footer { .. } => {
                    self.piece == PIECES
                }
            };
        if !in_order {
            return Err(RestoreError::OutOfOrder);
        }
        match record.content {
            Content::Header(header) => {
                self.state.index = header.index;
                self.state.now = header.now;
                self.state.revision = header.revision;
                self.state.level = header.level;
                self.state.quota = QuotaTable::with_head(header.sessions, header.pruned);
            }
            Content::Part { bytes, last, .. } => {
                self.parts.extend_from_slice(&bytes);
                if last {
                    self.take_piece()?;
                }
            }
            Content::Keys(keys) => self.model.api_keys.extend(keys),
            Content::Buckets(buckets) => self.state.quota.extend(buckets),
            Content::Footer { records, checksum } => {
                if records != self.records || checksum != self.checksum {
                    return Err(RestoreError::Checksum);
                }
                self.whole = true;
            }
        }
        self.records += 1;
        self.checksum = mix(self.checksum, record.own);
        Ok(())
    }

    fn take_piece(&mut self) -> Result<(), RestoreError> {
        let bytes = core::mem::take(&mut self.parts);
        let state = &mut self.state;
        match self.piece {
            MODEL => {
                self.model = serde_json::from_slice(&bytes).map_err(|e| unreadable(&e))?;
                for api in self.model.apis.values_mut() {
                    Arc::make_mut(api).share();
                }
            }
            NODES => state.nodes = Arc::new(open::<Nodes>(&bytes)?),
            TOKENS => state.tokens = Arc::new(open::<Tokens>(&bytes)?),
            PROPOSALS => state.proposals = Arc::new(open::<Proposals>(&bytes)?),
            IAM => state.iam = Arc::new(open::<Iam>(&bytes)?),
            _ => self.history = open(&bytes)?,
        }
        self.piece += 1;
        Ok(())
    }

    /// The state, when its footer came.
    ///
    /// # Errors
    /// [`RestoreError::OutOfOrder`] before that.
    pub fn finish(mut self) -> Result<State, RestoreError> {
        if !self.whole {
            return Err(RestoreError::OutOfOrder);
        }
        let mut history = History::default();
        for record in self.history {
            history.push(record);
        }
        self.state.history = Arc::new(history);
        self.state.model = Arc::new(self.model);
        Ok(self.state)
    }
}

fn open<T: Decode<()>>(bytes: &[u8]) -> Result<T, RestoreError> {
    codec::open(KIND, bytes).map_err(RestoreError::Codec)
}

fn unreadable(error: &serde_json::Error) -> RestoreError {
    RestoreError::Model(alloc::format!("line {}", error.line()))
}

impl State {
    /// The records of a state snapshot, each at most
    /// [`SNAPSHOT_RECORD_BYTES_MAX`](tollgate_protocol::limits::SNAPSHOT_RECORD_BYTES_MAX) bytes,
    /// made as they are asked for from a copy that shares its tables with this state.
    #[must_use]
    pub fn records(&self) -> Records {
        Records {
            state: self.clone(),
            step: Step::Header,
            records: 0,
            checksum: MIX_START,
        }
    }

    /// The whole state as bytes: all records, one after the other.
    ///
    /// # Errors
    /// [`CodecError`] when a part of the state is above the limit of a record.
    pub fn snapshot(&self) -> Result<Vec<u8>, CodecError> {
        let mut bytes = Vec::new();
        for record in self.records() {
            bytes.extend_from_slice(&record?);
        }
        Ok(bytes)
    }

    /// The state that [`State::snapshot`] wrote.
    ///
    /// # Errors
    /// [`RestoreError`] when the bytes are not one.
    pub fn restore(mut bytes: &[u8]) -> Result<Self, RestoreError> {
        let mut restore = Restore::default();
        while !bytes.is_empty() {
            let length = codec::sealed_len(bytes).map_err(RestoreError::Codec)?;
            let (record, rest) = bytes
                .split_at_checked(length)
                .ok_or(RestoreError::Codec(CodecError::Truncated))?;
            restore.take(record)?;
            bytes = rest;
        }
        restore.finish()
    }
}
