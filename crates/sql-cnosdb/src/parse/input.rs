//! sqlparser's `Parser` with the few helpers that CnosDB's own clauses need.

use datafusion::sql::sqlparser::ast::{ColumnDef, Expr, Ident, ObjectName, Query, Statement as SqlStatement};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::ast::QName;
use crate::error::SqlError;

pub(super) struct Input<'a>(Parser<'a>);

impl<'a> Input<'a> {
    pub(super) fn new(dialect: &'a dyn Dialect, tokens: Vec<TokenWithSpan>) -> Self {
        Self(Parser::new(dialect).with_tokens_with_locations(tokens))
    }

    /// The first two words in upper case; `(` counts as a word, anything else is empty.
    pub(super) fn leading_words(&self) -> [String; 2] {
        [0, 1].map(|n| match &self.0.peek_nth_token_ref(n).token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            Token::LParen => "(".to_owned(),
            _ => String::new(),
        })
    }

    /// Whether the next token is this unquoted word.
    pub(super) fn peeks(&self, word: &str) -> bool {
        self.peeks_at(0, word)
    }

    /// Whether the token behind `n` others is this unquoted word.
    pub(super) fn peeks_at(&self, n: usize, word: &str) -> bool {
        matches!(&self.0.peek_nth_token_ref(n).token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    }

    /// Takes the word if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.peeks(word);
        if found {
            self.0.next_token();
        }
        found
    }

    /// Takes all words or fails at the first that differs.
    pub(super) fn expect_words(&mut self, words: &[&str]) -> Result<(), SqlError> {
        for word in words {
            if !self.word(word) {
                return self.expected(word);
            }
        }
        Ok(())
    }

    /// Takes any unquoted word, in upper case.
    pub(super) fn any_word(&mut self) -> Option<String> {
        let word = match &self.0.peek_token_ref().token {
            Token::Word(w) if w.quote_style.is_none() => w.value.to_ascii_uppercase(),
            _ => return None,
        };
        self.0.next_token();
        Some(word)
    }

    /// The error for a token that is not `what`.
    pub(super) fn expected<T>(&self, what: &str) -> Result<T, SqlError> {
        let found = self.0.peek_token();
        Err(self.0.expected::<()>(what, found).err().map_or_else(|| SqlError::parser(what), SqlError::from))
    }

    /// Takes the next token, whatever it is, as text.
    pub(super) fn any_token(&mut self) -> String {
        self.0.next_token().to_string()
    }

    /// The next token as text, for the vendor's own messages.
    pub(super) fn found(&self) -> String {
        self.0.peek_token_ref().to_string()
    }

    pub(super) fn token(&mut self, token: &Token) -> bool {
        self.0.consume_token(token)
    }

    /// Whether the next token is this one.
    pub(super) fn peeks_token(&self, token: &Token) -> bool {
        self.0.peek_token_ref().token == *token
    }

    /// Whether the next token is a text.
    pub(super) fn peeks_string(&self) -> bool {
        matches!(self.0.peek_token_ref().token, Token::SingleQuotedString(_))
    }

    /// `(name type …, …)`
    pub(super) fn column_definitions(&mut self) -> Result<Vec<ColumnDef>, SqlError> {
        let (columns, constraints) = self.0.parse_columns()?;
        match constraints.first() {
            None => Ok(columns),
            Some(constraint) => Err(SqlError::NotImplemented(format!("{constraint}"))),
        }
    }

    /// `(key = value, …)`: keys in lower case (dots allowed), values as text. `=` and `,` may be
    /// left out.
    pub(super) fn key_values(&mut self) -> Result<Vec<(String, String)>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let mut pairs = Vec::new();
        while !self.token(&Token::RParen) {
            let mut key = self.name()?;
            while self.token(&Token::Period) {
                key = format!("{key}.{}", self.name()?);
            }
            self.token(&Token::Eq);
            let value = match &self.0.peek_token_ref().token {
                Token::Number(number, _) => {
                    let number = number.clone();
                    self.0.next_token();
                    number
                }
                _ => self.string_or_word()?,
            };
            pairs.push((key.to_ascii_lowercase(), value));
            self.token(&Token::Comma);
        }
        Ok(pairs)
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<(), SqlError> {
        self.0.expect_token(token)?;
        Ok(())
    }

    /// `IF EXISTS`
    pub(super) fn if_exists(&mut self) -> Result<bool, SqlError> {
        if !self.word("IF") {
            return Ok(false);
        }
        self.expect_words(&["EXISTS"])?;
        Ok(true)
    }

    /// `IF NOT EXISTS`
    pub(super) fn if_not_exists(&mut self) -> Result<bool, SqlError> {
        if !self.word("IF") {
            return Ok(false);
        }
        self.expect_words(&["NOT", "EXISTS"])?;
        Ok(true)
    }

    /// A name, folded to lower case unless quoted (`"x"` or `'x'`).
    pub(super) fn name(&mut self) -> Result<String, SqlError> {
        Ok(fold(self.0.parse_identifier()?))
    }

    /// The name of a database or user: not blank, no slash.
    pub(super) fn object_name(&mut self) -> Result<String, SqlError> {
        let name = self.name()?;
        check_object_name(&name)?;
        Ok(name)
    }

    /// `[[tenant.]database.]table`
    pub(super) fn table_name(&mut self) -> Result<QName, SqlError> {
        let name = self.0.parse_object_name(false)?;
        let table = qname(&name)?;
        check_object_name(&table.table)?;
        Ok(table)
    }

    /// Names between brackets.
    pub(super) fn names(&mut self) -> Result<Vec<String>, SqlError> {
        self.expect_token(&Token::LParen)?;
        let mut names = vec![self.name()?];
        while self.token(&Token::Comma) {
            names.push(self.name()?);
        }
        self.expect_token(&Token::RParen)?;
        Ok(names)
    }

    pub(super) fn string(&mut self) -> Result<String, SqlError> {
        Ok(self.0.parse_literal_string()?)
    }

    /// A string, or the bare word that stands in its place (`with comment=x` is not refused).
    pub(super) fn string_or_word(&mut self) -> Result<String, SqlError> {
        if let Some(word) = self.any_word() { Ok(word.to_ascii_lowercase()) } else { self.string() }
    }

    pub(super) fn number(&mut self) -> Result<u64, SqlError> {
        Ok(self.0.parse_literal_uint()?)
    }

    pub(super) fn expr(&mut self) -> Result<Box<Expr>, SqlError> {
        Ok(Box::new(self.0.parse_expr()?))
    }

    pub(super) fn query(&mut self) -> Result<Box<Query>, SqlError> {
        Ok(self.0.parse_query()?)
    }

    pub(super) fn sql_statement(&mut self) -> Result<SqlStatement, SqlError> {
        Ok(self.0.parse_statement()?)
    }

    /// Nothing may follow.
    pub(super) fn end(&mut self) -> Result<(), SqlError> {
        match self.0.peek_token_ref().token {
            Token::EOF => Ok(()),
            _ => self.expected("end of statement"),
        }
    }
}

/// Unquoted identifiers are lower-cased.
fn fold(ident: Ident) -> String {
    match ident.quote_style {
        None => ident.value.to_lowercase(),
        Some(_) => ident.value,
    }
}

fn qname(name: &ObjectName) -> Result<QName, SqlError> {
    let mut parts = Vec::new();
    for part in &name.0 {
        match part.as_ident() {
            Some(ident) => parts.push(fold(ident.clone())),
            None => return Err(SqlError::parser(format!("Expected: table name, found: {name}"))),
        }
    }
    let too_long =
        || SqlError::parser(format!("Expected: at most three parts in a table name, found: {name}"));
    let table = parts.pop().ok_or_else(too_long)?;
    let database = parts.pop();
    let tenant = parts.pop();
    if parts.is_empty() { Ok(QName { tenant, database, table }) } else { Err(too_long()) }
}

/// Names of databases, tables and users (columns are free).
fn check_object_name(name: &str) -> Result<(), SqlError> {
    if name.trim().is_empty() {
        return Err(SqlError::parser("Name cannot be empty or contain only spaces"));
    }
    if name.contains('/') {
        return Err(SqlError::parser(format!("not supported keyword contains '/': {name}")));
    }
    Ok(())
}
