//! `topk` and `bottom`: the rows with the largest or smallest values of a column.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::scalar::ScalarValue;
use triglot_engine::query::operators::top_rows;

use super::marker::{Marker, calls_in};
use super::refused;

/// The vendor's words about wrong arguments.
pub(super) const ARGUMENTS: &str = "Routine not match. Maybe (field_name, k). k is integer literal value. \
                                    The range of values for k is [1, 255].";
/// The vendor's words about calls that exclude one another.
const ONE_CALL: &str =
    "1. There cannot be nested selection functions. 2. There cannot be multiple selection functions.";

/// `plan` without calls of `topk` and `bottom`.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(plan.transform_up_with_subqueries(rewrite_node)?.data)
}

fn rewrite_node(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let calls = calls_in(&node, &[Marker::TopK, Marker::Bottom])?;
    let call = match calls.as_slice() {
        [] => return Ok(Transformed::no(node)),
        [call] => call,
        _ => return Err(refused(ONE_CALL)),
    };
    let name = Marker::of(call).map_or("topk", |(m, _)| m.name());
    let LogicalPlan::Projection(Projection { expr, input, .. }) = node else {
        return Err(refused(format!("{name} is allowed in the SELECT list only")));
    };
    if is_grouped(&input) {
        return Err(refused(format!("{name} cannot be used with GROUP BY or aggregate functions")));
    }
    let Some((marker, [column, count])) = Marker::of(call) else { return Err(refused(ARGUMENTS)) };
    let (Expr::Column(_), Some(count)) = (column, count_of(count)) else {
        return Err(refused(ARGUMENTS));
    };
    let rows = top_rows(Arc::unwrap_or_clone(input), column.clone(), count, marker == Marker::TopK)?;
    // Columns keep the names that the planner gave them: nodes above refer to those.
    let expr = expr.into_iter().map(|e| {
        let name = e.schema_name().to_string();
        let done = e.transform_up(|e| {
            Ok(if &e == call { Transformed::yes(column.clone()) } else { Transformed::no(e) })
        })?;
        if done.transformed { done.data.alias_if_changed(name) } else { Ok(done.data) }
    });
    let projection = Projection::try_new(expr.collect::<Result<_>>()?, Arc::new(rows))?;
    Ok(Transformed::yes(LogicalPlan::Projection(projection)))
}

/// The column that `expr` ranks rows by, if it is a call of `topk` or `bottom`: the vendor's name of the
/// result is its bare name.
pub(crate) fn ranked_by(expr: &Expr) -> Option<&Column> {
    match Marker::of(expr)? {
        (Marker::TopK | Marker::Bottom, [Expr::Column(column), ..]) => Some(column),
        _ => None,
    }
}

fn is_grouped(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Filter(filter) => is_grouped(&filter.input),
        LogicalPlan::Window(window) => is_grouped(&window.input),
        _ => false,
    }
}

/// A literal in `1..=255`.
fn count_of(expr: &Expr) -> Option<usize> {
    let Expr::Literal(value, _) = expr else { return None };
    match value.cast_to(&arrow::datatypes::DataType::UInt8).ok()? {
        ScalarValue::UInt8(Some(count)) if count > 0 => Some(usize::from(count)),
        _ => None,
    }
}
