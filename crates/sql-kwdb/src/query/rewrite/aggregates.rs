//! Aggregates that stand for others: `first(v)` for the value at the first time, `avg` of integers for a quotient of
//! decimals, group windows for an operator below.

use arrow::datatypes::{DataType, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit};
use std::sync::Arc;
use triglot_functions::buckets::bucket_start;
use triglot_functions::folds::{elapsed, time_weight, time_weighted_mean};
use triglot_functions::selection;

use super::group_windows::{self, Window};
use super::{buckets, is_call, renamed, time_beside};
use crate::query::errors::coded;
use crate::query::functions::arithmetic;
use crate::query::functions::markers::{Agg, Marker};
use crate::query::functions::zoned::instant_call;

/// Whether something in it stands for something else.
pub(super) fn needs_rewriting(aggregate: &Aggregate) -> bool {
    let has_window = aggregate.group_expr.iter().any(|key| {
        Marker::of(key).is_some_and(|(marker, _)| marker.is_window() || marker == Marker::Gapfill)
    });
    has_window || aggregate.aggr_expr.iter().any(has_marker)
}

fn has_marker(expr: &Expr) -> bool {
    let mut found = false;
    // The closure does not fail.
    let _ = expr.apply(|e| {
        found |= matches!(e, Expr::AggregateFunction(call) if Agg::of(call).is_some());
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    found
}

/// An aggregate with the same columns that runs.
pub(super) fn rewritten(aggregate: &Aggregate, zone: Tz) -> Result<LogicalPlan> {
    let schema = aggregate.input.schema();
    let mut input = Arc::clone(&aggregate.input);
    let mut keys = aggregate.group_expr.clone();
    let mut window = None;
    let place = keys.iter().position(|key| Marker::of(key).is_some_and(|(m, _)| m.is_window()));
    if let Some(place) = place {
        let call = keys.remove(place);
        let found = group_windows::assign(&input, &call, &keys, zone)?;
        input = Arc::new(found.rows.clone());
        keys.insert(place, found.key.clone());
        window = Some(found);
    }
    for key in &mut keys {
        if is_call(key, Marker::Gapfill)
            && let Some((_, args)) = Marker::of(key)
        {
            let (time, buckets) = buckets::of_call(args, schema, zone)?;
            *key = bucket_start(buckets).call(vec![time]);
        }
    }
    let outputs = aggregate.aggr_expr.iter().map(|call| output(call, schema, window.as_ref()));
    let outputs = outputs.collect::<Result<Vec<_>>>()?;
    built(aggregate, input, keys, outputs)
}

/// The aggregate by `keys`, and above it the columns that `aggregate` had: its keys and `outputs`.
fn built(
    aggregate: &Aggregate,
    input: Arc<LogicalPlan>,
    keys: Vec<Expr>,
    outputs: Vec<Expr>,
) -> Result<LogicalPlan> {
    let mut calls: Vec<Expr> = Vec::new();
    for call in find_aggregate_exprs(outputs.iter()) {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    let node = LogicalPlan::Aggregate(Aggregate::try_new(input, keys, calls.clone())?);
    let columns = node.schema().columns();
    let first_call = columns.len() - calls.len();
    let results: Vec<Column> = columns.iter().skip(first_call).cloned().collect();
    let of_call = |e: Expr| {
        let place = calls.iter().position(|call| *call == e);
        Ok(match place.and_then(|at| results.get(at)) {
            Some(column) => Transformed::yes(Expr::Column(column.clone())),
            None => Transformed::no(e),
        })
    };
    let mut exprs: Vec<Expr> = columns.iter().take(first_call).cloned().map(Expr::Column).collect();
    for output in outputs {
        exprs.push(output.transform_down(of_call)?.data);
    }
    let exprs = renamed(exprs, aggregate.schema.columns());
    LogicalPlanBuilder::from(node).project(exprs)?.build()
}

/// What a call of the select list is made of.
fn output(call: &Expr, schema: &DFSchema, window: Option<&Window>) -> Result<Expr> {
    let replaced = call.clone().transform_up(|e| match &e {
        Expr::AggregateFunction(function) => match Agg::of(function) {
            Some(agg) => Ok(Transformed::yes(replacement(agg, &function.params, schema, window)?)),
            None => Ok(Transformed::no(e)),
        },
        _ => Ok(Transformed::no(e)),
    })?;
    Ok(replaced.data.unalias())
}

fn replacement(
    agg: Agg,
    params: &AggregateFunctionParams,
    schema: &DFSchema,
    window: Option<&Window>,
) -> Result<Expr> {
    let Some(value) = params.args.first() else {
        return Err(coded("42883", format!("unknown signature: {}()", agg.name())));
    };
    match agg {
        Agg::Sum | Agg::Avg => sum_or_mean(agg, params, value.get_type(schema)?),
        Agg::Twa => Ok(filtered(twa(agg, value, params.args.get(1), schema)?, params)),
        Agg::Elapsed => Ok(filtered(elapsed_of(value, params.args.get(1), schema)?, params)),
        Agg::BesideMax | Agg::BesideMin => {
            let Some(extreme) = params.args.get(1) else {
                return Err(coded("42883", format!("unknown signature: {}()", agg.name())));
            };
            let time = match value {
                Expr::Column(column) => time_beside(schema, column).map(Expr::Column),
                _ => None,
            };
            let time = time.unwrap_or_else(|| lit(0_i64));
            Ok(match agg {
                Agg::BesideMax => selection::beside_largest(value.clone(), extreme.clone(), &[time]),
                _ => selection::beside_smallest(value.clone(), extreme.clone(), &[time]),
            })
        }
        _ => picked(agg, value, params, schema, window),
    }
}

/// `first`, `last` and their kin.
fn picked(
    agg: Agg,
    value: &Expr,
    params: &AggregateFunctionParams,
    schema: &DFSchema,
    window: Option<&Window>,
) -> Result<Expr> {
    let name = agg.name();
    let Expr::Column(column) = value else {
        return Err(coded("22023", format!("{name}() supports only plain columns as arguments")));
    };
    let Some(time) = time_beside(schema, column) else {
        let message = format!("{name}() can only be used in timeseries table query or subquery");
        return Err(coded("42601", message));
    };
    if let Some(bounds) = window.and_then(|w| w.bounds.as_ref())
        && time == *column
        && params.args.len() == 1
    {
        match agg {
            Agg::First | Agg::FirstRow => return Ok(bounds.0.clone()),
            Agg::Last | Agg::LastRow => return Ok(bounds.1.clone()),
            _ => {}
        }
    }
    let unit = Expr::Column(time.clone()).get_type(schema)?;
    let (value, time) = (value.clone(), Expr::Column(time));
    let order = std::slice::from_ref(&time);
    let chosen = match agg {
        Agg::First => selection::first_known(value, order),
        Agg::Last => selection::last_known(value, order),
        Agg::FirstRow => selection::first_row(value, order),
        Agg::LastRow => selection::last_row(value, order),
        Agg::FirstTs => selection::beside_first(time.clone(), value, order),
        Agg::LastTs => selection::beside_last(time.clone(), value, order),
        Agg::FirstRowTs => selection::first_row(time.clone(), order),
        _ => selection::last_row(time.clone(), order),
    };
    let chosen = filtered(chosen, params);
    Ok(match params.args.get(1) {
        // Only rows up to the deadline.
        Some(deadline) => {
            let deadline = match deadline.get_type(schema)? {
                DataType::Timestamp(..) => deadline.clone(),
                ty if ty.is_integer() => cast(deadline.clone(), unit),
                _ => instant_call(deadline.clone(), unit),
            };
            with_filter(chosen, time.lt_eq(deadline))
        }
        None => chosen,
    })
}

/// `call` over the rows of the FILTER clause.
fn filtered(call: Expr, params: &AggregateFunctionParams) -> Expr {
    match &params.filter {
        Some(filter) => with_filter(call, filter.as_ref().clone()),
        None => call,
    }
}

/// An expression of aggregates with one more condition on their rows.
fn with_filter(expr: Expr, condition: Expr) -> Expr {
    let add = |e: Expr| {
        Ok(match e {
            Expr::AggregateFunction(mut function) => {
                let both = match function.params.filter.take() {
                    Some(before) => before.and(condition.clone()),
                    None => condition.clone(),
                };
                function.params.filter = Some(Box::new(both));
                Transformed::yes(Expr::AggregateFunction(function))
            }
            other => Transformed::no(other),
        })
    };
    let original = expr.clone();
    expr.transform_up(add).map_or(original, |done| done.data)
}

fn twa(agg: Agg, time: &Expr, value: Option<&Expr>, schema: &DFSchema) -> Result<Expr> {
    let (time, Some(value)) = (primary_time(agg, time, schema)?, value) else {
        return Err(coded("42883", "unknown signature: twa(TIMESTAMPTZ)"));
    };
    let points = time_weight().call(vec![time, cast(value.clone(), DataType::Float64)]);
    Ok(time_weighted_mean().call(vec![points]))
}

/// The time column of a table, of which the argument must be one.
fn primary_time(agg: Agg, time: &Expr, schema: &DFSchema) -> Result<Expr> {
    match time {
        Expr::Column(column) if time_beside(schema, column).as_ref() == Some(column) => Ok(time.clone()),
        _ => {
            let name = agg.name();
            Err(coded("22023", format!("first parameter should be primary timestamp in {name} function")))
        }
    }
}

fn elapsed_of(time: &Expr, unit: Option<&Expr>, schema: &DFSchema) -> Result<Expr> {
    let time = primary_time(Agg::Elapsed, time, schema)?;
    let DataType::Timestamp(own, _) = time.get_type(schema)? else {
        return Err(coded("22023", "first parameter should be primary timestamp in elapsed function"));
    };
    let invalid = "invalid input interval time";
    let length = match unit {
        Some(unit) => buckets::Length::of(unit, invalid, invalid)?,
        None => buckets::Length::Nanos(1_000_000),
    };
    let Some(ns) = length.units(TimeUnit::Nanosecond) else { return Err(coded("22023", invalid)) };
    let own_ns = buckets::unit_ns(own);
    let span = elapsed(1).call(vec![time]);
    Ok(span * lit(own_ns as f64) / lit(ns as f64))
}

/// `sum` and `avg`: of integers and decimals exact.
pub(super) fn sum_or_mean(agg: Agg, params: &AggregateFunctionParams, ty: DataType) -> Result<Expr> {
    let with = |function, value: Expr| {
        let params = AggregateFunctionParams { args: vec![value], ..params.clone() };
        Expr::AggregateFunction(AggregateFunction { func: function, params })
    };
    let Some(value) = params.args.first().cloned() else {
        return Err(coded("42883", format!("unknown signature: {}()", agg.name())));
    };
    let double = |value: Expr| if ty == DataType::Float64 { value } else { cast(value, DataType::Float64) };
    if ty.is_floating() || ty.is_null() {
        let function = if agg == Agg::Sum { sum_udaf() } else { avg_udaf() };
        return Ok(with(function, double(value)));
    }
    let digits = match &ty {
        DataType::Decimal128(..) => value.clone(),
        _ => cast(value.clone(), DataType::Decimal128(20, 0)),
    };
    let sum = with(sum_udaf(), digits);
    Ok(match agg {
        Agg::Sum => sum,
        _ => arithmetic::mean(sum, with(count_udaf(), value)),
    })
}
