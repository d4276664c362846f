//! `timeFormat`: numbers since 1970, layouts with a name, patterns of strftime.

use chrono::format::{Item, Parsed, StrftimeItems, parse};
use chrono::{DateTime, Datelike, FixedOffset, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use triglot_parse_json::{Number, Scalar};

/// Names of formats with their units in nanoseconds.
const UNITS: [(&str, i64); 4] =
    [("unix", 1_000_000_000), ("unix_ms", 1_000_000), ("unix_us", 1_000), ("unix_ns", 1)];

/// Names of layouts. Seconds may have a fraction wherever they stand, as in Go, whose names these are.
const LAYOUTS: [(&str, &str); 9] = [
    ("ansic", "%a %b %e %H:%M:%S%.f %Y"),
    ("rubydate", "%a %b %d %H:%M:%S%.f %z %Y"),
    ("rfc822z", "%d %b %y %H:%M %z"),
    ("rfc1123z", "%a, %d %b %Y %H:%M:%S%.f %z"),
    ("rfc3339", "%+"),
    ("rfc3339nano", "%+"),
    ("stamp", "%b %e %H:%M:%S%.f"),
    ("stampmilli", "%b %e %H:%M:%S%.f"),
    ("datetime", "%Y-%m-%d %H:%M:%S%.f"),
];

/// The format of rules that name none.
pub(super) const DEFAULT: &str = "datetime";

/// Years that a text of RFC 3339 can have.
const YEARS: std::ops::RangeInclusive<i32> = 0..=9999;

/// Why a format is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Neither a name nor a pattern.
    #[error("is neither the name of a format nor a pattern of strftime")]
    Unknown,
    /// A `%` with something behind it that has no meaning.
    #[error("has a conversion that strftime does not know")]
    Conversion,
    /// A pattern without a day: no instant follows from such a text.
    #[error("does not tell year, month and day")]
    NoDay,
}

/// How the member of the time is read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TimeFormat {
    /// A whole number of this many nanoseconds since 1970, or its text.
    Epoch { unit_ns: i64 },
    /// A text.
    Text { items: Vec<Item<'static>>, has_year: bool },
}

impl TimeFormat {
    /// A format by its name, or a pattern.
    pub(super) fn new(text: &str) -> Result<Self, FormatError> {
        if let Some((_, unit_ns)) = UNITS.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Epoch { unit_ns: *unit_ns });
        }
        if let Some((name, layout)) = LAYOUTS.iter().find(|(name, _)| *name == text) {
            return Ok(Self::Text { items: items(layout)?, has_year: !name.starts_with("stamp") });
        }
        if !text.contains('%') {
            return Err(FormatError::Unknown);
        }
        let format = Self::Text { items: items(&pattern(text))?, has_year: true };
        // A pattern is fit for use if it reads what it writes.
        let Self::Text { items, .. } = &format else { return Ok(format) };
        let sample = DateTime::<Utc>::UNIX_EPOCH.fixed_offset();
        let written = sample.format_with_items(items.iter()).to_string();
        format.of_text(&written, Tz::UTC, sample.to_utc()).map_err(|_| FormatError::NoDay)?;
        Ok(format)
    }

    /// The instant that a member says. `zone` counts where the text has none, `now` where it has no year.
    pub(super) fn read(
        &self,
        value: &Scalar<'_>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, TimeError> {
        match (self, value) {
            (Self::Epoch { unit_ns }, Scalar::Number(number)) => epoch(whole(*number)?, *unit_ns),
            (Self::Epoch { unit_ns }, Scalar::Str(text)) => {
                epoch(text.trim().parse().map_err(|_| TimeError::NotWhole)?, *unit_ns)
            }
            (Self::Epoch { .. }, _) => Err(TimeError::NotWhole),
            (Self::Text { .. }, Scalar::Str(text)) => self.of_text(text, zone, now),
            (Self::Text { .. }, _) => Err(TimeError::NoText),
        }
    }

    fn of_text(&self, text: &str, zone: Tz, now: DateTime<Utc>) -> Result<DateTime<Utc>, TimeError> {
        let Self::Text { items, has_year } = self else { return Err(TimeError::NoText) };
        let mut parsed = Parsed::new();
        parse(&mut parsed, text.trim(), items.iter()).map_err(|_| TimeError::Format)?;
        let found = if *has_year {
            instant(parsed, zone)?
        } else {
            let local = now.with_timezone(&zone).year();
            last_before(parsed, local, zone, now + chrono::TimeDelta::days(1))?
        };
        in_range(found)
    }
}

/// Why a member is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeError {
    #[error("is not a whole number")]
    NotWhole,
    #[error("is not a text")]
    NoText,
    #[error("does not have the form of timeFormat")]
    Format,
    #[error("does not exist in the time zone")]
    Gap,
    #[error("is out of range")]
    Range,
}

/// As the statement has it: RFC 3339 with as many digits as it takes.
pub(super) fn written(time: DateTime<Utc>) -> String {
    let mut text = time.format("%Y-%m-%dT%H:%M:%S").to_string();
    let nanos = time.timestamp_subsec_nanos();
    if nanos > 0 {
        text.push_str(format!(".{nanos:09}").trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// A whole number, also in the spelling of a float.
fn whole(number: Number<'_>) -> Result<i64, TimeError> {
    /// The floats up to here are whole numbers without gaps.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match (number.as_i64(), number.as_f64()) {
        (Some(value), _) => Ok(value),
        (None, Some(value)) if value.fract() == 0.0 && value.abs() <= EXACT => Ok(value as i64),
        _ => Err(TimeError::NotWhole),
    }
}

fn epoch(value: i64, unit_ns: i64) -> Result<DateTime<Utc>, TimeError> {
    let per_second = 1_000_000_000 / unit_ns;
    let nanos = value.rem_euclid(per_second) * unit_ns;
    let nanos = u32::try_from(nanos).map_err(|_| TimeError::Range)?;
    let time = DateTime::from_timestamp(value.div_euclid(per_second), nanos);
    in_range(time.ok_or(TimeError::Range)?)
}

fn in_range(time: DateTime<Utc>) -> Result<DateTime<Utc>, TimeError> {
    if YEARS.contains(&time.year()) { Ok(time) } else { Err(TimeError::Range) }
}

fn items(pattern: &str) -> Result<Vec<Item<'static>>, FormatError> {
    StrftimeItems::new(pattern).parse_to_owned().map_err(|_| FormatError::Conversion)
}

/// A pattern in the conversions of `chrono`, which reads `%f` as a number of nanoseconds: elsewhere `%L`, `%f`
/// and `%N` are the milli-, micro- and nanoseconds behind the point.
fn pattern(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let conversion = if c == '%' { chars.next() } else { None };
        match (c, conversion) {
            ('%', Some(fraction @ ('L' | 'f' | 'N'))) => {
                let has_point = out.ends_with('.');
                if has_point {
                    out.pop();
                }
                out.push_str(match fraction {
                    _ if has_point => "%.f",
                    'L' => "%3f",
                    'f' => "%6f",
                    _ => "%9f",
                });
            }
            (c, conversion) => {
                out.push(c);
                out.extend(conversion);
            }
        }
    }
    out
}

/// What a text said: an instant, or a time of the zone. Hours and minutes that were not told are 0.
fn instant(mut parsed: Parsed, zone: Tz) -> Result<DateTime<Utc>, TimeError> {
    let incomplete = |_| TimeError::Format;
    if parsed.timestamp().is_none() {
        if parsed.hour_div_12().is_none() && parsed.hour_mod_12().is_none() {
            parsed.set_hour(0).map_err(incomplete)?;
        }
        if parsed.minute().is_none() {
            parsed.set_minute(0).map_err(incomplete)?;
        }
    }
    if parsed.offset().is_some() {
        let found: DateTime<FixedOffset> = parsed.to_datetime().map_err(incomplete)?;
        return Ok(found.to_utc());
    }
    let naive = parsed.to_naive_datetime_with_offset(0).map_err(incomplete)?;
    if parsed.timestamp().is_some() {
        return Ok(naive.and_utc());
    }
    of_zone(naive, zone)
}

/// Of an hour that is there twice the first counts.
fn of_zone(naive: NaiveDateTime, zone: Tz) -> Result<DateTime<Utc>, TimeError> {
    match zone.from_local_datetime(&naive) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Ok(time.to_utc()),
        LocalResult::None => Err(TimeError::Gap),
    }
}

/// A time without its year: the last one of this name until `limit`, as log lines are meant.
fn last_before(
    parsed: Parsed,
    year: i32,
    zone: Tz,
    limit: DateTime<Utc>,
) -> Result<DateTime<Utc>, TimeError> {
    // 29 February is at most eight years away.
    for year in (year - 8..=year + 1).rev() {
        let mut parsed = parsed.clone();
        parsed.set_year(i64::from(year)).map_err(|_| TimeError::Format)?;
        match instant(parsed, zone) {
            Ok(time) if time <= limit => return Ok(time),
            _ => {}
        }
    }
    Err(TimeError::Format)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn read(format: &str, json: &str, zone: Tz) -> Result<String, TimeError> {
        let value = triglot_parse_json::Reader::new(json).scalar().unwrap();
        TimeFormat::new(format).unwrap().read(&value, zone, now()).map(written)
    }

    /// Expectations: GNU date, `TZ=… date -d '…' -u`.
    #[test]
    fn every_format_is_read() {
        let shanghai = Tz::Asia__Shanghai;
        for (format, json, wanted) in [
            ("unix", "1136214245", "2006-01-02T15:04:05Z"),
            ("unix", "\"1136214245\"", "2006-01-02T15:04:05Z"),
            ("unix", "1.136214245e9", "2006-01-02T15:04:05Z"),
            ("unix", "-1", "1969-12-31T23:59:59Z"),
            ("unix_ms", "1136214245006", "2006-01-02T15:04:05.006Z"),
            ("unix_ms", "-1", "1969-12-31T23:59:59.999Z"),
            ("unix_us", "1136214245000006", "2006-01-02T15:04:05.000006Z"),
            ("unix_ns", "1136214245000000006", "2006-01-02T15:04:05.000000006Z"),
            ("ansic", "\"Mon Jan  2 15:04:05 2006\"", "2006-01-02T07:04:05Z"),
            ("ansic", "\"Sun Jan 22 15:04:05.25 2006\"", "2006-01-22T07:04:05.25Z"),
            ("rubydate", "\"Mon Jan 02 15:04:05 -0700 2006\"", "2006-01-02T22:04:05Z"),
            ("rfc822z", "\"02 Jan 06 15:04 -0700\"", "2006-01-02T22:04:00Z"),
            ("rfc1123z", "\"Mon, 02 Jan 2006 15:04:05 -0700\"", "2006-01-02T22:04:05Z"),
            ("rfc3339", "\"2006-01-02T15:04:05Z\"", "2006-01-02T15:04:05Z"),
            ("rfc3339", "\"2006-01-02T15:04:05.5+08:00\"", "2006-01-02T07:04:05.5Z"),
            ("rfc3339nano", "\"2006-01-02T15:04:05.123456789-07:00\"", "2006-01-02T22:04:05.123456789Z"),
            // The last 3 January is a year ago but for those who are a day ahead.
            ("stamp", "\"Jan  3 01:00:00\"", "2026-01-02T17:00:00Z"),
            ("stamp", "\"Jan  4 15:04:05\"", "2025-01-04T07:04:05Z"),
            ("stamp", "\"Feb 29 08:00:00\"", "2024-02-29T00:00:00Z"),
            ("stampmilli", "\"Dec 31 23:59:59.123\"", "2025-12-31T15:59:59.123Z"),
            ("datetime", "\"2006-01-02 15:04:05\"", "2006-01-02T07:04:05Z"),
            ("datetime", "\"2006-01-02 15:04:05.000001\"", "2006-01-02T07:04:05.000001Z"),
            ("%Y-%m-%d %H:%M:%S", "\"2006-01-02 15:04:05\"", "2006-01-02T07:04:05Z"),
            ("%Y/%m/%d %H:%M:%S.%L", "\"2006/01/02 15:04:05.006\"", "2006-01-02T07:04:05.006Z"),
            ("%Y%m%d%H%M%S%f", "\"20060102150405000006\"", "2006-01-02T07:04:05.000006Z"),
            ("%d.%m.%Y", "\"02.01.2006\"", "2006-01-01T16:00:00Z"),
            ("%d.%m.%Y %I %p", "\"02.01.2006 03 PM\"", "2006-01-02T07:00:00Z"),
            ("%Y-%jT%H:%M%z", "\"2006-002T15:04+0100\"", "2006-01-02T14:04:00Z"),
            ("%s", "\"1136214245\"", "2006-01-02T15:04:05Z"),
            ("%Y-%m-%d 100%%", "\"2006-01-02 100%\"", "2006-01-01T16:00:00Z"),
        ] {
            assert_eq!(read(format, json, shanghai).as_deref(), Ok(wanted), "{format} {json}");
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        let berlin = Tz::Europe__Berlin;
        for (format, json, wanted) in [
            ("unix", "1.5", TimeError::NotWhole),
            ("unix", "\"soon\"", TimeError::NotWhole),
            ("unix", "null", TimeError::NotWhole),
            ("unix", "true", TimeError::NotWhole),
            ("unix", "1e300", TimeError::NotWhole),
            ("unix", "9223372036854775807", TimeError::Range),
            ("unix", "253402300800", TimeError::Range),
            ("unix_ns", "9223372036854775808", TimeError::NotWhole),
            ("datetime", "1136214245", TimeError::NoText),
            ("datetime", "\"2006-01-02\"", TimeError::Format),
            ("datetime", "\"2006-02-30 00:00:00\"", TimeError::Format),
            ("datetime", "\"2006-01-02 15:04:05 x\"", TimeError::Format),
            ("ansic", "\"Tue Jan  2 15:04:05 2006\"", TimeError::Format),
            ("stamp", "\"Feb 30 00:00:00\"", TimeError::Format),
            ("rfc3339", "\"2006-01-02T15:04:05\"", TimeError::Format),
            ("datetime", "\"2006-03-26 02:30:00\"", TimeError::Gap),
        ] {
            assert_eq!(read(format, json, berlin), Err(wanted), "{format} {json}");
        }
    }

    #[test]
    fn formats_are_checked() {
        assert_eq!(TimeFormat::new("iso"), Err(FormatError::Unknown));
        assert_eq!(TimeFormat::new(""), Err(FormatError::Unknown));
        assert_eq!(TimeFormat::new("%Y-%m-%d %Q"), Err(FormatError::Conversion));
        assert_eq!(TimeFormat::new("%H:%M:%S"), Err(FormatError::NoDay));
        assert_eq!(TimeFormat::new("%m-%d"), Err(FormatError::NoDay));
    }
}
