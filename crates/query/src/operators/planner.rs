use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::internal_datafusion_err;
use datafusion::error::Result;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::gap_fill;
use super::sorted::{Compile, Node, SortedOperator};
use super::time_join;
use super::{AssignWindows, Interp, SeriesFunctions, SliceLimit};

/// Plans all operators of this crate. A dialect that makes such nodes lists it among its extension planners.
#[derive(Debug, Default)]
pub struct OperatorPlanner;

#[async_trait]
impl ExtensionPlanner for OperatorPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let compile = Compile { planner, session, context };
        let sorted =
            [sorted::<AssignWindows>, sorted::<SeriesFunctions>, sorted::<Interp>, sorted::<SliceLimit>];
        for plan in sorted {
            if let Some(plan) = plan(&compile, node, physical_inputs)? {
                return Ok(Some(plan));
            }
        }
        if let Some(plan) = time_join::physical(&compile, node, physical_inputs)? {
            return Ok(Some(plan));
        }
        gap_fill::physical(&compile, node, logical_inputs, physical_inputs)
    }
}

/// The plan of a node that holds an `O`.
fn sorted<O: SortedOperator>(
    compile: &Compile<'_>,
    node: &dyn UserDefinedLogicalNode,
    inputs: &[Arc<dyn ExecutionPlan>],
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(node) = node.as_any().downcast_ref::<Node<O>>() else { return Ok(None) };
    let [input] = inputs else { return Err(internal_datafusion_err!("{} has one input", O::NAME)) };
    node.operator.physical(compile, node, Arc::clone(input)).map(Some)
}
