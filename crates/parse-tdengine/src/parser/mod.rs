//! The parser: recursive descent for statements and clauses, operator precedence for expressions, a scanner
//! for the rows of INSERT.

mod admin;
mod alter;
mod call;
mod database;
mod expr;
mod insert;
mod query;
pub(crate) mod rows;
mod show;
mod source;
mod statement;
mod table;
mod types;
mod window;

use crate::ast::{Duration, Expr, Ident, Span, Statement, TableName};
use crate::error::{ParseError, ParseErrorKind};
use crate::lex::{self, Lexer, Token, TokenKind};
use crate::limits;

type Result<T, E = ParseError> = std::result::Result<T, E>;

/// A position in the tokens of one statement.
#[derive(Debug)]
pub(crate) struct Parser<'a> {
    sql: &'a str,
    /// Reads what follows `token`.
    lexer: Lexer<'a>,
    /// The token that is looked at.
    token: Token,
    /// Where the token before it ended.
    previous_end: u32,
    /// How many nested constructs are open.
    depth: u32,
    /// The height of the tallest expression since this was last set to 0: a subquery within an expression is
    /// as tall as what it holds.
    tallest: u32,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(sql: &'a str) -> Self {
        Self::starting_at(sql, 0)
    }

    pub(crate) fn starting_at(sql: &'a str, offset: u32) -> Self {
        let mut lexer = Lexer::starting_at(sql, usize::try_from(offset).unwrap_or(usize::MAX));
        let token = lexer.next_token();
        Self { sql, lexer, token, previous_end: offset, depth: 0, tallest: 0 }
    }

    /// A statement, perhaps with `;`, and nothing after it.
    pub(crate) fn whole_statement(mut self) -> Result<Statement> {
        let statement = self.statement()?;
        self.end()?;
        Ok(statement)
    }

    /// An expression and nothing after it.
    pub(crate) fn whole_expression(mut self) -> Result<Expr> {
        let expr = self.expr()?;
        self.end()?;
        Ok(expr)
    }

    fn end(&mut self) -> Result<()> {
        self.eat(TokenKind::Semicolon);
        if self.token.kind == TokenKind::End { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Goes on to the next token; gives the one it leaves.
    fn advance(&mut self) -> Token {
        let token = self.token;
        self.previous_end = token.span.end;
        self.token = self.lexer.next_token();
        token
    }

    /// The token after the one looked at.
    fn peek(&self) -> Token {
        self.lexer.clone().next_token()
    }

    fn text_of(&self, span: Span) -> &'a str {
        let narrow = |pos: u32| usize::try_from(pos).unwrap_or(usize::MAX);
        self.sql.get(narrow(span.start)..narrow(span.end)).unwrap_or_default()
    }

    fn is_word(&self, token: Token, word: &str) -> bool {
        token.kind == TokenKind::Word && self.text_of(token.span).eq_ignore_ascii_case(word)
    }

    fn at(&self, kind: TokenKind) -> bool {
        self.token.kind == kind
    }

    fn at_word(&self, word: &str) -> bool {
        self.is_word(self.token, word)
    }

    /// Whether the token and the one after it are these words.
    fn at_words(&self, first: &str, second: &str) -> bool {
        self.at_word(first) && self.is_word(self.peek(), second)
    }

    /// Whether the token is this word and the one after it of this kind.
    fn at_word_before(&self, word: &str, kind: TokenKind) -> bool {
        self.at_word(word) && self.peek().kind == kind
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.at(kind);
        if found {
            self.advance();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn eat_words(&mut self, first: &str, second: &str) -> bool {
        let found = self.at_words(first, second);
        if found {
            self.advance();
            self.advance();
        }
        found
    }

    fn expect(&mut self, kind: TokenKind) -> Result<Token> {
        if self.at(kind) { Ok(self.advance()) } else { Err(self.unexpected()) }
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.eat_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The error that the token looked at is: the text ends early, or this may not stand here.
    fn unexpected(&self) -> ParseError {
        match self.token.kind {
            TokenKind::End | TokenKind::Semicolon => {
                self.error_at(ParseErrorKind::Incomplete, self.token.span)
            }
            _ => self.error_at(ParseErrorKind::Syntax, self.token.span),
        }
    }

    fn error_at(&self, kind: ParseErrorKind, span: Span) -> ParseError {
        ParseError::new(kind, self.sql, span.start)
    }

    /// From byte `start` to the end of the token before the one looked at.
    const fn span_from(&self, start: u32) -> Span {
        Span { start, end: self.previous_end }
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= limits::DEPTH {
            return Err(self.error_at(ParseErrorKind::TooDeep, self.token.span));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// `item {"," item}`.
    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat(TokenKind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// The same of at most `most` items: one more is a fault where it begins.
    fn short_list<T>(&mut self, most: usize, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut left = most;
        self.list(|p| {
            left = left.checked_sub(1).ok_or_else(|| p.error_at(ParseErrorKind::TooDeep, p.token.span))?;
            item(p)
        })
    }

    /// `"(" item {"," item} ")"`.
    fn parenthesised<T>(&mut self, item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.expect(TokenKind::LeftParen)?;
        let items = self.list(item)?;
        self.expect(TokenKind::RightParen)?;
        Ok(items)
    }

    /// `"(" item ")"`.
    fn in_parens<T>(&mut self, item: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.expect(TokenKind::LeftParen)?;
        let item = item(self)?;
        self.expect(TokenKind::RightParen)?;
        Ok(item)
    }

    /// A name as the vendor keeps it: folded, or from back-quotes.
    fn name(&mut self, longest: usize) -> Result<Ident> {
        if !matches!(self.token.kind, TokenKind::Word | TokenKind::QuotedName) {
            return Err(self.unexpected());
        }
        let token = self.advance();
        self.name_of(token, longest)
    }

    /// The name that a word or a quoted name is.
    fn name_of(&self, token: Token, longest: usize) -> Result<Ident> {
        let text = self.text_of(token.span);
        let name = match token.kind {
            TokenKind::QuotedName => text.trim_matches('`').to_owned(),
            _ => text.to_ascii_lowercase(),
        };
        if name.is_empty() || name.len() > longest {
            return Err(self.error_at(ParseErrorKind::InvalidName(name), token.span));
        }
        Ok(Ident { name, span: token.span })
    }

    fn column_name(&mut self) -> Result<Ident> {
        self.name(limits::COLUMN_NAME)
    }

    fn database_name(&mut self) -> Result<Ident> {
        let name = self.name(limits::DATABASE_NAME)?;
        self.without_dot(name)
    }

    /// The name of a table, without its database.
    fn bare_table_name(&mut self) -> Result<Ident> {
        let name = self.name(limits::TABLE_NAME)?;
        self.without_dot(name)
    }

    fn without_dot(&self, name: Ident) -> Result<Ident> {
        if name.name.contains('.') {
            let span = name.span;
            return Err(self.error_at(ParseErrorKind::InvalidName(name.name), span));
        }
        Ok(name)
    }

    /// `[db.]table`.
    fn table_name(&mut self) -> Result<TableName> {
        let first = self.bare_table_name()?;
        if !self.eat(TokenKind::Dot) {
            return Ok(TableName { database: None, table: first });
        }
        if first.name.len() > limits::DATABASE_NAME {
            let span = first.span;
            return Err(self.error_at(ParseErrorKind::InvalidName(first.name), span));
        }
        Ok(TableName { database: Some(first), table: self.bare_table_name()? })
    }

    /// A text in quotes.
    fn quoted_text(&mut self) -> Result<String> {
        let token = self.expect(TokenKind::Text)?;
        Ok(lex::unescape(self.text_of(token.span)).into_owned())
    }

    /// A pattern of LIKE that is not too long.
    fn check_pattern(&self, pattern: &str, span: Span) -> Result<()> {
        let fits = pattern.len() <= limits::LIKE_PATTERN;
        if fits { Ok(()) } else { Err(self.error_at(ParseErrorKind::Syntax, span)) }
    }

    /// An integer with an optional sign.
    fn integer(&mut self) -> Result<i64> {
        let token = self.token;
        let sign = self.eat(TokenKind::Minus);
        if !sign {
            self.eat(TokenKind::Plus);
        }
        let digits = self.expect(TokenKind::Integer)?;
        let text = self.text_of(digits.span);
        let value = if sign { lex::number(&format!("-{text}")) } else { lex::number(text) };
        match value {
            Some(crate::ast::Literal::Int(value)) => Ok(value),
            _ => Err(self.error_at(ParseErrorKind::Syntax, token.span)),
        }
    }

    /// A duration with an optional sign. Text that holds one will do, as the vendor allows in windows.
    fn duration(&mut self) -> Result<Duration> {
        let start = self.token;
        let negative = self.eat(TokenKind::Minus);
        let token = self.token;
        let text = match token.kind {
            TokenKind::Duration => self.text_of(token.span).to_owned(),
            TokenKind::Text => lex::unescape(self.text_of(token.span)).trim().to_owned(),
            _ => return Err(self.unexpected()),
        };
        let Some(duration) = lex::duration(&text) else {
            return Err(self.error_at(ParseErrorKind::Syntax, start.span));
        };
        self.advance();
        let count = if negative { duration.count.checked_neg() } else { Some(duration.count) };
        match count {
            Some(count) => Ok(Duration { count, unit: duration.unit }),
            None => Err(self.error_at(ParseErrorKind::Syntax, start.span)),
        }
    }

    /// `IF NOT EXISTS`.
    fn if_not_exists(&mut self) -> Result<bool> {
        if !self.at_words("if", "not") {
            return Ok(false);
        }
        self.advance();
        self.advance();
        self.expect_word("exists")?;
        Ok(true)
    }

    /// `IF EXISTS`.
    fn if_exists(&mut self) -> bool {
        self.eat_words("if", "exists")
    }
}
