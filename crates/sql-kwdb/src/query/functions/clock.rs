//! Parts of instants on a zone's clocks.

use std::fmt::Write;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use datafusion::common::Result;
use triglot_functions::time_text::local_seconds;
use triglot_model::Precision;

use super::zoned::{instants, is_text, unit_of};
use crate::query::errors::coded;

/// A part of a date or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Millennium,
    Century,
    Decade,
    Year,
    IsoYear,
    Quarter,
    Month,
    Week,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Epoch,
    Timezone,
    TimezoneHour,
    TimezoneMinute,
}

impl Part {
    /// # Errors
    /// 22023: there is no such part.
    pub(super) fn of(name: &str) -> Result<Self> {
        Ok(match name.trim().to_lowercase().as_str() {
            "millennium" | "millennia" | "millenniums" => Self::Millennium,
            "century" | "centuries" => Self::Century,
            "decade" | "decades" => Self::Decade,
            "year" | "years" => Self::Year,
            "isoyear" => Self::IsoYear,
            "quarter" => Self::Quarter,
            "month" | "months" => Self::Month,
            "week" | "weeks" => Self::Week,
            "day" | "days" => Self::Day,
            "dow" | "dayofweek" => Self::DayOfWeek,
            "isodow" => Self::IsoDayOfWeek,
            "doy" | "dayofyear" => Self::DayOfYear,
            "hour" | "hours" => Self::Hour,
            "minute" | "minutes" => Self::Minute,
            "second" | "seconds" => Self::Second,
            "millisecond" | "milliseconds" => Self::Millisecond,
            "microsecond" | "microseconds" => Self::Microsecond,
            "epoch" => Self::Epoch,
            "timezone" => Self::Timezone,
            "timezone_hour" => Self::TimezoneHour,
            "timezone_minute" => Self::TimezoneMinute,
            _ => return Err(coded("22023", format!("unsupported timespan: {name}"))),
        })
    }
}

fn range() -> datafusion::error::DataFusionError {
    coded("22008", "timestamp out of range")
}

/// What the zone's clocks show, and by how many seconds they are ahead of UTC.
fn local(time: i64, unit: Precision, zone: Tz) -> Result<(NaiveDateTime, i64)> {
    let (seconds, rest) = (time.div_euclid(unit.per_second()), time.rem_euclid(unit.per_second()));
    let nanos = u32::try_from(rest * unit.ns()).map_err(|_| range())?;
    let utc = DateTime::from_timestamp(seconds, nanos).ok_or_else(range)?.naive_utc();
    let ahead = i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc());
    let local = utc.checked_add_signed(chrono::TimeDelta::seconds(ahead)).ok_or_else(range)?;
    Ok((local, ahead))
}

/// The instant at which UTC's clocks show what `there`'s show at `time`.
pub(super) fn shifted(time: i64, unit: Precision, there: Tz) -> i64 {
    let ahead = local(time, unit, there).map_or(0, |(_, ahead)| ahead);
    time.saturating_add(ahead * unit.per_second())
}

/// The start of the part that holds an instant, on the zone's clocks.
pub(super) fn truncate(part: Part, time: i64, unit: Precision, zone: Tz) -> Result<i64> {
    let per_second = unit.per_second();
    match part {
        Part::Microsecond => return Ok(time - time.rem_euclid((per_second / 1_000_000).max(1))),
        Part::Millisecond => return Ok(time - time.rem_euclid((per_second / 1_000).max(1))),
        Part::Second => return Ok(time - time.rem_euclid(per_second)),
        _ => {}
    }
    let (local, ahead) = local(time, unit, zone)?;
    let date = local.date();
    let midnight = |date: Option<NaiveDate>| date.and_then(|d| d.and_hms_opt(0, 0, 0));
    let year = |year: i32| midnight(NaiveDate::from_ymd_opt(year, 1, 1));
    let century = |length: i32| year((date.year() - 1).div_euclid(length) * length + 1);
    let start = match part {
        Part::Millennium => century(1000),
        Part::Century => century(100),
        Part::Decade => year(date.year().div_euclid(10) * 10),
        Part::Year => year(date.year()),
        Part::Quarter => midnight(NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1)),
        Part::Month => midnight(date.with_day(1)),
        Part::Week => {
            midnight(date.checked_sub_days(chrono::Days::new(date.weekday().num_days_from_monday().into())))
        }
        Part::Day => midnight(Some(date)),
        // Shorter parts keep the offset: clocks that were put back show an hour twice.
        Part::Hour | Part::Minute => {
            let step = if part == Part::Hour { 3_600 } else { 60 };
            let seconds = time.div_euclid(per_second) + ahead;
            return Ok((seconds - seconds.rem_euclid(step) - ahead) * per_second);
        }
        _ => return Err(coded("22023", "unsupported timespan")),
    };
    let seconds = start.and_then(|start| local_seconds(start, zone)).ok_or_else(range)?;
    seconds.checked_mul(per_second).ok_or_else(range)
}

/// A part of each time or interval, as doubles.
pub(super) fn extract(part: Part, values: &ArrayRef, zone: Tz) -> Result<ArrayRef> {
    if matches!(values.data_type(), DataType::Interval(_)) {
        let found = values.as_primitive::<IntervalMonthDayNanoType>().iter();
        let parts = found.map(|v| v.and_then(|v| of_interval(part, v.months, v.days, v.nanoseconds)));
        return Ok(std::sync::Arc::new(parts.collect::<Float64Array>()));
    }
    let ty = match values.data_type() {
        ty @ DataType::Timestamp(..) => ty.clone(),
        ty if is_text(ty) => DataType::Timestamp(arrow::datatypes::TimeUnit::Nanosecond, None),
        _ => DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None),
    };
    let times = instants(values, &ty, zone)?;
    let times = cast(&times, &DataType::Int64)?;
    let unit = unit_of(&ty);
    let parts: Result<Float64Array> = times
        .as_primitive::<Int64Type>()
        .iter()
        .map(|time| time.map(|time| of_time(part, time, unit, zone)).transpose())
        .collect();
    Ok(std::sync::Arc::new(parts?))
}

fn of_interval(part: Part, months: i32, days: i32, nanos: i64) -> Option<f64> {
    let seconds = nanos as f64 / 1e9;
    Some(match part {
        Part::Year => f64::from(months / 12),
        Part::Month => f64::from(months % 12),
        Part::Day => f64::from(days),
        Part::Hour => (nanos / 3_600_000_000_000) as f64,
        Part::Minute => (nanos / 60_000_000_000 % 60) as f64,
        Part::Second => (nanos % 60_000_000_000) as f64 / 1e9,
        Part::Millisecond => (nanos % 60_000_000_000) as f64 / 1e6,
        Part::Microsecond => (nanos % 60_000_000_000) as f64 / 1e3,
        // Years of 365.25 days and months of 30.
        Part::Epoch => {
            f64::from(months / 12) * 31_557_600.0
                + f64::from(months % 12) * 2_592_000.0
                + f64::from(days) * 86_400.0
                + seconds
        }
        _ => return None,
    })
}

fn of_time(part: Part, time: i64, unit: Precision, zone: Tz) -> Result<f64> {
    let (local, ahead) = local(time, unit, zone)?;
    let year = local.year();
    let seconds = f64::from(local.second());
    let nanos = f64::from(local.nanosecond());
    let century = |length: i32| f64::from((year - 1).div_euclid(length) + 1);
    Ok(match part {
        Part::Millennium => century(1000),
        Part::Century => century(100),
        Part::Decade => f64::from(year.div_euclid(10)),
        Part::Year => f64::from(year),
        Part::IsoYear => f64::from(local.iso_week().year()),
        Part::Quarter => f64::from(local.month0() / 3 + 1),
        Part::Month => f64::from(local.month()),
        Part::Week => f64::from(local.iso_week().week()),
        Part::Day => f64::from(local.day()),
        Part::DayOfWeek => f64::from(local.weekday().num_days_from_sunday()),
        Part::IsoDayOfWeek => f64::from(local.weekday().number_from_monday()),
        Part::DayOfYear => f64::from(local.ordinal()),
        Part::Hour => f64::from(local.hour()),
        Part::Minute => f64::from(local.minute()),
        Part::Second => seconds + nanos / 1e9,
        Part::Millisecond => seconds * 1e3 + nanos / 1e6,
        Part::Microsecond => seconds * 1e6 + nanos / 1e3,
        Part::Epoch => time as f64 / unit.per_second() as f64,
        Part::Timezone => ahead as f64,
        Part::TimezoneHour => (ahead / 3_600) as f64,
        Part::TimezoneMinute => (ahead % 3_600 / 60) as f64,
    })
}

/// An instant in a format of C's `strftime`.
pub(super) fn formatted(time: i64, unit: Precision, format: &str, zone: Tz) -> Result<String> {
    let (local, ahead) = local(time, unit, zone)?;
    let offset = i32::try_from(ahead).ok().and_then(FixedOffset::east_opt).ok_or_else(range)?;
    let mut text = String::new();
    let written = match offset.from_local_datetime(&local).single() {
        Some(time) => write!(text, "{}", time.format(format)),
        None => return Err(range()),
    };
    written.map_err(|_| coded("22023", format!("invalid format \"{format}\"")))?;
    Ok(text)
}

/// `2022-01-01 03:22:33.456+00:00`.
pub(super) fn as_text(time: i64, unit: Precision, zone: Tz) -> Result<String> {
    let (local, ahead) = local(time, unit, zone)?;
    let sign = if ahead < 0 { '-' } else { '+' };
    let (hours, minutes) = (ahead.abs() / 3_600, ahead.abs() % 3_600 / 60);
    let fraction = match local.nanosecond() {
        0 => String::new(),
        nanos => format!(".{}", format!("{nanos:09}").trim_end_matches('0')),
    };
    Ok(format!("{}{fraction}{sign}{hours:02}:{minutes:02}", local.format("%Y-%m-%d %H:%M:%S")))
}

/// The date on the zone's clocks, in days since 1970-01-01.
pub(super) fn date_of(time: i64, unit: Precision, zone: Tz) -> Result<i32> {
    let (local, _) = local(time, unit, zone)?;
    i32::try_from(local.and_utc().timestamp().div_euclid(86_400)).map_err(|_| range())
}

/// The time of day on the zone's clocks, in microseconds.
pub(super) fn time_of_day(time: i64, unit: Precision, zone: Tz) -> Result<i64> {
    let (local, _) = local(time, unit, zone)?;
    Ok(i64::from(local.num_seconds_from_midnight()) * 1_000_000 + i64::from(local.nanosecond() / 1_000))
}
