//! `SLIMIT`, and `LIMIT` inside each slice.

use datafusion::common::Column;
use datafusion::functions_window::expr_fn::{dense_rank, row_number};
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};
use triglot_parse_tdengine::ast::Limit;

use super::{errors, order};
use crate::TaosError;
use crate::typed::Typed;

/// The slices of `plan` that `SLIMIT` lets through, in the order of their keys, and in each the rows that `limit`
/// does, in the order of `within`.
pub(super) fn cut(
    plan: LogicalPlan,
    keys: &[Typed],
    within: Vec<SortExpr>,
    slimit: Option<Limit>,
    limit: Option<Limit>,
) -> Result<LogicalPlan, TaosError> {
    let keys: Vec<Expr> = keys.iter().map(|k| k.expr.clone()).collect();
    let mut plan = plan;
    if let Some(slimit) = slimit {
        let by_key = keys.iter().map(|k| k.clone().sort(true, true)).collect::<Vec<_>>();
        let rank = dense_rank().order_by(by_key).build().map_err(errors::planner)?;
        plan = numbered(plan, rank, "__slice", slimit)?;
    }
    if let Some(limit) = limit {
        let number = row_number().partition_by(keys).order_by(within).build().map_err(errors::planner)?;
        plan = numbered(plan, number, "__row", limit)?;
    }
    Ok(plan)
}

/// The rows of `plan` whose `number`, from 1, lies within `limit`.
fn numbered(plan: LogicalPlan, number: Expr, name: &str, limit: Limit) -> Result<LogicalPlan, TaosError> {
    let (skip, fetch) = order::skip_and_fetch(limit)?;
    let (skip, end) = (skip as u64, skip.saturating_add(fetch) as u64);
    let columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
    let place = Expr::Column(Column::new_unqualified(name));
    let within = place.clone().gt(lit(skip)).and(place.lt_eq(lit(end)));
    let cut = LogicalPlanBuilder::from(plan)
        .window(vec![number.alias(name)])
        .and_then(|b| b.filter(within))
        .and_then(|b| b.project(columns))
        .and_then(LogicalPlanBuilder::build);
    cut.map_err(errors::planner)
}
