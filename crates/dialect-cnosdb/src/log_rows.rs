//! Documents and log lines as rows (sheet section 8). What happened at one time stays apart
//! ([`Batcher::end_row_apart`]): of two records of a log none replaces the other, nor are they merged.

use std::borrow::Cow;

use bytes::Bytes;
use triglot_engine::{Batcher, EngineError, FieldValue, Record};
use triglot_parse_json::Scalar;
use triglot_parse_logs::bulk::{Bulk, Op};
use triglot_parse_logs::document::flatten;
use triglot_parse_logs::loki::{self, PushRequest};
use triglot_parse_logs::ndjson::Lines;
use triglot_parse_logs::{LogError, LogErrorKind};

use crate::error::CnosDbError;
use crate::ingest::series_key;
use crate::log_params::{LogParams, LogType, no_table};

/// Begin the keys of series, as no line of line protocol does ([`series_key`]).
const DOCUMENT_KEY: u8 = 3;
const LOKI_KEY: u8 = 4;

/// What the vendor answers to whatever is not pairs of an action and a document.
const NO_PAIR: &str = "invalid log syntax: parse_json_to_eslog, es log must be a pair of command and fields";

/// The column of a log's line, and the vendor's of its labels as text.
const LINE: &str = "msg";
const LABELS: &str = "lables";

impl From<LogError> for CnosDbError {
    fn from(error: LogError) -> Self {
        match error.kind {
            LogErrorKind::NoDocument | LogErrorKind::NoAction | LogErrorKind::UnknownAction(_) => {
                Self::Log(NO_PAIR.to_owned())
            }
            _ => Self::Log(format!("invalid log syntax: {error}")),
        }
    }
}

impl From<LogErrorKind> for CnosDbError {
    fn from(kind: LogErrorKind) -> Self {
        Self::Log(format!("invalid log syntax: {kind}"))
    }
}

impl From<triglot_parse_json::JsonError> for CnosDbError {
    fn from(error: triglot_parse_json::JsonError) -> Self {
        Self::Log(format!("invalid log syntax: {error}"))
    }
}

/// Feeds the rows of a body to the batcher.
pub(crate) fn add(body: &Bytes, batcher: &mut Batcher, params: &LogParams) -> Result<(), CnosDbError> {
    match params.log_type {
        LogType::Bulk => bulk(body, batcher, params),
        LogType::NdJson => ndjson(body, batcher, params),
        LogType::LokiJson => loki_json(body, batcher, params),
        LogType::LokiProto => loki_proto(body, batcher, params),
    }
}

/// Pairs of an action and a document.
fn bulk(body: &Bytes, batcher: &mut Batcher, params: &LogParams) -> Result<(), CnosDbError> {
    let body = std::str::from_utf8(body)?;
    let mut is_empty = true;
    for item in Bulk::new(body) {
        let item = item?;
        if !matches!(item.op, Op::Create | Op::Index) {
            return Err(CnosDbError::Log(NO_PAIR.to_owned()));
        }
        let table = params.table.as_deref().or(item.index.as_deref()).ok_or_else(no_table)?;
        let text = [item.document];
        let record = item.id.as_deref().map_or(Record::Saying(&text), Record::Named);
        document(batcher, table, item.document, record, params)?;
        is_empty = false;
    }
    // Without any document there is no `_index` either.
    if is_empty && params.table.is_none() { Err(no_table()) } else { Ok(()) }
}

/// A document on each line.
fn ndjson(body: &Bytes, batcher: &mut Batcher, params: &LogParams) -> Result<(), CnosDbError> {
    let body = std::str::from_utf8(body)?;
    let table = table(params)?;
    let mut is_empty = true;
    for (_, line) in Lines::new(body) {
        document(batcher, table, line, Record::Saying(&[line]), params)?;
        is_empty = false;
    }
    if is_empty {
        return Err(CnosDbError::Log("invalid log syntax: empty body".to_owned()));
    }
    Ok(())
}

fn table(params: &LogParams) -> Result<&str, CnosDbError> {
    params.table.as_deref().ok_or_else(no_table)
}

/// Feeds one document to the batcher.
fn document(
    batcher: &mut Batcher,
    table: &str,
    text: &str,
    record: Record<'_>,
    params: &LogParams,
) -> Result<(), CnosDbError> {
    let (mut time, mut fields): (_, Vec<(String, Scalar<'_>)>) = (None, Vec::new());
    let mut tags: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    flatten(text, |field| {
        if field.path == params.time_column {
            time = Some(instant(&field.value)?);
            return Ok(());
        }
        if field.value == Scalar::Null {
            return Err(CnosDbError::Log("unsupported field type: null".to_owned()));
        }
        match params.tag_columns.iter().find(|name| *name == field.path) {
            Some(name) => tags.push((Cow::Owned(name.clone()), field.value.into_text())),
            None => fields.push((field.path.to_owned(), field.value)),
        }
        Ok::<_, CnosDbError>(())
    })?;
    begin(batcher, DOCUMENT_KEY, table, tags)?;
    for (name, value) in &fields {
        let value = match value {
            Scalar::Bool(value) => FieldValue::Bool(*value),
            Scalar::Str(text) => FieldValue::Str(text),
            Scalar::Number(number) => FieldValue::F64(number.as_f64().ok_or_else(|| {
                CnosDbError::Log(format!("invalid log syntax: number out of range: {}", number.text()))
            })?),
            Scalar::Null => continue,
        };
        batcher.field(name, value).map_err(EngineError::from)?;
    }
    Ok(batcher.end_row_apart(time, record).map_err(EngineError::from)?)
}

/// RFC 3339 with an offset, or nanoseconds.
fn instant(value: &Scalar<'_>) -> Result<i64, CnosDbError> {
    let time = match value {
        Scalar::Number(number) => number.as_i64(),
        Scalar::Str(text) => {
            let parsed = chrono::DateTime::parse_from_rfc3339(text).ok();
            parsed.and_then(|time| time.timestamp_nanos_opt())
        }
        Scalar::Bool(_) | Scalar::Null => None,
    };
    time.ok_or_else(|| CnosDbError::Log("invalid time format".to_owned()))
}

fn begin(
    batcher: &mut Batcher,
    kind: u8,
    table: &str,
    mut tags: Vec<(Cow<'_, str>, Cow<'_, str>)>,
) -> Result<(), CnosDbError> {
    tags.sort_by(|a, b| a.0.cmp(&b.0));
    let parts = tags.iter().flat_map(|(name, value)| [&**name, &**value]);
    let key = series_key(kind, std::iter::once(table).chain(parts));
    if batcher.begin_known(&key) {
        return Ok(());
    }
    Ok(batcher.begin(table, &key, tags).map_err(EngineError::from)?)
}

/// Loki's JSON: labels are tags, the line is the field `msg`, structured metadata are fields.
fn loki_json(body: &Bytes, batcher: &mut Batcher, params: &LogParams) -> Result<(), CnosDbError> {
    let body = std::str::from_utf8(body)?;
    let table = table(params)?;
    loki::json(body, |stream| {
        let mut labels = stream.labels;
        labels.sort_by(|a, b| a.0.cmp(&b.0));
        for entry in stream.entries {
            begin(batcher, LOKI_KEY, table, labels.clone())?;
            batcher.field(LINE, FieldValue::Str(&entry.line)).map_err(EngineError::from)?;
            for (name, value) in &entry.metadata {
                batcher.field(name, FieldValue::Str(value)).map_err(EngineError::from)?;
            }
            let metadata = entry.metadata.iter().flat_map(|(name, value)| [&**name, &**value]);
            let texts: Vec<&str> = std::iter::once(&*entry.line).chain(metadata).collect();
            batcher.end_row_apart(Some(entry.time_ns), Record::Saying(&texts)).map_err(EngineError::from)?;
        }
        Ok::<_, CnosDbError>(())
    })?;
    Ok(())
}

/// Loki's protocol buffers, decompressed: as JSON, and the labels' text as the vendor's column.
fn loki_proto(body: &Bytes, batcher: &mut Batcher, params: &LogParams) -> Result<(), CnosDbError> {
    let table = table(params)?;
    for stream in &PushRequest::parse(body)?.streams {
        let labels = loki::labels(&stream.labels)?;
        let mut tags: Vec<_> = labels.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
        tags.sort_by(|a, b| a.0.cmp(&b.0));
        for entry in &stream.entries {
            let time = entry.timestamp.unwrap_or_default().as_ns();
            let time = time.ok_or_else(|| CnosDbError::Log("invalid time format".to_owned()))?;
            begin(batcher, LOKI_KEY, table, tags.clone())?;
            batcher.field(LABELS, FieldValue::Str(&stream.labels)).map_err(EngineError::from)?;
            batcher.field(LINE, FieldValue::Str(&entry.line)).map_err(EngineError::from)?;
            batcher.end_row_apart(Some(time), Record::Saying(&[&entry.line])).map_err(EngineError::from)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_or_nanoseconds() {
        let read = |text: &'static str| {
            let value = triglot_parse_json::Reader::new(text).scalar().unwrap();
            instant(&value).map_err(|e| e.to_string())
        };
        assert_eq!(read("\"1970-01-01T00:00:01.000000002+00:00\""), Ok(1_000_000_002));
        assert_eq!(read("\"1970-01-01T01:00:00+01:00\""), Ok(0));
        assert_eq!(read("17"), Ok(17));
        for wrong in ["\"1970-01-01T00:00:00\"", "1.5", "true", "\"x\"", "99999999999999999999"] {
            assert_eq!(
                read(wrong),
                Err("Error parsing log message: invalid time format".to_owned()),
                "{wrong}"
            );
        }
    }
}
