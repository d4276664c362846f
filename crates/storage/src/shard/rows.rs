//! The rows of a batch in the physical schema.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt8Array, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use triglot_model::{ColumnId, RowOp, Sid, TableId};

use crate::TableMeta;
use crate::error::StorageError;
use crate::physical::{OP, SET, column_name, key_fields};
use crate::write::WriteBatch;

/// The physical schemas of the last batches of tables: rows of a table mostly have the same columns.
#[derive(Debug, Default)]
pub(super) struct Schemas(HashMap<TableId, KnownSchema>);

/// A schema with what it follows from.
#[derive(Debug)]
struct KnownSchema {
    columns: Vec<ColumnId>,
    version: u32,
    has_op: bool,
    has_set: bool,
    schema: SchemaRef,
}

impl Schemas {
    /// The schema of a batch that was checked ([`WriteBatch::check`]).
    pub(super) fn of(&mut self, batch: &WriteBatch) -> SchemaRef {
        let (has_op, has_set) = (batch.op != RowOp::Merge, batch.set.is_some());
        let version = batch.table.def.version;
        let known = self.0.get(&batch.table.def.id).filter(|known| {
            (known.version, known.has_op, known.has_set) == (version, has_op, has_set)
                && known.columns.iter().eq(batch.columns.iter().map(|(id, _)| id))
        });
        if let Some(known) = known {
            return Arc::clone(&known.schema);
        }
        let mut fields: Vec<Field> = key_fields().into();
        if has_op {
            fields.push(Field::new(OP, DataType::UInt8, false));
        }
        if has_set {
            fields.push(Field::new(SET, DataType::Binary, true));
        }
        let stored = batch.columns.iter();
        fields.extend(
            stored.map(|(id, values)| Field::new(column_name(*id), values.data_type().clone(), true)),
        );
        let schema = Arc::new(Schema::new(fields));
        let columns = batch.columns.iter().map(|(id, _)| *id).collect();
        let known = KnownSchema { columns, version, has_op, has_set, schema: Arc::clone(&schema) };
        self.0.insert(batch.table.def.id, known);
        schema
    }

    pub(super) fn forget(&mut self, table: TableId) {
        self.0.remove(&table);
    }
}

/// The rows in the physical schema, in arrival order. `sids` are the ids of the batch's series.
pub(super) fn physical_batch(
    batch: WriteBatch,
    schema: SchemaRef,
    sids: &[Sid],
) -> Result<(TableMeta, RecordBatch), StorageError> {
    let table = batch.table.def.id;
    let mut row_sids = Vec::with_capacity(batch.row_series.len());
    row_sids.extend(batch.row_series.iter().map_while(|at| sids.get(*at as usize).map(|sid| sid.0)));
    let rows = row_sids.len();
    if rows < batch.row_series.len() {
        let reason = "a row names a series that is not in the batch".to_owned();
        return Err(StorageError::BadBatch { table, reason });
    }
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    columns.push(Arc::new(UInt32Array::from(row_sids)));
    columns.push(Arc::new(Int64Array::from(batch.times)));
    if batch.op != RowOp::Merge {
        columns.push(Arc::new(UInt8Array::from(vec![batch.op.code(); rows])));
    }
    if let Some(set) = batch.set {
        columns.push(Arc::new(set));
    }
    columns.extend(batch.columns.into_iter().map(|(_, values)| values));
    let rows =
        RecordBatch::try_new(schema, columns).map_err(|source| StorageError::Columns { table, source })?;
    Ok((batch.table, rows))
}
