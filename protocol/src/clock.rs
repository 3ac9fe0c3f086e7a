//! Time as a value. Nothing below the node reads a clock: times come in as [`Millis`].

use core::fmt;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    bincode::Encode,
    bincode::Decode,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Milliseconds of a UTC day.
    pub const DAY: u64 = 86_400_000;

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The days since the epoch, 1970-01-01 being 0.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0 / Self::DAY
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Where the time comes from: the machine in the product, a script in tests.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Millis;
    /// Microseconds of a clock that never steps back, from an arbitrary start.
    fn monotonic_us(&self) -> u64;
}
