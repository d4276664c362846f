//! INSERT: its tables; rows are read by [`Rows`].

use super::rows::{Rows, reason};
use super::{Parser, Result};
use crate::ast::{Ident, Insert, InsertSource, InsertTarget, RawValue, Statement, UsingClause};
use crate::error::ParseErrorKind;
use crate::lex::{Lexer, TokenKind};

impl<'a> Parser<'a> {
    /// `INSERT INTO target {target}` or `INSERT INTO tb [(c …)] query`; the token is INSERT or IMPORT.
    pub(super) fn insert(&mut self) -> Result<Statement> {
        self.advance();
        self.expect_word("into")?;
        let mut targets = vec![self.insert_target(true)?];
        let only = matches!(targets.first(), Some(InsertTarget { source: InsertSource::Query(_), .. }));
        while !only && !matches!(self.token.kind, TokenKind::End | TokenKind::Semicolon) {
            targets.push(self.insert_target(false)?);
        }
        Ok(Statement::Insert(Box::new(Insert { targets })))
    }

    fn insert_target(&mut self, first: bool) -> Result<InsertTarget> {
        if !first && !matches!(self.token.kind, TokenKind::Word | TokenKind::QuotedName) {
            return Err(self.insert_error(reason::INVALID));
        }
        let table = self.table_name()?;
        let mut columns = self.insert_columns()?;
        let using = if self.eat_word("using") { Some(self.using()?) } else { None };
        if columns.is_none() {
            columns = self.insert_columns()?;
        }
        let source = if self.at_word("values") {
            self.advance();
            self.values()?
        } else if self.eat_word("file") {
            InsertSource::File(self.quoted_text()?)
        } else if first && using.is_none() && (self.at_word("select") || self.at(TokenKind::LeftParen)) {
            InsertSource::Query(Box::new(self.query()?))
        } else {
            return Err(self.insert_error(reason::NO_VALUES));
        };
        Ok(InsertTarget { table, using, columns, source })
    }

    /// `(c …)`, if that is what the parenthesis holds and not a query.
    fn insert_columns(&mut self) -> Result<Option<Vec<Ident>>> {
        let next = self.peek();
        if !self.at(TokenKind::LeftParen) || next.kind == TokenKind::LeftParen || self.is_word(next, "select")
        {
            return Ok(None);
        }
        self.parenthesised(Self::column_name).map(Some)
    }

    /// `s [(t …)] TAGS (v …) [TTL n] [COMMENT 's']`.
    fn using(&mut self) -> Result<UsingClause> {
        let table = self.table_name()?;
        let tag_names =
            if self.at(TokenKind::LeftParen) { Some(self.parenthesised(Self::column_name)?) } else { None };
        if !self.eat_word("tags") {
            return Err(self.insert_error(reason::NO_TAGS));
        }
        let tags = self.tag_values()?;
        let mut clause = UsingClause { table, tag_names, tags, ttl: None, comment: None };
        loop {
            if self.at_word_before("ttl", TokenKind::Integer) {
                self.advance();
                clause.ttl = Some(self.integer()?);
            } else if self.at_word_before("comment", TokenKind::Text) {
                self.advance();
                clause.comment = Some(self.quoted_text()?);
            } else {
                return Ok(clause);
            }
        }
    }

    fn tag_values(&mut self) -> Result<Vec<RawValue>> {
        if !self.at(TokenKind::LeftParen) {
            return Err(self.insert_error(reason::NO_PARENTHESIS));
        }
        let mut rows = self.rows();
        rows.row()?;
        self.go_to(rows.position());
        Ok(rows.finish().0)
    }

    fn values(&mut self) -> Result<InsertSource> {
        let mut rows = self.rows();
        rows.all()?;
        self.go_to(rows.position());
        let (values, rows) = rows.finish();
        Ok(InsertSource::Values { values, rows })
    }

    /// A scanner from the token looked at.
    fn rows(&self) -> Rows<'a> {
        Rows::new(self.sql, usize::try_from(self.token.span.start).unwrap_or(usize::MAX))
    }

    /// Goes on from byte `pos`.
    fn go_to(&mut self, pos: usize) {
        self.previous_end = u32::try_from(pos).unwrap_or(u32::MAX);
        self.lexer = Lexer::starting_at(self.sql, pos);
        self.token = self.lexer.next_token();
    }

    fn insert_error(&self, reason: &'static str) -> crate::ParseError {
        self.error_at(ParseErrorKind::InsertValue(reason), self.token.span)
    }
}
