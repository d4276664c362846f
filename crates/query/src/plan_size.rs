//! How large a query may be. A short text can ask for a huge plan: each CTE that is used twice doubles what is behind it, and
//! a list of tables becomes joins as deep as it is long. Planning and optimising walk all of it, recursively and more than once.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::plan_datafusion_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{ObjectName, Query, Statement, Visit, Visitor};

use crate::QueryError;

/// Tables that one query may read, each counted as often as it is read.
const MAX_TABLES: usize = 256;
/// Joins in one plan, at most.
const MAX_JOINS: usize = 128;
/// Nodes of one plan, at most, each counted as often as it is used.
const MAX_NODES: usize = 2_000;

/// Refuses, before it is planned, a statement that reads too many tables.
pub(crate) fn check_tables(statement: &Statement) -> std::result::Result<(), QueryError> {
    let mut tables = Tables::default();
    let _ = statement.visit(&mut tables);
    if tables.open > MAX_TABLES { Err(too_large("tables", MAX_TABLES)) } else { Ok(()) }
}

/// Refuses a plan that would take minutes, or too much stack, to optimise.
pub(crate) fn check_size(plan: &LogicalPlan) -> std::result::Result<(), QueryError> {
    let (mut nodes, mut joins) = (0, 0);
    plan.apply_with_subqueries(|node| -> Result<TreeNodeRecursion> {
        nodes += 1;
        joins += usize::from(matches!(node, LogicalPlan::Join(_)));
        let stop = nodes > MAX_NODES || joins > MAX_JOINS;
        Ok(if stop { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if joins > MAX_JOINS {
        return Err(too_large("joins", MAX_JOINS));
    }
    if nodes > MAX_NODES {
        return Err(too_large("operators", MAX_NODES));
    }
    Ok(())
}

fn too_large(what: &str, limit: usize) -> QueryError {
    plan_datafusion_err!("The query has more than {limit} {what}").into()
}

/// Counts tables with CTEs put in for their names.
#[derive(Default)]
struct Tables {
    /// Of the queries that are open, without those behind them on the stack.
    open: usize,
    /// Of the queries around them.
    outer: Vec<usize>,
    /// The CTEs whose queries are yet to come, by where their query lies.
    pending: HashMap<*const Query, String>,
    /// What a CTE counts for.
    ctes: HashMap<String, usize>,
}

impl Visitor for Tables {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.pending.insert(std::ptr::from_ref(cte.query.as_ref()), cte.alias.name.value.to_lowercase());
        }
        self.outer.push(std::mem::take(&mut self.open));
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let own = std::mem::replace(&mut self.open, self.outer.pop().unwrap_or(0));
        match self.pending.remove(&std::ptr::from_ref(query)) {
            Some(name) => drop(self.ctes.insert(name, own.max(1))),
            None => self.open = self.open.saturating_add(own),
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = match relation.0.as_slice() {
            [part] => part.as_ident().map(|ident| ident.value.to_lowercase()),
            _ => None,
        };
        let tables = name.and_then(|n| self.ctes.get(&n).copied()).unwrap_or(1);
        self.open = self.open.saturating_add(tables);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn tables(sql: &str) -> usize {
        let statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        let mut tables = Tables::default();
        let _ = statements[0].visit(&mut tables);
        tables.open
    }

    #[test]
    fn ctes_count_for_what_is_behind_them() {
        assert_eq!(tables("select 1"), 0);
        assert_eq!(tables("select * from a, b join c on true where x in (select y from d)"), 4);
        assert_eq!(tables("with p as (select * from a, b) select * from c"), 1);
        assert_eq!(tables("with p as (select * from a, b) select * from p as x, p as y, c"), 5);
        assert_eq!(tables("with p as (select * from a), q as (select * from p, p) select * from q, q"), 4);
        let doubling: Vec<String> =
            (1..100).map(|k| format!("c{k} as (select * from c{0}, c{0})", k - 1)).collect();
        let sql = format!("with c0 as (select 1), {} select * from c99", doubling.join(", "));
        assert_eq!(tables(&sql), usize::MAX);
    }
}
