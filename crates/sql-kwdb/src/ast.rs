//! Statements, as KWDB's grammar has them (sheet sections 9 to 14).

use sqlparser::ast as sql;

/// One statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stmt {
    /// SELECT, WITH, VALUES, TABLE.
    Query(Box<sql::Query>),
    /// `USE db`.
    Use(String),
}
