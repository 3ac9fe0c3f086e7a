//! Calendar windows of quotas, UTC, in integers.

use tollgate_model::{Period, Quota};
use tollgate_protocol::Millis;

/// A period of a quota: from `start`, before `end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// When it begins.
    pub start: Millis,
    /// When it ends.
    pub end: Millis,
}

/// The window of a quota that holds `now`.
///
/// The offset is the day on which a period starts (reference 13, 24): WEEK counts from Sunday,
/// MONTH from the first. In a month shorter than the offset the period starts on its last day.
#[must_use]
pub fn window_at(quota: &Quota, now: Millis) -> Window {
    let today = now.day();
    let offset = u64::from(quota.offset);
    let (first, next) = match quota.period {
        Period::Day => (today, today + 1),
        Period::Week => {
            // 1970-01-01 was a Thursday: day 4 of a week that begins on Sunday.
            let since = (today + 4 + 7 - offset % 7) % 7;
            (today.saturating_sub(since), today.saturating_sub(since) + 7)
        }
        Period::Month => {
            let (year, month, _) = civil(today);
            let start = month_start(year, month, offset);
            if today >= start {
                let (year, month) = if month == 12 {
                    (year + 1, 1)
                } else {
                    (year, month + 1)
                };
                (start, month_start(year, month, offset))
            } else {
                let (year, month) = if month == 1 {
                    (year - 1, 12)
                } else {
                    (year, month - 1)
                };
                (month_start(year, month, offset), start)
            }
        }
    };
    Window {
        start: Millis(first * Millis::DAY),
        end: Millis(next * Millis::DAY),
    }
}

fn month_start(year: u64, month: u64, offset: u64) -> u64 {
    let first = days(year, month, 1);
    let (next_year, next_month) = if month == 12 {
        (year + 1, 1)
    } else {
        (year, month + 1)
    };
    let length = days(next_year, next_month, 1) - first;
    first + offset.min(length - 1)
}

/// Year, month and day of a day since 1970-01-01 (proleptic Gregorian calendar; the algorithm
/// counts in eras of 400 years that begin in March).
fn civil(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, date)
}

/// The day since 1970-01-01 of a date.
fn days(year: u64, month: u64, date: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let year_of_era = year % 400;
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted_month + 2) / 5 + date - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    era * 146_097 + of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(
        period: Period,
        offset: u32,
        date: (u64, u64, u64),
    ) -> ((u64, u64, u64), (u64, u64, u64)) {
        let now = Millis(days(date.0, date.1, date.2) * Millis::DAY + 5);
        let found = window_at(
            &Quota {
                limit: 1,
                offset,
                period,
            },
            now,
        );
        assert!(found.start <= now && now < found.end);
        (civil(found.start.day()), civil(found.end.day()))
    }

    #[test]
    fn dates_turn_into_days_and_back() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(civil(20_779), (2026, 11, 22));
        for day in 0..60_000 {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), day);
        }
    }

    #[test]
    fn windows_are_calendar_periods_with_a_start_day() {
        use Period::{Day, Month, Week};
        let cases = [
            (Day, 0, (2026, 11, 22), (2026, 11, 22), (2026, 11, 23)),
            // 2026-11-22 is a Sunday.
            (Week, 0, (2026, 11, 22), (2026, 11, 22), (2026, 11, 29)),
            (Week, 0, (2026, 11, 28), (2026, 11, 22), (2026, 11, 29)),
            (Week, 1, (2026, 11, 22), (2026, 11, 16), (2026, 11, 23)),
            (Week, 6, (2026, 11, 22), (2026, 11, 21), (2026, 11, 28)),
            (Month, 0, (2026, 12, 31), (2026, 12, 1), (2027, 1, 1)),
            (Month, 27, (2026, 3, 1), (2026, 2, 28), (2026, 3, 28)),
            (Month, 14, (2027, 1, 14), (2026, 12, 15), (2027, 1, 15)),
        ];
        for (period, offset, date, start, end) in cases {
            assert_eq!(
                window(period, offset, date),
                (start, end),
                "{period:?} {offset} {date:?}"
            );
        }
    }

    #[test]
    fn windows_follow_each_other_without_gap() {
        for period in [Period::Day, Period::Week, Period::Month] {
            for offset in 0..28 {
                let quota = Quota {
                    limit: 1,
                    offset,
                    period,
                };
                let mut window = window_at(&quota, Millis(20_000 * Millis::DAY));
                for _ in 0..40 {
                    let next = window_at(&quota, window.end);
                    assert_eq!(next.start, window.end, "{quota:?}");
                    let last = Millis(window.end.0 - 1);
                    assert_eq!(window_at(&quota, last), window);
                    window = next;
                }
            }
        }
    }
}
