//! SELECT, clause by clause, unions, order and limits.

use super::{Parser, Result};
use crate::ast::{Duration, Expr, Literal};
use crate::ast::{ExprKind, Fill, Item, Limit, OrderItem, Partition, Query, Range, Select, SetExpr};
use crate::error::ParseErrorKind;
use crate::lex::TokenKind;
use crate::limits;

/// The clauses between PARTITION BY and the window.
#[derive(Default)]
struct Interpolation {
    range: Option<Range>,
    every: Option<Duration>,
    fill: Option<Fill>,
}

impl Parser<'_> {
    /// Selects joined by unions, with the order and limits of the whole.
    pub(super) fn query(&mut self) -> Result<Query> {
        self.nested(|p| {
            let first = p.set_operand()?;
            p.query_from(first)
        })
    }

    /// The rest of a query whose first part was read.
    pub(super) fn query_from(&mut self, first: SetExpr) -> Result<Query> {
        let body = self.unions(first)?;
        let order_by = if self.eat_word("order") {
            self.expect_word("by")?;
            self.short_list(limits::KEYS, Self::order_item)?
        } else {
            Vec::new()
        };
        let slimit = self.limit("slimit", "soffset")?;
        let limit = self.limit("limit", "offset")?;
        Ok(Query { body, order_by, slimit, limit })
    }

    fn unions(&mut self, first: SetExpr) -> Result<SetExpr> {
        let mut body = first;
        let mut parts = 1;
        while self.at_word("union") {
            parts += 1;
            if parts > limits::UNION_PARTS {
                return Err(self.error_at(ParseErrorKind::TooDeep, self.token.span));
            }
            self.advance();
            let all = self.eat_word("all");
            let right = Box::new(self.set_operand()?);
            body = SetExpr::Union { all, left: Box::new(body), right };
        }
        Ok(body)
    }

    /// `SELECT …` or `(query)`.
    fn set_operand(&mut self) -> Result<SetExpr> {
        if self.eat(TokenKind::LeftParen) {
            let query = self.query()?;
            self.expect(TokenKind::RightParen)?;
            return Ok(SetExpr::Query(Box::new(query)));
        }
        self.select().map(|select| SetExpr::Select(Box::new(select)))
    }

    fn select(&mut self) -> Result<Select> {
        self.expect_word("select")?;
        let distinct = self.eat_word("distinct");
        if !distinct {
            self.eat_word("all");
        }
        let tags = self.at_tags_modifier();
        if tags {
            self.advance();
        }
        let items = self.list(Self::item)?;
        let from = if self.eat_word("from") { Some(self.sources()?) } else { None };
        let filter = if self.eat_word("where") { Some(self.expr()?) } else { None };
        let partition_by = if self.eat_words("partition", "by") {
            self.short_list(limits::KEYS, Self::partition)?
        } else {
            Vec::new()
        };
        let mut interpolation = self.interpolation()?;
        let window = self.window()?;
        if window.is_some() && self.at_word_before("fill", TokenKind::LeftParen) {
            if interpolation.fill.is_some() {
                return Err(self.unexpected());
            }
            interpolation.fill = Some(self.fill()?);
        }
        let group_by = if self.eat_word("group") {
            self.expect_word("by")?;
            self.short_list(limits::KEYS, Self::expr)?
        } else {
            Vec::new()
        };
        let having = if self.eat_word("having") { Some(self.expr()?) } else { None };
        let Interpolation { range, every, fill } = interpolation;
        Ok(Select {
            distinct,
            tags,
            items,
            from,
            filter,
            partition_by,
            range,
            every,
            fill,
            window,
            group_by,
            having,
        })
    }

    /// `TAGS` before an item; a column may have this name too.
    fn at_tags_modifier(&self) -> bool {
        if !self.at_word("tags") {
            return false;
        }
        let mut ahead = self.lexer.clone();
        let next = ahead.next_token();
        match next.kind {
            TokenKind::QuotedName | TokenKind::Text | TokenKind::Integer => true,
            TokenKind::Star => matches!(ahead.next_token().kind, TokenKind::Comma | TokenKind::Word),
            TokenKind::Word => {
                let goes_on =
                    ["from", "as", "and", "or", "is", "not", "like", "match", "nmatch", "in", "between"];
                !goes_on.iter().any(|word| self.is_word(next, word))
            }
            _ => false,
        }
    }

    fn item(&mut self) -> Result<Item> {
        if let Some(star) = self.star()? {
            return Ok(match star.kind {
                ExprKind::Star { table: Some(table) } => Item::TableStar(table),
                _ => Item::Star(star.span),
            });
        }
        let expr = self.expr()?;
        Ok(Item::Expr { expr, alias: self.alias()? })
    }

    fn partition(&mut self) -> Result<Partition> {
        let expr = self.expr()?;
        Ok(Partition { expr, alias: self.alias()? })
    }

    /// `[RANGE(…)] [EVERY(d)] [FILL(…)]`.
    fn interpolation(&mut self) -> Result<Interpolation> {
        let mut found = Interpolation::default();
        if self.at_word_before("range", TokenKind::LeftParen) {
            self.advance();
            found.range = Some(self.range()?);
        }
        if self.at_word_before("every", TokenKind::LeftParen) {
            self.advance();
            found.every = Some(self.in_parens(Self::duration)?);
        }
        if self.at_word_before("fill", TokenKind::LeftParen) {
            found.fill = Some(self.fill()?);
        }
        Ok(found)
    }

    /// `(t1 [, t2] [, d])`: a duration at the end is the distance.
    fn range(&mut self) -> Result<Range> {
        let place = self.token.span;
        let mut args = self.parenthesised(Self::expr)?;
        let within = match args.last() {
            Some(Expr { kind: ExprKind::Literal(Literal::Duration(duration)), .. }) => Some(*duration),
            _ => None,
        };
        if within.is_some() {
            args.pop();
        }
        let mut args = args.into_iter();
        match (args.next(), args.next(), args.next()) {
            (Some(start), end, None) => Ok(Range { start, end, within }),
            _ => Err(self.error_at(ParseErrorKind::Syntax, place)),
        }
    }

    fn order_item(&mut self) -> Result<OrderItem> {
        let expr = self.expr()?;
        let descending = self.eat_word("desc");
        if !descending {
            self.eat_word("asc");
        }
        let nulls_first = if self.eat_word("nulls") {
            let first = self.eat_word("first");
            if !first {
                self.expect_word("last")?;
            }
            Some(first)
        } else {
            None
        };
        Ok(OrderItem { expr, descending, nulls_first })
    }

    /// `LIMIT n [OFFSET m]` or `LIMIT m, n`, under these words.
    fn limit(&mut self, word: &str, offset_word: &str) -> Result<Option<Limit>> {
        if !self.eat_word(word) {
            return Ok(None);
        }
        let first = self.integer()?;
        Ok(Some(if self.eat(TokenKind::Comma) {
            Limit { count: self.integer()?, offset: first }
        } else if self.eat_word(offset_word) {
            Limit { count: first, offset: self.integer()? }
        } else {
            Limit { count: first, offset: 0 }
        }))
    }
}
