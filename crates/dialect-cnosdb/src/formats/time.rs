//! Timestamps, dates, times of day and intervals, written by hand: a formatter with a pattern is
//! ten times slower, and a timestamp is in almost every row.

use arrow::datatypes::TimeUnit;

/// How the fraction of a second is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fraction {
    /// Always nine digits (CSV, TSV).
    Nine,
    /// 0, 3, 6 or 9 digits, as few as hold the value (JSON, table).
    Trimmed,
    /// None at all.
    Cut,
}

const SECONDS_PER_DAY: i64 = 86_400;

/// Units of one second.
pub(super) const fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// `2022-11-03T06:20:11.000001000`; with `offset_seconds` the time is shown in that zone, its
/// offset behind it.
pub(super) fn push_timestamp(
    out: &mut Vec<u8>,
    value: i64,
    unit: TimeUnit,
    fraction: Fraction,
    offset_seconds: Option<i32>,
) {
    let per_second = per_second(unit);
    let seconds = value.div_euclid(per_second).saturating_add(i64::from(offset_seconds.unwrap_or(0)));
    let nanos = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    push_date(out, seconds.div_euclid(SECONDS_PER_DAY));
    out.push(b'T');
    push_clock(out, seconds.rem_euclid(SECONDS_PER_DAY));
    push_fraction(out, nanos, fraction);
    if let Some(offset) = offset_seconds {
        out.push(if offset < 0 { b'-' } else { b'+' });
        let minutes = i64::from(offset.unsigned_abs() / 60);
        push_two(out, minutes / 60);
        out.push(b':');
        push_two(out, minutes % 60);
    }
}

/// `10:00:00`
pub(super) fn push_time(out: &mut Vec<u8>, value: i64, unit: TimeUnit, fraction: Fraction) {
    let per_second = per_second(unit);
    push_clock(out, value.div_euclid(per_second));
    push_fraction(out, value.rem_euclid(per_second) * (1_000_000_000 / per_second), fraction);
}

/// `2020-01-01` from days since the epoch (proleptic Gregorian calendar).
pub(super) fn push_date(out: &mut Vec<u8>, days: i64) {
    // Days to civil date, counting years from March so that the leap day comes last.
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    if (0..=9999).contains(&year) {
        push_two(out, year / 100);
        push_two(out, year % 100);
    } else {
        out.extend_from_slice(format!("{year:+05}").as_bytes());
    }
    out.push(b'-');
    push_two(out, month);
    out.push(b'-');
    push_two(out, day);
}

fn push_clock(out: &mut Vec<u8>, seconds: i64) {
    push_two(out, seconds / 3600);
    out.push(b':');
    push_two(out, seconds / 60 % 60);
    out.push(b':');
    push_two(out, seconds % 60);
}

fn push_fraction(out: &mut Vec<u8>, nanos: i64, fraction: Fraction) {
    let (digits, value) = match fraction {
        Fraction::Nine => (9, nanos),
        Fraction::Cut => return,
        Fraction::Trimmed if nanos == 0 => return,
        Fraction::Trimmed if nanos % 1_000_000 == 0 => (3, nanos / 1_000_000),
        Fraction::Trimmed if nanos % 1_000 == 0 => (6, nanos / 1_000),
        Fraction::Trimmed => (9, nanos),
    };
    let mut text = *b".000000000";
    let mut rest = value;
    for place in text.iter_mut().skip(1).take(digits).rev() {
        *place = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    out.extend(text.iter().take(digits + 1));
}

fn push_two(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&[b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]);
}

/// An interval in its three independent parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) months: i64,
    pub(super) days: i64,
    pub(super) nanos: i64,
}

/// `0 years 1 mons 2 days 0 hours 0 mins 3.000000000 secs`. Years are never carried.
pub(super) fn push_interval(out: &mut Vec<u8>, interval: Interval) {
    let Interval { months, days, nanos } = interval;
    let seconds = nanos / 1_000_000_000;
    let (hours, minutes, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = nanos % 1_000_000_000;
    let sign = if second < 0 || fraction < 0 { "-" } else { "" };
    let text = format!(
        "0 years {months} mons {days} days {hours} hours {minutes} mins {sign}{}.{:09} secs",
        second.abs(),
        fraction.abs()
    );
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(value: i64, unit: TimeUnit, fraction: Fraction, offset: Option<i32>) -> String {
        let mut out = Vec::new();
        push_timestamp(&mut out, value, unit, fraction, offset);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_always_has_nine_digits() {
        use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
        // 2022-11-03T06:20:11 UTC = 1667456411 (computed with date -u).
        for (value, unit) in [(1_667_456_411_000_001_000, Nanosecond), (1_667_456_411_000_001, Microsecond)] {
            assert_eq!(stamp(value, unit, Fraction::Nine, None), "2022-11-03T06:20:11.000001000");
        }
        assert_eq!(
            stamp(1_667_456_411_000, Millisecond, Fraction::Nine, None),
            "2022-11-03T06:20:11.000000000"
        );
        assert_eq!(stamp(1_667_456_411, Second, Fraction::Nine, None), "2022-11-03T06:20:11.000000000");
    }

    #[test]
    fn other_formats_trim_groups_of_three() {
        let ns = |v| stamp(v, TimeUnit::Nanosecond, Fraction::Trimmed, None);
        assert_eq!(ns(0), "1970-01-01T00:00:00");
        assert_eq!(ns(120_000_000), "1970-01-01T00:00:00.120");
        assert_eq!(ns(1_000), "1970-01-01T00:00:00.000001");
        assert_eq!(ns(1), "1970-01-01T00:00:00.000000001");
        assert_eq!(ns(-1), "1969-12-31T23:59:59.999999999");
        assert_eq!(ns(i64::MIN), "1677-09-21T00:12:43.145224192");
        assert_eq!(ns(i64::MAX), "2262-04-11T23:47:16.854775807");
    }

    #[test]
    fn zones_are_shown_with_their_offset() {
        let at = |offset| stamp(0, TimeUnit::Second, Fraction::Trimmed, Some(offset));
        assert_eq!(at(0), "1970-01-01T00:00:00+00:00");
        assert_eq!(at(5 * 3600 + 1800), "1970-01-01T05:30:00+05:30");
        assert_eq!(at(-3600), "1969-12-31T23:00:00-01:00");
    }

    #[test]
    fn dates_agree_with_a_day_by_day_count() {
        let (mut year, mut month, mut day) = (1899, 12, 31);
        for days in -25_568..60_000 {
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 if leap => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let mut out = Vec::new();
            push_date(&mut out, days);
            // 1899-12-31 is day -25568.
            assert_eq!(String::from_utf8(out).unwrap(), format!("{year:04}-{month:02}-{day:02}"), "{days}");
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month > 12 {
                (month, year) = (1, year + 1);
            }
        }
    }

    #[test]
    fn intervals_are_the_sheets() {
        let text = |months, days, nanos| {
            let mut out = Vec::new();
            push_interval(&mut out, Interval { months, days, nanos });
            String::from_utf8(out).unwrap()
        };
        assert_eq!(text(1, 2, 3_000_000_000), "0 years 1 mons 2 days 0 hours 0 mins 3.000000000 secs");
        assert_eq!(
            text(0, 3, 22 * 3_600_000_000_000),
            "0 years 0 mons 3 days 22 hours 0 mins 0.000000000 secs"
        );
        assert_eq!(text(0, 0, -1), "0 years 0 mons 0 days 0 hours 0 mins -0.000000001 secs");
    }
}
