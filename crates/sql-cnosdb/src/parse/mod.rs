//! The parser: tokenises once, dispatches on the leading keywords, and lets sqlparser read
//! queries and expressions.

mod cluster;
mod database;
mod files;
mod input;
pub(crate) mod limiter;
mod limits;
mod role;
mod show;
mod stream;
mod table;
pub(crate) mod tenant;
mod user;

#[cfg(test)]
mod tests;

use datafusion::common::not_impl_datafusion_err;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace, Word};

use crate::ast::Stmt;
use crate::error::SqlError;
use input::Input;
use triglot_parse_sql::bounds::{self, BoundError, MAX_OPERATORS, MAX_OPERATORS_INLINE};

static DIALECT: GenericDialect = GenericDialect {};

/// Parses a request's text. `None`: there is no statement in it (blanks, comments, semicolons).
///
/// # Errors
/// [`SqlError::Parser`] with sqlparser's words and position, [`SqlError::NotImplemented`] for
/// statements that are SQL but not served, [`SqlError::MultiStatement`] for several statements.
pub fn parse(sql: &str) -> Result<Option<Stmt>, SqlError> {
    bounds::check_tokens(sql)?;
    let tokens = Tokenizer::new(&DIALECT, sql)
        .tokenize_with_location()
        .map_err(|e| SqlError::parser(e.to_string()))?;
    let mut found = None;
    let mut num = 0;
    for segment in statements(tokens) {
        let statement = parse_one(segment)?;
        num += 1;
        found.get_or_insert(statement);
    }
    if num > 1 {
        return Err(SqlError::MultiStatement { num, sql: sql.to_owned() });
    }
    Ok(found)
}

/// Cuts at semicolons and drops what holds no token that counts.
fn statements(tokens: Vec<TokenWithSpan>) -> Vec<Vec<TokenWithSpan>> {
    let mut segments = Vec::new();
    let mut current = Vec::new();
    for token in tokens {
        match token.token {
            Token::SemiColon => segments.push(std::mem::take(&mut current)),
            // Comments need not be carried further, and sqlparser reads hints out of some.
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {}
            _ => current.push(plain(token)),
        }
    }
    segments.push(current);
    segments.retain(|s| s.iter().any(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF)));
    segments
}

/// Takes the meaning as keywords from `current_user` and `current_role`: here they are functions with
/// brackets, and columns without.
fn plain(mut token: TokenWithSpan) -> TokenWithSpan {
    if let Token::Word(word) = &mut token.token
        && matches!(word.keyword, Keyword::CURRENT_USER | Keyword::CURRENT_ROLE)
    {
        word.keyword = Keyword::NoKeyword;
    }
    token
}

fn parse_one(tokens: Vec<TokenWithSpan>) -> Result<Stmt, SqlError> {
    let operators = bounds::count_operators(&tokens);
    bounds::check_special_calls(&tokens)?;
    // DataFusion would read it and give all rows.
    let is_sample = |w: &Word| w.quote_style.is_none() && w.keyword == Keyword::TABLESAMPLE;
    if tokens.iter().any(|t| matches!(&t.token, Token::Word(w) if is_sample(w))) {
        return Err(SqlError::NotImplemented("TABLESAMPLE".to_owned()));
    }
    check_time_zones(&tokens)?;
    let mut p = Input::new(&DIALECT, tokens);
    let [first, second] = p.leading_words();
    let (first, second) = (first.as_str(), second.as_str());
    let limit = max_operators(first);
    if operators > limit {
        return Err(BoundError::Operators { found: operators, limit }.into());
    }
    let statement = match (first, second) {
        ("SELECT" | "WITH" | "VALUES" | "(", _) => Stmt::Query(limits::checked(p.query()?)?),
        ("EXPLAIN", _) => explain(&mut p)?,
        ("CREATE", "DATABASE") => database::create(&mut p)?,
        ("ALTER", "DATABASE") => database::alter(&mut p)?,
        ("DROP", "DATABASE") => database::drop(&mut p)?,
        ("RECOVER", "DATABASE") => database::recover(&mut p)?,
        ("COMPACT", "DATABASE") => database::compact(&mut p)?,
        ("COMPACT" | "DROP" | "COPY" | "MOVE", "VNODE") | ("CHECKSUM", "GROUP") => {
            return Err(cluster::refuse(&mut p)?);
        }
        ("REPLICA", "ADD" | "REMOVE" | "PROMOTE" | "DESTORY" | "DESTROY") => {
            return Err(cluster::refuse(&mut p)?);
        }
        ("CREATE", "TABLE") => table::create(&mut p)?,
        ("CREATE", "EXTERNAL") => files::create_external(&mut p)?,
        ("COPY", "INTO") => files::copy(&mut p)?,
        ("ALTER", "TABLE") => table::alter(&mut p)?,
        ("DROP", "TABLE") => table::drop(&mut p)?,
        ("DESC" | "DESCRIBE", _) => table::describe(&mut p)?,
        ("SHOW", "DATABASES") => show::bare(&mut p, Stmt::ShowDatabases)?,
        ("SHOW", "QUERIES") => show::bare(&mut p, Stmt::ShowQueries)?,
        ("SHOW", "REPLICAS") => show::bare(&mut p, Stmt::ShowReplicas)?,
        ("SHOW", "STREAMS") => return Err(stream::show(&mut p)?),
        ("CREATE", "STREAM") => return Err(stream::create(&mut p)?),
        ("DROP", "STREAM") => return Err(stream::drop(&mut p)?),
        ("SHOW", "TABLES") => show::tables(&mut p)?,
        ("SHOW", "SERIES") => show::series(&mut p)?,
        ("SHOW", "TAG") => show::tag_values(&mut p)?,
        ("INSERT", _) => table::insert(&mut p)?,
        ("UPDATE", _) => table::update(&mut p)?,
        ("DELETE", _) => table::delete(&mut p)?,
        ("KILL", _) => show::kill(&mut p)?,
        ("CREATE", "USER") => user::create(&mut p)?,
        ("ALTER", "USER") => user::alter(&mut p)?,
        ("DROP", "USER") => user::drop(&mut p)?,
        ("CREATE", "TENANT") => tenant::create(&mut p)?,
        ("ALTER", "TENANT") => tenant::alter(&mut p)?,
        ("DROP", "TENANT") => tenant::drop(&mut p)?,
        ("RECOVER", "TENANT") => tenant::recover(&mut p)?,
        ("CREATE", "ROLE") => role::create(&mut p)?,
        ("DROP", "ROLE") => role::drop(&mut p)?,
        ("GRANT", _) => role::grant(&mut p)?,
        ("REVOKE", _) => role::revoke(&mut p)?,
        _ => {
            let statement = p.sql_statement()?;
            p.end()?;
            return Err(SqlError::NotImplemented(statement.to_string()));
        }
    };
    p.end()?;
    Ok(statement)
}

fn explain(p: &mut Input<'_>) -> Result<Stmt, SqlError> {
    if let Some(statement) = explain_write(p)? {
        return Ok(statement);
    }
    let statement = p.sql_statement()?;
    match &statement {
        SqlStatement::Explain { statement: inner, .. } => match inner.as_ref() {
            SqlStatement::Query(_) => Ok(Stmt::Explain(Box::new(statement))),
            other => Err(SqlError::NotImplemented(format!("EXPLAIN {other}"))),
        },
        other => Err(SqlError::NotImplemented(other.to_string())),
    }
}

/// `EXPLAIN [ANALYZE] [VERBOSE]` of a statement that changes rows; nothing is taken if it is another one.
fn explain_write(p: &mut Input<'_>) -> Result<Option<Stmt>, SqlError> {
    let mut at = 1;
    let analyze = p.peeks_at(at, "ANALYZE");
    at += usize::from(analyze);
    let verbose = p.peeks_at(at, "VERBOSE");
    at += usize::from(verbose);
    let Some(word) = ["INSERT", "UPDATE", "DELETE"].into_iter().find(|word| p.peeks_at(at, word)) else {
        return Ok(None);
    };
    if analyze {
        return Err(SqlError::NotImplemented(format!("EXPLAIN ANALYZE {word}, which would have to run it")));
    }
    for _ in 0..at {
        p.any_word();
    }
    let statement = match word {
        "INSERT" => table::insert(p)?,
        "UPDATE" => table::update(p)?,
        _ => table::delete(p)?,
    };
    Ok(Some(Stmt::ExplainWrite { statement: Box::new(statement), verbose }))
}

/// How many operators a statement may hold that begins with this word.
fn max_operators(first_word: &str) -> usize {
    match first_word {
        "SELECT" | "WITH" | "VALUES" | "(" | "EXPLAIN" | "INSERT" => MAX_OPERATORS,
        _ => MAX_OPERATORS_INLINE,
    }
}

/// The vendor's planner has no `AT TIME ZONE` (sheet section 13); DataFusion 55 shifts times without a zone.
fn check_time_zones(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    const WORDS: [&str; 3] = ["AT", "TIME", "ZONE"];
    let mut found = 0;
    for token in tokens.iter().map(|t| &t.token).filter(|t| !matches!(t, Token::Whitespace(_))) {
        let word = match token {
            Token::Word(word) if word.quote_style.is_none() => word.value.as_str(),
            _ => "",
        };
        let is_next = |at: usize| WORDS.get(at).is_some_and(|w| w.eq_ignore_ascii_case(word));
        found = if is_next(found) { found + 1 } else { usize::from(is_next(0)) };
        if found == WORDS.len() {
            return Err(SqlError::Planning(not_impl_datafusion_err!("AT TIME ZONE")));
        }
    }
    Ok(())
}
