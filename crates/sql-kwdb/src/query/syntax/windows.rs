//! Where group windows may stand (sheet section 12.3).

use std::ops::ControlFlow;

use sqlparser::ast::{self as sql, Visit, Visitor};

use super::name_of;
use crate::KwError;

/// The names of group windows.
pub(crate) const WINDOWS: [&str; 5] =
    ["state_window", "session_window", "count_window", "event_window", "time_window"];

/// Checks the group windows of a SELECT.
///
/// # Errors
/// 42601: one stands outside of GROUP BY, within an expression, beside another or beside keys that are no columns;
/// or the rows are not those of one table.
pub(super) fn check(select: &sql::Select) -> Result<(), KwError> {
    let mut elsewhere = Calls::default();
    let _ = select.projection.visit(&mut elsewhere);
    let _ = select.selection.visit(&mut elsewhere);
    let _ = select.having.visit(&mut elsewhere);
    if let Some(name) = elsewhere.found.first() {
        return Err(misplaced(name));
    }
    let sql::GroupByExpr::Expressions(keys, _) = &select.group_by else { return Ok(()) };
    let mut all = Calls::default();
    let _ = keys.visit(&mut all);
    let Some(name) = all.found.first() else { return Ok(()) };
    let is_window = |key: &&sql::Expr| match key {
        sql::Expr::Function(f) => name_of(f).is_some_and(|n| WINDOWS.contains(&n.as_str())),
        _ => false,
    };
    let own = keys.iter().filter(is_window).count();
    if own != all.found.len() {
        return Err(misplaced(name));
    }
    let is_column =
        |key: &sql::Expr| matches!(key, sql::Expr::Identifier(_) | sql::Expr::CompoundIdentifier(_));
    if own > 1 || keys.iter().any(|key| !is_window(&key) && !is_column(key)) {
        let message = "groupby cols support only single col and group window function";
        return Err(KwError::new("42601", message));
    }
    match select.from.as_slice() {
        [sql::TableWithJoins { relation: sql::TableFactor::Table { .. }, joins }] if joins.is_empty() => {
            Ok(())
        }
        _ => Err(KwError::new(
            "42601",
            "group window function is only supported for use in single time series table query.",
        )),
    }
}

fn misplaced(name: &str) -> KwError {
    KwError::new("42601", format!("{name}() can be only used in groupby"))
}

/// The windows in some expressions, not in their sub-queries.
#[derive(Default)]
struct Calls {
    found: Vec<String>,
    depth: usize,
}

impl Visitor for Calls {
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
            && let Some(name) = name_of(function).filter(|n| WINDOWS.contains(&n.as_str()))
        {
            self.found.push(name);
        }
        ControlFlow::Continue(())
    }
}
