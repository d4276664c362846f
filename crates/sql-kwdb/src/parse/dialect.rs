//! What KWDB's grammar has beside sqlparser's PostgreSQL: precedences, `//`, `IS NAN`, and no operators made of any
//! signs (`a>-1` is a comparison).

use std::any::TypeId;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    Ident, ObjectName, UnaryOperator,
};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

pub(crate) static DIALECT: KwDialect = KwDialect;

/// KWDB's SQL for sqlparser, which takes it for [`PostgreSqlDialect`] where it asks for a dialect by type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KwDialect;

const POSTGRES: PostgreSqlDialect = PostgreSqlDialect {};

/// Tighter than `^`, weaker than `::`.
const UNARY: u8 = 105;
const SHIFT: u8 = 78;
const BIT_AND: u8 = 76;
const BIT_XOR: u8 = 74;
const BIT_OR: u8 = 72;
const CONCAT: u8 = 71;

impl Dialect for KwDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        POSTGRES.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        POSTGRES.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        ch == '"'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        POSTGRES.is_reserved_for_identifier(keyword)
    }

    fn prec_value(&self, prec: Precedence) -> u8 {
        POSTGRES.prec_value(prec)
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        let precedence = match &parser.peek_token_ref().token {
            Token::ShiftLeft | Token::ShiftRight => SHIFT,
            Token::Ampersand => BIT_AND,
            Token::Sharp => BIT_XOR,
            Token::Pipe => BIT_OR,
            Token::StringConcat => CONCAT,
            Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk => self.prec_value(Precedence::Like),
            _ => return POSTGRES.get_next_precedence(parser),
        };
        Some(Ok(precedence))
    }

    /// Signs bind tighter than `^`.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let op = match &parser.peek_token_ref().token {
            Token::Minus => UnaryOperator::Minus,
            Token::Plus => UnaryOperator::Plus,
            Token::Tilde => UnaryOperator::BitwiseNot,
            _ => return None,
        };
        parser.next_token();
        let operand = parser.parse_subexpr(UNARY);
        Some(operand.map(|expr| Expr::UnaryOp { op, expr: Box::new(expr) }))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::DuckIntDiv => {
                parser.next_token();
                let right = parser.parse_subexpr(precedence);
                Some(right.map(|right| Expr::BinaryOp {
                    left: Box::new(expr.clone()),
                    op: BinaryOperator::DuckIntegerDivide,
                    right: Box::new(right),
                }))
            }
            Token::Word(word) if word.keyword == Keyword::IS => is_nan(parser, expr).map(Ok),
            _ => None,
        }
    }

    fn supports_unicode_string_literal(&self) -> bool {
        false
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn allow_extract_single_quotes(&self) -> bool {
        true
    }

    /// `extract('part', ts)`
    fn supports_extract_comma_syntax(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_nested_comments(&self) -> bool {
        true
    }

    fn supports_string_escape_constant(&self) -> bool {
        true
    }

    fn supports_array_typedef_with_brackets(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_interval_options(&self) -> bool {
        true
    }

    fn supports_insert_table_alias(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }
}

/// `IS [NOT] NAN` as the function of that meaning.
fn is_nan(parser: &mut Parser<'_>, expr: &Expr) -> Option<Expr> {
    let word = |parser: &Parser<'_>, n: usize, text: &str| {
        matches!(&parser.peek_nth_token_ref(n).token, Token::Word(w)
            if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(text))
    };
    let negated = word(parser, 1, "NOT");
    let words = if negated { 3 } else { 2 };
    if !word(parser, words - 1, "NAN") {
        return None;
    }
    for _ in 0..words {
        parser.next_token();
    }
    let call = call("isnan", expr.clone());
    Some(if negated { Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(call) } } else { call })
}

fn call(name: &str, argument: Expr) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
