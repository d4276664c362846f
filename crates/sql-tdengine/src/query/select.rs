//! One select block, clause by clause.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};
use triglot_parse_tdengine::ast::{Call, Expr, ExprKind, Literal, Query, Select};

use super::block::Block;
use super::bounds::TimeBounds;
use super::children::{self, OfChildren};
use super::expr::{self, Place, Rows};
use super::fill::Filler;
use super::grouped::{Grouped, Grouping};
use super::interp::Interpolated;
use super::items::{self, ItemValue, SelectItem};
use super::kept::RowsOfShape;
use super::kinds::{ALL, FunctionKind, GROUPING};
use super::nearest::LEFT_ROW;
use super::order::{self, Behind, OutputOrder};
use super::picked::Picked;
use super::plain::{Key, Plain};
use super::scope::{Scope, Source, WINDOW_COLUMNS};
use super::series::Series;
use super::source::Relation;
use super::stage::Stage;
use super::window::WindowKey;
use super::windows::Windows;
use super::{Planner, errors, join, slices};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType, functions};

impl Planner<'_> {
    /// A block with the ORDER BY and LIMIT of `query`, which it is the body of.
    pub(super) fn select(&self, select: &Select, query: &Query) -> Result<Block, TaosError> {
        let Relation { plan, mut scope, precision } = self.from(select.from.as_ref())?;
        let env = self.env(precision);
        let Filtered { rows, condition, bounds } =
            self.filtered(plan, select.filter.as_ref(), &scope, &env)?;
        scope.set_bounds(bounds, &env);
        let items = items::expand(self.text, &select.items, &scope)?;
        let of_children = OfChildren::of(condition.as_ref(), &scope);
        let clauses = Clauses {
            planner: self,
            select,
            query,
            items: &items,
            scope: &scope,
            env: &env,
            bounds,
            of_children,
        };
        let Staged { rows, mut stage, window, filler } = clauses.stage(rows)?;
        let values = items.iter().map(|item| value_of(item, &scope, stage.as_mut(), &env));
        let mut values = values.collect::<Result<Vec<Typed>, _>>()?;
        let having =
            select.having.as_ref().map(|e| Behind::new(&items, &values, stage.as_mut()).condition(e, &env));
        let having = having.transpose()?;
        let rows = match clauses.children_alone(&values)? {
            Some(children) => children,
            None => rows,
        };
        let mut sort = if select.distinct {
            Vec::new()
        } else {
            Behind::new(&items, &values, stage.as_mut()).order(&query.order_by, &env)?
        };
        let mut plan = stage.finish(rows, &env)?;
        if let Some(having) = having {
            plan = filter(plan, having)?;
        }
        if let (Some(filler), Some(window)) = (&filler, &window) {
            plan = filler.fill(plan, &stage.slice_keys(), window, &mut values, &mut sort, &env)?;
        }
        let named = items.iter().map(|i| i.name.clone()).zip(values).collect::<Vec<_>>();
        if select.distinct {
            return distinct(Block::project(plan, &named, precision)?, query, &env);
        }
        let plan = tail(plan, stage.as_ref(), sort, query)?;
        Block::project(plan, &named, precision)
    }
}

/// The rows of a block and what its select list makes of them.
struct Staged<'i> {
    /// With their windows.
    rows: LogicalPlan,
    stage: Box<dyn Stage + 'i>,
    window: Option<WindowKey>,
    filler: Option<Filler>,
}

impl<'i> Staged<'i> {
    /// Without windows.
    fn new(rows: LogicalPlan, stage: impl Stage + 'i) -> Self {
        Self { rows, stage: Box::new(stage), window: None, filler: None }
    }
}

/// The clauses of a block whose FROM and WHERE are lowered.
struct Clauses<'s, 'i> {
    planner: &'i Planner<'i>,
    select: &'s Select,
    query: &'s Query,
    items: &'i [SelectItem<'s>],
    scope: &'i Scope,
    env: &'i FunctionEnv,
    bounds: TimeBounds,
    of_children: OfChildren,
}

impl<'s, 'i> Clauses<'s, 'i> {
    /// What the select list makes of `rows`, and these rows with their windows.
    fn stage(&self, rows: LogicalPlan) -> Result<Staged<'i>, TaosError>
    where
        's: 'i,
    {
        let select = self.select;
        if !select.group_by.is_empty() && select.window.is_some() {
            return Err(errors::group_and_window());
        }
        let keys = Keys { select, items: self.items, scope: self.scope, env: self.env };
        let (mut keys, group_keys) = (keys.partition()?, keys.group()?);
        let is_group_by = !group_keys.is_empty();
        keys.extend(group_keys);
        if !self.calls(&[FunctionKind::Interp]).is_empty() {
            self.check_interp()?;
            return Ok(Staged::new(rows, Interpolated::new(self.scope, select, keys, self.env)?));
        }
        if select.range.is_some() || select.every.is_some() {
            return Err(errors::range_clause());
        }
        if let [first, ..] = self.calls(&[FunctionKind::Series]).as_slice() {
            self.check_series(&first.name.name)?;
            return Ok(Staged::new(rows, Series::new(self.scope, keys, &first.name.name)?));
        }
        let picks = self.calls(&[FunctionKind::Rows]);
        let is_spread = self.items.iter().any(SelectItem::is_selection);
        let grouping_calls = self.calls(&GROUPING);
        if let ([first, ..], Some(mixed)) = (picks.as_slice(), grouping_calls.first()) {
            let unique = first.name.name == "unique";
            return Err(if unique {
                errors::mixed(&first.name.name)
            } else {
                errors::mixed(&mixed.name.name)
            });
        }
        let is_grouped = is_spread || !grouping_calls.is_empty() || is_group_by || select.window.is_some();
        let (rows, window) = self.window(&keys, rows)?;
        let filler = self.filler(window.as_ref())?;
        if let [first, ..] = picks.as_slice() {
            if filler.is_some() {
                return Err(errors::not_in_fill(&first.name.name));
            }
            return Ok(Staged::new(rows, Picked::new(self.scope, keys, window, first, self.env)?));
        }
        if !is_grouped {
            return Ok(Staged::new(rows, Plain::new(self.scope, keys)));
        }
        let slices = keys.len();
        if self.scope.row_of_window_join {
            let value = Typed::fixed(PlanExpr::Column(Column::new_unqualified(LEFT_ROW)), TaosType::UBigInt);
            keys.push(Key { value, alias: None });
        }
        if select.window.is_some() && grouping_calls.is_empty() && !is_spread && !self.has_window_column() {
            return Err(errors::no_function_in_window());
        }
        let selections = self.calls(&[FunctionKind::Selection]);
        let only = match selections.as_slice() {
            [only] if !is_spread => Some(*only),
            _ => None,
        };
        let is_filled = filler.is_some();
        let grouping = Grouping { keys, is_group_by, window: window.clone(), is_filled, slices };
        let counts = self.calls(&[FunctionKind::Aggregate]);
        let counts = counts.iter().any(|c| matches!(c.name.name.as_str(), "count" | "hyperloglog"));
        let children = match self.scope.single() {
            Some(source) if counts && window.is_none() && source.has_children() => {
                self.planner.children(self.select.from.as_ref(), &self.of_children)?
            }
            _ => None,
        };
        let stage =
            Grouped::new(self.scope, grouping).with_selection(only, self.env)?.with_children(children);
        Ok(Staged { rows, stage: Box::new(stage), window, filler })
    }

    /// The children of FROM, if the select list asks for nothing else: `SELECT TAGS`, and DISTINCT tags.
    ///
    /// # Errors
    /// 0x2665 where there are no children to tell of.
    fn children_alone(&self, values: &[Typed]) -> Result<Option<LogicalPlan>, TaosError> {
        let select = self.select;
        if !select.tags && !select.distinct {
            return Ok(None);
        }
        let is_plain = select.window.is_none()
            && select.group_by.is_empty()
            && select.partition_by.is_empty()
            && self.calls(&ALL).is_empty();
        let of_child = values.iter().all(|v| children::is_of_child(&v.expr, self.scope));
        let mentions = values.iter().any(|v| !v.expr.column_refs().is_empty());
        let has_children = self.scope.single().is_some_and(Source::has_children);
        let children = match has_children
            && is_plain
            && of_child
            && self.of_children.is_all
            && (mentions || select.tags)
        {
            true => self.planner.children(select.from.as_ref(), &self.of_children)?,
            false => None,
        };
        if select.tags && children.is_none() {
            return Err(errors::tags_modifier());
        }
        Ok(children)
    }

    /// FILL, which only INTERVAL knows.
    fn filler(&self, window: Option<&WindowKey>) -> Result<Option<Filler>, TaosError> {
        let Some(fill) = &self.select.fill else { return Ok(None) };
        match window.and_then(|w| w.starts) {
            Some(starts) => Filler::new(fill, starts, self.bounds, self.env),
            None => Err(errors::range_clause()),
        }
    }

    /// The calls of functions of these kinds in the select list, HAVING and ORDER BY.
    fn calls(&self, wanted: &[FunctionKind]) -> Vec<&'s Call> {
        let mut found = Vec::new();
        let items = self.items.iter().filter_map(SelectItem::expr);
        let order = self.query.order_by.iter().map(|o| &o.expr);
        items.chain(&self.select.having).chain(order).for_each(|e| expr::calls(e, wanted, &mut found));
        found
    }

    /// What series functions do not go together with.
    fn check_series(&self, function: &str) -> Result<(), TaosError> {
        if self.select.window.is_some() {
            return Err(errors::not_in_window(function));
        }
        if !self.select.group_by.is_empty() {
            return Err(errors::not_in_group(function));
        }
        let mut others = GROUPING.to_vec();
        others.extend([FunctionKind::Rows, FunctionKind::Interp]);
        match self.calls(&others).first() {
            Some(other) => Err(errors::mixed(&other.name.name)),
            None if self.items.iter().any(SelectItem::is_selection) => Err(errors::mixed(function)),
            None => Ok(()),
        }
    }

    /// What `INTERP` does not go together with.
    fn check_interp(&self) -> Result<(), TaosError> {
        if self.select.window.is_some() {
            return Err(errors::not_in_window("interp"));
        }
        if !self.select.group_by.is_empty() {
            return Err(errors::not_in_group("interp"));
        }
        Ok(())
    }

    /// Whether a pseudo column of windows is selected: that is enough for a window query.
    fn has_window_column(&self) -> bool {
        let is_window_column = &mut |e: &Expr| {
            matches!(&e.kind, ExprKind::Column { table: None, name }
                if WINDOW_COLUMNS.contains(&name.name.as_str()))
        };
        self.items.iter().filter_map(SelectItem::expr).any(|e| expr::any(e, is_window_column))
    }

    fn window(&self, keys: &[Key], rows: LogicalPlan) -> Result<(LogicalPlan, Option<WindowKey>), TaosError> {
        let Some(window) = &self.select.window else { return Ok((rows, None)) };
        let windows = Windows { scope: self.scope, keys, bounds: self.bounds, env: self.env };
        let (rows, key) = windows.assign(window, rows)?;
        Ok((rows, Some(key)))
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
            ItemValue::Selection(..) | ItemValue::SelectionOf(..) | ItemValue::InRowOf(..) => {
                Err(errors::aggregate_here())
            }
        }
    }

    fn lower(&self, e: &Expr) -> Result<Typed, TaosError> {
        expr::lower(e, self.env, &mut Rows::new(self.scope, Place::Clause))
    }
}

/// What WHERE makes of FROM.
struct Filtered {
    /// The rows that it lets through.
    rows: LogicalPlan,
    /// What it says.
    condition: Option<PlanExpr>,
    /// The times that it lets in.
    bounds: TimeBounds,
}

impl Planner<'_> {
    fn filtered(
        &self,
        plan: LogicalPlan,
        condition: Option<&Expr>,
        scope: &Scope,
        env: &FunctionEnv,
    ) -> Result<Filtered, TaosError> {
        let Some(condition) = condition else {
            let all = Filtered { rows: plan, condition: None, bounds: TimeBounds::default() };
            return if scope.waits_for_condition { Err(errors::cross_join()) } else { Ok(all) };
        };
        let mut rows = RowsOfShape { rows: Rows::new(scope, Place::Clause), constants: &self.constants };
        let condition = functions::condition(expr::lower(condition, env, &mut rows)?)?.expr;
        if scope.waits_for_condition {
            join::check_condition(&condition, scope)?;
        }
        let bounds = scope.time().map(|time| TimeBounds::of(Some(&condition), &time.expr));
        let rows = filter(plan, condition.clone())?;
        Ok(Filtered { rows, condition: Some(condition), bounds: bounds.unwrap_or_default() })
    }
}

fn filter(plan: LogicalPlan, condition: PlanExpr) -> Result<LogicalPlan, TaosError> {
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
        ItemValue::InRowOf(selection, value) => stage.in_row_of(selection, value, env),
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
