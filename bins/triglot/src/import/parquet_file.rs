//! Parquet: columns become fields of the type nearest to theirs.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, UInt64Type};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use triglot_parse_lp::encode::Value;

use super::cell::{Column, FieldType, Mapping, Role, Rows, timestamp};
use super::send::{Closed, Sink};
use crate::Failure;
use crate::client::Precision;

/// A file that is open, and how many rows it has.
pub(crate) struct Opened {
    reader: ParquetRecordBatchReader,
    names: Vec<String>,
    pub(crate) rows: u64,
}

/// Opens a file, or reads standard input to its end first (Parquet's index is at the end).
pub(crate) fn open(path: Option<&Path>) -> Result<Opened, Failure> {
    match path {
        Some(path) => {
            let file = File::open(path).map_err(|e| Failure::io(path, e))?;
            build(ParquetRecordBatchReaderBuilder::try_new(file), &path.display().to_string())
        }
        None => {
            let mut all = Vec::new();
            std::io::stdin().lock().read_to_end(&mut all)?;
            build(ParquetRecordBatchReaderBuilder::try_new(Bytes::from(all)), "standard input")
        }
    }
}

fn build<T: parquet::file::reader::ChunkReader + 'static>(
    builder: parquet::errors::Result<ParquetRecordBatchReaderBuilder<T>>,
    name: &str,
) -> Result<Opened, Failure> {
    let builder = builder.map_err(|e| Failure::doing(name, e))?;
    let rows = builder.metadata().file_metadata().num_rows().unsigned_abs();
    let names = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    let reader = builder.build().map_err(|e| Failure::doing(name, e))?;
    Ok(Opened { reader, names, rows })
}

/// How the columns are read.
#[derive(Debug)]
pub(crate) struct ParquetOptions<'a> {
    pub(crate) table: &'a str,
    pub(crate) mapping: &'a Mapping,
    pub(crate) known: &'a HashMap<String, Role>,
    pub(crate) precision: Precision,
}

/// Sends all rows. Rows are numbered from 1 for the messages.
pub(crate) fn read(
    opened: Opened,
    options: &ParquetOptions<'_>,
    sink: &mut Sink<'_>,
) -> Result<Result<(), Closed>, Failure> {
    let columns = options.mapping.columns(&opened.names, options.known)?;
    let mut rows = Rows::new(options.table);
    let mut first = 1;
    for batch in opened.reader {
        let batch = batch.map_err(|e| Failure::doing("Parquet", e))?;
        let cells = cells(&batch, &columns, options.precision)?;
        for row in 0..batch.num_rows() {
            let line = first + row as u64;
            let sent = match encode(&mut rows, &columns, &cells, row) {
                Ok(point) => sink.point(point, line),
                Err(_) if sink.bad.too_many() => Err(Closed),
                Err(reason) => {
                    sink.bad.add(line, reason);
                    Ok(())
                }
            };
            if let Err(closed) = sent {
                return Ok(Err(closed));
            }
        }
        first += batch.num_rows() as u64;
    }
    Ok(Ok(()))
}

/// A column in one of the forms that line protocol has.
#[derive(Debug)]
enum Cells {
    Time(Int64Array),
    /// Texts that are times.
    TimeText(StringArray, Precision),
    Tag(StringArray),
    Bool(BooleanArray),
    I64(Int64Array),
    U64(UInt64Array),
    F64(Float64Array),
    Text(StringArray),
}

fn cells(batch: &RecordBatch, columns: &[Column], precision: Precision) -> Result<Vec<Cells>, Failure> {
    let one = |(column, array): (&Column, &ArrayRef)| {
        let failed = |e: arrow::error::ArrowError| {
            Failure::Message(format!("column {} ({}) cannot be read: {e}", column.name, array.data_type()))
        };
        match &column.role {
            Role::Time => time_cells(array, precision).map_err(failed),
            Role::Tag => Ok(Cells::Tag(cast(array, &DataType::Utf8).map_err(failed)?.as_string().clone())),
            Role::Field(wanted) => {
                field_cells(array, wanted.unwrap_or_else(|| nearest(array.data_type()))).map_err(failed)
            }
        }
    };
    columns.iter().zip(batch.columns()).map(one).collect()
}

fn time_cells(array: &ArrayRef, precision: Precision) -> Result<Cells, arrow::error::ArrowError> {
    match array.data_type() {
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Date64 => {
            let unit = match precision {
                Precision::Ms => TimeUnit::Millisecond,
                Precision::Us => TimeUnit::Microsecond,
                Precision::Ns => TimeUnit::Nanosecond,
            };
            let cast_to = cast(array, &DataType::Timestamp(unit, None))?;
            Ok(Cells::Time(cast(&cast_to, &DataType::Int64)?.as_primitive::<Int64Type>().clone()))
        }
        t if t.is_integer() => {
            Ok(Cells::Time(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()))
        }
        _ => Ok(Cells::TimeText(cast(array, &DataType::Utf8)?.as_string().clone(), precision)),
    }
}

/// The field type of a column that the table does not know yet.
fn nearest(data_type: &DataType) -> FieldType {
    match data_type {
        DataType::Boolean => FieldType::Bool,
        t if t.is_unsigned_integer() => FieldType::U64,
        t if t.is_signed_integer() => FieldType::I64,
        t if t.is_floating() || t.is_decimal() => FieldType::F64,
        _ => FieldType::Text,
    }
}

fn field_cells(array: &ArrayRef, field_type: FieldType) -> Result<Cells, arrow::error::ArrowError> {
    Ok(match field_type {
        FieldType::Bool => Cells::Bool(cast(array, &DataType::Boolean)?.as_boolean().clone()),
        FieldType::I64 => Cells::I64(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone()),
        FieldType::U64 => Cells::U64(cast(array, &DataType::UInt64)?.as_primitive::<UInt64Type>().clone()),
        FieldType::F64 => Cells::F64(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone()),
        FieldType::Text => Cells::Text(cast(array, &DataType::Utf8)?.as_string().clone()),
    })
}

fn encode<'r>(
    rows: &'r mut Rows,
    columns: &[Column],
    cells: &[Cells],
    row: usize,
) -> Result<&'r [u8], String> {
    let (mut tags, mut fields, mut time) = (Vec::new(), Vec::new(), None);
    for (column, cells) in columns.iter().zip(cells) {
        let name = column.name.as_str();
        match cells {
            Cells::Time(a) if a.is_valid(row) => time = Some(a.value(row)),
            Cells::TimeText(a, precision) if a.is_valid(row) => {
                let text = a.value(row);
                time = Some(timestamp(text, *precision).ok_or_else(|| format!("{text:?} is not a time"))?);
            }
            Cells::Tag(a) if a.is_valid(row) => tags.push((name, a.value(row))),
            Cells::Bool(a) if a.is_valid(row) => fields.push((name, Value::Bool(a.value(row)))),
            Cells::I64(a) if a.is_valid(row) => fields.push((name, Value::I64(a.value(row)))),
            Cells::U64(a) if a.is_valid(row) => fields.push((name, Value::U64(a.value(row)))),
            Cells::F64(a) if a.is_valid(row) => fields.push((name, Value::F64(a.value(row)))),
            Cells::Text(a) if a.is_valid(row) => fields.push((name, Value::Str(a.value(row)))),
            _ => {}
        }
    }
    rows.encode(&tags, &fields, time)
}
