use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, exec_err, plan_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_planner::PhysicalPlanner;

/// Expressions of a logical node as those that run.
pub(in crate::operators) struct Compile<'a> {
    pub(in crate::operators) planner: &'a dyn PhysicalPlanner,
    pub(in crate::operators) session: &'a dyn Session,
    pub(in crate::operators) context: &'a PhysicalPlanningContext,
}

impl Compile<'_> {
    /// An expression over rows of `schema`.
    pub(in crate::operators) fn expr(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        self.planner.create_physical_expr(expr, schema, self.session, self.context)
    }

    /// Several of them.
    pub(in crate::operators) fn exprs(
        &self,
        exprs: &[Expr],
        schema: &DFSchema,
    ) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        exprs.iter().map(|e| self.expr(e, schema)).collect()
    }

    /// A constant instant as a number in its unit.
    ///
    /// # Errors
    /// It depends on rows, is NULL or no time.
    pub(in crate::operators) fn instant(&self, expr: &Expr) -> Result<i64> {
        let compiled = self.expr(expr, &DFSchema::empty())?;
        let one_row = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)?;
        let value = compiled.evaluate(&row)?.into_array(1)?;
        let number = cast(&value, &DataType::Int64)?;
        let number = number.as_primitive::<Int64Type>();
        if number.len() == 1 && number.is_valid(0) {
            Ok(number.value(0))
        } else {
            Err(plan_datafusion_err!("{expr} is not a point in time"))
        }
    }
}

/// The value of `expr` for each row.
pub(in crate::operators) fn evaluate(expr: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<ArrayRef> {
    expr.evaluate(batch)?.into_array(batch.num_rows())
}

/// Times as numbers in their own unit.
///
/// # Errors
/// One of them is NULL.
pub(in crate::operators) fn integers(times: &ArrayRef) -> Result<Int64Array> {
    if times.null_count() > 0 {
        return exec_err!("a row of a time series has no time");
    }
    Ok(cast(times, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}
