//! Expressions, by operator precedence.

use super::{Parser, Result};
use crate::ast::{BinaryOp, Expr, ExprKind, Ident, Literal, Span, UnaryOp};
use crate::error::ParseErrorKind;
use crate::lex::{self, Token, TokenKind};
use crate::limits;

/// How tightly operators bind, from loose to tight (sheet section 2).
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARISON: u8 = 4;
    pub(super) const BIT_OR: u8 = 5;
    pub(super) const BIT_AND: u8 = 6;
    pub(super) const SUM: u8 = 7;
    pub(super) const PRODUCT: u8 = 8;
    pub(super) const ARROW: u8 = 9;
    pub(super) const UNARY: u8 = 10;
}

/// Words that never name a column where an expression starts, unless back-quoted: elsewhere in a query they
/// would be taken for the clause or operator that they begin. Far fewer than the vendor's.
const RESERVED: &[&str] = &[
    "all", "and", "as", "between", "by", "case", "distinct", "else", "end", "exists", "from", "group",
    "having", "in", "is", "join", "like", "limit", "not", "on", "or", "order", "select", "slimit", "then",
    "union", "when", "where",
];

/// An expression and how tall its tree is.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) expr: Expr,
    pub(super) height: u32,
}

/// What may follow an operand.
enum Infix {
    Binary(BinaryOp),
    Is,
    Between { negated: bool },
    In { negated: bool },
}

impl Parser<'_> {
    /// An expression.
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.expr_from(level::OR)
    }

    /// An expression in which comparisons, `IN` and logic need parentheses.
    pub(super) fn value_expr(&mut self) -> Result<Expr> {
        self.expr_from(level::BIT_OR)
    }

    fn expr_from(&mut self, loosest: u8) -> Result<Expr> {
        let node = self.nested(|p| p.binary(loosest))?;
        self.tallest = self.tallest.max(node.height);
        Ok(node.expr)
    }

    /// Operands and operators that bind at least as tightly as `loosest`.
    fn binary(&mut self, loosest: u8) -> Result<Node> {
        // After a comparison no second one may follow: `a = b = c` means nothing.
        let mut tightest = if self.at_word("not") { level::NOT } else { u8::MAX };
        let mut left = self.prefix(loosest)?;
        while let Some((infix, level)) = self.infix() {
            if level < loosest || level > tightest {
                break;
            }
            left = match infix {
                Infix::Binary(op @ (BinaryOp::And | BinaryOp::Or)) => self.logic(left, op, level)?,
                other => self.operation(left, other, level)?,
            };
            tightest = if level == level::COMPARISON { level - 1 } else { level };
        }
        Ok(left)
    }

    fn infix(&self) -> Option<(Infix, u8)> {
        use BinaryOp::*;
        let (op, level) = match self.token.kind {
            TokenKind::Plus => (Add, level::SUM),
            TokenKind::Minus => (Sub, level::SUM),
            TokenKind::Star => (Mul, level::PRODUCT),
            TokenKind::Slash => (Div, level::PRODUCT),
            TokenKind::Percent => (Rem, level::PRODUCT),
            TokenKind::Ampersand => (BitAnd, level::BIT_AND),
            TokenKind::Pipe => (BitOr, level::BIT_OR),
            TokenKind::Arrow => (Arrow, level::ARROW),
            TokenKind::Eq => (Eq, level::COMPARISON),
            TokenKind::NotEq => (NotEq, level::COMPARISON),
            TokenKind::Lt => (Lt, level::COMPARISON),
            TokenKind::LtEq => (LtEq, level::COMPARISON),
            TokenKind::Gt => (Gt, level::COMPARISON),
            TokenKind::GtEq => (GtEq, level::COMPARISON),
            TokenKind::Word => return self.word_infix(),
            _ => return None,
        };
        Some((Infix::Binary(op), level))
    }

    fn word_infix(&self) -> Option<(Infix, u8)> {
        use BinaryOp::*;
        let is = |word| self.at_word(word);
        let infix = if is("and") {
            return Some((Infix::Binary(And), level::AND));
        } else if is("or") {
            return Some((Infix::Binary(Or), level::OR));
        } else if is("like") {
            Infix::Binary(Like)
        } else if is("match") || is("regexp") {
            Infix::Binary(Match)
        } else if is("nmatch") {
            Infix::Binary(NotMatch)
        } else if is("is") {
            Infix::Is
        } else if is("between") {
            Infix::Between { negated: false }
        } else if is("in") {
            Infix::In { negated: false }
        } else if self.at_word_before("contains", TokenKind::Text) {
            Infix::Binary(Contains)
        } else if is("not") {
            self.negated_infix()?
        } else {
            return None;
        };
        Some((infix, level::COMPARISON))
    }

    /// The operator behind `NOT`.
    fn negated_infix(&self) -> Option<Infix> {
        let next = self.peek();
        let is = |word| self.is_word(next, word);
        Some(if is("like") {
            Infix::Binary(BinaryOp::NotLike)
        } else if is("match") || is("regexp") {
            Infix::Binary(BinaryOp::NotMatch)
        } else if is("between") {
            Infix::Between { negated: true }
        } else if is("in") {
            Infix::In { negated: true }
        } else {
            return None;
        })
    }

    /// `a AND b AND c …` as a balanced tree: clients write chains of thousands.
    fn logic(&mut self, first: Node, op: BinaryOp, level: u8) -> Result<Node> {
        let word = if op == BinaryOp::And { "and" } else { "or" };
        let mut operands = vec![first];
        while self.eat_word(word) {
            operands.push(self.binary(level + 1)?);
        }
        while operands.len() > 1 {
            let mut pairs = Vec::with_capacity(operands.len().div_ceil(2));
            let mut rest = operands.into_iter();
            while let Some(left) = rest.next() {
                pairs.push(match rest.next() {
                    Some(right) => self.join(left, op, right)?,
                    None => left,
                });
            }
            operands = pairs;
        }
        operands.pop().ok_or_else(|| self.unexpected())
    }

    fn operation(&mut self, left: Node, infix: Infix, level: u8) -> Result<Node> {
        match infix {
            Infix::Binary(op) => {
                if matches!(op, BinaryOp::NotLike) || (op == BinaryOp::NotMatch && self.at_word("not")) {
                    self.advance();
                }
                self.advance();
                let right = self.binary(level + 1)?;
                if matches!(op, BinaryOp::Like | BinaryOp::NotLike)
                    && let ExprKind::Literal(Literal::Text(pattern)) = &right.expr.kind
                {
                    self.check_pattern(pattern, right.expr.span)?;
                }
                self.join(left, op, right)
            }
            Infix::Is => {
                self.advance();
                let negated = self.eat_word("not");
                self.expect_word("null")?;
                let start = left.expr.span.start;
                let kind = ExprKind::IsNull { expr: Box::new(left.expr), negated };
                self.node(kind, self.span_from(start), left.height)
            }
            Infix::Between { negated } => {
                self.skip_not(negated);
                let low = self.binary(level + 1)?;
                self.expect_word("and")?;
                let high = self.binary(level + 1)?;
                let height = left.height.max(low.height).max(high.height);
                let span = Span { start: left.expr.span.start, end: high.expr.span.end };
                let (expr, low, high) = (Box::new(left.expr), Box::new(low.expr), Box::new(high.expr));
                self.node(ExprKind::Between { expr, negated, low, high }, span, height)
            }
            Infix::In { negated } => {
                self.skip_not(negated);
                self.in_tail(left, negated)
            }
        }
    }

    /// Goes past `[NOT] IN` or `[NOT] BETWEEN`.
    fn skip_not(&mut self, negated: bool) {
        if negated {
            self.advance();
        }
        self.advance();
    }

    /// What stands behind `IN`.
    fn in_tail(&mut self, left: Node, negated: bool) -> Result<Node> {
        let start = left.expr.span.start;
        let expr = Box::new(left.expr);
        self.expect(TokenKind::LeftParen)?;
        let outer = std::mem::take(&mut self.tallest);
        let kind = ExprKind::InList { expr, negated, list: self.list(Self::expr)? };
        self.expect(TokenKind::RightParen)?;
        let height = std::mem::replace(&mut self.tallest, outer);
        self.node(kind, self.span_from(start), height.max(left.height))
    }

    fn join(&self, left: Node, op: BinaryOp, right: Node) -> Result<Node> {
        let span = Span { start: left.expr.span.start, end: right.expr.span.end };
        let height = left.height.max(right.height);
        let (left, right) = (Box::new(left.expr), Box::new(right.expr));
        self.node(ExprKind::Binary { op, left, right }, span, height)
    }

    /// A node above others of `height`.
    pub(super) fn node(&self, kind: ExprKind, span: Span, height: u32) -> Result<Node> {
        if height >= limits::DEPTH {
            return Err(self.error_at(ParseErrorKind::TooDeep, span));
        }
        Ok(Node { expr: Expr { kind, span }, height: height + 1 })
    }

    /// An operand with the operators before it.
    fn prefix(&mut self, loosest: u8) -> Result<Node> {
        let op = match self.token.kind {
            TokenKind::Minus => UnaryOp::Minus,
            TokenKind::Plus => UnaryOp::Plus,
            TokenKind::Word if loosest <= level::NOT && self.at_word("not") => UnaryOp::Not,
            _ => return self.primary(),
        };
        let start = self.advance().span.start;
        let level = if op == UnaryOp::Not { level::NOT } else { level::UNARY };
        let operand = self.nested(|p| p.binary(level))?;
        let span = Span { start, end: operand.expr.span.end };
        let kind = ExprKind::Unary { op, expr: Box::new(operand.expr) };
        self.node(kind, span, operand.height)
    }

    fn primary(&mut self) -> Result<Node> {
        match self.token.kind {
            TokenKind::Integer | TokenKind::Float | TokenKind::Duration | TokenKind::Text => self.constant(),
            TokenKind::LeftParen => self.in_parentheses(),
            TokenKind::QuotedName => self.column(),
            TokenKind::Word => self.word_primary(),
            _ => Err(self.unexpected()),
        }
    }

    fn constant(&mut self) -> Result<Node> {
        let token = self.token;
        let text = self.text_of(token.span);
        let literal = match token.kind {
            TokenKind::Text => Some(Literal::Text(lex::unescape(text).into_owned())),
            TokenKind::Duration => lex::duration(text).map(Literal::Duration),
            _ => lex::number(text),
        };
        let Some(literal) = literal else { return Err(self.unexpected()) };
        self.advance();
        self.node(ExprKind::Literal(literal), token.span, 0)
    }

    /// `(e)`.
    fn in_parentheses(&mut self) -> Result<Node> {
        let start = self.advance().span.start;
        let outer = std::mem::take(&mut self.tallest);
        let kind = self.expr()?.kind;
        self.expect(TokenKind::RightParen)?;
        let height = std::mem::replace(&mut self.tallest, outer);
        // Parentheses make no node of their own.
        self.node(kind, self.span_from(start), height.saturating_sub(1))
    }

    fn word_primary(&mut self) -> Result<Node> {
        let token = self.token;
        let next = self.peek();
        let called = next.kind == TokenKind::LeftParen;
        if next.kind != TokenKind::Dot {
            if self.at_word("case") {
                return self.case();
            }
            if called && self.at_word("cast") {
                return self.cast();
            }
            if let Some(literal) = self.word_constant(called) {
                self.advance();
                return self.node(ExprKind::Literal(literal), token.span, 0);
            }
            if self.at_word_before("timestamp", TokenKind::Text) {
                self.advance();
                let literal = Literal::Timestamp(self.quoted_text()?);
                return self.node(ExprKind::Literal(literal), self.span_from(token.span.start), 0);
            }
        }
        if RESERVED.iter().any(|word| self.at_word(word)) {
            return Err(self.unexpected());
        }
        if called { self.call() } else { self.column() }
    }

    /// `NULL`, `TRUE`, `FALSE`, `NOW`, `TODAY`; with parentheses the last two are calls.
    fn word_constant(&self, called: bool) -> Option<Literal> {
        let is = |word| self.at_word(word);
        Some(if is("null") {
            Literal::Null
        } else if is("true") {
            Literal::Bool(true)
        } else if is("false") {
            Literal::Bool(false)
        } else if !called && is("now") {
            Literal::Now
        } else if !called && is("today") {
            Literal::Today
        } else {
            return None;
        })
    }

    /// `c` or `t.c`.
    fn column(&mut self) -> Result<Node> {
        let start = self.token.span.start;
        let (table, name) = self.column_parts()?;
        self.node(ExprKind::Column { table, name }, self.span_from(start), 0)
    }

    fn column_parts(&mut self) -> Result<(Option<Ident>, Ident)> {
        if self.peek().kind != TokenKind::Dot {
            return Ok((None, self.column_name()?));
        }
        let table = self.bare_table_name()?;
        self.expect(TokenKind::Dot)?;
        Ok((Some(table), self.column_name()?))
    }

    /// Whether the token may be an alias without `AS` or a table's name: not a word that goes on with the query.
    pub(super) fn at_free_name(&self) -> bool {
        match self.token.kind {
            TokenKind::QuotedName => true,
            TokenKind::Word => !self.at_clause(),
            _ => false,
        }
    }

    /// Whether the word begins something that may follow an item, a table or a key.
    fn at_clause(&self) -> bool {
        const ALWAYS: &[&str] =
            &["jlimit", "match", "nmatch", "nulls", "offset", "regexp", "soffset", "asc", "desc"];
        const BEFORE_PARENTHESIS: &[&str] = &[
            "every",
            "fill",
            "interval",
            "range",
            "session",
            "state_window",
            "count_window",
            "sliding",
            "true_for",
            "window_offset",
            "watermark",
        ];
        const JOINS: &[&str] = &["join", "outer", "semi", "anti", "asof", "window"];
        let word = |words: &[&str]| words.iter().any(|word| self.at_word(word));
        if word(RESERVED) || word(ALWAYS) {
            return true;
        }
        let next: Token = self.peek();
        let before = |words: &[&str]| words.iter().any(|word| self.is_word(next, word));
        (next.kind == TokenKind::LeftParen && word(BEFORE_PARENTHESIS))
            || (word(&["left", "right", "full"]) && before(JOINS))
            || (self.at_word("inner") && before(&["join"]))
            || (self.at_word("partition") && before(&["by"]))
            || (self.at_word("event_window") && before(&["start"]))
            || (self.at_word("watermark") && next.kind == TokenKind::Duration)
    }
}
