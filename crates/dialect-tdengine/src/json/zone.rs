//! Times in a zone: RFC 3339 with a fixed width.

use std::cell::Cell;

use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::Tz;
use triglot_http::text::time::{DayMemo, Fraction, per_second, push_timestamp};
use triglot_model::Precision;

const DAY: i64 = 86_400;

/// Writes times in one zone at one width. Remembers the day of the last one: rows that follow each other are
/// mostly of one day.
#[derive(Debug)]
pub(super) struct ZoneClock {
    zone: Tz,
    fraction: Fraction,
    memo: Cell<DayMemo>,
    day: Cell<Day>,
}

/// A day of UTC and its offset, if that does not change on it.
#[derive(Clone, Copy, Debug)]
struct Day {
    number: i64,
    offset: Option<i32>,
}

impl ZoneClock {
    pub(super) fn new(zone: Tz, precision: Precision) -> Self {
        let fraction = match precision {
            Precision::Milli => Fraction::Three,
            Precision::Micro => Fraction::Six,
            Precision::Nano => Fraction::Nine,
        };
        let day = Cell::new(day_of(zone, 0));
        Self { zone, fraction, memo: Cell::default(), day }
    }

    /// Appends a time as a string.
    pub(super) fn push(&self, out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
        let offset = self.offset_at(value.div_euclid(per_second(unit)));
        out.push(b'"');
        // Go writes `Z` wherever the offset is zero, London in winter included.
        let shown = Some(offset).filter(|o| *o != 0);
        push_timestamp(out, &self.memo, value, unit, self.fraction, shown);
        out.extend_from_slice(if shown.is_none() { b"Z\"" } else { b"\"" });
    }

    fn offset_at(&self, seconds: i64) -> i32 {
        if self.zone == Tz::UTC {
            return 0;
        }
        let number = seconds.div_euclid(DAY);
        let mut day = self.day.get();
        if day.number != number {
            day = day_of(self.zone, number);
            self.day.set(day);
        }
        day.offset.unwrap_or_else(|| offset_of(self.zone, seconds))
    }
}

fn day_of(zone: Tz, number: i64) -> Day {
    let begin = number.saturating_mul(DAY);
    let offset = offset_of(zone, begin);
    let is_same = offset_of(zone, begin.saturating_add(DAY - 1)) == offset;
    Day { number, offset: is_same.then_some(offset) }
}

/// Seconds east of UTC; 0 for times that no calendar has.
fn offset_of(zone: Tz, seconds: i64) -> i32 {
    DateTime::from_timestamp(seconds, 0)
        .map_or(0, |utc| zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(zone: Tz, precision: Precision, values: &[i64]) -> String {
        let clock = ZoneClock::new(zone, precision);
        let unit = match precision {
            Precision::Milli => TimeUnit::Millisecond,
            Precision::Micro => TimeUnit::Microsecond,
            Precision::Nano => TimeUnit::Nanosecond,
        };
        let mut out = Vec::new();
        for value in values {
            clock.push(&mut out, *value, unit);
        }
        String::from_utf8(out).unwrap().replace("\"\"", " ").replace('"', "")
    }

    #[test]
    fn widths_are_fixed_by_the_precision() {
        // 2022-01-30T05:00:00 UTC = 1643518800 (date -u).
        assert_eq!(text(Tz::UTC, Precision::Milli, &[1_643_518_800_000]), "2022-01-30T05:00:00.000Z");
        assert_eq!(text(Tz::UTC, Precision::Micro, &[1_643_518_800_000_010]), "2022-01-30T05:00:00.000010Z");
        assert_eq!(
            text(Tz::Asia__Shanghai, Precision::Nano, &[1_643_518_800_000_000_001]),
            "2022-01-30T13:00:00.000000001+08:00"
        );
        assert_eq!(text(Tz::UTC, Precision::Milli, &[-1]), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn summer_time_counts() {
        // New York: 2024-03-10 at 07:00 UTC from -05:00 to -04:00, 2024-11-03 at 06:00 UTC back.
        let ny = |values: &[i64]| text(Tz::America__New_York, Precision::Milli, values);
        assert_eq!(
            ny(&[1_710_053_999_000, 1_710_054_000_000, 1_710_053_999_000]),
            "2024-03-10T01:59:59.000-05:00 2024-03-10T03:00:00.000-04:00 2024-03-10T01:59:59.000-05:00"
        );
        assert_eq!(
            ny(&[1_730_613_599_000, 1_730_613_600_000]),
            "2024-11-03T01:59:59.000-04:00 2024-11-03T01:00:00.000-05:00"
        );
        // Zero offset is Z: London on 2024-01-01 and 2024-07-01.
        assert_eq!(
            text(Tz::Europe__London, Precision::Milli, &[1_704_067_200_000, 1_719_792_000_000]),
            "2024-01-01T00:00:00.000Z 2024-07-01T01:00:00.000+01:00"
        );
    }

    #[test]
    fn extreme_times_do_not_fail() {
        for value in [i64::MIN, i64::MAX] {
            assert!(!text(Tz::Asia__Kathmandu, Precision::Milli, &[value]).is_empty());
        }
    }
}
