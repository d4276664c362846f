//! Computed rows as a table.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use triglot_engine::EngineError;
use triglot_engine::query::batches_table;

use super::Source;
use crate::KwError;
use crate::types::{ColumnMeta, KwType, TypeSpec};

/// A column of computed rows.
pub(super) struct Column {
    name: String,
    ty: KwType,
    values: ArrayRef,
}

/// Text without a width, NULL where there is none.
pub(super) fn texts<T: AsRef<str>>(name: &str, values: impl IntoIterator<Item = Option<T>>) -> Column {
    let values = StringArray::from_iter(values);
    Column { name: name.to_owned(), ty: KwType::Text, values: Arc::new(values) }
}

/// Text without a width that is always there.
pub(super) fn all_texts<T: AsRef<str>>(name: &str, values: impl IntoIterator<Item = T>) -> Column {
    texts(name, values.into_iter().map(Some))
}

pub(super) fn bools(name: &str, values: impl IntoIterator<Item = bool>) -> Column {
    let values = BooleanArray::from(values.into_iter().collect::<Vec<_>>());
    Column { name: name.to_owned(), ty: KwType::Bool, values: Arc::new(values) }
}

pub(super) fn ints(name: &str, values: impl IntoIterator<Item = i64>) -> Column {
    let values = Int64Array::from_iter_values(values);
    Column { name: name.to_owned(), ty: KwType::Int8, values: Arc::new(values) }
}

/// Columns of equal length as a source of rows.
pub(super) fn source(columns: Vec<Column>) -> Result<Source, KwError> {
    let fields: Vec<Field> =
        columns.iter().map(|c| Field::new(&c.name, c.values.data_type().clone(), true)).collect();
    let (meta, values): (Vec<ColumnMeta>, Vec<ArrayRef>) =
        columns.into_iter().map(|c| (TypeSpec::plain(c.ty).meta(c.name), c.values)).unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), values).map_err(EngineError::from)?;
    let table = batches_table(schema, vec![batch]).map_err(EngineError::from)?;
    Ok(Source { columns: meta, table })
}

/// No rows of text columns.
pub(super) fn empty(names: &[&str]) -> Result<Source, KwError> {
    source(names.iter().map(|name| all_texts(name, [""; 0])).collect())
}
