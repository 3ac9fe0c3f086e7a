//! The two date forms of a signed request.

use time::format_description::well_known::Rfc2822;
use time::{Date, Month, OffsetDateTime, Time};

/// A moment as it is written in a string to sign: `20150830T123600Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AmzDate {
    text: [u8; 16],
    /// Milliseconds since the epoch.
    pub(super) ms: i64,
}

impl AmzDate {
    /// Reads ISO 8601 basic format, the only one that AWS takes in `X-Amz-Date`.
    pub(super) fn parse_basic(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        if text[8] != b'T' || text[15] != b'Z' {
            return None;
        }
        let number = |from: usize, to: usize| {
            text[from..to].iter().try_fold(0u16, |sum, byte| {
                byte.is_ascii_digit()
                    .then(|| sum * 10 + u16::from(byte - b'0'))
            })
        };
        let small = |from: usize| number(from, from + 2).and_then(|n| u8::try_from(n).ok());
        let month = Month::try_from(small(4)?).ok()?;
        let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, small(6)?).ok()?;
        let time = Time::from_hms(small(9)?, small(11)?, small(13)?).ok()?;
        Some(Self {
            text,
            ms: OffsetDateTime::new_utc(date, time).unix_timestamp() * 1000,
        })
    }

    /// Reads a `Date` header: RFC 1123, or the basic format that some clients put there.
    pub(super) fn parse_date_header(text: &[u8]) -> Option<Self> {
        if let Some(date) = Self::parse_basic(text) {
            return Some(date);
        }
        let text = core::str::from_utf8(text).ok()?;
        let moment = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        Self::from_ms(moment.unix_timestamp().checked_mul(1000)?)
    }

    /// The moment, cut to the second; `None` outside the years 0 to 9999.
    pub(super) fn from_ms(ms: i64) -> Option<Self> {
        let seconds = ms.div_euclid(1000);
        let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        let year = u32::try_from(moment.year())
            .ok()
            .filter(|year| *year <= 9999)?;
        let mut text = *b"00000000T000000Z";
        let mut put = |at: usize, digits: usize, mut n: u32| {
            for slot in text[at..at + digits].iter_mut().rev() {
                *slot = b'0' + u8::try_from(n % 10).unwrap_or(0);
                n /= 10;
            }
        };
        put(0, 4, year);
        put(4, 2, u32::from(u8::from(moment.month())));
        put(6, 2, u32::from(moment.day()));
        put(9, 2, u32::from(moment.hour()));
        put(11, 2, u32::from(moment.minute()));
        put(13, 2, u32::from(moment.second()));
        Some(Self {
            text,
            ms: seconds * 1000,
        })
    }

    /// `20150830T123600Z`
    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// `20150830`
    pub(super) fn day(&self) -> &str {
        &self.as_str()[..8]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        let basic = AmzDate::parse_basic(b"20150830T123600Z").unwrap();
        assert_eq!(basic.ms, 1_440_938_160_000);
        assert_eq!(basic.day(), "20150830");
        for text in [
            "Sun, 30 Aug 2015 12:36:00 GMT",
            "Sun, 30 Aug 2015 12:36:00 -0000",
            "20150830T123600Z",
        ] {
            assert_eq!(
                AmzDate::parse_date_header(text.as_bytes()),
                Some(basic),
                "{text}"
            );
        }
        assert_eq!(AmzDate::from_ms(1_440_938_160_999), Some(basic));
    }

    #[test]
    fn refuses_what_is_no_moment() {
        for text in [
            "20150830T123600",
            "20150830 123600Z",
            "20151330T123600Z",
            "20150230T123600Z",
            "20150830T243600Z",
            "20150830T126000Z",
            "2015083xT123600Z",
            "-0150830T123600Z",
            "",
        ] {
            assert_eq!(AmzDate::parse_basic(text.as_bytes()), None, "{text}");
        }
        assert_eq!(AmzDate::parse_date_header(b"\xff\xfe"), None);
        assert_eq!(AmzDate::from_ms(i64::MAX), None);
        assert_eq!(AmzDate::from_ms(i64::MIN), None);
    }
}
