//! Window clauses and FILL.

use super::{Parser, Result};
use crate::ast::{
    CountWindow, Duration, Expr, ExprKind, Fill, FillMode, Interval, Literal, StateExtend, Window,
};
use crate::error::ParseErrorKind;
use crate::lex::TokenKind;

impl Parser<'_> {
    /// The window clause, if one stands here.
    pub(super) fn window(&mut self) -> Result<Option<Window>> {
        if self.at_words("event_window", "start") {
            self.advance();
            return self.event_window().map(Some);
        }
        let kinds = ["interval", "session", "state_window", "count_window"];
        let Some(kind) = kinds.into_iter().find(|kind| self.at_word_before(kind, TokenKind::LeftParen))
        else {
            return Ok(None);
        };
        self.advance();
        Ok(Some(match kind {
            "interval" => Window::Interval(self.interval()?),
            "session" => self.in_parens(|p| {
                let column = p.expr()?;
                p.expect(TokenKind::Comma)?;
                Ok(Window::Session { column, gap: p.duration()? })
            })?,
            "state_window" => self.state_window()?,
            _ => Window::Count(self.in_parens(Self::count_window)?),
        }))
    }

    /// `(d [, off | , AUTO]) [SLIDING(s)] [WATERMARK d]`.
    fn interval(&mut self) -> Result<Interval> {
        let (width, offset, auto_offset) = self.in_parens(|p| {
            let width = p.duration()?;
            if !p.eat(TokenKind::Comma) {
                return Ok((width, None, false));
            }
            if p.eat_word("auto") {
                return Ok((width, None, true));
            }
            Ok((width, Some(p.duration()?), false))
        })?;
        let sliding = if self.at_word_before("sliding", TokenKind::LeftParen) {
            self.advance();
            Some(self.in_parens(Self::duration)?)
        } else {
            None
        };
        // Only streams, which are not here, wait for late rows.
        if self.eat_word("watermark") {
            self.duration()?;
        }
        Ok(Interval { width, offset, auto_offset, sliding })
    }

    /// `(e [, extend [, zeroth]]) [TRUE_FOR(d)]`.
    fn state_window(&mut self) -> Result<Window> {
        let (expr, extend, zeroth) = self.in_parens(|p| {
            let expr = p.expr()?;
            let extend = if p.eat(TokenKind::Comma) { p.state_extend()? } else { StateExtend::None };
            let zeroth = if p.eat(TokenKind::Comma) { Some(Box::new(p.expr()?)) } else { None };
            Ok((expr, extend, zeroth))
        })?;
        let true_for = self.true_for()?;
        Ok(Window::State { expr, extend, zeroth, true_for })
    }

    fn state_extend(&mut self) -> Result<StateExtend> {
        let place = self.token.span;
        Ok(match self.integer()? {
            0 => StateExtend::None,
            1 => StateExtend::Forward,
            2 => StateExtend::Backward,
            _ => return Err(self.error_at(ParseErrorKind::Syntax, place)),
        })
    }

    /// `START WITH e END WITH e [TRUE_FOR(d)]`.
    fn event_window(&mut self) -> Result<Window> {
        self.expect_word("start")?;
        self.expect_word("with")?;
        let start = self.expr()?;
        self.expect_word("end")?;
        self.expect_word("with")?;
        let end = self.expr()?;
        let true_for = self.true_for()?;
        Ok(Window::Event { start, end, true_for })
    }

    fn true_for(&mut self) -> Result<Option<Duration>> {
        if !self.at_word_before("true_for", TokenKind::LeftParen) {
            return Ok(None);
        }
        self.advance();
        self.in_parens(Self::duration).map(Some)
    }

    /// `n [, s] [, c …]`.
    fn count_window(&mut self) -> Result<CountWindow> {
        let rows = self.integer()?;
        let mut window = CountWindow { rows, sliding: None, columns: Vec::new() };
        if !self.eat(TokenKind::Comma) {
            return Ok(window);
        }
        let named = matches!(self.token.kind, TokenKind::Word | TokenKind::QuotedName);
        if !named {
            window.sliding = Some(self.integer()?);
            if !self.eat(TokenKind::Comma) {
                return Ok(window);
            }
        }
        window.columns = self.list(Self::column_name)?;
        Ok(window)
    }

    /// `FILL(mode [, v …])`; the token is `FILL`.
    pub(super) fn fill(&mut self) -> Result<Fill> {
        let start = self.advance().span.start;
        self.expect(TokenKind::LeftParen)?;
        let mode = self.fill_mode()?;
        let may_have_values = !matches!(mode, FillMode::None | FillMode::Null | FillMode::NullForced);
        let values = if may_have_values && self.eat(TokenKind::Comma) {
            self.list(Self::fill_value)?
        } else {
            Vec::new()
        };
        if values.is_empty() && matches!(mode, FillMode::Value | FillMode::ValueForced) {
            return Err(self.unexpected());
        }
        self.expect(TokenKind::RightParen)?;
        Ok(Fill { mode, values, span: self.span_from(start) })
    }

    fn fill_mode(&mut self) -> Result<FillMode> {
        let modes = [
            ("none", FillMode::None),
            ("null", FillMode::Null),
            ("null_f", FillMode::NullForced),
            ("prev", FillMode::Prev),
            ("next", FillMode::Next),
            ("linear", FillMode::Linear),
            ("near", FillMode::Near),
            ("value", FillMode::Value),
            ("value_f", FillMode::ValueForced),
        ];
        match modes.into_iter().find(|(word, _)| self.at_word(word)) {
            Some((_, mode)) => {
                self.advance();
                Ok(mode)
            }
            None => Err(self.unexpected()),
        }
    }

    /// A value of FILL. A sign before a number is part of the constant, as fills are not computed.
    fn fill_value(&mut self) -> Result<Expr> {
        let expr = self.expr()?;
        let ExprKind::Unary { op, expr: inner } = &expr.kind else { return Ok(expr) };
        let folded = match (op, &inner.kind) {
            (crate::ast::UnaryOp::Minus, ExprKind::Literal(literal)) => negated(literal),
            (crate::ast::UnaryOp::Plus, ExprKind::Literal(literal)) => Some(literal.clone()),
            _ => None,
        };
        Ok(match folded {
            Some(literal) => Expr { kind: ExprKind::Literal(literal), span: expr.span },
            None => expr,
        })
    }
}

/// The number with the other sign.
fn negated(literal: &Literal) -> Option<Literal> {
    match literal {
        Literal::Int(value) => value.checked_neg().map(Literal::Int),
        Literal::UInt(value) => 0_i64.checked_sub_unsigned(*value).map(Literal::Int),
        Literal::Float(value) => Some(Literal::Float(-value)),
        _ => None,
    }
}
