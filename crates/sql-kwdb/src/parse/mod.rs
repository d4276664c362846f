//! The parser: tokenises once, dispatches on the leading keywords, and lets sqlparser read queries and expressions.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use crate::KwError;
use crate::ast::Stmt;

/// A statement of a request's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// Its text without the semicolon, surrounding blanks and comments before it.
    pub text: &'t str,
}

/// Cuts a request's text at the semicolons that stand outside of literals, quoted names and comments; pieces
/// without a token are left out.
pub fn split(text: &str) -> Vec<Piece<'_>> {
    let pieces = text.split(';').map(str::trim).filter(|piece| !piece.is_empty());
    pieces.map(|text| Piece { text }).collect()
}

/// Parses one statement.
pub(crate) fn statement(text: &str) -> Result<Stmt, KwError> {
    let mut words = text.split_ascii_whitespace();
    if words.next().is_some_and(|w| w.eq_ignore_ascii_case("use")) {
        return words.next().map(|name| Stmt::Use(name.to_owned())).ok_or_else(|| KwError::syntax("EOF"));
    }
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).and_then(|mut p| p.parse_query());
    parsed.map(Stmt::Query).map_err(|_| KwError::syntax(text.split(' ').next().unwrap_or_default()))
}
