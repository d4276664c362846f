//! One select block, clause by clause.

use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use triglot_parse_tdengine::ast::{Call, Expr, ExprKind, Literal, Query, Select};

use super::block::Block;
use super::expr::{self, Place, Rows};
use super::grouped::{Grouped, Grouping};
use super::items::{self, ItemValue, SelectItem};
use super::kinds::{self, FunctionKind, GROUPING};
use super::order::{self, BlockOrder, OutputOrder};
use super::plain::{Key, Plain};
use super::scope::Scope;
use super::source::Relation;
use super::stage::Stage;
use super::{Planner, errors, join, slices};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, functions};

impl Planner<'_> {
    /// A block with the ORDER BY and LIMIT of `query`, which it is the body of.
    pub(super) fn select(&self, select: &Select, query: &Query) -> Result<Block, TaosError> {
        let Relation { plan, scope, precision } = self.from(select.from.as_ref())?;
        let env = self.env(precision);
        let rows = filtered(plan, select.filter.as_ref(), &scope, &env)?;
        let items = items::expand(self.text, &select.items, &scope)?;
        let keys = Keys { select, items: &items, scope: &scope, env: &env };
        let mut stage = self.stage(select, query, &keys)?;
        let values = items.iter().map(|item| value_of(item, &scope, stage.as_mut(), &env));
        let values = values.collect::<Result<Vec<Typed>, _>>()?;
        let having = select.having.as_ref().map(|e| {
            let condition = expr::lower(e, &env, stage.as_mut())?;
            functions::condition(condition, &env)
        });
        let having = having.transpose()?;
        let sort = if select.distinct {
            Vec::new()
        } else {
            BlockOrder::new(&items, &values, stage.as_mut()).resolve(&query.order_by, &env)?
        };
        let mut plan = stage.finish(rows, &env)?;
        if let Some(having) = having {
            plan = filter(plan, having.expr)?;
        }
        let named = items.into_iter().map(|i| i.name).zip(values).collect::<Vec<_>>();
        if select.distinct {
            return distinct(Block::project(plan, &named, precision)?, query, &env);
        }
        let plan = tail(plan, stage.as_ref(), sort, query)?;
        Block::project(plan, &named, precision)
    }

    /// What the select list makes of rows.
    fn stage<'s>(
        &self,
        select: &'s Select,
        query: &'s Query,
        keys: &Keys<'s, '_>,
    ) -> Result<Box<dyn Stage + 's>, TaosError> {
        let exprs = keys.items.iter().filter_map(SelectItem::expr);
        let exprs = exprs.chain(&select.having).chain(query.order_by.iter().map(|o| &o.expr));
        let called = |wanted: &[FunctionKind]| {
            let mut found: Vec<&Call> = Vec::new();
            exprs.clone().for_each(|e| expr::calls(e, wanted, &mut found));
            found
        };
        let spread = keys.items.iter().any(SelectItem::is_selection);
        let is_grouped = spread
            || !called(&GROUPING).is_empty()
            || !select.group_by.is_empty()
            || select.window.is_some();
        if !select.group_by.is_empty() && select.window.is_some() {
            return Err(errors::group_and_window());
        }
        if !is_grouped {
            return Ok(Box::new(Plain::new(keys.scope, keys.partition()?)));
        }
        let (mut found, is_group_by) = (keys.partition()?, !select.group_by.is_empty());
        found.extend(keys.group()?);
        let grouping = Grouping { keys: found, is_group_by, window: None };
        let selections = called(&[FunctionKind::Selection]);
        let only = match selections.as_slice() {
            [only] if !spread => Some(*only),
            _ => None,
        };
        let stage = Grouped::new(keys.scope, grouping).with_selection(only, keys.env)?;
        Ok(Box::new(stage))
    }
}

/// Looks up keys of PARTITION BY and GROUP BY.
struct Keys<'s, 'i> {
    select: &'s Select,
    items: &'i [SelectItem<'s>],
    scope: &'s Scope,
    env: &'i FunctionEnv,
}

impl Keys<'_, '_> {
    fn partition(&self) -> Result<Vec<Key>, TaosError> {
        let keys = self.select.partition_by.iter().map(|p| {
            let value = self.lower(&p.expr)?;
            Ok(Key { value, alias: p.alias.as_ref().map(|a| a.name.clone()) })
        });
        keys.collect()
    }

    /// Columns and expressions, positions in the select list, aliases of its items.
    fn group(&self) -> Result<Vec<Key>, TaosError> {
        let keys = self.select.group_by.iter().map(|e| {
            let value = match &e.kind {
                ExprKind::Literal(Literal::Int(number)) => {
                    let at = usize::try_from(*number).ok().and_then(|n| n.checked_sub(1));
                    let item = at.and_then(|at| self.items.get(at)).ok_or_else(errors::not_group_by)?;
                    self.item(item)?
                }
                ExprKind::Column { table: None, name } => match self.lower(e) {
                    Ok(value) => value,
                    Err(error) => {
                        let named = self.items.iter().find(|i| i.has_alias && i.name == name.name);
                        self.item(named.ok_or(error)?)?
                    }
                },
                _ => self.lower(e)?,
            };
            Ok(Key { value, alias: None })
        });
        keys.collect()
    }

    fn item(&self, item: &SelectItem<'_>) -> Result<Typed, TaosError> {
        match &item.value {
            ItemValue::Expr(e) => self.lower(e),
            ItemValue::Column(column) => Ok(column.clone()),
            ItemValue::Selection(..) | ItemValue::SelectionOf(..) => Err(errors::aggregate_here()),
        }
    }

    fn lower(&self, e: &Expr) -> Result<Typed, TaosError> {
        expr::lower(e, self.env, &mut Rows::new(self.scope, Place::Clause))
    }
}

/// The rows that WHERE lets through.
fn filtered(
    plan: LogicalPlan,
    condition: Option<&Expr>,
    scope: &Scope,
    env: &FunctionEnv,
) -> Result<LogicalPlan, TaosError> {
    let Some(condition) = condition else {
        return if scope.waits_for_condition { Err(errors::cross_join()) } else { Ok(plan) };
    };
    let condition = expr::lower(condition, env, &mut Rows::new(scope, Place::Clause))?;
    let condition = functions::condition(condition, env)?.expr;
    if scope.waits_for_condition {
        join::check_condition(&condition, scope)?;
    }
    filter(plan, condition)
}

fn filter(plan: LogicalPlan, condition: datafusion::prelude::Expr) -> Result<LogicalPlan, TaosError> {
    let plan = LogicalPlanBuilder::from(plan).filter(condition);
    plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
}

fn value_of(
    item: &SelectItem<'_>,
    scope: &Scope,
    stage: &mut dyn Stage,
    env: &FunctionEnv,
) -> Result<Typed, TaosError> {
    match &item.value {
        ItemValue::Expr(e) => expr::lower(e, env, stage),
        ItemValue::Column(column) => stage.column(column, env),
        ItemValue::Selection(function, column) => stage.selection(function, column, env),
        ItemValue::SelectionOf(function, argument) => {
            let argument = expr::lower(argument, env, &mut Rows::new(scope, Place::Argument))?;
            stage.selection(function, &argument, env)
        }
    }
}

/// ORDER BY, slices and limits, below the projection.
fn tail(
    plan: LogicalPlan,
    stage: &dyn Stage,
    sort: Vec<datafusion::logical_expr::SortExpr>,
    query: &Query,
) -> Result<LogicalPlan, TaosError> {
    let keys = stage.slice_keys();
    if keys.is_empty() {
        if query.slimit.is_some() {
            return Err(errors::slimit_without_slices());
        }
        let sort = if sort.is_empty() { stage.default_order() } else { sort };
        return order::limit(order::sort(plan, sort)?, query.limit);
    }
    if sort.is_empty() {
        let within = stage.default_order();
        let plan = slices::cut(plan, &keys, within.clone(), query.slimit, query.limit)?;
        return order::sort(plan, within);
    }
    let plan = slices::cut(plan, &keys, Vec::new(), query.slimit, None)?;
    order::limit(order::sort(plan, sort)?, query.limit)
}

/// Different rows of a block, in order.
fn distinct(block: Block, query: &Query, env: &FunctionEnv) -> Result<Block, TaosError> {
    if query.slimit.is_some() {
        return Err(errors::slimit_without_slices());
    }
    let plan = LogicalPlanBuilder::from(block.plan).distinct();
    let plan = plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
    let sort = OutputOrder::new(&block.columns).resolve(&query.order_by, env);
    let sort = sort.map_err(|e| if e.code == 0x2602 { errors::not_selected() } else { e })?;
    let plan = order::limit(order::sort(plan, sort)?, query.limit)?;
    Ok(Block { plan, ..block })
}

/// Whether a call of this name is more than a scalar function.
pub(super) fn is_more_than_scalar(name: &str) -> bool {
    kinds::of(name) != FunctionKind::Scalar
}
