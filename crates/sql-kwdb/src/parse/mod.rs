//! The parser: tokenises once, dispatches on the leading keywords, and lets sqlparser read queries and expressions.

mod alter;
mod create;
mod database;
mod dialect;
mod dml;
mod fill;
mod others;
mod show;
mod split;
mod tokens;
mod types;
mod users;
pub(crate) mod values;

#[cfg(test)]
mod tests;

use sqlparser::ast::ObjectName;
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Token, TokenWithSpan};
use triglot_engine::TableName;
use triglot_parse_sql::bounds::{self, MAX_OPERATORS, MAX_OPERATORS_INLINE};
use triglot_parse_sql::{Input, Located, error_location, fold};

use crate::KwError;
use crate::ast::{Show, Stmt};
use crate::types::TypeSpec;

pub(crate) use dialect::DIALECT;
pub(crate) use fill::FILL;
pub use split::{Piece, split};

/// How many brackets one statement may hold in each other. KWDB's own clauses nest as sqlparser does.
const MAX_NESTING: usize = 200;

/// Why a statement could not be read: a token that is none of what may stand there, or a rule with its own words.
#[derive(Debug)]
pub(crate) enum Fault {
    Syntax(ParserError),
    Rule(KwError),
}

impl From<ParserError> for Fault {
    fn from(error: ParserError) -> Self {
        Self::Syntax(error)
    }
}

impl From<KwError> for Fault {
    fn from(error: KwError) -> Self {
        Self::Rule(error)
    }
}

/// What reads one kind of statement.
pub(crate) type Parsed<T> = Result<T, Fault>;

/// Parses one statement.
pub(crate) fn statement(text: &str) -> Result<Stmt, KwError> {
    read(text, one)
}

/// Parses the inside of `[SHOW …]`.
pub(crate) fn row_source(text: &str) -> Result<Show, KwError> {
    read(text, show::show)
}

/// Parses a type's name with its width.
pub(crate) fn type_spec(text: &str) -> Result<TypeSpec, KwError> {
    read(text, |p| types::spec(p).map(|written| written.spec))
}

/// Tokenises, bounds and reads all of a text.
fn read<T>(text: &str, parse: impl FnOnce(&mut Input<'_>) -> Parsed<T>) -> Result<T, KwError> {
    let tokens = tokens::tokenize(text)?;
    check_nesting(&tokens)?;
    bounds::check_special_calls(&tokens).map_err(tokens::too_large)?;
    let first = tokens.first().map(|t| t.token.to_string().to_ascii_uppercase()).unwrap_or_default();
    let limit = match first.as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" | "(" | "EXPLAIN" | "INSERT" | "UPSERT" => MAX_OPERATORS,
        _ => MAX_OPERATORS_INLINE,
    };
    bounds::check_operators(&tokens, limit).map_err(tokens::too_large)?;
    let is_definition = matches!(first.as_str(), "CREATE" | "ALTER" | "SET" | "COMMENT" | "SHOW");
    let tokens = if is_definition { tokens } else { tokens::for_expressions(tokens, text) };
    let mut input = Input::new(&DIALECT, tokens.clone());
    let parsed = parse(&mut input).and_then(|parsed| {
        input.end()?;
        Ok(parsed)
    });
    parsed.map_err(|fault| match fault {
        Fault::Rule(error) => error,
        Fault::Syntax(ParserError::RecursionLimitExceeded) => too_deep(),
        Fault::Syntax(error) => match error_location(text, &tokens, &error, input.position()) {
            Located::Token(written) => KwError::syntax(written),
            Located::End => KwError::syntax("EOF"),
        },
    })
}

fn one(p: &mut Input<'_>) -> Parsed<Stmt> {
    let [first, second] = p.leading_words();
    Ok(match (first.as_str(), second.as_str()) {
        ("SELECT" | "WITH" | "VALUES" | "TABLE" | "(", _) => Stmt::Query(p.query()?),
        ("EXPLAIN", _) => Stmt::Explain(Box::new(p.sql_statement()?)),
        ("USE", _) => {
            p.expect_words(&["USE"])?;
            Stmt::Use(p.name()?)
        }
        ("CREATE", "TS" | "DATABASE") => database::create(p)?,
        ("ALTER", "TS" | "DATABASE") => database::alter(p)?,
        ("DROP", "DATABASE") => database::drop(p)?,
        ("CREATE", "TABLE" | "SPARSE" | "TEMPORARY" | "TEMP") => create::table(p)?,
        ("CREATE", "INDEX" | "UNIQUE") => others::create_index(p)?,
        ("DROP", "INDEX") => others::drop_index(p)?,
        ("ALTER", "TABLE") => alter::table(p)?,
        ("DROP", "TABLE") => others::drop_table(p)?,
        ("CREATE", "USER" | "ROLE") => users::create(p)?,
        ("ALTER", "USER" | "ROLE") => users::alter(p)?,
        ("DROP", "USER" | "ROLE") => users::drop(p)?,
        ("GRANT", _) => users::grant(p)?,
        ("REVOKE", _) => users::revoke(p)?,
        ("TRUNCATE", _) => others::truncate(p)?,
        ("COMMENT", _) => others::comment(p)?,
        ("INSERT" | "UPSERT", _) => dml::insert(p)?,
        ("UPDATE", _) => dml::update(p)?,
        ("DELETE", _) => dml::delete(p)?,
        ("SHOW", _) => Stmt::Show(show::show(p)?),
        ("SET", _) => others::set(p)?,
        (word, _) => return others::unknown(p, word),
    })
}

/// `[db.[public.]]table`. What stands before one point is a database or the schema `public` of the session's: a name
/// `public.t` is taken for the latter, since there is one user schema and its name is that.
pub(crate) fn table_name(name: ObjectName) -> Parsed<TableName> {
    let invalid = || KwError::new("42601", format!("invalid table name: {name}"));
    let parts = name.0.iter().map(|part| part.as_ident().cloned().map(fold)).collect::<Option<_>>();
    Ok(table_of_parts(parts.ok_or_else(invalid)?)?)
}

/// The same of a name in parts.
fn table_of_parts(mut parts: Vec<String>) -> Result<TableName, KwError> {
    let written = parts.join(".");
    let invalid = || KwError::new("42601", format!("invalid table name: {written}"));
    let table = parts.pop().ok_or_else(invalid)?;
    let mut database = parts.pop();
    if let Some(outer) = parts.pop() {
        if database.as_deref() != Some(PUBLIC) {
            let message = format!("relation \"{written}\" does not exist");
            return Err(KwError::new("42P01", message));
        }
        database = Some(outer);
    } else if database.as_deref() == Some(PUBLIC) {
        database = None;
    }
    if parts.is_empty() { Ok(TableName { tenant: None, database, table }) } else { Err(invalid()) }
}

/// The one schema of users.
pub(crate) const PUBLIC: &str = "public";

/// Names of tables with commas between them.
fn tables(p: &mut Input<'_>) -> Parsed<Vec<TableName>> {
    let mut names = vec![table_name(p.qualified_name()?)?];
    while p.token(&Token::Comma) {
        names.push(table_name(p.qualified_name()?)?);
    }
    Ok(names)
}

fn check_nesting(tokens: &[TokenWithSpan]) -> Result<(), KwError> {
    let mut depth = 0_usize;
    for token in tokens {
        match token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(too_deep());
        }
    }
    Ok(())
}

fn too_deep() -> KwError {
    KwError::parsing("54001", "at or near \"(\": syntax error: statement is nested too deeply")
}
