use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use crate::QueryError;

/// A table over rows that are already in memory: SHOW, DESCRIBE and information_schema answers, so
/// that they can be filtered and sorted like any other table. Every batch must have `schema`.
pub fn batches_table(
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>, QueryError> {
    Ok(Arc::new(MemTable::try_new(schema, vec![batches])?))
}

/// A table without rows.
pub fn empty_table(schema: SchemaRef) -> Arc<dyn TableProvider> {
    Arc::new(datafusion::datasource::empty::EmptyTable::new(schema))
}
