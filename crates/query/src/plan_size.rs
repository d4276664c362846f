//! How large a plan may be. A short text can make a huge one: each CTE that is used twice doubles what is behind it, and a
//! list of tables becomes joins as deep as it is long, which optimising walks recursively and more than once.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;

use crate::QueryError;

/// Joins in one plan, at most.
const MAX_JOINS: usize = 128;
/// Nodes of one plan, at most, each counted as often as it is used.
const MAX_NODES: usize = 10_000;

/// Refuses plans that would take minutes, or too much stack, to optimise.
pub(crate) fn check_size(plan: &LogicalPlan) -> std::result::Result<(), QueryError> {
    let (mut nodes, mut joins) = (0, 0);
    let mut count = |node: &LogicalPlan| -> Result<TreeNodeRecursion> {
        nodes += 1;
        joins += usize::from(matches!(node, LogicalPlan::Join(_)));
        let stop = nodes > MAX_NODES || joins > MAX_JOINS;
        Ok(if stop { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    };
    plan.apply_with_subqueries(&mut count)?;
    if joins > MAX_JOINS {
        return Err(too_large("joins", MAX_JOINS));
    }
    if nodes > MAX_NODES {
        return Err(too_large("operators", MAX_NODES));
    }
    Ok(())
}

fn too_large(what: &str, limit: usize) -> QueryError {
    datafusion::common::plan_datafusion_err!("The query has more than {limit} {what}").into()
}
