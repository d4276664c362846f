//! Times, without pictures: ISO 8601 and milliseconds since 1970.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

use super::{Result, Row, Value, number, text};
use crate::error::EvalError;
use crate::eval::Evaluator;

pub(super) const FUNCTIONS: &[Row] = &[
    ("now", "s?s?:s", now),
    ("millis", ":n", |ev, _| Ok(Value::Number(ev.now_ms as f64))),
    ("toMillis", "s-s?:n", to_millis),
    ("fromMillis", "n-s?s?:s", from_millis),
];

fn written<'e>(ms: i64) -> Result<Value<'e>> {
    let time = DateTime::<Utc>::from_timestamp_millis(ms);
    let time = time.ok_or_else(|| EvalError::new("D3110", "a time is out of range"))?;
    Ok(Value::text(&time.to_rfc3339_opts(SecondsFormat::Millis, true)))
}

fn without_picture(given: &[Value<'_>], at: usize) -> Result<()> {
    match given.get(at) {
        None | Some(Value::Undefined) => Ok(()),
        Some(_) => Err(EvalError::new("D3110", "times by pictures are not supported")),
    }
}

fn now<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    without_picture(given, 0)?;
    written(ev.now_ms)
}

fn from_millis<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    without_picture(given, 1)?;
    number(given, 0).map_or(Ok(Value::Undefined), |ms| written(ms.trunc() as i64))
}

fn to_millis<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    without_picture(given, 1)?;
    let Some(text) = text(given, 0) else { return Ok(Value::Undefined) };
    let ms = iso(text).ok_or_else(|| EvalError::new("D3110", format!("{text:?} is no time of ISO 8601")))?;
    Ok(Value::Number(ms as f64))
}

fn iso(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp_millis());
    }
    let with_zone = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z");
    if let Ok(time) = with_zone {
        return Some(time.timestamp_millis());
    }
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let found = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok();
    let found = found.or_else(|| day(text)?.and_hms_opt(0, 0, 0));
    let found = found.or_else(|| day(&format!("{text}-01"))?.and_hms_opt(0, 0, 0));
    let found = found.or_else(|| day(&format!("{text}-01-01"))?.and_hms_opt(0, 0, 0));
    Some(found?.and_utc().timestamp_millis())
}
