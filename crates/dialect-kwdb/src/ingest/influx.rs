//! Line protocol: `/influxdb` and `/telegraf`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use triglot_parse_lp::{Dialect, FieldValue, Line, LineError, Parser};

use super::primary_tag;
use super::time::Instant;
use super::value::Value;
use super::{Point, Read};

/// The points of `/influxdb`.
pub(super) fn influxdb(text: &str) -> impl Iterator<Item = Read<'_>> + Send {
    points(text, Dialect::Kwdb, "wrong influxdb insert statement and please check")
}

/// The points of `/telegraf`, whose field values may be text without quotes.
pub(super) fn telegraf(text: &str) -> impl Iterator<Item = Read<'_>> + Send {
    points(text, Dialect::KwdbTelegraf, "wrong telegraf insert statement and please check")
}

fn points<'a>(text: &'a str, dialect: Dialect, wrong: &'static str) -> impl Iterator<Item = Read<'a>> + Send {
    let mut parser = Parser::new(text, dialect);
    let mut line = Line::new();
    let mut known = PrimaryTags::new();
    std::iter::from_fn(move || {
        let read: Result<&Line<'a>, LineError> = parser.next_line(&mut line)?;
        Some(read.map_err(|_| wrong.to_owned()).and_then(|line| point(line, &mut known)))
    })
}

/// The generated tags of a body by the text of measurement and tags: many lines are of few devices.
type PrimaryTags<'a> = HashMap<&'a str, Arc<str>>;

fn point<'a>(line: &Line<'a>, known: &mut PrimaryTags<'a>) -> Read<'a> {
    let twice = |name: Cow<'_, str>| format!("pq: multiple assignments to the same column \"{name}\"");
    if let Some(tag) = line.duplicate_tag() {
        return Err(twice(tag.key()));
    }
    if let Some(field) = line.duplicate_field() {
        return Err(twice(field.key()));
    }
    let tags: Vec<(Cow<'a, str>, Value<'a>)> =
        line.tags().iter().map(|tag| (tag.key(), Value::Text(tag.value()))).collect();
    let of_tags =
        || primary_tag::of(line.tags().iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect());
    let primary_tag = Arc::clone(known.entry(line.series_key_raw()).or_insert_with(of_tags));
    let fields = line.fields().iter().map(|field| (field.key(), value(field.value()))).collect();
    Ok(Point {
        table: line.measurement(),
        tags,
        fields,
        time: line.timestamp().map_or(Instant::Now, Instant::by_digits),
        primary_tag,
    })
}

/// Those that other dialects alone write are what they stand for.
fn value(value: FieldValue<'_>) -> Value<'_> {
    match value {
        FieldValue::I64(v) => Value::I64(v),
        FieldValue::U64(v) => Value::U64(v),
        FieldValue::F64(v) => Value::F64(v),
        FieldValue::Bool(v) => Value::Bool(v),
        FieldValue::Str(v) | FieldValue::NChar(v) | FieldValue::Geometry(v) => Value::Text(v.to_cow()),
        FieldValue::I8(v) => Value::I64(v.into()),
        FieldValue::I16(v) => Value::I64(v.into()),
        FieldValue::I32(v) => Value::I64(v.into()),
        FieldValue::U8(v) => Value::I64(v.into()),
        FieldValue::U16(v) => Value::I64(v.into()),
        FieldValue::U32(v) => Value::I64(v.into()),
        FieldValue::F32(v) => Value::F64(v.into()),
        FieldValue::Binary(v) => Value::Text(triglot_model::hex::encode(&v.to_bytes()).into()),
    }
}
