//! OpenTSDB: `POST /api/v1/opentsdb/write` (lines) and `/api/v1/opentsdb/put` (JSON), sheet section 7. The value is
//! the DOUBLE field `value`, everything else is a tag.

use std::borrow::Cow;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue};
use triglot_parse_opentsdb::json::{Point, Points, Value};
use triglot_parse_opentsdb::{Dialect, telnet};

use crate::app::CnosDbApp;
use crate::error::CnosDbError;
use crate::ingest::{receive, series_key, store};
use crate::params::WriteParams;

/// The one field.
const VALUE: &str = "value";
/// Begin the keys of series of lines and of points in JSON, see [`series_key`].
const LINE_KEY: u8 = 1;
const POINT_KEY: u8 = 2;

pub(crate) async fn write(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let (_, write) = receive(&app, &request, payload, "opentsdb_write", WriteParams::of).await?;
    store(&app, write, lines).await?;
    Ok(HttpResponse::Ok().finish())
}

pub(crate) async fn put(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, CnosDbError> {
    let (_, write) = receive(&app, &request, payload, "opentsdb_put", WriteParams::of).await?;
    store(&app, write, points).await?;
    Ok(HttpResponse::Ok().finish())
}

fn lines(body: &Bytes, batcher: &mut Batcher) -> Result<(), CnosDbError> {
    let mut lines = telnet::Lines::from_bytes(body, Dialect::CnosDb)?;
    let mut line = telnet::Line::new();
    while let Some(read) = lines.next_line(&mut line) {
        let point = read.map_err(|error| CnosDbError::OpenTsdbLine(error.to_string()))?;
        let number = point.number().ok_or_else(|| {
            CnosDbError::OpenTsdbLine(format!("line {}: invalid value {:?}", point.line(), point.value()))
        })?;
        let key = series_key(LINE_KEY, [point.metric(), point.tags_text()]);
        if !batcher.begin_known(&key) {
            let tags = point.tags().iter().map(|(key, value)| (Cow::Borrowed(*key), Cow::Borrowed(*value)));
            batcher.begin(point.metric(), &key, tags).map_err(EngineError::from)?;
        }
        batcher.field(VALUE, FieldValue::F64(number)).map_err(EngineError::from)?;
        batcher.end_row(Some(point.timestamp())).map_err(EngineError::from)?;
    }
    Ok(())
}

fn points(body: &Bytes, batcher: &mut Batcher) -> Result<(), CnosDbError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    for (index, read) in Points::from_bytes(body)?.enumerate() {
        let point = read.map_err(|error| CnosDbError::OpenTsdbJson(error.to_string()))?;
        let checked = Checked::of(&point)
            .map_err(|what| CnosDbError::OpenTsdbJson(format!("point {index}: {what}")))?;
        let parts = checked.tags.iter().flat_map(|(name, value)| [*name, *value]);
        let key = series_key(POINT_KEY, std::iter::once(checked.metric).chain(parts));
        let tags = checked.tags.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value)));
        batcher.begin(checked.metric, &key, tags).map_err(EngineError::from)?;
        batcher.field(VALUE, FieldValue::F64(checked.value)).map_err(EngineError::from)?;
        batcher.end_row(Some(checked.timestamp)).map_err(EngineError::from)?;
    }
    Ok(())
}

/// A point of the types that this route demands.
struct Checked<'p> {
    metric: &'p str,
    timestamp: i64,
    value: f64,
    tags: Vec<(&'p str, &'p str)>,
}

impl<'p> Checked<'p> {
    fn of(point: &'p Point<'_>) -> Result<Self, String> {
        let missing = [("metric", &point.name), ("timestamp", &point.timestamp), ("value", &point.value)];
        if let Some((name, _)) = missing.iter().find(|(_, value)| **value == Value::Missing) {
            return Err(format!("missing field `{name}`"));
        }
        if !point.has_tags {
            return Err("missing field `tags`".to_owned());
        }
        let metric = point.metric().ok_or("metric must be a text")?;
        let Value::I64(timestamp) = point.timestamp else {
            return Err("timestamp must be an integer".to_owned());
        };
        let value = match point.value {
            Value::I64(_) | Value::U64(_) | Value::F64(_) => point.value.as_number(),
            _ => None,
        };
        let value = value.ok_or("value must be a number")?;
        let mut tags = Vec::with_capacity(point.tags.len());
        for (name, tag) in &point.tags {
            match tag {
                Value::Str(text) => tags.push((&**name, &**text)),
                _ => return Err(format!("tag {name} must be a text")),
            }
        }
        Ok(Self { metric, timestamp, value, tags })
    }
}
