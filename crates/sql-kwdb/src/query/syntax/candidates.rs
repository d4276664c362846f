//! The columns that an ambiguous name may mean.

use std::ops::ControlFlow;

use sqlparser::ast::{self as sql, Visit, Visitor};

use super::{Scope, folded};

/// Whether a query has rows of more than one table, so that names may be ambiguous.
pub(crate) fn joins(query: &sql::Query) -> bool {
    let mut factors = Factors::default();
    let _ = query.visit(&mut factors);
    factors.found.len() > 1
}

/// `a.v, b.v`: the columns of this name in the tables of a query, in the order of their tables.
pub(crate) fn candidates(query: &sql::Query, name: &str, scope: &Scope<'_>) -> String {
    let mut factors = Factors::default();
    let _ = query.visit(&mut factors);
    let scope = scope.of(query);
    let has = |factor: &sql::TableFactor| {
        let from = sql::TableWithJoins { relation: factor.clone(), joins: Vec::new() };
        scope.columns(&[from]).is_ok_and(|columns| columns.iter().any(|(_, column)| column == name))
    };
    let mut found: Vec<String> = Vec::new();
    for factor in factors.found.iter().filter(|factor| has(factor)) {
        let (sql::TableFactor::Table { alias, .. } | sql::TableFactor::Derived { alias, .. }) = factor else {
            continue;
        };
        let table = match (alias, factor) {
            (Some(alias), _) => folded(&alias.name),
            (None, sql::TableFactor::Table { name, .. }) => {
                name.0.last().and_then(|part| part.as_ident()).map(folded).unwrap_or_default()
            }
            _ => continue,
        };
        found.push(format!("{table}.{name}"));
    }
    found.join(", ")
}

/// The tables of a query's FROM clauses.
#[derive(Default)]
struct Factors {
    found: Vec<sql::TableFactor>,
}

impl Visitor for Factors {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &sql::TableFactor) -> ControlFlow<()> {
        if matches!(factor, sql::TableFactor::Table { .. } | sql::TableFactor::Derived { .. }) {
            self.found.push(factor.clone());
        }
        ControlFlow::Continue(())
    }
}
