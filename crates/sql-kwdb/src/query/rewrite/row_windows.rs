//! Functions with OVER: `diff`, and `sum` and `avg` of integers.

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::functions_window::lead_lag::lag_udwf;
use datafusion::functions_window::row_number::row_number_udwf;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunction};
use datafusion::logical_expr::utils::find_window_exprs;
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Window, WindowFrame, WindowFunctionDefinition, lit,
};

use super::aggregates::sum_or_mean;
use super::{renamed, time_beside};
use crate::query::errors::coded;
use crate::query::functions::arithmetic::{Arithmetic, Op};
use crate::query::functions::markers::{Agg, Diff};

/// What a function with OVER stands for.
enum Stands {
    Diff,
    For(Agg),
}

fn stands(function: &WindowFunction) -> Option<Stands> {
    match &function.fun {
        WindowFunctionDefinition::WindowUDF(found) => {
            found.inner().downcast_ref::<Diff>().map(|_| Stands::Diff)
        }
        WindowFunctionDefinition::AggregateUDF(found) => Agg::of_function(found).map(Stands::For),
    }
}

/// Whether something in it stands for something else.
pub(super) fn needs_rewriting(window: &Window) -> bool {
    let mut found = false;
    for expr in &window.window_expr {
        // The closure does not fail.
        let _ = expr.apply(|e| {
            found |= matches!(e, Expr::WindowFunction(f) if stands(f).is_some());
            Ok(TreeNodeRecursion::Continue)
        });
    }
    found
}

/// A plan with the same columns that runs.
pub(super) fn rewritten(window: &Window) -> Result<LogicalPlan> {
    let schema = window.input.schema();
    let (mut outputs, mut firsts) = (Vec::new(), Vec::new());
    for expr in &window.window_expr {
        let replaced = expr.clone().transform_down(|e| match &e {
            Expr::WindowFunction(function) => match stands(function) {
                Some(Stands::Diff) => {
                    firsts.push(over(
                        function,
                        WindowFunctionDefinition::WindowUDF(row_number_udwf()),
                        vec![],
                    ));
                    Ok(Transformed::new(difference(function, schema)?, true, TreeNodeRecursion::Jump))
                }
                Some(Stands::For(agg)) => {
                    Ok(Transformed::new(aggregate(agg, function, schema)?, true, TreeNodeRecursion::Jump))
                }
                None => Ok(Transformed::no(e)),
            },
            _ => Ok(Transformed::no(e)),
        })?;
        outputs.push(replaced.data.unalias());
    }
    let mut calls: Vec<Expr> = Vec::new();
    for call in find_window_exprs(outputs.iter().chain(&firsts)) {
        if !calls.contains(&call) {
            calls.push(call);
        }
    }
    let column = |call: &Expr| Expr::Column(Column::new_unqualified(call.schema_name().to_string()));
    let mut rows = LogicalPlanBuilder::window_plan(window.input.as_ref().clone(), calls.clone())?;
    let conditions = firsts.iter().map(|first| column(first).gt(lit(1_u64)));
    if let Some(condition) = conditions.reduce(Expr::and) {
        rows = LogicalPlanBuilder::from(rows).filter(condition)?.build()?;
    }
    let mut exprs: Vec<Expr> = schema.columns().into_iter().map(Expr::Column).collect();
    for output in outputs {
        let of_call = |e: Expr| {
            Ok(if calls.contains(&e) {
                Transformed::new(column(&e), true, TreeNodeRecursion::Jump)
            } else {
                Transformed::no(e)
            })
        };
        exprs.push(output.transform_down(of_call)?.data);
    }
    let exprs = renamed(exprs, window.schema.columns());
    LogicalPlanBuilder::from(rows).project(exprs)?.build()
}

/// Another function over the same rows.
fn over(function: &WindowFunction, fun: WindowFunctionDefinition, args: Vec<Expr>) -> Expr {
    let mut other = function.clone();
    other.fun = fun;
    other.params.args = args;
    other.params.window_frame = WindowFrame::new(Some(false));
    Expr::WindowFunction(Box::new(other))
}

fn difference(function: &WindowFunction, schema: &DFSchema) -> Result<Expr> {
    let Some(value) = function.params.args.first() else {
        return Err(coded("42883", "unknown signature: diff()"));
    };
    let ordered_by_time = match function.params.order_by.first().map(|key| &key.expr) {
        Some(Expr::Column(column)) => time_beside(schema, column).as_ref() == Some(column),
        _ => false,
    };
    if !ordered_by_time {
        return Err(coded("42601", "diff() should be ordered by the primary timestamp column"));
    }
    let before = over(function, WindowFunctionDefinition::WindowUDF(lag_udwf()), vec![value.clone()]);
    let ty = value.get_type(schema)?;
    Ok(Arithmetic::call(Op::Subtract, value.clone(), before, &ty, &ty))
}

/// An aggregate over a frame, of which the parts have the same frame.
fn aggregate(agg: Agg, function: &WindowFunction, schema: &DFSchema) -> Result<Expr> {
    let Some(value) = function.params.args.first() else {
        return Err(coded("42883", format!("unknown signature: {}()", agg.name())));
    };
    if !matches!(agg, Agg::Sum | Agg::Avg) {
        return Err(coded("0A000", format!("{}() cannot be used as window function", agg.name())));
    }
    let params = AggregateFunctionParams {
        args: function.params.args.clone(),
        distinct: function.params.distinct,
        filter: function.params.filter.clone(),
        order_by: Vec::new(),
        null_treatment: None,
    };
    let parts = sum_or_mean(agg, &params, value.get_type(schema)?)?;
    let framed = parts.transform_up(|e| {
        Ok(match e {
            Expr::AggregateFunction(AggregateFunction { func, params }) => {
                let mut other = function.clone();
                other.fun = WindowFunctionDefinition::AggregateUDF(func);
                other.params.args = params.args;
                Transformed::yes(Expr::WindowFunction(Box::new(other)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(framed.data)
}
