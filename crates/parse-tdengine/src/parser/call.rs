//! CASE, CAST and calls with their special forms.

use super::expr::Node;
use super::{Parser, Result};
use crate::ast::{Arg, Call, Expr, ExprKind, Ident};
use crate::lex::TokenKind;
use crate::limits;

impl Parser<'_> {
    /// `CASE [v] WHEN a THEN b … [ELSE e] END`.
    pub(super) fn case(&mut self) -> Result<Node> {
        let start = self.advance().span.start;
        let outer = std::mem::take(&mut self.tallest);
        let operand = if self.at_word("when") { None } else { Some(Box::new(self.expr()?)) };
        let mut branches = Vec::new();
        while self.eat_word("when") {
            let when = self.expr()?;
            self.expect_word("then")?;
            branches.push((when, self.expr()?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = if self.eat_word("else") { Some(Box::new(self.expr()?)) } else { None };
        self.expect_word("end")?;
        let height = std::mem::replace(&mut self.tallest, outer);
        self.node(ExprKind::Case { operand, branches, otherwise }, self.span_from(start), height)
    }

    /// `CAST(e AS type)`.
    pub(super) fn cast(&mut self) -> Result<Node> {
        let start = self.advance().span.start;
        self.expect(TokenKind::LeftParen)?;
        let outer = std::mem::take(&mut self.tallest);
        let expr = Box::new(self.expr()?);
        let height = std::mem::replace(&mut self.tallest, outer);
        self.expect_word("as")?;
        let to = self.type_name(false)?;
        self.expect(TokenKind::RightParen)?;
        self.node(ExprKind::Cast { expr, to }, self.span_from(start), height)
    }

    /// `f(…)`; the token is the name.
    pub(super) fn call(&mut self) -> Result<Node> {
        let start = self.token.span.start;
        let mut name = self.name(limits::COLUMN_NAME)?;
        self.expect(TokenKind::LeftParen)?;
        let outer = std::mem::take(&mut self.tallest);
        let args = match name.name.as_str() {
            _ if self.at(TokenKind::RightParen) => Vec::new(),
            "trim" => self.trim_args(&mut name)?,
            "position" => self.position_args()?,
            "substr" | "substring" => self.substring_args()?,
            "cols" => self.short_list(limits::ARGUMENTS, Self::arg_with_alias)?,
            _ => self.short_list(limits::ARGUMENTS, Self::arg)?,
        };
        self.expect(TokenKind::RightParen)?;
        let height = std::mem::replace(&mut self.tallest, outer);
        self.node(ExprKind::Call(Call { name, args }), self.span_from(start), height)
    }

    /// `e`, `*`, `t.*`.
    fn arg(&mut self) -> Result<Arg> {
        Ok(plain(match self.star()? {
            Some(star) => star,
            None => self.expr()?,
        }))
    }

    /// `e [[AS] a]`, `*`, `t.*`.
    fn arg_with_alias(&mut self) -> Result<Arg> {
        let arg = self.arg()?;
        Ok(Arg { alias: self.alias()?, ..arg })
    }

    /// `*` or `t.*`, if it stands here.
    pub(super) fn star(&mut self) -> Result<Option<Expr>> {
        let start = self.token.span.start;
        if self.eat(TokenKind::Star) {
            let span = self.span_from(start);
            return Ok(Some(Expr { kind: ExprKind::Star { table: None }, span }));
        }
        if !self.at_table_star() {
            return Ok(None);
        }
        let table = Some(self.bare_table_name()?);
        self.expect(TokenKind::Dot)?;
        self.expect(TokenKind::Star)?;
        let span = self.span_from(start);
        Ok(Some(Expr { kind: ExprKind::Star { table }, span }))
    }

    /// Whether `t.*` stands here.
    fn at_table_star(&self) -> bool {
        let mut ahead = self.lexer.clone();
        matches!(self.token.kind, TokenKind::Word | TokenKind::QuotedName)
            && ahead.next_token().kind == TokenKind::Dot
            && ahead.next_token().kind == TokenKind::Star
    }

    /// `[LEADING|TRAILING|BOTH] [x] FROM s`, or plain arguments. The sides make it `ltrim`, `rtrim`, `trim`.
    fn trim_args(&mut self, name: &mut Ident) -> Result<Vec<Arg>> {
        let side = ["leading", "trailing", "both"].into_iter().find(|side| self.at_trim_side(side));
        if side.is_some() {
            self.advance();
        }
        match side {
            Some("leading") => "ltrim".clone_into(&mut name.name),
            Some("trailing") => "rtrim".clone_into(&mut name.name),
            _ => {}
        }
        if side.is_some() && self.eat_word("from") {
            return Ok(vec![plain(self.expr()?)]);
        }
        let first = self.expr()?;
        if self.eat_word("from") {
            return Ok(vec![plain(self.expr()?), plain(first)]);
        }
        if side.is_some() {
            return Err(self.unexpected());
        }
        self.more_args(first)
    }

    /// Whether the side of a TRIM stands here, not a column of its name.
    fn at_trim_side(&self, side: &str) -> bool {
        self.at_word(side) && !matches!(self.peek().kind, TokenKind::RightParen | TokenKind::Comma)
    }

    /// `a IN b`, or plain arguments.
    fn position_args(&mut self) -> Result<Vec<Arg>> {
        let first = self.value_expr()?;
        if self.eat_word("in") {
            return Ok(vec![plain(first), plain(self.expr()?)]);
        }
        self.more_args(first)
    }

    /// `s FROM p [FOR n]`, or plain arguments.
    fn substring_args(&mut self) -> Result<Vec<Arg>> {
        let first = self.expr()?;
        if !self.eat_word("from") {
            return self.more_args(first);
        }
        let mut args = vec![plain(first), plain(self.expr()?)];
        if self.eat_word("for") {
            args.push(plain(self.expr()?));
        }
        Ok(args)
    }

    fn more_args(&mut self, first: Expr) -> Result<Vec<Arg>> {
        let mut args = vec![plain(first)];
        while self.eat(TokenKind::Comma) {
            args.push(self.arg()?);
        }
        Ok(args)
    }

    /// `[AS] alias`. Quoted texts are no aliases.
    pub(super) fn alias(&mut self) -> Result<Option<Ident>> {
        if self.eat_word("as") {
            return self.column_name().map(Some);
        }
        if self.at_free_name() { self.column_name().map(Some) } else { Ok(None) }
    }
}

const fn plain(expr: Expr) -> Arg {
    Arg { expr, alias: None }
}
