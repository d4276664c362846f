//! `EXPLAIN`: a table whose rows are the plan's text. DataFusion wants its own EXPLAIN at the root of a plan, with
//! two columns; clients of TDengine expect one.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

/// The name of the only column.
pub(super) const QUERY_PLAN: &str = "QUERY_PLAN";

/// Runs a `LogicalPlan::Explain` or `LogicalPlan::Analyze` and gives the texts alone.
#[derive(Debug)]
pub(super) struct ExplainTable {
    plan: LogicalPlan,
    schema: SchemaRef,
}

impl ExplainTable {
    /// Over an EXPLAIN or EXPLAIN ANALYZE of DataFusion's.
    pub(super) fn new(plan: LogicalPlan) -> Self {
        let schema = Arc::new(Schema::new(vec![Field::new(QUERY_PLAN, DataType::Utf8, false)]));
        Self { plan, schema }
    }
}

#[async_trait]
impl TableProvider for ExplainTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        session: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let explained = session.create_physical_plan(&self.plan).await?;
        let text = explained.schema().fields().len().saturating_sub(1);
        let name = explained.schema().fields().iter().next_back().map(|f| f.name().clone());
        let column = Arc::new(Column::new(&name.unwrap_or_default(), text));
        Ok(Arc::new(ProjectionExec::try_new(vec![(column as _, QUERY_PLAN.to_owned())], explained)?))
    }
}
