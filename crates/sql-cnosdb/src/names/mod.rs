//! Names of result columns, as DataFusion 27 made them (sheet section 5).
//!
//! CnosDB's clients look result columns up by the names that its DataFusion 27 gave to expressions
//! without an alias. The rules, checked against DataFusion 27.0 itself:
//!
//! - a bare column keeps its name without qualifier; inside of expressions columns are qualified (`t.a + Int64(1)`);
//! - literals are `Type(value)`: `Int64(1)`, `Utf8("a")`, `Float64(1)`, `Boolean(true)`, untyped `NULL`; intervals are
//!   `IntervalMonthDayNano("<128-bit number>")`: months, days and nanoseconds side by side;
//! - operators have blanks around them and no brackets: `(a + 1) * 2` is `t.a + Int64(1) * Int64(2)`; `<>` is `!=`, `^` is `#`;
//! - casts, `DATE '…'` and `TIMESTAMP '…'` leave no trace; `- a` is `(- t.a)`;
//! - DataFusion's aggregates and window functions are in capitals under their canonical names (`stddev_samp` is `STDDEV`,
//!   `covar` is `COVARIANCE`), its scalar functions and all user-defined ones in small letters; arguments are joined by `,`
//!   without a blank; `count(*)` is `COUNT(UInt8(1))` in CnosDB (upstream: `COUNT(*)`);
//! - windows name partition, order and frame: `SUM(t.a) PARTITION BY [t.b] ORDER BY [t.time ASC NULLS LAST] ROWS BETWEEN …`;
//! - `LIKE` puts a blank behind the pattern; a list of `IN` is printed as Rust's debugger does
//!   (`t.a IN (Map { iter: Iter([Literal(Int64(1))]) })`); fields of structs and elements of arrays are `a[key]`;
//! - sub-queries have the name of their column, `EXISTS` and `IN` are bare words.
//!
//! Patterns of LIKE, FILTER and what stands in `[…]` of a window use the other text form, with brackets by
//! precedence and `, ` between arguments ([`Style::Display`]).
//!
//! [`with_names`] renames the columns of a planned query. [`References`] makes quoted references to such names work
//! (`select "SUM(t.a)" from (select sum(a) from t)`), which DataFusion 55 plans under its own names.

mod expr;
mod references;

use std::borrow::Cow;
use std::collections::HashSet;

use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, JoinType, LogicalPlan, Projection, Window};

pub(crate) use references::References;

use expr::Writer;

use crate::plan::ranked_by;

/// Names of a plan's columns in order of its schema; None: they are those of the schema.
type Names<'p> = Option<Vec<Cow<'p, str>>>;

/// `plan` with its unaliased columns named the vendor's way. Names that would stand twice stay as they are: a
/// result with two columns of one name cannot be told apart.
///
/// # Errors
/// None that the plan did not have before.
pub(crate) fn with_names(plan: LogicalPlan) -> Result<LogicalPlan> {
    let Some(names) = names(&plan) else { return Ok(plan) };
    let mut taken: HashSet<&str> = plan.schema().fields().iter().map(|f| f.name().as_str()).collect();
    let mut columns = Vec::with_capacity(names.len());
    for ((qualifier, field), name) in plan.schema().iter().zip(&names) {
        let column = Expr::Column(Column::from((qualifier, field)));
        let renamed = field.name().as_str() != name.as_ref() && taken.insert(name.as_ref());
        columns.push(if renamed { column.alias(name.as_ref()) } else { column });
    }
    let named = Projection::try_new(columns, plan.into())?;
    Ok(LogicalPlan::Projection(named))
}

/// DataFusion 55's name and the vendor's name of each column whose names differ.
fn differing(plan: &LogicalPlan) -> Vec<(String, String)> {
    let fields = plan.schema().fields().iter();
    let pairs = fields.zip(names(plan).unwrap_or_default());
    pairs.filter(|(f, n)| f.name() != n).map(|(f, n)| (f.name().clone(), n.into_owned())).collect()
}

/// The vendor's names of the columns of `plan`.
fn names(plan: &LogicalPlan) -> Names<'_> {
    let names = match plan {
        LogicalPlan::Projection(node) => of_expressions(&node.expr, &node.input, plan.schema()),
        LogicalPlan::Distinct(Distinct::On(node)) => {
            of_expressions(&node.select_expr, &node.input, plan.schema())
        }
        LogicalPlan::Aggregate(node) => of_aggregate(node),
        LogicalPlan::Window(node) => of_window(node),
        LogicalPlan::Join(node) => of_join(node),
        LogicalPlan::Union(node) => names(node.inputs.first()?),
        LogicalPlan::RecursiveQuery(node) => names(&node.static_term),
        LogicalPlan::Filter(node) => names(&node.input),
        LogicalPlan::Sort(node) => names(&node.input),
        LogicalPlan::Limit(node) => names(&node.input),
        LogicalPlan::SubqueryAlias(node) => names(&node.input),
        LogicalPlan::Distinct(Distinct::All(input)) => names(input),
        _ => None,
    };
    // A node that adds or hides columns in a way that is not known here keeps its own names.
    names.filter(|n| n.len() == plan.schema().fields().len())
}

fn of_expressions<'p>(exprs: &'p [Expr], input: &'p LogicalPlan, schema: &'p DFSchema) -> Names<'p> {
    let below = names(input);
    let writer = Writer::new(input.schema(), below.as_deref());
    let mut changed = false;
    let mut out = Vec::with_capacity(exprs.len());
    for (expr, field) in exprs.iter().zip(schema.fields()) {
        let name = match expr {
            Expr::Column(column) => writer.column(column),
            Expr::Alias(alias) => writer.alias(alias),
            // `topk` and `bottom` give a column of their input.
            call if ranked_by(call).is_some() => {
                ranked_by(call).map_or_else(Cow::default, |c| writer.column(c))
            }
            other => Cow::Owned(writer.name(other)),
        };
        changed |= field.name() != name.as_ref();
        out.push(name);
    }
    changed.then_some(out)
}

fn of_aggregate(node: &Aggregate) -> Names<'_> {
    let below = names(&node.input);
    let writer = Writer::new(node.input.schema(), below.as_deref());
    let fields = node.schema.fields();
    let functions = fields.len().checked_sub(node.aggr_expr.len())?;
    let mut out: Vec<Cow<'_, str>> = Vec::with_capacity(fields.len());
    if node.group_expr.len() == functions {
        out.extend(node.group_expr.iter().map(|e| match e {
            Expr::Column(column) => writer.column(column),
            other => Cow::Owned(writer.name(other)),
        }));
    } else {
        // Grouping sets: their columns, then an id. Only plain columns are common there.
        out.extend(fields.iter().take(functions).map(|f| Cow::Borrowed(f.name().as_str())));
    }
    out.extend(node.aggr_expr.iter().map(|e| Cow::Owned(writer.name(e))));
    Some(out)
}

fn of_window(node: &Window) -> Names<'_> {
    let below = names(&node.input);
    let writer = Writer::new(node.input.schema(), below.as_deref());
    let written: Vec<Cow<'_, str>> = node.window_expr.iter().map(|e| Cow::Owned(writer.name(e))).collect();
    let mut out = below.unwrap_or_else(|| unchanged(node.input.schema()));
    out.extend(written);
    Some(out)
}

fn of_join(node: &Join) -> Names<'_> {
    let (left, right) = (names(&node.left), names(&node.right));
    if left.is_none() && right.is_none() {
        return None;
    }
    let left = || left.unwrap_or_else(|| unchanged(node.left.schema()));
    let right = || right.unwrap_or_else(|| unchanged(node.right.schema()));
    match node.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => Some(left()),
        JoinType::RightSemi | JoinType::RightAnti => Some(right()),
        _ => {
            let mut out = left();
            out.extend(right());
            Some(out)
        }
    }
}

fn unchanged(schema: &DFSchema) -> Vec<Cow<'_, str>> {
    schema.fields().iter().map(|f| Cow::Borrowed(f.name().as_str())).collect()
}
