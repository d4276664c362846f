//! The physical schema of rows inside storage: memtable parts, WAL batches and data files alike.
//!
//! Columns are found by name: [`SID`], [`TIME`], optionally [`OP`] and [`SET`], then one column per
//! stored field named after its id (`c7`), so that a rename touches no file. Tags are not stored
//! with rows (S-1).

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use triglot_model::{ColumnId, TableDef};

/// `UInt32`, non-null: the series of the row.
pub const SID: &str = "__sid";
/// `Int64`, non-null: the time in the table's precision.
pub const TIME: &str = "__time";
/// `UInt8`: the [`triglot_model::RowOp`] code; the column is absent when all rows are `Merge`.
pub const OP: &str = "__op";
/// `Binary`: which stored columns were written explicitly: bit `n` (byte `n / 8`, least significant
/// bit first) stands for the column with [`ColumnId`] `n`, so projections and schema changes do not
/// move bits. NULL or too short = exactly the non-null columns. Needed only to tell an explicit NULL
/// from an absent value.
pub const SET: &str = "__set";

/// The name of a stored column.
pub fn column_name(id: ColumnId) -> String {
    format!("c{}", id.0)
}

/// The id behind the name of a stored column; none for the key and control columns.
pub fn column_id(name: &str) -> Option<ColumnId> {
    name.strip_prefix('c')?.parse().ok().map(ColumnId)
}

/// The key fields that every batch starts with.
pub fn key_fields() -> [Field; 2] {
    [Field::new(SID, DataType::UInt32, false), Field::new(TIME, DataType::Int64, false)]
}

/// The physical schema of all stored columns of `table`, without control columns.
pub fn table_schema(table: &TableDef) -> SchemaRef {
    let mut fields: Vec<Field> = key_fields().into();
    fields.extend(table.stored_columns().map(|c| Field::new(column_name(c.id), c.ty.arrow(), true)));
    Arc::new(Schema::new(fields))
}
