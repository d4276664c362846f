//! Functions of times.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};
use arrow::datatypes::DataType;
use chrono::{DateTime, Datelike, FixedOffset, Offset};
use chrono_tz::Tz;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::prelude::{Expr, cast, lit};
use triglot_functions::buckets::{Buckets, Width, bucket_start};
use triglot_model::Precision;
use triglot_parse_tdengine::ast::Duration;

use super::args::Args;
use super::convert::{as_time, count_as_time};
use super::patterns::{format_time, scan_time};
use super::udf;
use crate::time_text::{parse_offset, parse_time};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
    Ok(Some(match name {
        "now" => {
            let [] = args.exactly()?;
            super::operators::now(env)
        }
        "today" => {
            let [] = args.exactly()?;
            super::operators::today(env)
        }
        "timezone" => {
            let [] = args.exactly()?;
            timezone(env)
        }
        "timetruncate" => truncate(args, env)?,
        "timediff" => difference(args, env)?,
        "week" | "weekofyear" | "weekday" | "dayofweek" => weeks(name, args, env)?,
        "date" => date(args, env)?,
        "to_iso8601" => to_iso8601(args, env)?,
        "to_unixtimestamp" => to_unixtimestamp(args, env)?,
        "to_char" => to_char(args, env)?,
        "to_timestamp" => to_timestamp(args, env)?,
        _ => return Ok(None),
    }))
}

/// `UTC (UTC, +0000)`: the zone, its abbreviation and its offset now.
fn timezone(env: &FunctionEnv) -> Typed {
    let now = DateTime::from_timestamp_nanos(env.request.now_ns()).with_timezone(&env.zone);
    let text = format!("{} ({}, {})", env.zone.name(), now.format("%Z"), now.format("%z"));
    let length = u32::try_from(text.len()).unwrap_or(0);
    Typed::new(lit(text), TaosType::Varchar, length)
}

/// A unit: a duration of one.
fn unit(args: &Args<'_>, value: &Typed) -> Result<Duration, TaosError> {
    value.duration.filter(|duration| duration.count == 1).ok_or_else(|| args.wrong_value())
}

/// The length of a fixed unit in units of the precision; finer ones are refused.
fn unit_length(args: &Args<'_>, duration: Duration, precision: Precision) -> Result<i64, TaosError> {
    let length = duration.unit.nanoseconds().filter(|ns| ns % precision.ns() == 0);
    length.map(|ns| ns / precision.ns()).ok_or_else(|| args.wrong_value())
}

/// `TIMETRUNCATE(ts, unit [, use_zone])`: by the session's zone unless `use_zone` is 0.
fn truncate(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let (time, unit_arg, use_zone) = args.two_or_three()?;
    let unit = unit(args, &unit_arg)?;
    let use_zone = use_zone.map_or(Ok(1), |value| args.integer_within(&value, 0, 1))? == 1;
    let width = match unit.unit.months() {
        Some(months) => Width::Months(months),
        None => Width::Fixed(unit_length(args, unit, env.precision)?),
    };
    let zone = if use_zone { env.zone } else { Tz::UTC };
    let buckets = Buckets::new(width, 0, zone, env.precision.arrow()).map_err(|_| args.wrong_value())?;
    let time = as_time(args.time(time)?, env);
    let start = ScalarFunction::new_udf(Arc::new(bucket_start(buckets)), vec![time]);
    Ok(Typed::fixed(Expr::ScalarFunction(start), TaosType::Timestamp))
}

/// The count of a time in units of the precision.
fn count(args: &Args<'_>, time: Typed, env: &FunctionEnv) -> Result<Expr, TaosError> {
    Ok(cast(as_time(args.time(time)?, env), DataType::Int64))
}

/// `TIMEDIFF(a, b [, unit])`: a − b, cut towards zero.
fn difference(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let (a, b, unit_arg) = args.two_or_three()?;
    let length = match unit_arg {
        Some(value) => unit_length(args, unit(args, &value)?, env.precision)?,
        None => 1,
    };
    let inputs = vec![count(args, a, env)?, count(args, b, env)?, lit(length)];
    let expr = udf::call("timediff", DataType::Int64, inputs, |args| {
        let rows = udf::integers(args, 0)?.iter().zip(udf::integers(args, 1)?).zip(udf::integers(args, 2)?);
        let differences = rows.map(|((a, b), length)| a?.checked_sub(b?)?.checked_div(length?));
        Ok(Arc::new(differences.collect::<Int64Array>()))
    });
    Ok(Typed::fixed(expr, TaosType::BigInt))
}

/// A time on a zone's clocks.
fn local(time: i64, per_second: i64, zone: Tz) -> Option<DateTime<Tz>> {
    let nanoseconds = time.rem_euclid(per_second) * (1_000_000_000 / per_second);
    let utc = DateTime::from_timestamp(time.div_euclid(per_second), u32::try_from(nanoseconds).ok()?)?;
    Some(utc.with_timezone(&zone))
}

/// Arguments that say what a time means: its count, units of a second, the zone.
fn local_args(args: &Args<'_>, time: Typed, env: &FunctionEnv) -> Result<Vec<Expr>, TaosError> {
    Ok(vec![count(args, time, env)?, lit(env.precision.per_second()), lit(env.zone.name())])
}

/// WEEK(t [, mode]), WEEKOFYEAR, WEEKDAY (Monday 0), DAYOFWEEK (Sunday 1).
fn weeks(name: &str, args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let (time, mode) = if name == "week" { args.one_or_two()? } else { (args.one()?, None) };
    let mode = mode.map_or(Ok(0), |value| args.integer_within(&value, 0, 7))?;
    let (name, kind) = match name {
        "week" => ("week", mode),
        "weekofyear" => ("week", 3),
        "weekday" => ("weekday", -1),
        _ => ("dayofweek", -2),
    };
    let mut inputs = local_args(args, time, env)?;
    inputs.push(lit(kind));
    let expr = udf::call(name, DataType::Int64, inputs, |args| {
        let (times, units) = (udf::integers(args, 0)?, udf::integers(args, 1)?);
        let (zones, kinds) = (udf::texts(args, 2)?, udf::integers(args, 3)?);
        let rows = times.iter().zip(units).zip(zones).zip(kinds);
        let numbers = rows.map(|(((time, unit), zone), kind)| {
            let day = local(time?, unit?, zone?.parse().ok()?)?.date_naive();
            Some(match kind? {
                -1 => i64::from(day.weekday().num_days_from_monday()),
                -2 => i64::from(day.weekday().number_from_sunday()),
                mode => week(day, mode),
            })
        });
        Ok(Arc::new(numbers.collect::<Int64Array>()))
    });
    Ok(Typed::fixed(expr, TaosType::BigInt))
}

/// `DATE(t)`: the day on the session's clocks, `2024-02-29`.
fn date(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let inputs = local_args(args, args.one()?, env)?;
    let expr = udf::call("date", DataType::Utf8, inputs, |args| {
        let rows = udf::integers(args, 0)?.iter().zip(udf::integers(args, 1)?).zip(udf::texts(args, 2)?);
        let days = rows.map(|((time, unit), zone)| {
            Some(local(time?, unit?, zone?.parse().ok()?)?.format("%Y-%m-%d").to_string())
        });
        Ok(Arc::new(days.collect::<StringArray>()))
    });
    Ok(Typed::new(expr, TaosType::Varchar, 10))
}

/// MySQL's week of the year: odd modes begin weeks on Monday (as do 1, 3, 5, 7), bit 1 counts from 1 and lets
/// the first days belong to the last week of the year before, bit 2 flips whether the first week is the one
/// with four days or the one with the first such weekday.
fn week(day: chrono::NaiveDate, mode: i64) -> i64 {
    let monday = mode & 1 == 1;
    let from_one = mode & 2 == 2;
    let four_days = (mode & 4 == 4) != monday;
    let weekday = |date: chrono::NaiveDate| {
        let weekday = date.weekday();
        i64::from(if monday { weekday.num_days_from_monday() } else { weekday.num_days_from_sunday() })
    };
    // The day of the year on which the first week begins; it may lie in the year before.
    let first_week = |year: i32| {
        let start = chrono::NaiveDate::from_ymd_opt(year, 1, 1).map_or(0, weekday);
        let longest = if four_days { 3 } else { 0 };
        if start <= longest { -start } else { 7 - start }
    };
    let ordinal = i64::from(day.ordinal0());
    let year = day.year();
    let begin = first_week(year);
    if ordinal < begin {
        if !from_one {
            return 0;
        }
        return (ordinal + days_of(year - 1) - first_week(year - 1)) / 7 + 1;
    }
    // Only weeks of four days can reach into the next year.
    if from_one && ordinal >= days_of(year) + first_week(year + 1) {
        return 1;
    }
    (ordinal - begin) / 7 + 1
}

fn days_of(year: i32) -> i64 {
    chrono::NaiveDate::from_ymd_opt(year, 12, 31).map_or(365, |last| i64::from(last.ordinal()))
}

/// `TO_ISO8601(ts [, zone])`.
fn to_iso8601(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let (time, zone) = args.one_or_two()?;
    let zone = match zone {
        None => String::new(),
        Some(zone) => {
            let text = args.constant_text(&zone)?;
            if parse_offset(&text).is_none() && text.parse::<Tz>().is_err() {
                return Err(TaosError::new(0x2800, "Invalid timezone format"));
            }
            text
        }
    };
    let mut inputs = local_args(args, time, env)?;
    inputs.push(lit(zone));
    let expr = udf::call("to_iso8601", DataType::Utf8, inputs, |args| {
        let (times, units) = (udf::integers(args, 0)?, udf::integers(args, 1)?);
        let rows = times.iter().zip(units).zip(udf::texts(args, 2)?).zip(udf::texts(args, 3)?);
        let written = rows.map(|(((time, unit), session), zone)| iso8601(time?, unit?, session?, zone?));
        Ok(Arc::new(written.collect::<StringArray>()))
    });
    Ok(Typed::new(expr, TaosType::Varchar, 64))
}

fn iso8601(time: i64, per_second: i64, session: &str, zone: &str) -> Option<String> {
    let digits = match per_second {
        1_000 => "%Y-%m-%dT%H:%M:%S%.3f",
        1_000_000 => "%Y-%m-%dT%H:%M:%S%.6f",
        _ => "%Y-%m-%dT%H:%M:%S%.9f",
    };
    let utc = local(time, per_second, Tz::UTC)?;
    if let Some(ahead) = parse_offset(zone) {
        let offset = FixedOffset::east_opt(i32::try_from(ahead).ok()?)?;
        return Some(format!("{}{zone}", utc.with_timezone(&offset).format(digits)));
    }
    let zone: Tz = if zone.is_empty() { session.parse().ok()? } else { zone.parse().ok()? };
    Some(format!("{}", utc.with_timezone(&zone).format(&format!("{digits}%z"))))
}

/// `TO_UNIXTIMESTAMP(s [, 1])`: the count, or the time with 1; NULL for a text that is no time.
fn to_unixtimestamp(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let (text, as_timestamp) = args.one_or_two()?;
    let as_timestamp = as_timestamp.map_or(Ok(0), |value| args.integer_within(&value, 0, 1))? == 1;
    let inputs = vec![args.text(text)?, lit(env.zone.name()), lit(env.precision.to_string())];
    let count = udf::call("text_to_time", DataType::Int64, inputs, |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?).zip(udf::texts(args, 2)?);
        let counts = rows.map(|((text, zone), precision)| {
            parse_time(text?, zone?.parse().ok()?, precision?.parse().ok()?)
        });
        Ok(Arc::new(counts.collect::<Int64Array>()))
    });
    Ok(if as_timestamp {
        Typed::fixed(count_as_time(count, env.precision), TaosType::Timestamp)
    } else {
        Typed::fixed(count, TaosType::BigInt)
    })
}

/// `TO_CHAR(ts, pattern)`.
fn to_char(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let [time, pattern] = args.exactly()?;
    let length = pattern.length.saturating_mul(5).max(64);
    let pattern = args.text(pattern)?;
    let mut inputs = local_args(args, time, env)?;
    inputs.push(pattern);
    let expr = udf::call("to_char", DataType::Utf8, inputs, |args| {
        let (times, units) = (udf::integers(args, 0)?, udf::integers(args, 1)?);
        let rows = times.iter().zip(units).zip(udf::texts(args, 2)?).zip(udf::texts(args, 3)?);
        let written = rows.map(|(((time, unit), zone), pattern)| {
            let time = local(time?, unit?, zone?.parse().ok()?)?;
            let ahead = time.offset().fix().local_minus_utc();
            Some(format_time(time.naive_local(), ahead, pattern?))
        });
        Ok(Arc::new(written.collect::<StringArray>()))
    });
    Ok(Typed::new(expr, TaosType::Varchar, length))
}

/// `TO_TIMESTAMP(s, pattern)`: NULL for a text that does not follow the pattern.
fn to_timestamp(args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let [text, pattern] = args.exactly()?;
    let (text, pattern) = (args.text(text)?, args.text(pattern)?);
    let inputs = vec![text, pattern, lit(env.zone.name()), lit(env.precision.to_string())];
    let count = udf::call("to_timestamp_pattern", DataType::Int64, inputs, |args| {
        let (texts, patterns) = (udf::texts(args, 0)?, udf::texts(args, 1)?);
        let rows = texts.iter().zip(patterns).zip(udf::texts(args, 2)?).zip(udf::texts(args, 3)?);
        let counts = rows.map(|(((text, pattern), zone), precision)| {
            scan_time(text?, pattern?, zone?.parse().ok()?, precision?.parse().ok()?)
        });
        Ok(Arc::new(counts.collect::<Int64Array>()))
    });
    Ok(Typed::fixed(count_as_time(count, env.precision), TaosType::Timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_of_mysql() {
        // MySQL 8: SELECT WEEK('2008-02-20', mode), and the turn of the year.
        for (date, weeks) in [
            ("2008-02-20", [7, 8, 7, 8, 8, 7, 8, 7]),
            ("2000-01-01", [0, 0, 52, 52, 0, 0, 52, 52]),
            ("2008-12-31", [52, 53, 52, 1, 53, 52, 53, 52]),
            ("2019-12-30", [52, 53, 52, 1, 53, 52, 1, 52]),
        ] {
            let day = date.parse().expect("a date");
            assert_eq!(std::array::from_fn(|mode| week(day, mode as i64)), weeks, "{date}");
        }
    }
}
