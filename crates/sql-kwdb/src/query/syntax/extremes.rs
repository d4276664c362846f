//! `SELECT ts, s, max(f) FROM m`: where `min` or `max` is the only aggregate, bare columns beside it are those of the
//! row that holds the extreme (sheet section 12.2).

use std::ops::ControlFlow;

use sqlparser::ast::{self as sql, Visit, Visitor};

use super::{arg, call, folded, name_of, names};

/// Makes calls of the bare columns: `beside_max(column, f)`.
pub(super) fn rewrite(select: &mut sql::Select) {
    let Some((function, value)) = only_extreme(select) else { return };
    let grouped = group_keys(select);
    for item in &mut select.projection {
        let (sql::SelectItem::UnnamedExpr(expr) | sql::SelectItem::ExprWithAlias { expr, .. }) = item else {
            continue;
        };
        let Some(column) = column(expr) else { continue };
        if grouped.contains(&column) {
            continue;
        }
        let beside = call(function, vec![expr.clone(), value.clone()]);
        let alias = match item {
            sql::SelectItem::ExprWithAlias { alias, .. } => alias.clone(),
            sql::SelectItem::UnnamedExpr(expr) => super::quoted(names::of(expr)),
            _ => continue,
        };
        *item = sql::SelectItem::ExprWithAlias { expr: beside, alias };
    }
}

/// The names of columns that are grouped by, positions resolved.
fn group_keys(select: &sql::Select) -> Vec<String> {
    let sql::GroupByExpr::Expressions(keys, _) = &select.group_by else { return Vec::new() };
    let at = |position: &str| -> Option<String> {
        match select.projection.get(position.parse::<usize>().ok()?.checked_sub(1)?)? {
            sql::SelectItem::UnnamedExpr(expr) | sql::SelectItem::ExprWithAlias { expr, .. } => column(expr),
            _ => None,
        }
    };
    let key = |expr: &sql::Expr| match expr {
        sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::Number(position, _), .. }) => at(position),
        other => column(other),
    };
    keys.iter().filter_map(key).collect()
}

/// A bare column's name.
fn column(expr: &sql::Expr) -> Option<String> {
    match expr {
        sql::Expr::Identifier(name) => Some(folded(name)),
        sql::Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        sql::Expr::Nested(inner) => column(inner),
        _ => None,
    }
}

/// The function for columns beside the extreme and what the extreme is of, if the select list has exactly one
/// aggregate.
fn only_extreme(select: &sql::Select) -> Option<(&'static str, sql::Expr)> {
    if select.projection.iter().all(|item| match item {
        sql::SelectItem::UnnamedExpr(e) | sql::SelectItem::ExprWithAlias { expr: e, .. } => {
            column(e).is_none()
        }
        _ => true,
    }) {
        return None;
    }
    let mut found = Aggregates::default();
    for item in &select.projection {
        match item {
            sql::SelectItem::UnnamedExpr(expr) | sql::SelectItem::ExprWithAlias { expr, .. } => {
                let _ = expr.visit(&mut found);
            }
            _ => return None,
        }
    }
    let [function] = found.calls.as_slice() else { return None };
    if function.filter.is_some() {
        return None;
    }
    let value = arg(function, 0)?.clone();
    match name_of(function)?.as_str() {
        "max" => Some(("beside_max", value)),
        "min" => Some(("beside_min", value)),
        _ => None,
    }
}

/// The calls of aggregates in an expression, not in its sub-queries.
#[derive(Default)]
struct Aggregates {
    calls: Vec<sql::Function>,
    depth: usize,
}

/// Aggregates that may stand in a select list.
const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "first_row",
    "last_row",
    "firstts",
    "lastts",
    "first_row_ts",
    "last_row_ts",
    "twa",
    "elapsed",
    "stddev",
    "variance",
    "string_agg",
    "array_agg",
    "stddev_samp",
    "var_samp",
    "bool_and",
    "bool_or",
];

impl Visitor for Aggregates {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &sql::Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &sql::Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &sql::Expr) -> ControlFlow<()> {
        if let sql::Expr::Function(function) = expr
            && self.depth == 0
            && function.over.is_none()
            && name_of(function).is_some_and(|name| AGGREGATES.contains(&name.as_str()))
        {
            self.calls.push(function.clone());
        }
        ControlFlow::Continue(())
    }
}
