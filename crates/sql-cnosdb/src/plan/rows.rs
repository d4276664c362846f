//! `timestamp_repair`, `value_fill`, `value_repair`: aggregates whose list of rows becomes rows.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, UnnestOptions};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use triglot_functions::series_repair::{SeriesRepair, TIME, VALUE};

use super::refused;

/// The column of repaired rows, on its way.
const ROWS: &str = "__repaired";

/// Whether `plan` calls one of these functions.
pub(super) fn is_in(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::Aggregate(a) if a.aggr_expr.iter().any(is_repair));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// `plan` with a row for each repaired point, columns `time` and `value`, where a SELECT list names a call.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Projection(projection) = &node else { return Ok(Transformed::no(node)) };
        let lists = repaired_columns(&projection.input);
        let is_list = |e: &Expr| matches!(e.clone().unalias(), Expr::Column(c) if lists.contains(&c));
        match projection.expr.iter().filter(|e| is_list(e)).count() {
            0 => Ok(Transformed::no(node)),
            1 => Ok(Transformed::yes(rows(projection, &is_list)?)),
            _ => Err(refused("only one of timestamp_repair, value_fill and value_repair may be selected")),
        }
    })?;
    // What names the column of the call, which is gone, cannot be computed any more.
    let above = rewritten.data.transform_up(|node| node.recompute_schema().map(Transformed::yes));
    above.map(|plan| plan.data).map_err(|_| {
        refused("timestamp_repair, value_fill and value_repair are allowed in the outermost SELECT only")
    })
}

fn is_repair(expr: &Expr) -> bool {
    matches!(expr, Expr::AggregateFunction(call) if SeriesRepair::of(&call.func).is_some())
}

/// The columns of an aggregate, perhaps below HAVING, that hold repaired rows.
fn repaired_columns(input: &LogicalPlan) -> Vec<Column> {
    match input {
        LogicalPlan::Filter(filter) => repaired_columns(&filter.input),
        LogicalPlan::Aggregate(Aggregate { group_expr, aggr_expr, schema, .. }) => {
            let columns = schema.columns().into_iter().skip(group_expr.len());
            columns.zip(aggr_expr).filter(|(_, e)| is_repair(e)).map(|(column, _)| column).collect()
        }
        _ => Vec::new(),
    }
}

/// The SELECT list over unnested rows.
fn rows(projection: &Projection, is_list: &dyn Fn(&Expr) -> bool) -> Result<LogicalPlan> {
    let rows = Column::new_unqualified(ROWS);
    let below =
        projection.expr.iter().map(|e| if is_list(e) { e.clone().unalias().alias(ROWS) } else { e.clone() });
    let options = UnnestOptions::new().with_preserve_nulls(false);
    let unnested = LogicalPlanBuilder::from(Arc::clone(&projection.input))
        .project(below.collect::<Vec<_>>())?
        .unnest_column_with_options(rows.clone(), options)?;
    let field = |name: &str| get_field(Expr::Column(rows.clone()), name).alias(name);
    let columns = unnested.schema().columns().into_iter().flat_map(|column| {
        if column.name == ROWS { vec![field(TIME), field(VALUE)] } else { vec![Expr::Column(column)] }
    });
    let columns: Vec<Expr> = columns.collect();
    unnested.project(columns)?.build()
}
