//! Times: v1 writes seconds since the epoch as a JSON number, v2 and `@connections` ISO 8601 text.
//!
//! Inside, a time is a `u64` of milliseconds since the epoch. `#[serde(with = "...")]` takes the
//! modules [`epoch_seconds`] and [`iso8601`], their `option` modules for what may be absent.

use ::time::OffsetDateTime;
use ::time::format_description::well_known::Rfc3339;

/// `2020-04-20T20:59:41Z`, to the second as AWS writes it. Past the year 9999 the epoch is given.
#[must_use]
pub fn to_iso8601(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    moment.format(&Rfc3339).unwrap_or_default()
}

/// Milliseconds since the epoch of an RFC 3339 text with any offset; `None` before 1970.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<u64> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok()
}

/// Seconds since the epoch as a JSON number (v1).
pub mod epoch_seconds {
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes whole seconds.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(ms / 1000)
    }

    /// Reads seconds with or without a fraction.
    ///
    /// # Errors
    /// When it is no number, or negative.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        // 2^53 ms is the year 287396: past that a float holds no ms.
        if (0.0..=9_007_199_254_740.0).contains(&seconds) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "in range"
            )]
            Ok((seconds * 1000.0).round() as u64)
        } else {
            Err(serde::de::Error::custom(
                "seconds since the epoch out of range",
            ))
        }
    }

    /// The same for a time that may be absent.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        /// Writes whole seconds or null.
        ///
        /// # Errors
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(ms: &Option<u64>, ser: S) -> Result<S::Ok, S::Error> {
            match ms {
                Some(ms) => super::serialize(ms, ser),
                None => ser.serialize_none(),
            }
        }

        /// Reads seconds or null.
        ///
        /// # Errors
        /// When it is neither.
        pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<u64>, D::Error> {
            #[derive(Deserialize)]
            struct Wrapped(#[serde(with = "super")] u64);
            Ok(Option::<Wrapped>::deserialize(de)?.map(|wrapped| wrapped.0))
        }
    }
}

/// ISO 8601 text (v2, `@connections`).
pub mod iso8601 {
    use std::borrow::Cow;

    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the time to the second.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::to_iso8601(*ms))
    }

    /// Reads RFC 3339 text.
    ///
    /// # Errors
    /// When it is no such text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        super::parse_iso8601(&text)
            .ok_or_else(|| serde::de::Error::custom("not a time in ISO 8601 format"))
    }

    /// The same for a time that may be absent.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        /// Writes the time or null.
        ///
        /// # Errors
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(ms: &Option<u64>, ser: S) -> Result<S::Ok, S::Error> {
            match ms {
                Some(ms) => super::serialize(ms, ser),
                None => ser.serialize_none(),
            }
        }

        /// Reads a time or null.
        ///
        /// # Errors
        /// When it is neither.
        pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<u64>, D::Error> {
            #[derive(Deserialize)]
            struct Wrapped(#[serde(with = "super")] u64);
            Ok(Option::<Wrapped>::deserialize(de)?.map(|wrapped| wrapped.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(with = "epoch_seconds")]
        v1: u64,
        #[serde(with = "epoch_seconds::option", default)]
        v1_maybe: Option<u64>,
        #[serde(with = "iso8601")]
        v2: u64,
        #[serde(with = "iso8601::option", default)]
        v2_maybe: Option<u64>,
    }

    #[test]
    fn both_forms_on_the_wire() {
        let times = Times {
            v1: 1_587_416_381_000,
            v1_maybe: Some(1_000),
            v2: 1_587_416_381_000,
            v2_maybe: None,
        };
        let json = r#"{"v1":1587416381,"v1_maybe":1,"v2":"2020-04-20T20:59:41Z","v2_maybe":null}"#;
        assert_eq!(serde_json::to_string(&times).unwrap(), json);
        assert_eq!(serde_json::from_str::<Times>(json).unwrap(), times);
        let loose = r#"{"v1":1587416381.25,"v2":"2020-04-20T22:59:41.500+02:00"}"#;
        let loose: Times = serde_json::from_str(loose).unwrap();
        assert_eq!((loose.v1, loose.v2), (1_587_416_381_250, 1_587_416_381_500));
    }

    #[test]
    fn refuses_what_is_no_time() {
        for json in [
            r#"{"v1":-1,"v2":"2020-04-20T20:59:41Z"}"#,
            r#"{"v1":1e300,"v2":"2020-04-20T20:59:41Z"}"#,
            r#"{"v1":"1","v2":"2020-04-20T20:59:41Z"}"#,
            r#"{"v1":1,"v2":"yesterday"}"#,
            r#"{"v1":1,"v2":"1960-04-20T20:59:41Z"}"#,
        ] {
            assert!(serde_json::from_str::<Times>(json).is_err(), "{json}");
        }
        assert_eq!(to_iso8601(u64::MAX), "1970-01-01T00:00:00Z");
    }
}
