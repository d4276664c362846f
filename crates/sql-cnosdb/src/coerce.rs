//! Implicit casts where DataFusion 27, on which CnosDB rests, and DataFusion 55 differ; those of
//! comparisons are [`crate::compare`]'s.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, Case, Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, cast};
use datafusion::optimizer::AnalyzerRule;

/// Casts that CnosDB makes, put in before DataFusion's own type coercion so that it finds nothing left to do:
///
/// - BIGINT UNSIGNED with a signed integer gives BIGINT in arithmetic, CASE and COALESCE; DataFusion 55 gives a decimal, which
///   the JSON formats cannot carry;
/// - `CAST(n AS TIMESTAMP)` of an integer counts nanoseconds; DataFusion 55 counts seconds.
#[derive(Debug)]
pub(crate) struct Coercions;

impl AnalyzerRule for Coercions {
    fn name(&self) -> &str {
        "cnosdb_coercions"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        // Above a node that has changed, types may have changed, too.
        let mut changed = false;
        let done = plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let done = expr.transform_up(|e| coerced(e, &schema))?;
                Ok(done.update_data(|e| name.restore(e)))
            })?;
            changed |= plan.transformed;
            if changed { plan.map_data(LogicalPlan::recompute_schema) } else { Ok(plan) }
        })?;
        Ok(done.data)
    }
}

fn coerced(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(binary) => of_binary(binary, schema),
        Expr::Case(case) => of_case(case, schema),
        Expr::ScalarFunction(call) if chooses_one(call.name()) => of_choice(call, schema),
        Expr::Cast(outer) => of_cast(outer, schema),
        other => Ok(Transformed::no(other)),
    }
}

fn of_binary(binary: BinaryExpr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let BinaryExpr { left, op, right } = binary;
    // Cheaper than asking for types, and most conditions are of another kind.
    if !is_arithmetic(op) {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
    }
    let casts = signed_casts(&left.get_type(schema)?, &right.get_type(schema)?);
    let Some((to, cast_left)) = casts else {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
    };
    let (left, right) =
        if cast_left { (cast(*left, to).into(), right) } else { (left, cast(*right, to).into()) };
    Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
}

/// What one side is to become, and whether that is the left.
fn signed_casts(left: &DataType, right: &DataType) -> Option<(DataType, bool)> {
    match (left, right) {
        (DataType::UInt64, other) if other.is_signed_integer() => Some((DataType::Int64, true)),
        (other, DataType::UInt64) if other.is_signed_integer() => Some((DataType::Int64, false)),
        _ => None,
    }
}

/// Where signed integers stand among BIGINT UNSIGNED, the latter become BIGINT.
fn unsigned_as_signed(items: Vec<Expr>, schema: &DFSchema) -> Result<Transformed<Vec<Expr>>> {
    let unsigned = |t: &DataType| *t == DataType::UInt64;
    cast_where(items, schema, DataType::is_signed_integer, unsigned, &DataType::Int64)
}

/// Casts items of the `weak` types `to` another, if there are any of the `strong` types.
fn cast_where(
    items: Vec<Expr>,
    schema: &DFSchema,
    strong: impl Fn(&DataType) -> bool,
    weak: impl Fn(&DataType) -> bool,
    to: &DataType,
) -> Result<Transformed<Vec<Expr>>> {
    let types = items.iter().map(|e| e.get_type(schema)).collect::<Result<Vec<_>>>()?;
    if !types.iter().any(strong) || !types.iter().any(&weak) {
        return Ok(Transformed::no(items));
    }
    let items = items.into_iter().zip(&types);
    Ok(Transformed::yes(items.map(|(e, t)| if weak(t) { cast(e, to.clone()) } else { e }).collect()))
}

fn of_case(case: Case, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Case { expr, when_then_expr, else_expr } = case;
    let has_else = else_expr.is_some();
    let (whens, mut results): (Vec<_>, Vec<_>) = when_then_expr.into_iter().map(|(w, t)| (w, *t)).unzip();
    results.extend(else_expr.map(|e| *e));
    let done = unsigned_as_signed(results, schema)?;
    let (changed, mut results) = (done.transformed, done.data);
    let else_expr = if has_else { results.pop().map(Box::new) } else { None };
    let when_then_expr = whens.into_iter().zip(results.into_iter().map(Box::new)).collect();
    let case = Expr::Case(Case { expr, when_then_expr, else_expr });
    Ok(if changed { Transformed::yes(case) } else { Transformed::no(case) })
}

/// Functions whose result is one of their arguments.
fn chooses_one(name: &str) -> bool {
    matches!(name, "coalesce" | "nullif" | "nvl" | "greatest" | "least")
}

fn of_choice(call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let ScalarFunction { func, args } = call;
    let done = unsigned_as_signed(args, schema)?;
    Ok(done.update_data(|args| Expr::ScalarFunction(ScalarFunction { func, args })))
}

/// DataFusion 55 plans `CAST(n AS TIMESTAMP)` as a cast to seconds below one to nanoseconds.
fn of_cast(outer: Cast, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::Cast(inner) = outer.expr.as_ref() else { return Ok(Transformed::no(Expr::Cast(outer))) };
    let is_planned = matches!(outer.field.data_type(), DataType::Timestamp(TimeUnit::Nanosecond, _))
        && matches!(inner.field.data_type(), DataType::Timestamp(TimeUnit::Second, _))
        && inner.expr.get_type(schema)?.is_integer();
    if !is_planned {
        return Ok(Transformed::no(Expr::Cast(outer)));
    }
    let Cast { expr, field } = outer;
    let expr = match *expr {
        Expr::Cast(inner) => inner.expr,
        other => Box::new(other),
    };
    Ok(Transformed::yes(Expr::Cast(Cast { expr, field })))
}

const fn is_arithmetic(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}
