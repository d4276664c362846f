//! Expressions whose meaning depends on the session's zone, and comparisons of times with texts and integers.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{Between, Exists, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, cast, lit,
};
use triglot_functions::buckets::bucket_start;
use triglot_functions::time_text::parse_time;
use triglot_model::Precision;

use super::buckets;
use crate::query::errors::coded;
use crate::query::functions::markers::Marker;
use crate::query::functions::zoned::{in_zone, instant_call};
use crate::query::operators::{constant_text, instant};

/// The expressions of `plan` as they run in a zone.
pub(super) fn rewrite(plan: LogicalPlan, zone: Tz) -> Result<LogicalPlan> {
    Ok(plan.transform_up_with_subqueries(|node| rewrite_node(node, zone))?.data)
}

fn rewrite_node(node: LogicalPlan, zone: Tz) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&node.inputs());
    let names = NamePreserver::new(&node);
    let has_values = matches!(node, LogicalPlan::Projection(_));
    let node = node.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|e| match e {
            Expr::Exists(exists) if has_values => existence(exists).map(Transformed::yes),
            other => expression(other, &schema, zone),
        })?;
        Ok(rewritten.update_data(|e| name.restore(e)))
    })?;
    if node.transformed { node.map_data(LogicalPlan::recompute_schema) } else { Ok(node) }
}

/// EXISTS as a value, which DataFusion plans in conditions only: whether there are more rows than none.
fn existence(exists: Exists) -> Result<Expr> {
    let Exists { subquery, negated } = exists;
    let rows = Expr::Column(Column::new_unqualified("rows"));
    let none = lit(0_i64);
    let found = if negated { rows.eq(none) } else { rows.gt(none) };
    let counted = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
        .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64)).alias("rows")])?
        .project(vec![found.alias("exists")])?
        .build()?;
    Ok(Expr::ScalarSubquery(Subquery { subquery: Arc::new(counted), ..subquery }))
}

fn expression(expr: Expr, schema: &DFSchema, zone: Tz) -> Result<Transformed<Expr>> {
    if let Expr::ScalarFunction(_) = &expr
        && let Some((marker, args)) = Marker::of(&expr)
    {
        return match marker {
            Marker::TimeBucket => {
                let (time, buckets) = buckets::of_call(args, schema, zone)?;
                let time = in_zone(&time, zone).unwrap_or(time);
                Ok(Transformed::yes(bucket_start(buckets).call(vec![time])))
            }
            Marker::Gapfill => {
                let message = "time_bucket_gapfill should be use with group by time_bucket_gapfill";
                Err(coded("42601", message))
            }
            Marker::Interpolate => Err(coded("42601", "interpolate should be used with time_bucket_gapfill")),
            window => Err(coded("42601", format!("{}() can be only used in groupby", window.name()))),
        };
    }
    if let Expr::ScalarFunction(call) = &expr
        && (matches!(call.name(), "ceil" | "floor") || (call.name() == "trunc" && call.args.len() == 1))
        && let Ok(DataType::Decimal128(_, 1..)) = expr.get_type(schema)
    {
        // Whole numbers have no digits behind the point.
        return Ok(Transformed::yes(cast(expr, DataType::Decimal128(38, 0))));
    }
    if let Expr::Negative(inner) = &expr
        && inner.get_type(schema).is_ok_and(|ty| ty.is_integer() && ty != DataType::Int64)
    {
        return Ok(Transformed::yes(Expr::Negative(Box::new(cast(inner.as_ref().clone(), DataType::Int64)))));
    }
    if let Some(zoned) = in_zone(&expr, zone) {
        // A text that is an instant is one at once: scans take over comparisons with literals only.
        return Ok(Transformed::yes(literal_of(&zoned, zone)?.unwrap_or(zoned)));
    }
    Ok(match expr {
        Expr::BinaryExpr(binary) if compares(binary.op) => {
            let BinaryExpr { left, op, right } = binary;
            let mut sides = [*left, *right];
            let changed = align(&mut sides, schema, zone)?;
            let [left, right] = sides.map(Box::new);
            changed_if(Expr::BinaryExpr(BinaryExpr { left, op, right }), changed)
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let mut items = [*expr, *low, *high];
            let changed = align(&mut items, schema, zone)?;
            let [expr, low, high] = items.map(Box::new);
            changed_if(Expr::Between(Between { expr, negated, low, high }), changed)
        }
        Expr::InList(InList { expr, mut list, negated }) => {
            list.insert(0, *expr);
            let changed = align(&mut list, schema, zone)?;
            let expr = Box::new(list.remove(0));
            changed_if(Expr::InList(InList { expr, list, negated }), changed)
        }
        other => Transformed::no(other),
    })
}

fn changed_if(expr: Expr, changed: bool) -> Transformed<Expr> {
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

/// `instant('text')` as a literal.
fn literal_of(call: &Expr, zone: Tz) -> Result<Option<Expr>> {
    let Expr::ScalarFunction(function) = call else { return Ok(None) };
    let [text] = function.args.as_slice() else { return Ok(None) };
    match (function.name(), constant_text(text)) {
        ("instant", Some(text)) => {
            let ty =
                function.func.inner().return_field_from_args(datafusion::logical_expr::ReturnFieldArgs {
                    arg_fields: &[],
                    scalar_arguments: &[],
                })?;
            instant_of(&text, ty.data_type(), zone).map(Some)
        }
        _ => Ok(None),
    }
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// Makes instants of the texts and integers among times that they are compared with. Whether anything changed.
fn align(items: &mut [Expr], schema: &DFSchema, zone: Tz) -> Result<bool> {
    let types: Vec<Option<DataType>> = items.iter().map(|e| e.get_type(schema).ok()).collect();
    let Some(time) = types.iter().flatten().find(|ty| matches!(ty, DataType::Timestamp(..))).cloned() else {
        return Ok(false);
    };
    let mut changed = false;
    for (item, ty) in items.iter_mut().zip(types) {
        let aligned = match ty {
            Some(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) => match constant_text(item) {
                Some(text) => Some(instant_of(&text, &time, zone)?),
                None => {
                    let call = instant_call(item.clone(), time.clone());
                    Some(in_zone(&call, zone).unwrap_or(call))
                }
            },
            Some(ty) if ty.is_integer() => instant(item, &time),
            _ => None,
        };
        if let Some(aligned) = aligned {
            *item = aligned;
            changed = true;
        }
    }
    Ok(changed)
}

/// A text as an instant of `ty`, or of a finer unit if it has more digits.
fn instant_of(text: &str, ty: &DataType, zone: Tz) -> Result<Expr> {
    let own = match ty {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Precision::Micro,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Precision::Nano,
        _ => Precision::Milli,
    };
    let unreadable = || coded("22007", format!("parsing as type timestamp: could not parse \"{text}\""));
    let time = parse_time(text, zone, own).ok_or_else(unreadable)?;
    let exact = parse_time(text, zone, Precision::Nano);
    let is_cut = exact.is_some_and(|ns| ns % own.ns() != 0);
    Ok(match (is_cut, exact, own) {
        (true, Some(ns), _) => lit(ScalarValue::TimestampNanosecond(Some(ns), None)),
        (_, _, Precision::Milli) => lit(ScalarValue::TimestampMillisecond(Some(time), None)),
        (_, _, Precision::Micro) => lit(ScalarValue::TimestampMicrosecond(Some(time), None)),
        (_, _, Precision::Nano) => lit(ScalarValue::TimestampNanosecond(Some(time), None)),
    })
}
