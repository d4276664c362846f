//! Comparisons that CnosDB's DataFusion 27 knew and DataFusion 55 reads otherwise: time with an
//! integer, which counts in the column's unit, and text with a number, which is compared as text.
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
        Expr::Between(between) => {
            let Some(ty) = own_type(&between.expr, schema) else {
                return Transformed::no(Expr::Between(between));
            };
            match (literal_as(&between.low, &ty), literal_as(&between.high, &ty)) {
                (None, None) => Transformed::no(Expr::Between(between)),
                (low, high) => Transformed::yes(Expr::Between(Between {
                    low: low.map_or(between.low, Box::new),
                    high: high.map_or(between.high, Box::new),
                    ..between
                })),
            }
        }
        Expr::InList(mut list) => {
            let Some(ty) = own_type(&list.expr, schema) else { return Transformed::no(Expr::InList(list)) };
            let mut changed = false;
            for item in &mut list.list {
                if let Some(literal) = literal_as(item, &ty) {
                    *item = literal;
                    changed = true;
                }
            }
            let list = Expr::InList(InList { ..list });
            if changed { Transformed::yes(list) } else { Transformed::no(list) }
        }
        other => Transformed::no(other),
    }
}

/// The comparison with sides that compare as the vendor compares them, or `Err` with it as it is.
fn align_sides(binary: BinaryExpr, schema: &DFSchema) -> std::result::Result<BinaryExpr, BinaryExpr> {
    let types = (own_type(&binary.left, schema), own_type(&binary.right, schema));
    let BinaryExpr { left, op, right } = binary;
    match types {
        (Some(ty), _) if literal_as(&right, &ty).is_some() => {
            let right = literal_as(&right, &ty).map_or(right, Box::new);
            Ok(BinaryExpr { left, op, right })
        }
        (_, Some(ty)) if literal_as(&left, &ty).is_some() => {
            let left = literal_as(&left, &ty).map_or(left, Box::new);
            Ok(BinaryExpr { left, op, right })
        }
        (Some(a), Some(b)) if a.is_string() && b.is_numeric() => {
            Ok(BinaryExpr { left, op, right: Box::new(cast(*right, DataType::Utf8)) })
        }
        (Some(a), Some(b)) if a.is_numeric() && b.is_string() => {
            Ok(BinaryExpr { left: Box::new(cast(*left, DataType::Utf8)), op, right })
        }
        _ => Err(BinaryExpr { left, op, right }),
    }
}

/// The type of an expression that is not a literal; none if it is one, or has no type here.
fn own_type(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    match expr {
        Expr::Literal(..) => None,
        other => other.get_type(schema).ok(),
    }
}

/// The number `literal` as it compares with values of type `ty`: an instant in the unit of a time, text
/// for text. None: nothing needs to be done.
fn literal_as(literal: &Expr, ty: &DataType) -> Option<Expr> {
    let Expr::Literal(value, metadata) = literal else { return None };
    if !value.data_type().is_numeric() || value.is_null() {
        return None;
    }
    let value = match ty {
        DataType::Timestamp(unit, zone) => {
            let ScalarValue::Int64(count) =
                value.cast_to(&DataType::Int64).ok().filter(|_| is_integer(value))?
            else {
                return None;
            };
            let zone = zone.clone();
            match unit {
                TimeUnit::Second => ScalarValue::TimestampSecond(count, zone),
                TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(count, zone),
                TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(count, zone),
                TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(count, zone),
            }
        }
        text if text.is_string() => ScalarValue::Utf8(Some(value.to_string())),
        _ => return None,
    };
    Some(Expr::Literal(value, metadata.clone()))
}

fn is_integer(value: &ScalarValue) -> bool {
    value.data_type().is_integer()
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
    }
}
