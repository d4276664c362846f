//! Rows that come as columns: SQL INSERT, `import`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options, is_not_null};
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseDef, LengthUnit, Precision, RowOp, TableDef,
};
use triglot_storage::SeriesRef;

use super::IngestError;
use super::commit::{series_key, store};
use super::geometry::check_geometry;
use super::split::{Assembled, Resolved};
use crate::keyed::refuse_keyed;
use crate::{Engine, EngineError};

/// Tags may change between asking for a series' shard and writing to it; after so many rounds
/// something is wrong.
const STALE_ROUNDS: usize = 8;

/// Writes `batches`, whose columns are `columns` of the table by position. Values are cast to the
/// columns' types; a value that cannot be is an error, and then nothing of the batch is written.
pub(crate) async fn insert(
    engine: &Engine,
    database: &DatabaseDef,
    def: &Arc<TableDef>,
    columns: &[String],
    batches: &[RecordBatch],
    op: Option<RowOp>,
) -> Result<u64, EngineError> {
    refuse_keyed(def)?;
    let targets: Result<Vec<&ColumnDef>, IngestError> = columns
        .iter()
        .map(|name| {
            def.column(name)
                .ok_or_else(|| IngestError::ColumnNotFound { table: def.name.clone(), column: name.clone() })
        })
        .collect();
    let targets = targets?;
    for _ in 0..STALE_ROUNDS {
        let mut rows = 0;
        let mut assembled = Vec::with_capacity(batches.len());
        for batch in batches.iter().filter(|b| b.num_rows() > 0) {
            rows += batch.num_rows() as u64;
            assembled.push(assemble(engine, database, def, &targets, batch, op)?);
        }
        match store(engine, database, assembled).await {
            // Shards that took their rows take them again, which changes nothing (W-5).
            Err(EngineError::StaleSeries) => {}
            other => return other.map(|()| rows),
        }
    }
    Err(EngineError::StaleSeries)
}

fn assemble(
    engine: &Engine,
    database: &DatabaseDef,
    def: &Arc<TableDef>,
    targets: &[&ColumnDef],
    batch: &RecordBatch,
    op: Option<RowOp>,
) -> Result<Assembled, EngineError> {
    let mut times = None;
    let mut tags: Vec<(ColumnId, StringArray)> = Vec::new();
    let mut columns: Vec<(ColumnId, ArrayRef)> = Vec::new();
    for (column, values) in targets.iter().zip(batch.columns()) {
        match column.kind {
            ColumnKind::Time => times = Some(time_values(def, column, values)?),
            ColumnKind::Tag => {
                tags.push((column.id, cast(values, &DataType::Utf8)?.as_string::<i32>().clone()))
            }
            ColumnKind::Field | ColumnKind::CompositeKey => {
                let values = cast(values, &column.ty.arrow())?;
                check_values(def, column, &values, engine.limits().max_value_bytes)?;
                columns.push((column.id, values));
            }
        }
    }
    let Some(times) = times else {
        let column = def.time_column().map_or_else(String::new, |c| c.name.clone());
        return Err(IngestError::ColumnNotFound { table: def.name.clone(), column }.into());
    };
    check_rows(def, database, engine, &times, &columns)?;
    let (series, row_series) = series_of(engine, def, &tags, batch.num_rows())?;
    Ok(Assembled {
        def: Arc::clone(def),
        columns,
        times,
        row_series,
        series,
        keys: Vec::new(),
        epochs: Vec::new(),
        op,
        set: None,
    })
}

/// Refuses rows without any field, past the retention, or at the end of time.
fn check_rows(
    def: &TableDef,
    database: &DatabaseDef,
    engine: &Engine,
    times: &[i64],
    columns: &[(ColumnId, ArrayRef)],
) -> Result<(), EngineError> {
    let mut filled = vec![false; times.len()];
    for (_, values) in columns {
        let present = is_not_null(values)?;
        filled.iter_mut().zip(present.values()).for_each(|(filled, present)| *filled |= present);
    }
    if !filled.iter().all(|f| *f) {
        return Err(IngestError::NoField { table: def.name.clone() }.into());
    }
    check_times(def, database, engine, times)
}

/// Refuses rows past the retention, or at the end of time.
pub(super) fn check_times(
    def: &TableDef,
    database: &DatabaseDef,
    engine: &Engine,
    times: &[i64],
) -> Result<(), EngineError> {
    if let Some(time) = times.iter().find(|t| **t == i64::MAX) {
        return Err(IngestError::EndOfTime { table: def.name.clone(), time: *time }.into());
    }
    if let Some(ns) = def.retention_ns(database) {
        let precision = def.precision();
        let horizon = precision.from_ns(engine.clock().now_ns().saturating_sub(ns));
        if let Some(time) = times.iter().find(|t| **t < horizon) {
            return Err(IngestError::Expired { table: def.name.clone(), time: *time }.into());
        }
    }
    Ok(())
}

/// The distinct series of the rows, and for each row its position among them.
fn series_of(
    engine: &Engine,
    def: &TableDef,
    tags: &[(ColumnId, StringArray)],
    rows: usize,
) -> Result<(Vec<Resolved>, Vec<u32>), EngineError> {
    let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
    let mut series = Vec::new();
    let mut row_series = Vec::with_capacity(rows);
    let mut key = Vec::new();
    for row in 0..rows {
        key.clear();
        for (_, values) in tags {
            // Length-prefixed, NULL apart from '': different tag lists make different keys.
            if values.is_valid(row) {
                let value = values.value(row).as_bytes();
                key.extend_from_slice(&(value.len() as u64 + 1).to_le_bytes());
                key.extend_from_slice(value);
            } else {
                key.extend_from_slice(&0u64.to_le_bytes());
            }
        }
        if let Some(at) = seen.get(&key) {
            row_series.push(*at);
            continue;
        }
        let values: Vec<(ColumnId, Box<str>)> = tags
            .iter()
            .filter(|(_, values)| values.is_valid(row))
            .map(|(id, values)| (*id, values.value(row).into()))
            .collect();
        let limit = engine.limits().max_tag_bytes;
        if let Some((id, _)) = values.iter().find(|(_, v)| v.len() > limit) {
            let column = def.column_by_id(*id).map_or_else(String::new, |c| c.name.clone());
            return Err(IngestError::TooLong { table: def.name.clone(), column, max: limit }.into());
        }
        let identity = series_key(def, values)?;
        let shard = engine.storage().shard_of(def, &identity)?;
        let at = u32::try_from(series.len()).unwrap_or(u32::MAX);
        series.push(Resolved { shard, series: SeriesRef::Key(identity) });
        seen.insert(key.clone(), at);
        row_series.push(at);
    }
    Ok((series, row_series))
}

/// Times in the table's precision. Integers count in it already; instants are converted, finer
/// digits cut off; text is read as a timestamp, UTC unless it names a zone.
fn time_values(def: &TableDef, column: &ColumnDef, values: &ArrayRef) -> Result<Vec<i64>, EngineError> {
    if values.null_count() > 0 {
        return Err(EngineError::NullTime { table: def.name.clone(), column: column.name.clone() });
    }
    let precision = def.precision();
    let source = match values.data_type() {
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Millisecond => Some(Precision::Milli),
            TimeUnit::Microsecond => Some(Precision::Micro),
            TimeUnit::Nanosecond => Some(Precision::Nano),
            TimeUnit::Second => None,
        },
        _ => Some(precision),
    };
    let (values, from) = match (values.data_type(), source) {
        (DataType::Timestamp(..), Some(from)) => (cast(values, &DataType::Int64)?, from),
        (DataType::Timestamp(..), None) => {
            let millis = cast(values, &DataType::Timestamp(TimeUnit::Millisecond, None))?;
            (cast(&millis, &DataType::Int64)?, Precision::Milli)
        }
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, _) => {
            let parsed = cast(values, &DataType::Timestamp(precision.arrow(), None))?;
            (cast(&parsed, &DataType::Int64)?, precision)
        }
        _ => (cast(values, &DataType::Int64)?, precision),
    };
    let times = values.as_primitive::<Int64Type>().values();
    if from == precision {
        return Ok(times.to_vec());
    }
    let times: Result<Vec<i64>, _> = times.iter().map(|t| from.convert(*t, precision)).collect();
    Ok(times.map_err(IngestError::from)?)
}

/// Refuses values that the column cannot hold although their type is its type.
pub(crate) fn check_values(
    def: &TableDef,
    column: &ColumnDef,
    values: &ArrayRef,
    limit: usize,
) -> Result<(), IngestError> {
    check_geometry(def, column, values)?;
    let too_long = |max| IngestError::TooLong { table: def.name.clone(), column: column.name.clone(), max };
    if let Some(texts) = values.as_string_opt::<i32>() {
        if texts.iter().flatten().any(|t| t.len() > limit) {
            return Err(too_long(limit));
        }
        if let ColumnType::Str { max: Some(max), unit } = column.ty {
            let length = |t: &str| match unit {
                LengthUnit::Bytes => t.len(),
                LengthUnit::Chars => t.chars().count(),
            };
            if texts.iter().flatten().any(|t| length(t) > max as usize) {
                return Err(too_long(max as usize));
            }
        }
    }
    if let Some(bytes) = values.as_binary_opt::<i32>() {
        let max = match column.ty {
            ColumnType::Bytes { max: Some(max) } => (max as usize).min(limit),
            _ => limit,
        };
        if bytes.iter().flatten().any(|b| b.len() > max) {
            return Err(too_long(max));
        }
    }
    Ok(())
}

pub(crate) fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if values.data_type() == to {
        return Ok(Arc::clone(values));
    }
    cast_with_options(values, to, &CastOptions { safe: false, ..CastOptions::default() })
}
