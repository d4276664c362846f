//! What the passes over a syntax tree ask about tables.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::logical_expr::{Expr, LogicalPlan};
use sqlparser::ast as sql;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use triglot_engine::{Engine, Session, TableName};
use triglot_model::{ColumnKind, TableDef};

use super::{folded, prepare};
use crate::KwError;
use crate::parse::PUBLIC;

/// A session's tables, and the names that WITH gives.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'s> {
    engine: &'s Engine,
    session: &'s Session,
    with: Option<sql::With>,
}

impl<'s> Scope<'s> {
    /// The tables of a session.
    pub(crate) fn new(engine: &'s Engine, session: &'s Session) -> Self {
        Self { engine, session, with: None }
    }

    /// Within a query.
    pub(super) fn of(&self, query: &sql::Query) -> Self {
        let with = query.with.clone().or_else(|| self.with.clone());
        Self { engine: self.engine, session: self.session, with }
    }

    /// The columns that `SELECT *` would have: the table's name and theirs.
    ///
    /// # Errors
    /// Those of planning it.
    pub(super) fn columns(
        &self,
        from: &[sql::TableWithJoins],
    ) -> Result<Vec<(Option<TableReference>, String)>, KwError> {
        let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT * FROM x");
        let mut query = *parsed.and_then(|mut p| p.parse_query()).map_err(|_| KwError::syntax("*"))?;
        if let sql::SetExpr::Select(select) = query.body.as_mut() {
            select.from = from.to_vec();
        }
        query.with.clone_from(&self.with);
        prepare(&mut query, &Self { with: None, ..self.clone() })?;
        let plan = self.engine.plan(self.session, query)?;
        let columns = match &plan {
            LogicalPlan::Projection(star) => star.expr.iter().filter_map(Expr::try_as_col).cloned().collect(),
            other => other.schema().columns(),
        };
        Ok(columns.into_iter().map(|column| (column.relation, column.name)).collect())
    }

    /// A table of the catalog.
    pub(super) fn table(&self, table: &sql::ObjectName) -> Option<Arc<TableDef>> {
        let parts: Vec<String> = table.0.iter().filter_map(|p| p.as_ident()).map(folded).collect();
        let is_cte = |name: &String| {
            self.with.iter().flat_map(|w| &w.cte_tables).any(|cte| folded(&cte.alias.name) == *name)
        };
        let (database, table) = match parts.as_slice() {
            [table] if is_cte(table) => return None,
            [table] => (None, table),
            [schema, table] if schema == PUBLIC => (None, table),
            [database, table] => (Some(database), table),
            [database, schema, table] if schema == PUBLIC => (Some(database), table),
            _ => return None,
        };
        let name = TableName { tenant: None, database: database.cloned(), table: table.clone() };
        self.engine.table(self.session, &name).ok()
    }

    /// The columns of a table in the order of KWDB's star, time and values before tags, if the table has another.
    pub(super) fn reordered(&self, table: &sql::ObjectName) -> Option<Vec<String>> {
        let def = self.table(table)?;
        let (tags, others): (Vec<_>, Vec<_>) = def.columns.iter().partition(|c| c.kind == ColumnKind::Tag);
        let wanted: Vec<String> = others.into_iter().chain(tags).map(|c| c.name.clone()).collect();
        let same = def.columns.iter().map(|c| &c.name).eq(&wanted);
        (!same).then_some(wanted)
    }
}
