//! A request rate as an integer, so that replicas never compute with floats.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Requests per second in millionths: `Rate(2_500_000)` is 2.5 requests per second.
///
/// JSON and YAML show it as a plain number (AWS's `double`); at most six decimals count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(u64);

impl Rate {
    /// One request per second.
    pub const ONE: Self = Self(1_000_000);
    /// The highest rate: a billion requests per second.
    pub const MAX: Self = Self(1_000_000_000_000_000);

    /// A rate from millionths of a request per second, capped at [`Rate::MAX`].
    #[must_use]
    pub fn from_micros(micros: u64) -> Self {
        Self(micros.min(Self::MAX.0))
    }

    /// Millionths of a request per second.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The nearest rate to a number of requests per second; `None` when it is negative, not a
    /// number or above [`Rate::MAX`].
    #[must_use]
    pub fn from_f64(per_second: f64) -> Option<Self> {
        let micros = per_second * 1e6;
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            clippy::cast_possible_truncation
        )]
        if micros >= 0.0 && micros <= Self::MAX.0 as f64 {
            // Adding one half rounds without `f64::round`, which `core` lacks.
            Some(Self((micros + 0.5) as u64))
        } else {
            None
        }
    }

    /// Requests per second.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.as_f64())
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Self::from_f64(number).ok_or_else(|| {
            serde::de::Error::custom("a rate is a number of requests per second from 0 to 1e9")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_six_decimals() {
        for text in ["0.000001", "2.5", "10000.0", "1e9"] {
            let rate: Rate = text.parse::<f64>().ok().and_then(Rate::from_f64).unwrap();
            assert_eq!(Rate::from_f64(rate.as_f64()), Some(rate));
        }
        assert_eq!(Rate::from_f64(-1.0), None);
        assert_eq!(Rate::from_f64(f64::NAN), None);
        assert_eq!(Rate::from_f64(1e10), None);
    }
}
