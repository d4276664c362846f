//! `time_window_gapfill`, `locf`, `interpolate`: groupings by window that also show windows without rows.
//!
//! `SELECT g, time_window_gapfill(time, w) AS t, locf(avg(x)) … WHERE time >= a AND time < b GROUP BY g, t`
//! becomes: aggregate by (g, window start) → [`GapFill`] over (g, window start) from the first window
//! that `a` lets in to the last that `b` lets in → the rest of the query. HAVING comes after the filling.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::{greatest, least};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Between, BinaryExpr, Expr, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Projection, cast,
};
use triglot_engine::query::operators::{FillColumn, FillMode, GapFill, Grid, Nulls, Rounding, Stride};
use triglot_functions::windows::{Edge, window_edge};

use super::marker::{Marker, calls_in, collect_calls};
use super::window::with_start;
use super::window_args::{WindowCall, nanoseconds};
use super::{not_supported, refused};

/// `plan` without calls of these functions. Calls that stand elsewhere are left for the caller to refuse.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    let rewritten = plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::Projection(projection) => {
            let input = Arc::clone(&projection.input);
            match filled_below(&input)? {
                Some(parts) => Ok(Transformed::yes(filled(projection, &parts)?)),
                None => Ok(Transformed::no(LogicalPlan::Projection(projection))),
            }
        }
        other => Ok(Transformed::no(other)),
    })?;
    // Counts of added windows are NULL, so columns above may be NULL that could not be before.
    Ok(rewritten.data.transform_up(|node| node.recompute_schema().map(Transformed::yes))?.data)
}

/// A SELECT list's input: conditions of HAVING over an aggregate by `call`, its `group`th key.
struct Parts<'a> {
    havings: Vec<&'a Expr>,
    aggregate: &'a Aggregate,
    group: usize,
    call: &'a Expr,
}

fn filled_below(input: &LogicalPlan) -> Result<Option<Parts<'_>>> {
    let (mut node, mut havings) = (input, Vec::new());
    while let LogicalPlan::Filter(filter) = node {
        havings.push(&filter.predicate);
        node = &filter.input;
    }
    let LogicalPlan::Aggregate(aggregate) = node else { return Ok(None) };
    let calls = calls_in(node, &[Marker::Gapfill])?;
    if calls.len() > 1 {
        return Err(not_supported("several different time_window_gapfill calls in one query"));
    }
    let keys = aggregate.group_expr.iter().enumerate();
    let mut keys = keys.filter(|(_, e)| Marker::of(e).is_some_and(|(marker, _)| marker == Marker::Gapfill));
    let Some((group, call)) = keys.next() else { return Ok(None) };
    if aggregate.group_expr.iter().any(|e| matches!(e, Expr::GroupingSet(_))) {
        return Err(not_supported("time_window_gapfill with grouping sets"));
    }
    Ok(Some(Parts { havings, aggregate, group, call }))
}

/// The SELECT list over filled windows.
fn filled(projection: Projection, parts: &Parts<'_>) -> Result<LogicalPlan> {
    let aggregate = parts.aggregate;
    let Some((_, args)) = Marker::of(parts.call) else { return Err(refused("no window")) };
    let window = WindowCall::read(args, aggregate.input.schema())?;
    let grid = grid(&aggregate.input, &window)?;

    let fills = fill_calls(&projection.expr, &parts.havings)?;
    let (by_window, fill_inputs) = by_window(parts, &window, &fills)?;
    let columns = aggregate.schema.columns();
    let keys = aggregate.group_expr.len();
    let (mut groups, mut time, mut values) = (Vec::new(), None, Vec::new());
    for (index, column) in columns.into_iter().enumerate() {
        let name = (column.relation.clone(), column.name.clone());
        let expr = Expr::Column(column);
        match index {
            index if index == parts.group => time = Some(expr),
            index if index < keys => groups.push(expr),
            _ => values.push(FillColumn { input: expr, mode: FillMode::Null, nulls: Nulls::Kept, name }),
        }
    }
    let Some(time) = time else { return Err(refused("no window")) };
    for (call, input) in fills.iter().zip(fill_inputs) {
        let mode = match Marker::of(call) {
            Some((Marker::Locf, _)) => FillMode::Previous,
            _ => FillMode::Linear(Rounding::TowardsEarlier),
        };
        let name = (None, call.schema_name().to_string());
        values.push(FillColumn { input, mode, nulls: Nulls::Gaps, name });
    }
    let mut node = GapFill::try_new(Arc::new(by_window), groups, time, grid, values)
        .map_err(|e| refused(e.strip_backtrace()))?
        .into_plan();
    for having in parts.havings.iter().rev() {
        let having = with_fills((*having).clone(), &fills)?;
        node = LogicalPlan::Filter(Filter::try_new(having, Arc::new(node))?);
    }
    let names = NamePreserver::new_for_projection();
    let exprs = projection.expr.into_iter().map(|e| {
        let name = names.save(&e);
        Ok(name.restore(with_fills(e, &fills)?))
    });
    Ok(LogicalPlan::Projection(Projection::try_new(exprs.collect::<Result<_>>()?, Arc::new(node))?))
}

/// The distinct calls of `locf` and `interpolate`.
fn fill_calls(select: &[Expr], havings: &[&Expr]) -> Result<Vec<Expr>> {
    let mut calls = Vec::new();
    for expr in select.iter().chain(havings.iter().copied()) {
        collect_calls(expr, &[Marker::Locf, Marker::Interpolate], &mut calls)?;
    }
    Ok(calls)
}

/// The calls as columns of the filled rows.
fn with_fills(expr: Expr, fills: &[Expr]) -> Result<Expr> {
    let replace = |e: Expr| {
        Ok(if fills.contains(&e) {
            let name = e.schema_name().to_string();
            Transformed::yes(Expr::Column(Column::new_unqualified(name)))
        } else {
            Transformed::no(e)
        })
    };
    Ok(expr.transform_down(replace)?.data)
}

/// The aggregate by window start, with the columns it had and one for the argument of each of `fills`;
/// and the latter's columns.
fn by_window(parts: &Parts<'_>, window: &WindowCall, fills: &[Expr]) -> Result<(LogicalPlan, Vec<Expr>)> {
    let aggregate = parts.aggregate;
    let (input, start) = with_start(Arc::clone(&aggregate.input), window)?;
    let mut groups = aggregate.group_expr.clone();
    if let Some(key) = groups.get_mut(parts.group) {
        *key = start;
    }
    let by_start = Aggregate::try_new(Arc::new(input), groups, aggregate.aggr_expr.clone())?;
    let by_start = LogicalPlan::Aggregate(by_start);
    let pairs = aggregate.schema.columns().into_iter().zip(by_start.schema().columns());
    let columns = pairs.map(|(before, now)| {
        let expr = Expr::Column(now.clone());
        if before == now { expr } else { expr.alias_qualified(before.relation, before.name) }
    });
    let renamed = LogicalPlanBuilder::from(by_start.clone()).project(columns.collect::<Vec<_>>())?.build()?;
    let (mut columns, mut inputs) = (Vec::new(), Vec::new());
    for (index, call) in fills.iter().enumerate() {
        match Marker::of(call) {
            Some((_, [column @ Expr::Column(_)])) => inputs.push(column.clone()),
            Some((marker, [value])) => {
                let mut nested = Vec::new();
                collect_calls(value, &Marker::ALL, &mut nested)?;
                if !nested.is_empty() {
                    return Err(refused(format!("{} around another function of its kind", marker.name())));
                }
                let name = format!("__fill_{index}");
                columns.push(value.clone().alias(&name));
                inputs.push(Expr::Column(Column::new_unqualified(name)));
            }
            _ => return Err(refused(format!("{call} needs one argument"))),
        }
    }
    if columns.is_empty() {
        return Ok((renamed, inputs));
    }
    let all = renamed.schema().columns().into_iter().map(Expr::Column).chain(columns);
    Ok((LogicalPlanBuilder::from(renamed.clone()).project(all.collect::<Vec<_>>())?.build()?, inputs))
}

/// From the first window to the last that the conditions on the window's time let in.
fn grid(input: &LogicalPlan, window: &WindowCall) -> Result<Grid> {
    let Expr::Column(time) = &window.time else {
        return Err(refused("time_window_gapfill needs a column as its time"));
    };
    let mut bounds = Vec::new();
    collect_bounds(input, time.clone(), &mut bounds);
    let edges = |wanted: &dyn Fn(&Edge) -> bool| -> Vec<Expr> {
        let bounds = bounds.iter().filter(|(edge, _)| wanted(edge));
        let edges = bounds.map(|(edge, bound)| {
            window_edge(window.in_ns, *edge, window.time_type.clone())
                .call(vec![cast(bound.clone(), nanoseconds())])
        });
        edges.collect()
    };
    let (first, last) = (edges(&Edge::is_first), edges(&|edge| !edge.is_first()));
    // `greatest` and `least` take two or more, and one bound is the rule.
    let tightest = |mut edges: Vec<Expr>, of: fn(Vec<Expr>) -> Expr| match edges.len() {
        0 => Err(refused("time_window_gapfill needs a lower and an upper bound on time in WHERE")),
        1 => Ok(edges.remove(0)),
        _ => Ok(of(edges)),
    };
    Ok(Grid {
        first: Some(tightest(first, greatest)?),
        last: Some(tightest(last, least)?),
        stride: Stride::Fixed(window.in_unit.slide()),
    })
}

/// Constant bounds on `time`, a column of `node`, in conditions that all its rows meet.
fn collect_bounds(node: &LogicalPlan, time: Column, bounds: &mut Vec<(Edge, Expr)>) {
    match node {
        LogicalPlan::Filter(filter) => {
            bounds_in(&filter.predicate, &time, bounds);
            collect_bounds(&filter.input, time, bounds);
        }
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => collect_bounds(&sort.input, time, bounds),
        LogicalPlan::SubqueryAlias(alias) => {
            let below = alias
                .schema
                .maybe_index_of_column(&time)
                .map(|i| alias.input.schema().columns().get(i).cloned());
            if let Some(below) = below.flatten() {
                collect_bounds(&alias.input, below, bounds);
            }
        }
        LogicalPlan::Projection(projection) => {
            let expr = projection.schema.maybe_index_of_column(&time).and_then(|i| projection.expr.get(i));
            if let Some(Expr::Column(below)) = expr.map(|e| e.clone().unalias()) {
                collect_bounds(&projection.input, below, bounds);
            }
        }
        _ => {}
    }
}

fn bounds_in(predicate: &Expr, time: &Column, bounds: &mut Vec<(Edge, Expr)>) {
    let is_time = |e: &Expr| matches!(e, Expr::Column(c) if c == time);
    match predicate {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            bounds_in(left, time, bounds);
            bounds_in(right, time, bounds);
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (op, bound) = if is_time(left) {
                (Some(*op), right)
            } else if is_time(right) {
                (op.swap(), left)
            } else {
                return;
            };
            if !is_constant(bound) {
                return;
            }
            let edges: &[Edge] = match op {
                Some(Operator::GtEq) => &[Edge::First],
                Some(Operator::Gt) => &[Edge::FirstAfter],
                Some(Operator::LtEq) => &[Edge::Last],
                Some(Operator::Lt) => &[Edge::LastBefore],
                Some(Operator::Eq) => &[Edge::First, Edge::Last],
                _ => &[],
            };
            bounds.extend(edges.iter().map(|edge| (*edge, bound.as_ref().clone())));
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_time(expr) => {
            for (edge, bound) in [(Edge::First, low), (Edge::Last, high)] {
                if is_constant(bound) {
                    bounds.push((edge, bound.as_ref().clone()));
                }
            }
        }
        _ => {}
    }
}

/// Whether it has one value for the whole query; NULL bounds let nothing in and are none.
fn is_constant(expr: &Expr) -> bool {
    !matches!(expr, Expr::Literal(ScalarValue::Null, _))
        && expr.column_refs().is_empty()
        && !expr.is_volatile()
        && !expr.contains_scalar_subquery()
}
