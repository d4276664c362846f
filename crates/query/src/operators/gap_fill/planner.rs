use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Int64Type, Schema};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, internal_datafusion_err, plan_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::{FillInput, GapFillColumns, GapFillExec};
use super::segment::Steps;
use super::{FillMode, GapFill};

/// Plans [`GapFill`]. A dialect that makes such nodes lists it among its extension planners.
#[derive(Debug, Default)]
pub struct GapFillPlanner;

#[async_trait]
impl ExtensionPlanner for GapFillPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
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
        let end = |expr: &Expr| {
            let expr = planner.create_physical_expr(expr, &DFSchema::empty(), session, context)?;
            constant(expr.as_ref()).map_err(|e| e.context("the range of time to fill"))
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
            fills.push(FillInput { column, mode });
        }
        let columns = GapFillColumns {
            groups: node.groups.iter().map(index).collect::<Result<_>>()?,
            time: index(&node.time)?,
            fills,
        };
        let steps =
            Steps { first: end(&node.grid.first)?, last: end(&node.grid.last)?, stride: node.grid.stride };
        let schema = Arc::clone(node.schema.inner());
        Ok(Some(Arc::new(GapFillExec::try_new(Arc::clone(physical), columns, steps, schema)?)))
    }
}

/// A constant time as a number in its unit.
fn constant(expr: &dyn datafusion::physical_plan::PhysicalExpr) -> Result<i64> {
    let one_row = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &one_row)?;
    let value = expr.evaluate(&row)?.into_array(1)?;
    let number = arrow::compute::cast(&value, &DataType::Int64)?;
    let number = number.as_primitive::<Int64Type>();
    if number.len() == 1 && number.is_valid(0) {
        Ok(number.value(0))
    } else {
        Err(plan_datafusion_err!("{expr} is not a point in time"))
    }
}
