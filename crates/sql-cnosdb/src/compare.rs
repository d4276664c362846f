//! Comparisons that CnosDB's DataFusion 27 knew and DataFusion 55 reads otherwise: time with an
//! integer, which counts in the column's unit, and text with a number, which is compared as text
//! (`10 < '9'` is true). DataFusion 55 casts the text, and fails where it is no number.
//!
//! [`Comparisons`] is asked while SQL is planned, because the type of a projected comparison must be
//! known at once; as an analyzer rule it finds what SQL planning does not ask about (BETWEEN, IN). Both
//! leave `column op literal`, which scans take over.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Comparisons;

impl ExprPlanner for Comparisons {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        let Some(op) = comparison(&expr.op) else { return Ok(PlannerResult::Original(expr)) };
        let RawBinaryExpr { op: sql_op, left, right } = expr;
        // Two literals keep the names that they have; the rule finds them.
        if matches!((&left, &right), (Expr::Literal(..), Expr::Literal(..))) {
            return Ok(PlannerResult::Original(RawBinaryExpr { op: sql_op, left, right }));
        }
        let aligned = BinaryExpr { left: Box::new(left), op, right: Box::new(right) };
        Ok(match align_sides(aligned, schema) {
            Ok(aligned) => PlannerResult::Planned(Expr::BinaryExpr(aligned)),
            Err(same) => {
                PlannerResult::Original(RawBinaryExpr { op: sql_op, left: *same.left, right: *same.right })
            }
        })
    }
}

impl AnalyzerRule for Comparisons {
    fn name(&self) -> &str {
        "cnosdb_comparisons"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(rewrite_node).data()
    }
}

fn rewrite_node(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&node.inputs());
    let names = NamePreserver::new(&node);
    node.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|e| Ok(rewrite(e, &schema)))?;
        Ok(rewritten.update_data(|e| name.restore(e)))
    })
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(binary) if compares(binary.op) => match align_sides(binary, schema) {
            Ok(aligned) => Transformed::yes(Expr::BinaryExpr(aligned)),
            Err(same) => Transformed::no(Expr::BinaryExpr(same)),
        },
        Expr::Between(Between { expr, negated, low, high }) => {
            let mut items = [*expr, *low, *high];
            let changed = align(&mut items, schema);
            let [expr, low, high] = items.map(Box::new);
            transformed(Expr::Between(Between { expr, negated, low, high }), changed)
        }
        Expr::InList(InList { expr, list, negated }) => {
            let mut items = list;
            items.insert(0, *expr);
            let changed = align(&mut items, schema);
            let expr = Box::new(items.remove(0));
            transformed(Expr::InList(InList { expr, list: items, negated }), changed)
        }
        other => Transformed::no(other),
    }
}

fn transformed(expr: Expr, changed: bool) -> Transformed<Expr> {
    if changed { Transformed::yes(expr) } else { Transformed::no(expr) }
}

/// The comparison with sides that compare as the vendor compares them, or `Err` with it as it is.
fn align_sides(binary: BinaryExpr, schema: &DFSchema) -> std::result::Result<BinaryExpr, BinaryExpr> {
    let BinaryExpr { left, op, right } = binary;
    let mut sides = [*left, *right];
    let changed = align(&mut sides, schema);
    let [left, right] = sides.map(Box::new);
    let binary = BinaryExpr { left, op, right };
    if changed { Ok(binary) } else { Err(binary) }
}

/// Changes expressions that are compared with each other: integers among times become instants, numbers
/// among texts become texts. Whether anything changed.
fn align(items: &mut [Expr], schema: &DFSchema) -> bool {
    let types: Vec<Option<DataType>> = items.iter().map(|e| e.get_type(schema).ok()).collect();
    let known = || types.iter().flatten();
    let is_number = |ty: &Option<DataType>| ty.as_ref().is_some_and(DataType::is_numeric);
    if !types.iter().any(is_number) {
        return false;
    }
    let time = known().find(|ty| matches!(ty, DataType::Timestamp(..)));
    let has_text = known().any(DataType::is_string);
    let mut changed = false;
    for (item, _) in items.iter_mut().zip(&types).filter(|(_, ty)| is_number(ty)) {
        let aligned = match time {
            Some(time) => instant(item, time),
            None if has_text => Some(text(item)),
            None => None,
        };
        if let Some(aligned) = aligned {
            *item = aligned;
            changed = true;
        }
    }
    changed
}

/// A number as text.
fn text(number: &Expr) -> Expr {
    let literal = match number {
        Expr::Literal(value, metadata) => value.cast_to(&DataType::Utf8).ok().map(|v| (v, metadata.clone())),
        _ => None,
    };
    match literal {
        Some((value, metadata)) => Expr::Literal(value, metadata),
        None => cast(number.clone(), DataType::Utf8),
    }
}

/// The instant that an integer literal counts up to in the unit of a time. None: it is none, and left to
/// DataFusion's refusal.
fn instant(number: &Expr, time: &DataType) -> Option<Expr> {
    let (Expr::Literal(value, metadata), DataType::Timestamp(unit, zone)) = (number, time) else {
        return None;
    };
    if !value.data_type().is_integer() || value.is_null() {
        return None;
    }
    let ScalarValue::Int64(count) = value.cast_to(&DataType::Int64).ok()? else { return None };
    let zone = zone.clone();
    let value = match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(count, zone),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(count, zone),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(count, zone),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(count, zone),
    };
    Some(Expr::Literal(value, metadata.clone()))
}

/// Whether it compares two values.
pub(crate) fn compares(op: Operator) -> bool {
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

/// The comparisons among SQL's operators.
fn comparison(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use arrow::datatypes::Field;
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn schema() -> DFSchema {
        let fields = [
            ("ms", DataType::Timestamp(TimeUnit::Millisecond, None)),
            ("ns", DataType::Timestamp(TimeUnit::Nanosecond, None)),
            ("tag", DataType::Utf8View),
            ("f", DataType::Int64),
        ];
        let fields = fields.map(|(name, ty)| Field::new(name, ty, true)).to_vec();
        DFSchema::from_unqualified_fields(fields.into(), HashMap::new()).unwrap()
    }

    fn shown(expr: Expr) -> String {
        rewrite(expr, &schema()).data.to_string()
    }

    #[test]
    fn integers_count_in_the_unit_of_the_time() {
        assert_eq!(shown(col("ms").lt(lit(4i64))), "ms < TimestampMillisecond(4, None)");
        assert_eq!(shown(lit(5u64).lt_eq(col("ns"))), "TimestampNanosecond(5, None) <= ns");
        assert_eq!(
            shown(col("ns").between(lit(1i64), lit(-5i64))),
            "ns BETWEEN TimestampNanosecond(1, None) AND TimestampNanosecond(-5, None)"
        );
        // What is no integer, or no integer of 64 bits, is left to DataFusion's refusal.
        assert_eq!(shown(col("ns").lt(lit(1.5))), "ns < Float64(1.5)");
        assert_eq!(shown(col("ns").lt(lit(u64::MAX))), "ns < UInt64(18446744073709551615)");
    }

    #[test]
    fn numbers_compare_with_text_as_text() {
        assert_eq!(shown(col("tag").eq(lit(1i64))), "tag = Utf8(\"1\")");
        assert_eq!(shown(lit(1.5).gt(col("tag"))), "Utf8(\"1.5\") > tag");
        assert_eq!(shown(col("tag").eq(col("f"))), "tag = CAST(f AS Utf8)");
        assert_eq!(
            shown(col("tag").in_list(vec![lit(1i64), lit("a")], false)),
            "tag IN ([Utf8(\"1\"), Utf8(\"a\")])"
        );
        assert_eq!(shown(col("f").eq(lit(1i64))), "f = Int64(1)");
        // Of literals and of numbers among texts, too.
        assert_eq!(shown(lit(10i64).lt(lit("9"))), "Utf8(\"10\") < Utf8(\"9\")");
        assert_eq!(shown(lit(1.0).eq(lit("1"))), "Utf8(\"1.0\") = Utf8(\"1\")");
        assert_eq!(
            shown(col("f").in_list(vec![lit("1"), lit(2i64)], true)),
            "CAST(f AS Utf8) NOT IN ([Utf8(\"1\"), Utf8(\"2\")])"
        );
        assert_eq!(
            shown(col("f").between(lit("1"), col("tag"))),
            "CAST(f AS Utf8) BETWEEN Utf8(\"1\") AND tag"
        );
    }
}
