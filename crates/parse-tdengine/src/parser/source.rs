//! What stands after FROM: tables, subqueries, joins.

use super::{Parser, Result};
use crate::ast::{Ident, Join, JoinKind, Query, SetExpr, Source, WindowJoin};
use crate::error::ParseErrorKind;
use crate::lex::TokenKind;
use crate::limits;

/// What an opening parenthesis after FROM held.
enum InParentheses {
    Query(Query),
    Source(Source),
}

impl Parser<'_> {
    /// Sources joined by commas and JOIN, from left to right.
    pub(super) fn sources(&mut self) -> Result<Source> {
        let first = self.source()?;
        self.joins(first)
    }

    fn joins(&mut self, first: Source) -> Result<Source> {
        let mut left = first;
        let mut sources = 1;
        while let Some(kind) = self.join_kind() {
            sources += 1;
            if sources > limits::SOURCES {
                return Err(self.error_at(ParseErrorKind::TooDeep, self.token.span));
            }
            left = self.joined(left, kind)?;
        }
        Ok(left)
    }

    /// The kind of the join that begins here.
    fn join_kind(&self) -> Option<JoinKind> {
        if self.at(TokenKind::Comma) || self.at_word("join") || self.at_words("inner", "join") {
            return Some(JoinKind::Inner);
        }
        let next = self.peek();
        let then = |word| self.is_word(next, word);
        let outer = then("join") || then("outer");
        Some(match (self.at_word("left"), self.at_word("right"), self.at_word("full")) {
            (true, ..) if outer => JoinKind::Left,
            (true, ..) if then("semi") => JoinKind::LeftSemi,
            (true, ..) if then("anti") => JoinKind::LeftAnti,
            (true, ..) if then("asof") => JoinKind::LeftAsof,
            (true, ..) if then("window") => JoinKind::LeftWindow,
            (_, true, _) if outer => JoinKind::Right,
            (_, true, _) if then("semi") => JoinKind::RightSemi,
            (_, true, _) if then("anti") => JoinKind::RightAnti,
            (_, true, _) if then("asof") => JoinKind::RightAsof,
            (_, true, _) if then("window") => JoinKind::RightWindow,
            (_, _, true) if outer => JoinKind::Full,
            _ => return None,
        })
    }

    fn joined(&mut self, left: Source, kind: JoinKind) -> Result<Source> {
        let start = self.token.span.start;
        if self.eat(TokenKind::Comma) {
            let right = self.source()?;
            let span = self.span_from(start);
            return Ok(Source::Join(Box::new(Join {
                kind,
                left,
                right,
                on: None,
                window: None,
                limit: None,
                span,
            })));
        }
        while !self.eat_word("join") {
            // `join_kind` saw that only LEFT, OUTER and the like stand here.
            if !["inner", "left", "right", "full", "outer", "semi", "anti", "asof", "window"]
                .iter()
                .any(|word| self.eat_word(word))
            {
                return Err(self.unexpected());
            }
        }
        let right = self.source()?;
        let on = if self.eat_word("on") { Some(self.expr()?) } else { None };
        let window = if is_window(kind) { Some(self.window_offset()?) } else { None };
        let limited = is_window(kind) || matches!(kind, JoinKind::LeftAsof | JoinKind::RightAsof);
        let limit = if limited && self.eat_word("jlimit") { Some(self.integer()?) } else { None };
        let span = self.span_from(start);
        Ok(Source::Join(Box::new(Join { kind, left, right, on, window, limit, span })))
    }

    /// `WINDOW_OFFSET(a, b)`.
    fn window_offset(&mut self) -> Result<WindowJoin> {
        self.expect_word("window_offset")?;
        self.in_parens(|p| {
            let start = p.duration()?;
            p.expect(TokenKind::Comma)?;
            Ok(WindowJoin { start, end: p.duration()? })
        })
    }

    fn source(&mut self) -> Result<Source> {
        if self.at(TokenKind::LeftParen) {
            return match self.source_in_parentheses()? {
                InParentheses::Query(query) => self.subquery(query),
                InParentheses::Source(source) => Ok(source),
            };
        }
        if !self.at_free_name() {
            return Err(self.unexpected());
        }
        let name = self.table_name()?;
        Ok(Source::Table { name, alias: self.table_alias()? })
    }

    fn subquery(&mut self, query: Query) -> Result<Source> {
        Ok(Source::Query { query: Box::new(query), alias: self.table_alias()? })
    }

    fn table_alias(&mut self) -> Result<Option<Ident>> {
        if self.eat_word("as") || self.at_free_name() {
            return self.bare_table_name().map(Some);
        }
        Ok(None)
    }

    /// `(query)` or `(a JOIN b …)`. What a second parenthesis begins shows only behind its end, so it is read
    /// as either and goes on as what follows demands.
    fn source_in_parentheses(&mut self) -> Result<InParentheses> {
        self.nested(|p| {
            p.expect(TokenKind::LeftParen)?;
            let found = if p.at_word("select") {
                InParentheses::Query(p.query()?)
            } else if p.at(TokenKind::LeftParen) {
                match p.source_in_parentheses()? {
                    InParentheses::Query(query) if p.at_query_end() => {
                        InParentheses::Query(p.query_from(SetExpr::Query(Box::new(query)))?)
                    }
                    InParentheses::Query(query) => {
                        let first = p.subquery(query)?;
                        InParentheses::Source(p.joins(first)?)
                    }
                    InParentheses::Source(first) => InParentheses::Source(p.joins(first)?),
                }
            } else {
                InParentheses::Source(p.sources()?)
            };
            p.expect(TokenKind::RightParen)?;
            Ok(found)
        })
    }

    /// Whether what follows `(query)` makes it part of a larger query, not a source.
    fn at_query_end(&self) -> bool {
        self.at(TokenKind::RightParen)
            || ["union", "order", "slimit", "limit"].iter().any(|word| self.at_word(word))
    }
}

const fn is_window(kind: JoinKind) -> bool {
    matches!(kind, JoinKind::LeftWindow | JoinKind::RightWindow)
}
