//! Times in the request's zone: `2024-01-01 08:00:00.123 +0800 CST` in the server's face,
//! `2024-01-01T08:00:00.123+08:00` in the manual's.

use std::cell::{Cell, RefCell};

use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Offset as _, TimeZone as _};
use chrono_tz::{OffsetName as _, Tz};
use triglot_http::text::time::{per_second, push_date};

use crate::config::Wire;
use triglot_sql_kwdb::Zone;

const DAY: i64 = 86_400;

/// Writes times. Remembers the day of the last one: rows that follow each other are mostly of one day.
#[derive(Debug)]
pub(crate) struct Clock {
    zone: Zone,
    pub(super) wire: Wire,
    /// The calendar day written last and its text.
    date: RefCell<(i64, Vec<u8>)>,
    /// The offset on the day of UTC asked last.
    day: Cell<Day>,
}

/// A day of UTC and its offset, if that does not change on it.
#[derive(Clone, Copy, Debug)]
struct Day {
    number: i64,
    offset: Option<i32>,
}

impl Clock {
    pub(crate) fn new(zone: Zone, wire: Wire) -> Self {
        let mut epoch = Vec::new();
        push_date(&mut epoch, 0);
        Self { zone, wire, date: RefCell::new((0, epoch)), day: Cell::new(day_of(zone.tz, 0)) }
    }

    /// A TIMESTAMPTZ: in the request's zone.
    pub(super) fn push_in_zone(&self, out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
        let seconds = value.div_euclid(per_second(unit));
        let offset = self.offset_at(seconds);
        self.push_at(out, value, unit, offset);
        match self.wire {
            Wire::Manual => push_rfc_offset(out, offset),
            Wire::Server => {
                push_offset(out, offset);
                out.push(b' ');
                if !self.push_abbreviation(out, seconds) {
                    push_offset(out, offset);
                }
            }
        }
    }

    /// A TIMESTAMP: as it is stored, which is UTC's wall clock.
    pub(super) fn push_as_stored(&self, out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
        self.push_at(out, value, unit, 0);
        out.extend_from_slice(match (self.wire, self.zone.is_named) {
            (Wire::Manual, _) => b"Z",
            (Wire::Server, true) => b"+0000 UTC",
            (Wire::Server, false) => b"+0000 +0000",
        });
    }

    /// A DATE: midnight of UTC.
    pub(super) fn push_day(&self, out: &mut Vec<u8>, days: i64) {
        self.push_date(out, days);
        out.extend_from_slice(match self.wire {
            Wire::Manual => b"T00:00:00Z",
            Wire::Server => b" 00:00:00 +0000 +0000",
        });
    }

    /// A TIME: of the first day of all.
    pub(super) fn push_time_of_day(&self, out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
        out.extend_from_slice(match self.wire {
            Wire::Manual => b"0000-01-01T",
            Wire::Server => b"0000-01-01 ",
        });
        push_clock(out, value, unit);
        out.extend_from_slice(match self.wire {
            Wire::Manual => b"Z",
            Wire::Server => b" +0000 UTC",
        });
    }

    /// Date and time at an offset, with the blank that the server has behind it.
    fn push_at(&self, out: &mut Vec<u8>, value: i64, unit: TimeUnit, offset: i32) {
        let seconds = value.div_euclid(per_second(unit)).saturating_add(i64::from(offset));
        self.push_date(out, seconds.div_euclid(DAY));
        out.push(if self.wire == Wire::Manual { b'T' } else { b' ' });
        let fraction = value.rem_euclid(per_second(unit));
        push_clock(
            out,
            seconds.rem_euclid(DAY).saturating_mul(per_second(unit)).saturating_add(fraction),
            unit,
        );
        if self.wire == Wire::Server {
            out.push(b' ');
        }
    }

    fn push_date(&self, out: &mut Vec<u8>, days: i64) {
        let mut date = self.date.borrow_mut();
        if date.0 != days {
            date.0 = days;
            date.1.clear();
            push_date(&mut date.1, days);
        }
        out.extend_from_slice(&date.1);
    }

    fn offset_at(&self, seconds: i64) -> i32 {
        if self.zone.tz == Tz::UTC {
            return 0;
        }
        let number = seconds.div_euclid(DAY);
        let mut day = self.day.get();
        if day.number != number {
            day = day_of(self.zone.tz, number);
            self.day.set(day);
        }
        day.offset.unwrap_or_else(|| offset_of(self.zone.tz, seconds))
    }

    /// Appends the zone's short name at that time, where the zone was given by name; false = it was not.
    fn push_abbreviation(&self, out: &mut Vec<u8>, seconds: i64) -> bool {
        let Some(utc) = DateTime::from_timestamp(seconds, 0).filter(|_| self.zone.is_named) else {
            return false;
        };
        let offset = self.zone.tz.offset_from_utc_datetime(&utc.naive_utc());
        let Some(name) = offset.abbreviation() else { return false };
        out.extend_from_slice(name.as_bytes());
        true
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

/// `12:34:56.7`: the fraction without zeros at its end.
fn push_clock(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let seconds = value.div_euclid(per_second(unit));
    let nanos = value.rem_euclid(per_second(unit)) * (1_000_000_000 / per_second(unit));
    let text = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    out.extend_from_slice(text.as_bytes());
    if nanos > 0 {
        let digits = format!(".{nanos:09}");
        out.extend_from_slice(digits.trim_end_matches('0').as_bytes());
    }
}

/// `+0800`
fn push_offset(out: &mut Vec<u8>, offset: i32) {
    let minutes = offset.unsigned_abs() / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("{sign}{:02}{:02}", minutes / 60, minutes % 60).as_bytes());
}

/// `Z`, `+08:00`
fn push_rfc_offset(out: &mut Vec<u8>, offset: i32) {
    if offset == 0 {
        return out.push(b'Z');
    }
    let minutes = offset.unsigned_abs() / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    out.extend_from_slice(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(zone: &str, wire: Wire, push: impl Fn(&Clock, &mut Vec<u8>)) -> String {
        let zone = if zone.is_empty() { Zone::UTC } else { Zone::of(zone).unwrap() };
        let mut out = Vec::new();
        push(&Clock::new(zone, wire), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn in_zone(zone: &str, wire: Wire, value: i64) -> String {
        written(zone, wire, |clock, out| clock.push_in_zone(out, value, TimeUnit::Millisecond))
    }

    // 2024-01-01 00:00:00.123 UTC = 1704067200123 (date -u).
    const NEW_YEAR: i64 = 1_704_067_200_123;

    #[test]
    fn the_server_tells_the_offset_twice_or_the_zones_name() {
        let at = |zone| in_zone(zone, Wire::Server, NEW_YEAR);
        assert_eq!(at(""), "2024-01-01 00:00:00.123 +0000 +0000");
        assert_eq!(at("8"), "2024-01-01 08:00:00.123 +0800 +0800");
        assert_eq!(at("-5"), "2023-12-31 19:00:00.123 -0500 -0500");
        assert_eq!(at("Asia/Shanghai"), "2024-01-01 08:00:00.123 +0800 CST");
        assert_eq!(at("UTC"), "2024-01-01 00:00:00.123 +0000 UTC");
        // Summer time: 2024-07-01 00:00:00 UTC = 1719792000.
        assert_eq!(
            in_zone("America/New_York", Wire::Server, 1_719_792_000_000),
            "2024-06-30 20:00:00 -0400 EDT"
        );
    }

    #[test]
    fn the_manual_writes_rfc_3339() {
        assert_eq!(in_zone("", Wire::Manual, 1_690_699_480_320), "2023-07-30T06:44:40.32Z");
        assert_eq!(in_zone("8", Wire::Manual, NEW_YEAR), "2024-01-01T08:00:00.123+08:00");
        assert_eq!(in_zone("Europe/London", Wire::Manual, NEW_YEAR), "2024-01-01T00:00:00.123Z");
        assert_eq!(in_zone("-5", Wire::Manual, -1), "1969-12-31T18:59:59.999-05:00");
    }

    #[test]
    fn stored_times_dates_and_times_of_day_know_no_zone() {
        let stored = |zone, wire| {
            written(zone, wire, |clock, out| clock.push_as_stored(out, NEW_YEAR, TimeUnit::Millisecond))
        };
        assert_eq!(stored("8", Wire::Server), "2024-01-01 00:00:00.123 +0000 +0000");
        assert_eq!(stored("Asia/Shanghai", Wire::Server), "2024-01-01 00:00:00.123 +0000 UTC");
        assert_eq!(stored("8", Wire::Manual), "2024-01-01T00:00:00.123Z");
        // 2024-02-29 is day 19782.
        let day = |wire| written("8", wire, |clock, out| clock.push_day(out, 19_782));
        assert_eq!(day(Wire::Server), "2024-02-29 00:00:00 +0000 +0000");
        assert_eq!(day(Wire::Manual), "2024-02-29T00:00:00Z");
        let time =
            |wire| written("8", wire, |clock, out| clock.push_time_of_day(out, 45_296, TimeUnit::Second));
        assert_eq!(time(Wire::Server), "0000-01-01 12:34:56 +0000 UTC");
        assert_eq!(time(Wire::Manual), "0000-01-01T12:34:56Z");
    }

    #[test]
    fn the_remembered_day_is_the_right_one() {
        let text = written("8", Wire::Server, |clock, out| {
            for value in [0, 57_600_000, 0] {
                clock.push_in_zone(out, value, TimeUnit::Millisecond);
                out.push(b';');
            }
        });
        assert_eq!(
            text,
            "1970-01-01 08:00:00 +0800 +0800;1970-01-02 00:00:00 +0800 +0800;1970-01-01 08:00:00 +0800 +0800;"
        );
    }

    #[test]
    fn extreme_times_do_not_fail() {
        for value in [i64::MIN, i64::MAX] {
            for wire in [Wire::Manual, Wire::Server] {
                assert!(!in_zone("Asia/Kathmandu", wire, value).is_empty());
            }
        }
    }
}
