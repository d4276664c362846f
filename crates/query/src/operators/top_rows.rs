use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

/// The `count` rows of `input` with the largest (else smallest) values of `by`, in that order, NULLs
/// last. It runs with a heap of `count` rows for each partition, whatever the size of the input.
pub fn top_rows(input: LogicalPlan, by: Expr, count: usize, largest: bool) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(input).sort_with_limit([by.sort(!largest, false)], Some(count))?.build()
}
