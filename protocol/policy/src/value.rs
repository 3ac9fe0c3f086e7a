//! Numbers, dates and networks as conditions compare them.
//!
//! Source: IAM User Guide, "IAM JSON policy elements: Condition operators". Numbers are decimals
//! held exactly: no floating point decides who may do what. For that reason a bare number in the
//! document must be whole; as a string it may have a fraction.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use time::{Date, Month};

use crate::limits::{FRACTION_DIGITS_MAX, NUMBER_DIGITS_MAX};

/// How many parts a unit has: numbers and seconds are kept in billionths.
const SCALE: i128 = 1_000_000_000;
const DAY_SECONDS: i128 = 86_400;
/// Bits before the address of IPv4 in one that is mapped into IPv6 (RFC 4291, section 2.5.5.2).
const MAPPED_PREFIX: u8 = 96;

/// A decimal (`-12`, `3.50`) in billionths; `None` when it is none, or longer than the limits.
pub(crate) fn number(text: &str) -> Option<i128> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (digits, ""),
    };
    let value = integer(whole, NUMBER_DIGITS_MAX)? * SCALE + billionths(fraction)?;
    Some(if is_negative { -value } else { value })
}

/// A date in billionths of a second since 1970: `2013-06-30T00:00:00Z`, with or without a fraction,
/// with `Z` or an offset (`+02:00`); `2013-06-30`; or seconds since 1970.
///
/// Source: the W3C's note on ISO 8601 dates, which IAM's documentation names.
pub(crate) fn date(text: &str) -> Option<i128> {
    let Some((day, rest)) = text.split_at_checked(10).filter(|(day, _)| is_day(day)) else {
        return number(text);
    };
    let year = integer(&day[..4], 4)?;
    let month = Month::try_from(u8::try_from(integer(&day[5..7], 2)?).ok()?).ok()?;
    let in_month = u8::try_from(integer(&day[8..], 2)?).ok()?;
    let day = Date::from_calendar_date(i32::try_from(year).ok()?, month, in_month).ok()?;
    let epoch = Date::from_calendar_date(1970, Month::January, 1).ok()?;
    let days = i128::from(day.to_julian_day()) - i128::from(epoch.to_julian_day());
    let midnight = days * DAY_SECONDS * SCALE;
    match rest {
        "" => Some(midnight),
        _ => Some(midnight + time_of_day(rest.strip_prefix('T')?)?),
    }
}

fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-'
}

/// `10:15:30.5Z`, `10:15+02:00`, in billionths of a second since midnight in UTC.
fn time_of_day(text: &str) -> Option<i128> {
    let zone = text.find(['Z', '+', '-'])?;
    let (clock, zone) = text.split_at(zone);
    let offset_minutes = match zone {
        "Z" => 0,
        _ => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            sign * minutes(&zone[1..])?
        }
    };
    let (clock, fraction) = match clock.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (clock, ""),
    };
    let (hour_minute, second) = match clock.len() {
        5 if fraction.is_empty() => (clock, 0),
        8 => {
            let (hour_minute, second) = clock.rsplit_once(':')?;
            (hour_minute, two_digits(second, 59)?)
        }
        _ => return None,
    };
    let seconds = (minutes(hour_minute)? - offset_minutes) * 60 + second;
    Some(seconds * SCALE + billionths(fraction)?)
}

/// `10:15` in minutes.
fn minutes(text: &str) -> Option<i128> {
    let (hour, minute) = text.split_once(':')?;
    Some(two_digits(hour, 23)? * 60 + two_digits(minute, 59)?)
}

fn two_digits(text: &str, max: i128) -> Option<i128> {
    (text.len() == 2)
        .then(|| integer(text, 2))?
        .filter(|value| *value <= max)
}

fn integer(text: &str, digits_max: usize) -> Option<i128> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_digits && text.len() <= digits_max).then(|| text.parse().ok())?
}

/// What stands behind a decimal point.
fn billionths(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let missing = u32::try_from(FRACTION_DIGITS_MAX.checked_sub(text.len())?).ok()?;
    Some(integer(text, FRACTION_DIGITS_MAX)? * 10_i128.pow(missing))
}

/// `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    [true, false]
        .into_iter()
        .find(|value| text.eq_ignore_ascii_case(if *value { "true" } else { "false" }))
}

/// A network in CIDR notation (RFC 4632), or one address. One of IPv4 written as IPv6
/// (`::ffff:203.0.113.0/120`) is the one of IPv4, as addresses are, else it would hold none of them.
/// `None` also for one that holds more than IPv4 and yet names it (`::ffff:203.0.113.0/90`): no
/// address could be in it as it is meant. `::/0` and the like are of IPv6 alone.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let Ok(net) = text.parse::<IpNet>() else {
        return address(text).map(IpNet::from);
    };
    let IpNet::V6(six) = net else {
        return Some(net);
    };
    let v4_prefix = six.prefix_len().checked_sub(MAPPED_PREFIX);
    match (six.addr().to_ipv4_mapped(), v4_prefix) {
        (Some(addr), Some(prefix)) => Ipv4Net::new(addr, prefix).ok().map(IpNet::V4),
        (Some(_), None) => None,
        (None, _) => {
            let names_mapped = six.network() != Ipv6Addr::UNSPECIFIED
                && six.contains(&Ipv4Addr::UNSPECIFIED.to_ipv6_mapped());
            (!names_mapped).then_some(net)
        }
    }
}

/// An address. One of IPv4 written as IPv6 (`::ffff:203.0.113.5`) is the one of IPv4, so that a
/// dual-stack listener does not change who is refused.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_decimals() {
        for (text, value) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("10", Some(10 * SCALE)),
            ("+10.50", Some(10_500_000_000)),
            ("-0.000000001", Some(-1)),
            ("999999999999999999", Some(999_999_999_999_999_999 * SCALE)),
            ("1000000000000000000", None),
            ("0.0000000001", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("5.", None),
            ("1e3", None),
            ("--1", None),
            ("1.-1", None),
            ("٣", None),
        ] {
            assert_eq!(number(text), value, "{text:?}");
        }
    }

    #[test]
    fn dates_of_the_w3c_note_and_seconds() {
        let seconds = |seconds: i128| Some(seconds * SCALE);
        for (text, value) in [
            ("1970-01-01", seconds(0)),
            ("1969-12-31T23:59:59Z", seconds(-1)),
            ("2013-06-30T00:00:00Z", seconds(1_372_550_400)),
            ("2013-06-30T02:00:00+02:00", seconds(1_372_550_400)),
            ("2013-06-29T22:30-01:30", seconds(1_372_550_400)),
            ("1372550400", seconds(1_372_550_400)),
            ("1970-01-01T00:00:00.25Z", Some(250_000_000)),
            ("2024-02-29", seconds(1_709_164_800)),
            ("2023-02-29", None),
            ("2013-13-01", None),
            ("2013-06-30T24:00:00Z", None),
            ("2013-06-30T00:00:00", None),
            ("2013-06-30 00:00:00Z", None),
            ("2013-06-30T0:00:00Z", None),
            ("2013-06-30T00:00:00.Z", None),
            ("2013-06-30T00:00:00+2", None),
            ("now", None),
        ] {
            assert_eq!(date(text), value, "{text:?}");
        }
    }

    #[test]
    fn addresses_and_networks() {
        let within = |net: &str, ip: &str| {
            network(net)
                .unwrap_or_else(|| panic!("{net}"))
                .contains(&address(ip).unwrap_or_else(|| panic!("{ip}")))
        };
        assert!(within("203.0.113.0/24", "203.0.113.77"));
        assert!(within("203.0.113.7/24", "203.0.113.77"));
        assert!(!within("203.0.113.0/24", "203.0.114.77"));
        assert!(within("203.0.113.5", "::ffff:203.0.113.5"));
        assert!(within("2001:DB8:1234:5678::/64", "2001:db8:1234:5678::9"));
        assert!(!within("0.0.0.0/0", "2001:db8::1"));
        assert!(!within("::/0", "203.0.113.5"));
        assert!(within("::/0", "2001:db8::1"));
        assert_eq!(network("203.0.113.0/33"), None);
        assert_eq!(network("203.0.113"), None);
        assert_eq!(address("203.0.113.0/24"), None);
    }

    #[test]
    fn networks_of_version_4_written_as_6_are_of_version_4() {
        for (written, meant) in [
            ("::ffff:203.0.113.0/120", "203.0.113.0/24"),
            ("::FFFF:cb00:7100/120", "203.0.113.0/24"),
            ("::ffff:203.0.113.5/128", "203.0.113.5/32"),
            ("::ffff:203.0.113.5", "203.0.113.5/32"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(network(written), network(meant), "{written}");
            assert!(network(written).is_some(), "{written}");
        }
        for refused in [
            "::ffff:203.0.113.0/95",
            "::ffff:203.0.113.0/24",
            "::ffff:0:0/0",
            "::fffe:0:0/95",
            "::ff00:0:0/88",
            "::ffff:203.0.113.0/129",
        ] {
            assert_eq!(network(refused), None, "{refused}");
        }
        // Of IPv6 alone, and none of them near the mapped ones.
        for six in ["::/0", "::/8", "::/96", "::fffe:0:0/96", "2001:db8::/32"] {
            let is_six = matches!(network(six), Some(IpNet::V6(_)));
            assert!(is_six, "{six}");
        }
    }
}
