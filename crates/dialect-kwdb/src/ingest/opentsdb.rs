//! OpenTSDB: telnet lines and JSON puts. Both write the column `value`.

use std::borrow::Cow;

use triglot_parse_opentsdb::{Dialect, LineError, LineErrorKind, json, telnet};

use super::primary_tag;
use super::time::Instant;
use super::value::Value;
use super::{Point, Read};

const VALUE: &str = "value";
const BAD_SHAPE: &str = "invalid data for opentsdb json protocol, please check the format.";
const BAD_TAG: &str = "tags type is not support";

/// The points of `/opentsdbtelnet`.
pub(super) fn telnet(text: &str) -> impl Iterator<Item = Read<'_>> + Send {
    let mut lines = telnet::Lines::new(text, Dialect::Kwdb);
    let mut line = telnet::Line::new();
    std::iter::from_fn(move || {
        let read = lines.next_line(&mut line)?;
        Some(read.map_err(|error| wrong(&error)).and_then(of_line))
    })
}

fn of_line<'a>(line: &telnet::Line<'a>) -> Read<'a> {
    let number = line.number().ok_or_else(|| because("value is not float type"))?;
    if line.duplicate_tag().is_some() {
        return Err(because("duplicate tag column"));
    }
    let tags =
        line.tags().iter().map(|(key, value)| (Cow::Borrowed(*key), Value::Text(Cow::Borrowed(*value))));
    Ok(point(Cow::Borrowed(line.metric()), Instant::of_opentsdb(line.timestamp()), number, tags.collect()))
}

fn because(why: &str) -> String {
    format!("wrong opentsdb telnet insert statement: {why}")
}

fn wrong(error: &LineError) -> String {
    because(match error.kind {
        LineErrorKind::MissingMetric
        | LineErrorKind::MissingTimestamp
        | LineErrorKind::MissingValue
        | LineErrorKind::MissingTags => "missing indicator items",
        LineErrorKind::NotATag(_) => "value is not just a column",
        LineErrorKind::InvalidTimestamp(_) => "timestamp is not int type",
        LineErrorKind::EmptyTagKey(_)
        | LineErrorKind::EmptyTagValue(_)
        | LineErrorKind::UnknownCommand(_) => "missing tag name or value",
    })
}

/// Why a body is refused as a whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misshapen {
    /// What is said.
    pub(super) text: String,
    /// How many points were read, the wrong one included.
    pub(super) points: u64,
}

/// Refuses a body that is not of the right shape from its begin to its end.
pub(super) fn check_json(text: &str) -> Result<(), Misshapen> {
    let mut points = 0;
    for point in json::Points::new(text) {
        points += 1;
        let point = point.map_err(|error| match error.kind {
            triglot_parse_opentsdb::PointErrorKind::NoPoints => BAD_SHAPE.to_owned(),
            _ => error.to_string(),
        });
        point.and_then(of_point).map_err(|text| Misshapen { text, points })?;
    }
    if points == 0 { Err(Misshapen { text: BAD_SHAPE.to_owned(), points: 1 }) } else { Ok(()) }
}

/// The points of `/opentsdbjson`, of a body that was checked.
pub(super) fn json(text: &str) -> impl Iterator<Item = Read<'_>> + Send {
    json::Points::new(text).map(|point| point.map_err(|error| error.to_string()).and_then(of_point))
}

fn of_point(point: json::Point<'_>) -> Read<'_> {
    let is_nil = |value: &json::Value<'_>| matches!(value, json::Value::Missing | json::Value::Null);
    if is_nil(&point.timestamp) || is_nil(&point.value) {
        return Err("timestamp or value column is nil".to_owned());
    }
    let json::Value::I64(time) = point.timestamp else { return Err(BAD_SHAPE.to_owned()) };
    let number = match point.value {
        json::Value::I64(v) => v as f64,
        json::Value::U64(v) => v as f64,
        json::Value::F64(v) => v,
        _ => return Err(BAD_SHAPE.to_owned()),
    };
    if let Some(key) = point.duplicate_tag() {
        return Err(format!("duplicate tag {key:?}"));
    }
    let json::Value::Str(metric) = point.name else { return Err(BAD_SHAPE.to_owned()) };
    if metric.is_empty() {
        return Err(BAD_SHAPE.to_owned());
    }
    let mut tags = Vec::with_capacity(point.tags.len());
    for (key, value) in point.tags {
        let value = match value {
            json::Value::Str(text) => Value::Text(text),
            json::Value::I64(v) => Value::F64(v as f64),
            json::Value::U64(v) => Value::F64(v as f64),
            json::Value::F64(v) => Value::F64(v),
            _ => return Err(BAD_TAG.to_owned()),
        };
        tags.push((key, value));
    }
    Ok(self::point(metric, Instant::of_opentsdb(time), number, tags))
}

fn point<'a>(
    table: Cow<'a, str>,
    time: Instant,
    number: f64,
    tags: Vec<(Cow<'a, str>, Value<'a>)>,
) -> Point<'a> {
    // Unlike line protocol's, texts stand in quotes and numbers do not.
    let pair = |(key, value): &(Cow<'a, str>, Value<'a>)| match value {
        Value::Text(text) => format!("{key}='{text}'"),
        Value::F64(number) => format!("{key}={number}"),
        Value::Bool(_) | Value::I64(_) | Value::U64(_) => format!("{key}="),
    };
    let primary_tag = primary_tag::of(tags.iter().map(pair).collect());
    Point { table, tags, fields: vec![(Cow::Borrowed(VALUE), Value::F64(number))], time, primary_tag }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_of_another_shape_is_refused_whole() {
        for (body, said) in [
            ("[]", BAD_SHAPE),
            ("7", BAD_SHAPE),
            (r#"[{"metric":"m","value":1,"tags":{}}]"#, "timestamp or value column is nil"),
            (r#"[{"metric":"m","timestamp":1,"value":null,"tags":{}}]"#, "timestamp or value column is nil"),
            (r#"[{"metric":"m","timestamp":1,"value":1,"tags":{"a":true}}]"#, BAD_TAG),
            (r#"[{"metric":"m","timestamp":"1","value":1,"tags":{}}]"#, BAD_SHAPE),
            (r#"[{"metric":7,"timestamp":1,"value":1,"tags":{}}]"#, BAD_SHAPE),
        ] {
            assert_eq!(check_json(body), Err(Misshapen { text: said.to_owned(), points: 1 }), "{body}");
        }
        assert!(check_json("[{").is_err());
        assert_eq!(check_json(r#"{"metric":"m","timestamp":1,"value":1,"tags":{"a":"b"}}"#), Ok(()));
    }

    #[test]
    fn telnet_lines_say_what_is_missing() {
        let said = |line: &str| telnet(line).next().unwrap().unwrap_err();
        for (line, why) in [
            ("m 1 1.5", "missing indicator items"),
            ("m 1", "missing indicator items"),
            ("m 1 x a=b", "value is not float type"),
            ("m 1 1.5 a", "value is not just a column"),
            ("m 1 1.5 a=b a=c", "duplicate tag column"),
        ] {
            assert_eq!(said(line), because(why), "{line}");
        }
        let point = telnet("put m 1346846400 1.5 host=a").next().unwrap().unwrap();
        assert_eq!((&*point.table, point.fields.len()), ("m", 1));
        // hashlib.sha256(b"host='a'").hexdigest()
        assert_eq!(&*point.primary_tag, HOST_A);
    }

    #[test]
    fn numbers_in_tags_are_hashed_bare() {
        let body = r#"[{"metric":"m","timestamp":1,"value":1,"tags":{"n":15,"host":"a"}}]"#;
        let point = json(body).next().unwrap().unwrap();
        // hashlib.sha256(b"host='a'n=15").hexdigest()
        assert_eq!(&*point.primary_tag, HOST_A_N_15);
    }

    const HOST_A: &str = "ce00860d9b876ecd611897d1742bb4f4184730d050fda0dfd5a08dc4a49e1283";
    const HOST_A_N_15: &str = "98845795c8984fdc8a38d847cb648712420d94dee7b56da6e9852d2996ba68ab";
}
