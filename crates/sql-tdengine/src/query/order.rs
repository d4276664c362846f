//! ORDER BY and LIMIT.

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, SortExpr};
use triglot_parse_tdengine::ast::{Expr, ExprKind, Limit, Literal, OrderItem};

use super::block::BlockColumn;
use super::errors;
use super::expr::{self, Resolver};
use super::items::SelectItem;
use super::stage::Stage;
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, functions};

/// NULL is the smallest value unless the statement says otherwise.
fn sort_expr(value: PlanExpr, item: &OrderItem) -> SortExpr {
    value.sort(!item.descending, item.nulls_first.unwrap_or(!item.descending))
}

/// A position in the select list, from 0.
fn position(expr: &Expr, columns: usize) -> Result<Option<usize>, TaosError> {
    let ExprKind::Literal(Literal::Int(number)) = expr.kind else { return Ok(None) };
    let at = usize::try_from(number).ok().and_then(|n| n.checked_sub(1)).filter(|at| *at < columns);
    at.map(Some).ok_or_else(errors::order_position)
}

/// What stands behind the select list of a block: its names are those of FROM, then the select list's.
pub(super) struct Behind<'a, 'e> {
    items: &'a [SelectItem<'e>],
    values: &'a [Typed],
    stage: &'a mut dyn Stage,
}

impl<'a, 'e> Behind<'a, 'e> {
    /// `values` are the values of `items` over `stage`.
    pub(super) fn new(items: &'a [SelectItem<'e>], values: &'a [Typed], stage: &'a mut dyn Stage) -> Self {
        Self { items, values, stage }
    }

    /// The condition of HAVING over the stage's plan.
    ///
    /// # Errors
    /// 0x2604 for a name that two items have, and those of expressions.
    pub(super) fn condition(mut self, expr: &Expr, env: &FunctionEnv) -> Result<PlanExpr, TaosError> {
        let condition = expr::lower(expr, env, &mut self)?;
        Ok(functions::condition(condition)?.expr)
    }

    /// The sort keys of ORDER BY over the stage's plan.
    ///
    /// # Errors
    /// 0x2604 for a name that two items have, 0x2609 for a position beyond the list, and those of expressions.
    pub(super) fn order(
        mut self,
        order: &[OrderItem],
        env: &FunctionEnv,
    ) -> Result<Vec<SortExpr>, TaosError> {
        order.iter().map(|item| Ok(sort_expr(self.sorted_by(&item.expr, env)?.expr, item))).collect()
    }

    fn sorted_by(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Typed, TaosError> {
        if let Some(at) = position(expr, self.values.len())? {
            return self.values.get(at).cloned().ok_or_else(errors::order_position);
        }
        // A plain name is an item's first, and within an expression a column's.
        if let ExprKind::Column { table: None, name } = &expr.kind
            && let Some(value) = self.item(&name.name)?
        {
            return Ok(value);
        }
        expr::lower(expr, env, self)
    }

    /// The value of the item of this name.
    fn item(&self, name: &str) -> Result<Option<Typed>, TaosError> {
        let items = self.items.iter().zip(self.values);
        let mut named = items.filter(|(item, _)| item.name == name).map(|(_, value)| value);
        let Some(first) = named.next() else { return Ok(None) };
        if named.any(|other| other.expr != first.expr) {
            return Err(errors::ambiguous(name));
        }
        Ok(Some(first.clone()))
    }
}

impl Resolver for Behind<'_, '_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        match (self.stage.resolve(expr, env), &expr.kind) {
            (Err(error), ExprKind::Column { table: None, name }) => match self.item(&name.name)? {
                Some(value) => Ok(Some(value)),
                None => Err(error),
            },
            (resolved, _) => resolved,
        }
    }
}

/// Resolves ORDER BY over the columns of a result: of a union, or of a select with DISTINCT.
pub(super) struct OutputOrder<'a> {
    columns: &'a [BlockColumn],
}

impl<'a> OutputOrder<'a> {
    /// Over these columns.
    pub(super) const fn new(columns: &'a [BlockColumn]) -> Self {
        Self { columns }
    }

    /// The sort keys over the result's plan.
    ///
    /// # Errors
    /// 0x2602, 0x2604 and 0x2609, and those of expressions.
    pub(super) fn resolve(
        mut self,
        order: &[OrderItem],
        env: &FunctionEnv,
    ) -> Result<Vec<SortExpr>, TaosError> {
        let mut keys = Vec::with_capacity(order.len());
        for item in order {
            let value = match position(&item.expr, self.columns.len())? {
                Some(at) => {
                    self.columns.get(at).map(BlockColumn::value).ok_or_else(errors::order_position)?
                }
                None => expr::lower(&item.expr, env, &mut self)?,
            };
            keys.push(sort_expr(value.expr, item));
        }
        Ok(keys)
    }
}

impl Resolver for OutputOrder<'_> {
    fn resolve(&mut self, expr: &Expr, _env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        let ExprKind::Column { name, .. } = &expr.kind else { return Ok(None) };
        let mut named = self.columns.iter().filter(|c| c.name == name.name);
        match (named.next(), named.next()) {
            (Some(_), Some(_)) => Err(errors::ambiguous(&name.name)),
            (Some(one), None) => Ok(Some(one.value())),
            (None, _) => Err(errors::no_column(&name.name)),
        }
    }
}

/// `plan` in order; as it is if there are no keys.
pub(super) fn sort(plan: LogicalPlan, keys: Vec<SortExpr>) -> Result<LogicalPlan, TaosError> {
    if keys.is_empty() {
        return Ok(plan);
    }
    let sorted = LogicalPlanBuilder::from(plan).sort(keys);
    sorted.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
}

/// How many rows are skipped and how many taken then.
///
/// # Errors
/// 0x2637 for an offset below 0, 0x2600 for a count below 0.
pub(super) fn skip_and_fetch(limit: Limit) -> Result<(usize, usize), TaosError> {
    let skip = usize::try_from(limit.offset).map_err(|_| errors::negative_offset())?;
    let fetch = usize::try_from(limit.count).map_err(|_| errors::syntax(&limit.count.to_string()))?;
    Ok((skip, fetch))
}

/// `plan` cut to what LIMIT says.
pub(super) fn limit(plan: LogicalPlan, limit: Option<Limit>) -> Result<LogicalPlan, TaosError> {
    let Some(limit) = limit else { return Ok(plan) };
    let (skip, fetch) = skip_and_fetch(limit)?;
    let cut = LogicalPlanBuilder::from(plan).limit(skip, Some(fetch));
    cut.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
}
