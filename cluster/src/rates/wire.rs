//! What nodes and the leader say to each other about shares.

use tollgate_protocol::codec::{self, CodecError, Decode, Encode};

/// The envelopes' kinds; not one of `raft/wire.rs`, `joining.rs` or `status.rs`.
const BEAT: u8 = 72;
const ANSWER: u8 = 73;
const ASK: u8 = 74;
const ASKED: u8 = 75;

macro_rules! sealed {
    ($name:ident, $kind:expr) => {
        impl $name {
            pub(crate) fn seal(&self) -> Result<Vec<u8>, CodecError> {
                codec::seal($kind, self)
            }

            pub(crate) fn open(bytes: &[u8]) -> Result<Self, CodecError> {
                codec::open($kind, bytes)
            }
        }
    };
}

/// A node lives, follows this term's leader, and would like so much.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Beat {
    /// The term that the node knows: it will follow no older leader.
    pub(crate) term: u64,
    /// Which life of the node.
    pub(crate) incarnation: u32,
    /// Counts up in a life. Late answers to earlier numbers are not taken.
    pub(crate) number: u64,
    /// The stamp of the last answer that was taken from this leader in this term; 0 for none.
    pub(crate) echo: u64,
    /// What the node has of every bucket without a lease.
    pub(crate) floor: u16,
    /// Buckets in demand.
    pub(crate) hot: Vec<Want>,
}

/// A bucket in demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Want {
    pub(crate) key: u128,
    /// The share of the pool that would do.
    pub(crate) share: u16,
    /// Whether an equal part does not do.
    pub(crate) pressed: bool,
}

/// The leader's answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Answer {
    pub(crate) number: u64,
    /// The leader's monotonic clock; only the leader compares it. 0 when it answers for another
    /// term.
    pub(crate) stamp: u64,
    /// `None` while nothing may be granted: what the node holds runs on.
    pub(crate) lease: Option<Lease>,
}

/// What a node may use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Lease {
    /// From when the node sent its beat, in microseconds.
    pub(crate) valid_us: u64,
    /// The smallest burst that is divided.
    pub(crate) divided_from: u16,
    /// Whether the node holds all of the buckets that are too small to be divided.
    pub(crate) central: bool,
    /// What the node has of every bucket, from now on, without a lease.
    pub(crate) floor: u16,
    /// Beside that, of the rest of every bucket.
    pub(crate) common: u16,
    /// Of these instead; sorted.
    pub(crate) own: Vec<(u128, u16)>,
}

impl Lease {
    /// The share of a bucket's pool.
    pub(crate) fn of(&self, key: u128) -> u16 {
        match self.own.binary_search_by_key(&key, |(it, _)| *it) {
            Ok(at) => self.own[at].1,
            Err(_) => self.common,
        }
    }

    /// The same of every bucket that neither names.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        let facts = |it: &Self| (it.divided_from, it.central, it.floor, it.common);
        facts(self) == facts(other)
    }
}

/// A request for a token of a bucket that only the leader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) struct Ask {
    pub(crate) key: u128,
}

/// Its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[bincode(crate = "tollgate_protocol::codec::bincode")]
pub(crate) enum Asked {
    /// A token was taken for it.
    Admitted,
    /// There is none for so many microseconds.
    Refused(u64),
    /// This node does not hold it, now.
    NotHere,
}

sealed!(Beat, BEAT);
sealed!(Answer, ANSWER);
sealed!(Ask, ASK);
sealed!(Asked, ASKED);
