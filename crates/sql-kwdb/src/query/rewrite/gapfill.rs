//! `time_bucket_gapfill` and `interpolate` (sheet section 12.1).
//!
//! A select list over an aggregate by `time_bucket_gapfill` becomes: the aggregate by bucket → [`GapFill`] by the other
//! keys, from the first bucket of each group to its last → HAVING and the select list.

use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Projection, cast,
};
use triglot_engine::query::operators::{FillColumn, FillMode, GapFill, Grid, Nulls, Rounding, Stride};

use super::{aggregates, buckets, is_call};
use crate::query::errors::coded;
use crate::query::functions::arithmetic::COMPUTED;
use crate::query::functions::markers::Marker;
use crate::query::operators::constant_text;

/// Whether `plan` is an aggregate by such buckets, perhaps below conditions.
pub(super) fn is_over(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Filter(filter) => is_over(&filter.input),
        LogicalPlan::Aggregate(aggregate) => key_of(aggregate).is_some(),
        _ => false,
    }
}

fn key_of(aggregate: &Aggregate) -> Option<usize> {
    aggregate.group_expr.iter().position(|key| is_call(key, Marker::Gapfill))
}

/// The select list over filled buckets.
pub(super) fn filled(projection: Projection, zone: Tz) -> Result<LogicalPlan> {
    let (mut node, mut havings) = (projection.input.as_ref(), Vec::new());
    while let LogicalPlan::Filter(filter) = node {
        havings.push(&filter.predicate);
        node = filter.input.as_ref();
    }
    let LogicalPlan::Aggregate(aggregate) = node else { return Err(misplaced()) };
    let Some(place) = key_of(aggregate) else { return Err(misplaced()) };
    let Some((_, args)) = aggregate.group_expr.get(place).and_then(Marker::of) else {
        return Err(misplaced());
    };
    let (_, grid) = buckets::of_call(args, aggregate.input.schema(), zone)?;
    let calls = interpolations(&projection.expr, &havings)?;
    let (rows, mut values) = with_inputs(aggregates::rewritten(aggregate, zone)?, &calls)?;

    let keys = aggregate.group_expr.len();
    let (mut groups, mut time, mut plain) = (Vec::new(), None, Vec::new());
    for (index, column) in aggregate.schema.columns().into_iter().enumerate() {
        let name = (column.relation.clone(), column.name.clone());
        let input = Expr::Column(column);
        match index {
            index if index == place => time = Some(input),
            index if index < keys => groups.push(input),
            _ => plain.push(FillColumn { input, mode: FillMode::Null, nulls: Nulls::Known, name }),
        }
    }
    let Some(time) = time else { return Err(misplaced()) };
    plain.append(&mut values);
    let grid = Grid { first: None, last: None, stride: Stride::Buckets(grid) };
    let mut node = GapFill::try_new(Arc::new(rows), groups, time, grid, plain)?.into_plan();
    for having in havings.into_iter().rev() {
        let having = with_columns(having.clone(), &calls)?;
        node = LogicalPlan::Filter(Filter::try_new(having, Arc::new(node))?);
    }
    let names = NamePreserver::new_for_projection();
    let exprs = projection.expr.into_iter().map(|e| {
        let name = names.save(&e);
        Ok(name.restore(with_columns(e, &calls)?))
    });
    Ok(LogicalPlan::Projection(Projection::try_new(exprs.collect::<Result<_>>()?, Arc::new(node))?))
}

fn misplaced() -> datafusion::error::DataFusionError {
    coded("42601", "time_bucket_gapfill should be use with group by time_bucket_gapfill")
}

/// The distinct calls of `interpolate`.
fn interpolations(select: &[Expr], havings: &[&Expr]) -> Result<Vec<Expr>> {
    let mut calls: Vec<Expr> = Vec::new();
    for expr in select.iter().chain(havings.iter().copied()) {
        expr.apply(|e| {
            let is_new = matches!(e, Expr::ScalarFunction(_)) && is_call(e, Marker::Interpolate);
            if is_new && !calls.contains(e) {
                calls.push(e.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok(calls)
}

/// The column of a call among the filled ones.
fn column_name(at: usize) -> String {
    format!("__interpolated_{at}")
}

/// The calls as columns of the filled rows.
fn with_columns(expr: Expr, calls: &[Expr]) -> Result<Expr> {
    let replace = |e: Expr| {
        Ok(match calls.iter().position(|call| *call == e) {
            Some(at) => Transformed::yes(Expr::Column(Column::new_unqualified(column_name(at)))),
            None => Transformed::no(e),
        })
    };
    Ok(expr.transform_down(replace)?.data)
}

/// `rows` with a column for what each of `calls` interpolates, and how these are filled.
fn with_inputs(rows: LogicalPlan, calls: &[Expr]) -> Result<(LogicalPlan, Vec<FillColumn>)> {
    if calls.is_empty() {
        return Ok((rows, Vec::new()));
    }
    let mut columns: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
    let mut fills = Vec::with_capacity(calls.len());
    for (at, call) in calls.iter().enumerate() {
        let Some((_, [value, mode])) = Marker::of(call) else { return Err(invalid_mode()) };
        let input = match value.get_type(rows.schema())? {
            DataType::Decimal128(..) => cast(value.clone(), COMPUTED),
            _ => value.clone(),
        };
        let below = format!("__value_{at}");
        columns.push(input.alias(&below));
        fills.push(FillColumn {
            input: Expr::Column(Column::new_unqualified(below)),
            mode: mode_of(mode)?,
            // A real bucket keeps its NULL, and the buckets beside it see that.
            nulls: Nulls::Known,
            name: (None, column_name(at)),
        });
    }
    Ok((LogicalPlanBuilder::from(rows).project(columns)?.build()?, fills))
}

fn mode_of(mode: &Expr) -> Result<FillMode> {
    if let Some(word) = constant_text(mode) {
        return Ok(match word.trim().to_lowercase().as_str() {
            "prev" => FillMode::Previous,
            "next" => FillMode::Next,
            "linear" => FillMode::Linear(Rounding::Nearest),
            "null" => FillMode::Null,
            _ => return Err(invalid_mode()),
        });
    }
    match mode {
        Expr::Literal(ScalarValue::Null, _) => Ok(FillMode::Null),
        Expr::Literal(value, _) if value.data_type().is_numeric() => Ok(FillMode::Value(value.clone())),
        Expr::Negative(inner) => match inner.as_ref() {
            Expr::Literal(value, _) if value.data_type().is_numeric() => {
                Ok(FillMode::Value(value.arithmetic_negate()?))
            }
            _ => Err(invalid_mode()),
        },
        _ => Err(invalid_mode()),
    }
}

fn invalid_mode() -> datafusion::error::DataFusionError {
    coded("22023", "the second parameter is invalid")
}
