//! `SLIMIT`, and `LIMIT` inside each slice.

use datafusion::logical_expr::{LogicalPlan, SortExpr};
use triglot_engine::query::operators::SliceLimit;
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
    if slimit.is_none() && limit.is_none() {
        return Ok(plan);
    }
    let (skip_slices, take_slices) = skip_and_take(slimit)?;
    let (skip_rows, take_rows) = skip_and_take(limit)?;
    let slices = keys.iter().map(|k| k.expr.clone()).collect();
    let cut = SliceLimit { slices, order: within, skip_slices, take_slices, skip_rows, take_rows };
    cut.over(plan).map_err(errors::planner)
}

fn skip_and_take(limit: Option<Limit>) -> Result<(u64, Option<u64>), TaosError> {
    let Some(limit) = limit else { return Ok((0, None)) };
    let (skip, take) = order::skip_and_fetch(limit)?;
    Ok((skip as u64, Some(take as u64)))
}
