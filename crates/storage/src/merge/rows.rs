//! Batches brought to one layout, so that rows of different batches can be compared and mixed.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, UInt8Array, UInt32Array, new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, Rows, SortField};
use triglot_model::{ColumnId, ColumnType, RowOp};

use super::MergeError;
use super::set::set_bit;
use crate::physical::{OP, SET, SID, TIME, column_id, column_name, key_fields};

/// The stored columns, in order, that batches are brought to, and which one is part of the key.
#[derive(Clone, Debug)]
pub struct Layout {
    columns: Vec<(ColumnId, DataType)>,
    ck: Option<usize>,
}

impl Layout {
    /// A layout of these columns. `ck`, the composite key column, must be among them.
    pub fn new(columns: Vec<(ColumnId, DataType)>, ck: Option<ColumnId>) -> Result<Self, MergeError> {
        let ck = match ck {
            None => None,
            Some(id) => Some(columns.iter().position(|(c, _)| *c == id).ok_or_else(|| missing(id))?),
        };
        Ok(Self { columns, ck })
    }

    /// The layout that holds every stored column of `batches`, by ascending id, each in the widest
    /// of its types.
    pub fn union<'a>(
        batches: impl IntoIterator<Item = &'a RecordBatch>,
        ck: Option<ColumnId>,
    ) -> Result<Self, MergeError> {
        let mut columns: std::collections::BTreeMap<ColumnId, DataType> = Default::default();
        for batch in batches {
            for field in batch.schema_ref().fields() {
                let Some(id) = column_id(field.name()) else {
                    continue;
                };
                match columns.get_mut(&id) {
                    None => drop(columns.insert(id, field.data_type().clone())),
                    Some(ty) if ty == field.data_type() => {}
                    Some(ty) => *ty = wider(field.name(), ty, field.data_type())?,
                }
            }
        }
        Self::new(columns.into_iter().collect(), ck)
    }

    /// The stored columns in order.
    pub fn columns(&self) -> &[(ColumnId, DataType)] {
        &self.columns
    }

    /// The composite key column.
    pub fn ck(&self) -> Option<ColumnId> {
        self.ck.and_then(|at| self.columns.get(at)).map(|(id, _)| *id)
    }

    /// `__sid`, `__time`, the control columns if wanted, then the stored columns.
    pub fn schema(&self, control: bool) -> SchemaRef {
        let mut fields: Vec<Field> = key_fields().into();
        if control {
            fields.push(Field::new(OP, DataType::UInt8, false));
            fields.push(Field::new(SET, DataType::Binary, true));
        }
        fields.extend(self.columns.iter().map(|(id, ty)| Field::new(column_name(*id), ty.clone(), true)));
        Arc::new(Schema::new(fields))
    }

    /// Brings a batch to this layout: missing columns become NULL, other types are cast.
    pub(super) fn align(&self, batch: &RecordBatch) -> Result<Aligned, MergeError> {
        let rows = batch.num_rows();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (id, ty) in &self.columns {
            columns.push(match batch.column_by_name(&column_name(*id)) {
                None => new_null_array(ty, rows),
                Some(array) if array.data_type() == ty => Arc::clone(array),
                Some(array) => cast(array, ty)?,
            });
        }
        let sets = match batch.column_by_name(SET) {
            None => None,
            Some(array) => {
                let set = cast(array, &DataType::Binary)?;
                let set = downcast::<BinaryArray>(&set, SET)?;
                (set.null_count() < set.len()).then(|| set.clone())
            }
        };
        let ops = match batch.column_by_name(OP) {
            None => None,
            Some(array) => Some(checked_ops(downcast::<UInt8Array>(array, OP)?)?),
        };
        let ck = match self.ck {
            None => None,
            Some(at) => Some(key_rows(&columns[at])?),
        };
        Ok(Aligned { sids: sids(batch)?.clone(), times: times(batch)?.clone(), ck, ops, sets, columns })
    }

    /// The bit of a column in `__set`.
    pub(super) fn bit(&self, column: usize) -> usize {
        self.columns[column].0.0 as usize
    }
}

/// One batch in a [`Layout`].
#[derive(Debug)]
pub(super) struct Aligned {
    pub(super) sids: UInt32Array,
    pub(super) times: Int64Array,
    pub(super) ck: Option<Rows>,
    /// Absent = all `Merge`. Every code is a known one.
    pub(super) ops: Option<UInt8Array>,
    pub(super) sets: Option<BinaryArray>,
    pub(super) columns: Vec<ArrayRef>,
}

impl Aligned {
    pub(super) fn len(&self) -> usize {
        self.sids.len()
    }

    pub(super) fn op(&self, row: usize) -> RowOp {
        match &self.ops {
            None => RowOp::Merge,
            Some(ops) => RowOp::from_code(ops.value(row)).unwrap_or(RowOp::Merge),
        }
    }

    pub(super) fn set(&self, row: usize) -> Option<&[u8]> {
        self.sets.as_ref().filter(|s| s.is_valid(row)).map(|s| s.value(row))
    }

    /// Whether the row's write to the column counts: a value, or an explicit NULL.
    pub(super) fn writes(&self, row: usize, column: usize, bit: usize) -> bool {
        self.columns[column].is_valid(row) || self.set(row).is_some_and(|s| set_bit(s, bit))
    }

    /// Whether some row of the batch is a `Delete`.
    pub(super) fn has_deletes(&self) -> bool {
        self.ops.as_ref().is_some_and(|ops| ops.values().contains(&RowOp::Delete.code()))
    }
}

/// The `__sid` column.
pub(super) fn sids(batch: &RecordBatch) -> Result<&UInt32Array, MergeError> {
    key_column(batch, SID)
}

/// The `__time` column.
pub(super) fn times(batch: &RecordBatch) -> Result<&Int64Array, MergeError> {
    key_column(batch, TIME)
}

/// The `__sid` and `__time` values of a batch.
pub(crate) fn key_slices(batch: &RecordBatch) -> Result<(&[u32], &[i64]), MergeError> {
    Ok((sids(batch)?.values(), times(batch)?.values()))
}

/// The composite key of a batch in a byte form that compares like the values.
pub(crate) fn composite_rows(batch: &RecordBatch, ck: ColumnId) -> Result<Rows, MergeError> {
    let array = batch.column_by_name(&column_name(ck)).ok_or_else(|| missing(ck))?;
    key_rows(array)
}

fn key_rows(array: &ArrayRef) -> Result<Rows, MergeError> {
    let converter = RowConverter::new(vec![SortField::new(array.data_type().clone())])?;
    Ok(converter.convert_columns(std::slice::from_ref(array))?)
}

fn key_column<'a, A: Array + 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a A, MergeError> {
    let array = batch
        .column_by_name(name)
        .ok_or_else(|| MergeError::Column { column: name.to_owned(), problem: "is missing" })?;
    if array.null_count() > 0 {
        return Err(MergeError::Column { column: name.to_owned(), problem: "has NULLs" });
    }
    downcast(array, name)
}

fn downcast<'a, A: Array + 'static>(array: &'a ArrayRef, name: &str) -> Result<&'a A, MergeError> {
    array
        .as_any()
        .downcast_ref::<A>()
        .ok_or_else(|| MergeError::Column { column: name.to_owned(), problem: "has the wrong type" })
}

fn checked_ops(ops: &UInt8Array) -> Result<UInt8Array, MergeError> {
    if ops.null_count() > 0 {
        return Err(MergeError::Column { column: OP.to_owned(), problem: "has NULLs" });
    }
    match ops.values().iter().position(|code| RowOp::from_code(*code).is_none()) {
        Some(row) => Err(MergeError::UnknownOp { row, code: ops.value(row) }),
        None => Ok(ops.clone()),
    }
}

fn missing(id: ColumnId) -> MergeError {
    MergeError::Column { column: column_name(id), problem: "is missing" }
}

/// Casts up without ever turning a value into NULL silently.
fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, MergeError> {
    if array.data_type() == to {
        return Ok(Arc::clone(array));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, to, &options)?)
}

fn wider(name: &str, one: &DataType, other: &DataType) -> Result<DataType, MergeError> {
    let widens =
        |from: &DataType, to: &DataType| match (ColumnType::from_arrow(from), ColumnType::from_arrow(to)) {
            (Some(from), Some(to)) => from.widens_to(to),
            _ => false,
        };
    if widens(one, other) {
        Ok(other.clone())
    } else if widens(other, one) {
        Ok(one.clone())
    } else {
        Err(MergeError::Types { column: name.to_owned(), one: one.clone(), other: other.clone() })
    }
}
