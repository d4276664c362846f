//! The parser: tokenises once, dispatches on the leading keywords, and lets sqlparser read
//! queries and expressions.

mod cluster;
mod database;
mod input;
pub(crate) mod limiter;
mod limits;
mod role;
mod show;
mod table;
pub(crate) mod tenant;
mod user;

#[cfg(test)]
mod tests;

use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

use crate::ast::Stmt;
use crate::error::SqlError;
use input::Input;

/// How many operators one statement may hold outside of literal lists. sqlparser bounds nesting by
/// brackets, but `1+1+1…` makes an expression as deep as it is long, which is dropped recursively:
/// unbounded, 16 MiB of it would overflow the stack.
pub const MAX_OPERATORS: usize = 2_000;

static DIALECT: GenericDialect = GenericDialect {};

/// Parses a request's text. `None`: there is no statement in it (blanks, comments, semicolons).
///
/// # Errors
/// [`SqlError::Parser`] with sqlparser's words and position, [`SqlError::NotImplemented`] for
/// statements that are SQL but not served, [`SqlError::MultiStatement`] for several statements.
pub fn parse(sql: &str) -> Result<Option<Stmt>, SqlError> {
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
    check_depth(&tokens)?;
    // DataFusion would read it and give all rows.
    if tokens.iter().any(|t| matches!(&t.token, Token::Word(w) if w.quote_style.is_none() && w.keyword == Keyword::TABLESAMPLE)) {
        return Err(SqlError::NotImplemented("TABLESAMPLE".to_owned()));
    }
    let mut p = Input::new(&DIALECT, tokens);
    let [first, second] = p.leading_words();
    let (first, second) = (first.as_str(), second.as_str());
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
        ("ALTER", "TABLE") => table::alter(&mut p)?,
        ("DROP", "TABLE") => table::drop(&mut p)?,
        ("DESC" | "DESCRIBE", _) => table::describe(&mut p)?,
        ("SHOW", "DATABASES") => show::bare(&mut p, Stmt::ShowDatabases)?,
        ("SHOW", "QUERIES") => show::bare(&mut p, Stmt::ShowQueries)?,
        ("SHOW", "STREAMS") => return show::streams(&mut p),
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
    let statement = p.sql_statement()?;
    match &statement {
        SqlStatement::Explain { statement: inner, .. } => match inner.as_ref() {
            SqlStatement::Query(_) => Ok(Stmt::Explain(Box::new(statement))),
            other => Err(SqlError::NotImplemented(format!("EXPLAIN {other}"))),
        },
        other => Err(SqlError::NotImplemented(other.to_string())),
    }
}

/// See [`MAX_OPERATORS`].
fn check_depth(tokens: &[TokenWithSpan]) -> Result<(), SqlError> {
    let mut operators = 0;
    let mut after_operand = false;
    for token in tokens.iter().map(|t| &t.token).filter(|t| !matches!(t, Token::Whitespace(_))) {
        // The sign of a number is not a chain, so that big lists of negative numbers still pass.
        operators += usize::from(if *token == Token::Minus { after_operand } else { is_operator(token) });
        after_operand = !matches!(token, Token::Comma | Token::LParen);
    }
    if operators > MAX_OPERATORS {
        return Err(SqlError::parser(format!(
            "statement has {operators} operators, at most {MAX_OPERATORS} are allowed; use IN (…) for long lists"
        )));
    }
    Ok(())
}

/// Everything that can chain expressions or set operations, the minus apart.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(w) if w.quote_style.is_none() => {
            const WORDS: [&str; 15] = [
                "AND",
                "OR",
                "XOR",
                "NOT",
                "DIV",
                "UNION",
                "EXCEPT",
                "INTERSECT",
                "IS",
                "LIKE",
                "ILIKE",
                "BETWEEN",
                "COLLATE",
                "AT",
                "JOIN",
            ];
            w.value.len() <= 9 && WORDS.iter().any(|k| w.value.eq_ignore_ascii_case(k))
        }
        Token::EOF
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon
        | Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_) => false,
        _ => true,
    }
}
