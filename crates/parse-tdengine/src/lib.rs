//! TDengine SQL: tokens, syntax trees and the parser, after the fact sheet `tdengine-sql.md`
//! sections 2 to 8 and 11 to 13. It knows no schema, no clock and no socket.
//!
//! [`parse`] reads one statement. It never panics, its time is linear in the length of the text, and its
//! recursion and the height of its trees are bounded by [`limits`].

pub mod ast;
mod error;
pub mod lex;
pub mod limits;
mod parser;
#[cfg(test)]
mod tests;

pub use error::{ParseError, ParseErrorKind};

use ast::{Expr, Span, Statement};

/// Parses one statement of at most [`limits::STATEMENT_BYTES`]; a `;` may end it, nothing may follow.
///
/// # Errors
/// See [`ParseErrorKind`].
pub fn parse(sql: &str) -> Result<Statement, ParseError> {
    parse_within(sql, limits::STATEMENT_BYTES)
}

/// Parses one statement of at most `max_bytes`, never more than [`limits::MAX_STATEMENT_BYTES`].
///
/// # Errors
/// See [`ParseErrorKind`].
pub fn parse_within(sql: &str, max_bytes: usize) -> Result<Statement, ParseError> {
    if sql.len() > max_bytes.min(limits::MAX_STATEMENT_BYTES) {
        return Err(ParseError::too_long());
    }
    parser::Parser::new(sql).whole_statement()
}

/// Reads the rows of a file of `INSERT … FILE`: a row for each line that is not blank, values as in `VALUES` with
/// commas between them, no header. Places are those of the text.
///
/// # Errors
/// [`ParseErrorKind::InsertValue`]; [`ParseErrorKind::TooLong`] beyond [`limits::MAX_STATEMENT_BYTES`].
pub fn parse_lines(text: &str) -> Result<(Vec<ast::RawValue>, Vec<ast::Row>), ParseError> {
    if text.len() > limits::MAX_STATEMENT_BYTES {
        return Err(ParseError::too_long());
    }
    parser::rows::parse_lines(text)
}

/// Parses the bytes `span` of a statement as one expression: the meaning of an [`ast::RawValue::Time`].
/// Places in the tree are those of the statement.
///
/// # Errors
/// See [`ParseErrorKind`]; also if `span` does not lie in `sql`.
pub fn parse_expression(sql: &str, span: Span) -> Result<Expr, ParseError> {
    let inside = usize::try_from(span.end).ok().and_then(|end| sql.get(..end));
    let Some(text) = inside.filter(|text| text.len() <= limits::MAX_STATEMENT_BYTES) else {
        return Err(ParseError::too_long());
    };
    parser::Parser::starting_at(text, span.start).whole_expression()
}
