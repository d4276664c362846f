//! Timestamps, dates, times of day and intervals, written by hand: a formatter with a pattern is
//! ten times slower, and a timestamp is in almost every row.

use std::cell::Cell;

use arrow::datatypes::TimeUnit;

/// How the fraction of a second is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fraction {
    /// Always three digits.
    Three,
    /// Always six digits.
    Six,
    /// Always nine digits.
    Nine,
    /// 0, 3, 6 or 9 digits, as few as hold the value.
    Trimmed,
    /// None at all.
    Cut,
}

const SECONDS_PER_DAY: i64 = 86_400;

/// Units of one second.
#[inline]
pub const fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The text of the day that was written last: rows that follow each other are mostly of one day.
#[derive(Clone, Copy, Debug)]
pub struct DayMemo {
    days: i64,
    text: [u8; 10],
}

impl Default for DayMemo {
    fn default() -> Self {
        Self { days: 0, text: *b"1970-01-01" }
    }
}

/// `2022-11-03T06:20:11.000001000`; with `offset_seconds` the time is shown in that zone, its
/// offset behind it.
#[inline]
pub fn push_timestamp(
    out: &mut Vec<u8>,
    memo: &Cell<DayMemo>,
    value: i64,
    unit: TimeUnit,
    fraction: Fraction,
    offset_seconds: Option<i32>,
) {
    let (seconds, nanos) = split(value, unit);
    let seconds = seconds.saturating_add(i64::from(offset_seconds.unwrap_or(0)));
    let clock = seconds.rem_euclid(SECONDS_PER_DAY);
    let (h, m, s) = (two(clock / 3600), two(clock / 60 % 60), two(clock % 60));
    match day(memo, seconds.div_euclid(SECONDS_PER_DAY)) {
        Ok([a, b, c, d, e, f, g, i, j, k]) => {
            // One copy of a length that is known costs less than eight short ones.
            let text = [a, b, c, d, e, f, g, i, j, k, b'T', h[0], h[1], b':', m[0], m[1], b':', s[0], s[1]];
            out.extend_from_slice(&text);
        }
        Err(far) => {
            out.extend_from_slice(&far);
            out.extend_from_slice(&[b'T', h[0], h[1], b':', m[0], m[1], b':', s[0], s[1]]);
        }
    }
    push_fraction(out, nanos, fraction);
    if let Some(offset) = offset_seconds {
        let minutes = i64::from(offset.unsigned_abs() / 60);
        let (h, m) = (two(minutes / 60), two(minutes % 60));
        out.extend_from_slice(&[if offset < 0 { b'-' } else { b'+' }, h[0], h[1], b':', m[0], m[1]]);
    }
}

/// Whole seconds, rounded down, and the nanoseconds above them. The divisors are constants, which
/// costs a multiplication instead of a division.
#[inline]
fn split(value: i64, unit: TimeUnit) -> (i64, i64) {
    fn by<const PER_SECOND: i64>(value: i64) -> (i64, i64) {
        (value.div_euclid(PER_SECOND), value.rem_euclid(PER_SECOND) * (1_000_000_000 / PER_SECOND))
    }
    match unit {
        TimeUnit::Second => (value, 0),
        TimeUnit::Millisecond => by::<1_000>(value),
        TimeUnit::Microsecond => by::<1_000_000>(value),
        TimeUnit::Nanosecond => by::<1_000_000_000>(value),
    }
}

/// The text of a day; `Err` with its longer text for years that do not have four digits.
#[inline]
fn day(memo: &Cell<DayMemo>, days: i64) -> Result<[u8; 10], Vec<u8>> {
    let last = memo.get();
    if last.days == days {
        return Ok(last.text);
    }
    let mut text = Vec::with_capacity(16);
    push_date(&mut text, days);
    let text = <[u8; 10]>::try_from(text)?;
    memo.set(DayMemo { days, text });
    Ok(text)
}

/// `10:00:00`
pub fn push_time(out: &mut Vec<u8>, value: i64, unit: TimeUnit, fraction: Fraction) {
    let (seconds, nanos) = split(value, unit);
    push_clock(out, seconds);
    push_fraction(out, nanos, fraction);
}

/// `2020-01-01` from days since the epoch (proleptic Gregorian calendar).
pub fn push_date(out: &mut Vec<u8>, days: i64) {
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

#[inline]
fn push_fraction(out: &mut Vec<u8>, nanos: i64, fraction: Fraction) {
    if fraction == Fraction::Cut || (fraction == Fraction::Trimmed && nanos == 0) {
        return;
    }
    let (a, b, c, d) = (two(nanos / 10_000_000), two(nanos / 100_000), two(nanos / 1_000), two(nanos / 10));
    let text = [b'.', a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1], b'0' + (nanos % 10) as u8];
    match fraction {
        Fraction::Three => out.extend(text.iter().take(4)),
        Fraction::Six => out.extend(text.iter().take(7)),
        Fraction::Trimmed if nanos % 1_000_000 == 0 => out.extend(text.iter().take(4)),
        Fraction::Trimmed if nanos % 1_000 == 0 => out.extend(text.iter().take(7)),
        Fraction::Nine | Fraction::Trimmed | Fraction::Cut => out.extend_from_slice(&text),
    }
}

fn push_two(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&two(value));
}

/// The last two decimal digits of a number that is not negative.
#[inline]
fn two(value: i64) -> [u8; 2] {
    let value = (value % 100) as u8;
    [b'0' + value / 10, b'0' + value % 10]
}

/// An interval in its three independent parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Whole months.
    pub months: i64,
    /// Whole days.
    pub days: i64,
    /// The rest.
    pub nanos: i64,
}

/// `0 years 1 mons 2 days 0 hours 0 mins 3.000000000 secs`. Years are never carried.
pub fn push_interval(out: &mut Vec<u8>, interval: Interval) {
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
        push_timestamp(&mut out, &Cell::default(), value, unit, fraction, offset);
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
    fn fixed_widths_keep_zeros_and_cut_the_rest() {
        let at = |fraction| stamp(1_500_000_001, TimeUnit::Nanosecond, fraction, None);
        assert_eq!(at(Fraction::Three), "1970-01-01T00:00:01.500");
        assert_eq!(at(Fraction::Six), "1970-01-01T00:00:01.500000");
        assert_eq!(at(Fraction::Nine), "1970-01-01T00:00:01.500000001");
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
    fn the_remembered_day_is_the_right_one() {
        let memo = Cell::default();
        let mut out = Vec::new();
        // 86399 and 86400 s: the last second of a day and the first of the next.
        for seconds in [0, 86_399, 86_400, 86_399, -1, 253_402_300_800, 0] {
            push_timestamp(&mut out, &memo, seconds, TimeUnit::Second, Fraction::Trimmed, None);
            out.push(b' ');
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1970-01-01T00:00:00 1970-01-01T23:59:59 1970-01-02T00:00:00 1970-01-01T23:59:59 \
             1969-12-31T23:59:59 +10000-01-01T00:00:00 1970-01-01T00:00:00 "
        );
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
    fn intervals_have_three_parts() {
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
