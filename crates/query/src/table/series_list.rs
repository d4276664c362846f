use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::internal_datafusion_err;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use triglot_model::{ColumnId, ShardId, Sid};

use super::filter::{Pushdown, answers};
use super::tags::{self, CHILD_NAME, typed};
use crate::source::SeriesSource;

/// The series of a table, one row each with the values of all tags: what SHOW SERIES and SHOW TAG
/// VALUES read. It includes series without rows, so it must not stand in for the table itself:
/// `SELECT DISTINCT host` counts rows and goes to [`crate::SeriesTable`].
#[derive(Clone, Debug)]
pub struct SeriesListTable {
    source: Arc<dyn SeriesSource>,
    tags: Vec<ColumnId>,
    schema: SchemaRef,
    /// Only this series.
    only: Option<(ShardId, Sid)>,
}

impl SeriesListTable {
    /// The series of `source`.
    pub fn new(source: Arc<dyn SeriesSource>) -> Self {
        let tags: Vec<ColumnId> = source.table().tags().map(|t| t.id).collect();
        let fields: Vec<Field> =
            source.table().tags().map(|t| Field::new(&t.name, DataType::Utf8View, true)).collect();
        Self { source, tags, schema: Arc::new(Schema::new(fields)), only: None }
    }

    /// The series of `source` with tags in their columns' types, and [`CHILD_NAME`] as the last column.
    pub fn with_names(source: Arc<dyn SeriesSource>) -> Self {
        let (mut tags, mut fields): (Vec<ColumnId>, Vec<Field>) =
            source.table().tags().map(|t| (t.id, Field::new(&t.name, t.ty.read_arrow(), true))).unzip();
        tags.push(ColumnId::CHILD_NAME);
        fields.push(Field::new(CHILD_NAME, DataType::Utf8View, true));
        Self { source, tags, schema: Arc::new(Schema::new(fields)), only: None }
    }

    /// The tags alone, without [`CHILD_NAME`].
    #[must_use]
    pub fn without_names(&self) -> Self {
        let named = self.tags.last() == Some(&ColumnId::CHILD_NAME);
        let kept = self.tags.len() - usize::from(named);
        let fields: Vec<_> = self.schema.fields().iter().take(kept).cloned().collect();
        let tags = self.tags.iter().take(kept).copied().collect();
        Self { tags, schema: Arc::new(Schema::new(fields)), ..self.clone() }
    }

    /// One series only.
    #[must_use]
    pub fn of_series(&self, shard: ShardId, sid: Sid) -> Self {
        Self { only: Some((shard, sid)), ..self.clone() }
    }
}

#[async_trait]
impl TableProvider for SeriesListTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(answers(filters, self.source.table(), |pushdown| *pushdown == Pushdown::Tags))
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters: Vec<&Expr> = filters.iter().collect();
        let mut selection = tags::select(self.source.as_ref(), &filters, session)?;
        if let Some((shard, sid)) = self.only {
            selection.narrow_to(shard, sid);
        }
        let all: Vec<usize> = (0..self.tags.len()).collect();
        let places = projection.unwrap_or(&all);
        let wanted = places
            .iter()
            .map(|i| self.tags.get(*i).copied().ok_or_else(|| internal_datafusion_err!("no tag at {i}")))
            .collect::<Result<Vec<_>>>()?;
        let schema = Arc::new(self.schema.project(places)?);
        let mut batches = Vec::new();
        for (shard, sids) in &selection.shards {
            let batch = self.source.tag_batch(*shard, &wanted, sids.bitmap())?;
            let values = batch.columns().iter().skip(1).zip(schema.fields());
            let columns = values.map(|(v, f)| typed(v, f.data_type())).collect::<Result<_>>()?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            batches.push(RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?);
        }
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema, None)?)
    }
}
