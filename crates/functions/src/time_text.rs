//! Times as text, as the dialects' literals have them, and steps of the calendar on a zone's clocks.

use chrono::{NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use triglot_model::Precision;

/// The instant that a text means, in units of `precision`: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS[.f…]`, with `T` for the
/// blank, and with `Z`, `±hh`, `±hhmm` or `±hh:mm` behind it. Without those it is a time on the zone's clocks. More
/// digits than the precision has are cut off. `None`: it is no time, or none that fits.
pub fn parse_time(text: &str, zone: Tz, precision: Precision) -> Option<i64> {
    let text = text.trim();
    let (date, rest) = split_date(text)?;
    let mut fraction = 0_i64;
    let mut offset = None;
    let mut local = date.and_hms_opt(0, 0, 0)?;
    if let Some(clock) = rest.strip_prefix([' ', 'T', 't']) {
        let (clock, zone_text) = split_offset(clock.trim_start());
        let (clock, digits) = clock.split_once('.').unwrap_or((clock, ""));
        let mut parts = clock.splitn(3, ':');
        let hour = small(parts.next()?)?;
        let minute = small(parts.next()?)?;
        let second = parts.next().map_or(Some(0), small)?;
        local = date.and_hms_opt(hour, minute, second)?;
        fraction = fraction_of(digits, precision)?;
        offset = zone_text.map(parse_offset).map_or(Some(None), |o| o.map(Some))?;
    } else if !rest.is_empty() {
        return None;
    }
    let seconds = match offset {
        Some(seconds_ahead) => local.and_utc().timestamp().checked_sub(seconds_ahead)?,
        None => local_seconds(local, zone)?,
    };
    seconds.checked_mul(precision.per_second())?.checked_add(fraction)
}

/// The instant, in seconds, at which a zone's clocks show a time: the first of two; where they skip it, the instant
/// that it would be had they not been put forward.
pub fn local_seconds(local: NaiveDateTime, zone: Tz) -> Option<i64> {
    if let Some(time) = zone.from_local_datetime(&local).earliest() {
        return Some(time.timestamp());
    }
    let before = local.checked_sub_signed(TimeDelta::hours(12))?;
    let ahead = zone.offset_from_utc_datetime(&before).fix().local_minus_utc();
    Some(local.and_utc().timestamp() - i64::from(ahead))
}

/// `YYYY-MM-DD` and what follows it.
fn split_date(text: &str) -> Option<(NaiveDate, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (date, rest) = text.split_at_checked(end)?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if year.len() != 4 || parts.next().is_some() {
        return None;
    }
    Some((NaiveDate::from_ymd_opt(year.parse().ok()?, small(month)?, small(day)?)?, rest))
}

/// One or two digits.
fn small(digits: &str) -> Option<u32> {
    let plain = matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

/// A clock's text and the zone behind it.
fn split_offset(text: &str) -> (&str, Option<&str>) {
    let at = text.find(['Z', 'z', '+', '-']);
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((clock, zone)) => (clock.trim_end(), Some(zone)),
        None => (text, None),
    }
}

/// `Z`, `±hh`, `±hhmm`, `±hh:mm` in seconds ahead of UTC.
pub fn parse_offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        5 => digits.split_once(':')?,
        _ => return None,
    };
    let (hours, minutes) = (i64::from(small(hours)?), i64::from(small(minutes)?));
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Digits behind the point, in units of the precision.
fn fraction_of(digits: &str, precision: Precision) -> Option<i64> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) || digits.len() > 18 {
        return None;
    }
    let padded = format!("{digits:0<9}");
    let nanoseconds: i64 = padded.get(..9)?.parse().ok()?;
    Some(precision.from_ns(nanoseconds))
}

/// The start of the day that an instant belongs to on the zone's clocks, in seconds.
pub fn midnight_of(now_ns: i64, zone: Tz) -> Option<i64> {
    let utc = chrono::DateTime::from_timestamp_nanos(now_ns);
    let day = utc.with_timezone(&zone).date_naive();
    local_seconds(day.and_hms_opt(0, 0, 0)?, zone)
}

/// The time so many months later on the zone's clocks, both in `per_second` units of a second; the 31st becomes the
/// month's last day.
pub fn months_later(time: i64, months: i64, per_second: i64, zone: Tz) -> Option<i64> {
    let (seconds, rest) = (time.div_euclid(per_second), time.rem_euclid(per_second));
    let local = chrono::DateTime::from_timestamp(seconds, 0)?.with_timezone(&zone).naive_local();
    let distance = chrono::Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let moved =
        if months < 0 { local.checked_sub_months(distance) } else { local.checked_add_months(distance) };
    local_seconds(moved?, zone)?.checked_mul(per_second)?.checked_add(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_times() {
        let berlin = Tz::Europe__Berlin;
        let ms = |text, zone| parse_time(text, zone, Precision::Milli);
        // 2024-01-01 00:00:00 UTC is 1704067200.
        for (text, zone, expected) in [
            ("2024-01-01", Tz::UTC, Some(1_704_067_200_000)),
            ("2024-01-01", berlin, Some(1_704_063_600_000)),
            ("2024-01-01 00:00:01", Tz::UTC, Some(1_704_067_201_000)),
            ("2024-01-01T00:00:01.5", Tz::UTC, Some(1_704_067_201_500)),
            ("2024-01-01 00:00:01.123456789", Tz::UTC, Some(1_704_067_201_123)),
            ("2024-01-01T00:00:00Z", berlin, Some(1_704_067_200_000)),
            ("2024-01-01 01:00:00+01:00", Tz::UTC, Some(1_704_067_200_000)),
            ("2024-01-01 01:00:00.5+0100", Tz::UTC, Some(1_704_067_200_500)),
            ("2023-12-31T16:00:00-08", Tz::UTC, Some(1_704_067_200_000)),
            ("2024-1-1 0:0:0", Tz::UTC, Some(1_704_067_200_000)),
            ("1969-12-31 23:59:59.999", Tz::UTC, Some(-1)),
            // Skipped by the clocks: 02:30 in winter time is 01:30 UTC.
            ("2024-03-31 02:30:00", berlin, Some(1_711_848_600_000)),
            ("2024-02-30", Tz::UTC, None),
            ("2024-01-01 25:00:00", Tz::UTC, None),
            ("2024-01-01 00:00:00 x", Tz::UTC, None),
            ("2024-01-01x", Tz::UTC, None),
            ("24-01-01", Tz::UTC, None),
            ("abc", Tz::UTC, None),
            ("", Tz::UTC, None),
        ] {
            assert_eq!(ms(text, zone), expected, "{text}");
        }
        let ns = parse_time("2024-01-01 00:00:00.1", Tz::UTC, Precision::Nano);
        assert_eq!(ns, Some(1_704_067_200_100_000_000));
        assert_eq!(parse_time("2970-01-01", Tz::UTC, Precision::Nano), None);
    }
}
