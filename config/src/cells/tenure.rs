//! For how long a node may use its shares of cluster-wide buckets, and what it has without.
//!
//! One value for all buckets of a node, read by every request: a node whose process stood still
//! must not go on with shares that were given to others meanwhile, and no task of its own can be
//! relied on to say so in time.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

use super::bucket::{BucketKey, WHOLE};

/// Tells who keeps the node's shares that a bucket ran dry; `false` when it cannot be told now.
type Low = dyn Fn(BucketKey) -> bool + Send + Sync;

/// The node's leave to use its shares.
pub struct Tenure {
    /// When it ends, in microseconds of the requests' monotonic clock.
    until_us: AtomicU64,
    /// The share of every bucket after that.
    floor: AtomicU16,
    /// The smallest burst that is divided.
    divided_from: AtomicU32,
    /// A request lowered a bucket to the floor since somebody last looked.
    lapsed: AtomicBool,
    low: Box<Low>,
}

impl Tenure {
    /// One that is over, without a floor.
    #[must_use]
    pub fn new(low: impl Fn(BucketKey) -> bool + Send + Sync + 'static) -> Self {
        Self {
            until_us: AtomicU64::new(0),
            floor: AtomicU16::new(0),
            divided_from: AtomicU32::new(1),
            lapsed: AtomicBool::new(false),
            low: Box::new(low),
        }
    }

    /// When it ends, in microseconds of the requests' monotonic clock.
    #[must_use]
    pub fn until_us(&self) -> u64 {
        self.until_us.load(Ordering::Acquire)
    }

    /// Sets its end. Buckets that had more must have been lowered before.
    pub fn set_until_us(&self, until_us: u64) {
        self.until_us.store(until_us, Ordering::Release);
    }

    /// Sets what is left after it, of at most [`WHOLE`], and the smallest burst of which every
    /// node's part holds a token.
    pub fn set_floor(&self, floor: u16, divided_from: u32) {
        self.floor.store(floor.min(WHOLE), Ordering::Release);
        self.divided_from.store(divided_from, Ordering::Release);
    }

    /// Whether a bucket of this burst is too small to be divided: some node would never have a
    /// whole token.
    #[must_use]
    pub fn is_central(&self, burst: u32) -> bool {
        burst < self.divided_from.load(Ordering::Acquire)
    }

    /// The share of a bucket of this burst without a lease.
    #[must_use]
    pub fn floor(&self, burst: u32) -> u16 {
        if self.is_central(burst) {
            0
        } else {
            self.floor.load(Ordering::Acquire)
        }
    }

    /// Whether requests lowered buckets to the floor since the last call. A request may do so by an
    /// end that is none any more, just after another was set: who sets ends looks here after each,
    /// and gives every bucket its share again when it was so.
    #[must_use]
    pub fn take_lapsed(&self) -> bool {
        self.lapsed.swap(false, Ordering::AcqRel)
    }

    /// A bucket was lowered. After it was: said before, the word could be taken and acted on while
    /// the bucket still has its share, and it would then stay low for good.
    pub(super) fn set_lapsed(&self) {
        self.lapsed.store(true, Ordering::Release);
    }

    pub(super) fn low(&self, key: BucketKey) -> bool {
        (self.low)(key)
    }
}

impl fmt::Debug for Tenure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenure")
            .field("until_us", &self.until_us)
            .field("floor", &self.floor)
            .field("divided_from", &self.divided_from)
            .finish_non_exhaustive()
    }
}
