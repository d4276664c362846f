//! `time_window`: rows by windows of time.
//!
//! Where each instant lies in one window, the call becomes a computation on the row's time, and a
//! grouping is by the window's start alone: the struct is built once for each group. Where windows
//! overlap or leave gaps, the rows are first multiplied: a list of starts, unnested.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection};
use triglot_functions::windows::{window_of_start, window_start, window_starts};

use super::marker::{Marker, calls_in};
use super::window_args::WindowCall;
use super::{not_supported, refused};

/// The column of a row's window starts, and after unnesting of one of them.
const STARTS: &str = "__window_start";

/// `plan` without calls of `time_window`.
pub(super) fn rewrite(plan: LogicalPlan) -> Result<LogicalPlan> {
    Ok(plan.transform_up_with_subqueries(rewrite_node)?.data)
}

fn rewrite_node(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let calls = calls_in(&node, &[Marker::TimeWindow])?;
    let call = match calls.as_slice() {
        [] => return Ok(Transformed::no(node)),
        [call] => call,
        _ => return Err(not_supported("several different time_window calls in one query")),
    };
    let Some((_, args)) = Marker::of(call) else { return Ok(Transformed::no(node)) };
    let schema = input_schema(&node)?;
    let window = WindowCall::read(args, &schema)?;
    let rewritten = match node {
        LogicalPlan::Projection(projection) => in_projection(projection, call, &window)?,
        LogicalPlan::Aggregate(aggregate) => in_aggregate(aggregate, call, &window)?,
        other if window.in_unit.is_tumbling() => in_place(other, call, &window)?,
        _ => {
            return Err(not_supported(
                "time_window with overlapping windows outside of the SELECT list and GROUP BY",
            ));
        }
    };
    Ok(Transformed::yes(rewritten))
}

/// What the expressions of `node` see.
fn input_schema(node: &LogicalPlan) -> Result<DFSchema> {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    Ok(schema)
}

fn in_projection(projection: Projection, call: &Expr, window: &WindowCall) -> Result<LogicalPlan> {
    let Projection { expr, input, .. } = projection;
    let (input, start) = with_start(input, window)?;
    let window_expr = window_of_start(window.in_unit.width()).call(vec![start]);
    let names = NamePreserver::new_for_projection();
    let expr = expr.into_iter().map(|e| {
        let name = names.save(&e);
        Ok(name.restore(replaced(e, call, &window_expr)?))
    });
    let projection = Projection::try_new(expr.collect::<Result<_>>()?, Arc::new(input))?;
    Ok(LogicalPlan::Projection(projection))
}

fn in_aggregate(aggregate: Aggregate, call: &Expr, window: &WindowCall) -> Result<LogicalPlan> {
    let (input, start) = with_start(Arc::clone(&aggregate.input), window)?;
    let width = window.in_unit.width();
    let of_start = |start: Expr| window_of_start(width).call(vec![start]);
    let groups = aggregate.group_expr.iter().map(|group| {
        if group == call {
            Ok(start.clone())
        } else {
            replaced(group.clone(), call, &of_start(start.clone()))
        }
    });
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let aggregates = aggregate.aggr_expr.iter().map(|e| replaced(e.clone(), call, &of_start(start.clone())));
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    let by_start = LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), groups, aggregates)?);
    // The same columns as before: the window where the start stands now.
    let window_name = (None, call.schema_name().to_string());
    let columns = aggregate.schema.columns().into_iter().zip(by_start.schema().columns());
    let columns = columns.map(|(before, now)| {
        let is_window = (before.relation.clone(), before.name.clone()) == window_name;
        let expr = if is_window { of_start(Expr::Column(now.clone())) } else { Expr::Column(now.clone()) };
        if before == now { expr } else { expr.alias_qualified(before.relation, before.name) }
    });
    LogicalPlanBuilder::from(by_start.clone()).project(columns.collect::<Vec<_>>())?.build()
}

/// In nodes whose rows the call does not change.
fn in_place(node: LogicalPlan, call: &Expr, window: &WindowCall) -> Result<LogicalPlan> {
    let start = window_start(window.in_unit).call(vec![window.time.clone()]);
    let window_expr = window_of_start(window.in_unit.width()).call(vec![start]);
    let names = NamePreserver::new(&node);
    let node = node.map_expressions(|e| {
        let name = names.save(&e);
        Ok(Transformed::yes(name.restore(replaced(e, call, &window_expr)?)))
    })?;
    node.data.recompute_schema()
}

/// `input` with only the rows that lie in a window, as often as they do, and the start of the window of
/// such a row.
pub(super) fn with_start(input: Arc<LogicalPlan>, window: &WindowCall) -> Result<(LogicalPlan, Expr)> {
    let time = window.time.clone();
    if window.in_unit.is_tumbling() {
        let start = window_start(window.in_unit).call(vec![time.clone()]);
        let nullable = time.nullable(input.schema())?;
        let input = Arc::unwrap_or_clone(input);
        let input = if nullable {
            LogicalPlanBuilder::from(input).filter(time.is_not_null())?.build()?
        } else {
            input
        };
        return Ok((input, start));
    }
    let starts = window_starts(window.in_unit).call(vec![time]).alias(STARTS);
    let mut columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    if columns.iter().any(|c| matches!(c, Expr::Column(c) if c.name == STARTS)) {
        return Err(refused(format!("time_window over a column named {STARTS}")));
    }
    columns.push(starts);
    let starts = Column::new_unqualified(STARTS);
    // Without a list, or with an empty one, a row is dropped.
    let options = datafusion::common::UnnestOptions::new().with_preserve_nulls(false);
    let spread = LogicalPlanBuilder::from(input)
        .project(columns)?
        .unnest_column_with_options(starts.clone(), options)?
        .build()?;
    Ok((spread, Expr::Column(starts)))
}

fn replaced(expr: Expr, call: &Expr, by: &Expr) -> Result<Expr> {
    let replace = |e: Expr| Ok(if &e == call { Transformed::yes(by.clone()) } else { Transformed::no(e) });
    Ok(expr.transform_up(replace)?.data)
}
