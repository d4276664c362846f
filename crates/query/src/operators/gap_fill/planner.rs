use std::sync::Arc;

use datafusion::common::internal_datafusion_err;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;

use super::super::sorted::Compile;
use super::exec::{FillInput, GapFillColumns, GapFillExec};
use super::segment::Steps;
use super::{FillMode, GapFill, Stride};

/// The plan of a node that is a [`GapFill`].
pub(in crate::operators) fn physical(
    compile: &Compile<'_>,
    node: &dyn UserDefinedLogicalNode,
    logical_inputs: &[&LogicalPlan],
    physical_inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(node) = node.as_any().downcast_ref::<GapFill>() else { return Ok(None) };
    let ([logical], [physical]) = (logical_inputs, physical_inputs) else {
        return Err(internal_datafusion_err!("GapFill has one input"));
    };
    let below = logical.schema();
    let index = |expr: &Expr| match expr {
        Expr::Column(column) => below.index_of_column(column),
        other => Err(internal_datafusion_err!("GapFill over {other}, which is no column")),
    };
    let end = |expr: &Option<Expr>| -> Result<Option<i64>> {
        let Some(expr) = expr else { return Ok(None) };
        let end = compile.instant(expr).map_err(|e| e.context("the range of time to fill"))?;
        Ok(Some(match node.grid.stride {
            Stride::Fixed(_) => end,
            Stride::Buckets(buckets) => buckets.start_of(end)?,
        }))
    };
    let mut fills = Vec::with_capacity(node.fills.len());
    for fill in &node.fills {
        let column = index(&fill.input)?;
        let mode = match &fill.mode {
            FillMode::Value(value) => {
                FillMode::Value(value.cast_to(physical.schema().field(column).data_type())?)
            }
            other => other.clone(),
        };
        fills.push(FillInput { column, mode, nulls: fill.nulls });
    }
    let columns = GapFillColumns {
        groups: node.groups.iter().map(index).collect::<Result<_>>()?,
        time: index(&node.time)?,
        fills,
        forced: node.forced && node.groups.is_empty(),
        is_filled: node.is_filled.is_some(),
    };
    let steps =
        Steps { first: end(&node.grid.first)?, last: end(&node.grid.last)?, stride: node.grid.stride };
    let schema = Arc::clone(node.schema.inner());
    Ok(Some(Arc::new(GapFillExec::try_new(Arc::clone(physical), columns, steps, schema)?)))
}
