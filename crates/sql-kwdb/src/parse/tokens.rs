//! One pass of sqlparser's tokenizer, and the tokens of KWDB's that sqlparser has in other forms: intervals without
//! quotes (`1h`), `//`, `ISNULL`, and `[SHOW …]` where a table stands.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Whitespace, Word};
use triglot_parse_sql::{BoundError, bounds, byte_offset};

use super::dialect::DIALECT;
use crate::KwError;

/// Units of intervals without quotes, and PostgreSQL's words for them.
const UNITS: [(&str, &str); 12] = [
    ("ns", "nanosecond"),
    ("us", "microsecond"),
    ("µs", "microsecond"),
    ("ms", "millisecond"),
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mon", "month"),
    ("y", "year"),
    ("min", "minute"),
];

/// The tokens of one statement without comments; a text with too many is refused before they are made.
pub(super) fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, KwError> {
    bounds::check_tokens(text).map_err(too_large)?;
    let tokens = Tokenizer::new(&DIALECT, text).tokenize_with_location();
    // What has no end is all that the tokenizer refuses.
    let mut tokens = tokens.map_err(|_| KwError::syntax("EOF"))?;
    let is_comment = |token: &Token| {
        matches!(
            token,
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
        )
    };
    tokens.retain(|t| !is_comment(&t.token) && t.token != Token::EOF);
    while tokens.last().is_some_and(|t| matches!(t.token, Token::SemiColon | Token::Whitespace(_))) {
        tokens.pop();
    }
    Ok(tokens)
}

pub(super) fn too_large(error: BoundError) -> KwError {
    KwError::parsing("54001", error.to_string())
}

/// Tokens as expressions need them. Definitions do not: there `1d` is a number and a word.
pub(super) fn for_expressions(tokens: Vec<TokenWithSpan>, text: &str) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match &token.token {
            Token::Number(number, _) => {
                let follows =
                    tokens.next_if(|next| next.span.start == token.span.end && unit(next).is_some());
                match follows.as_ref().and_then(unit) {
                    Some(unit) => interval(&mut out, format!("{number} {unit}"), &token, follows.as_ref()),
                    None => out.push(token),
                }
            }
            Token::Div => match tokens.next_if(|n| n.token == Token::Div && n.span.start == token.span.end) {
                Some(second) => out.push(spanned(Token::DuckIntDiv, &token, &second)),
                None => out.push(token),
            },
            Token::LBracket if tokens.peek().is_some_and(|next| is_word(next, "SHOW")) => {
                let inner: Vec<_> = take_through_bracket(&mut tokens);
                out.push(row_source(&token, inner.last(), text));
            }
            Token::Word(word) if is_bare(word, "ISNULL") && follows_operand(&out) => {
                let call = tokens.peek().is_some_and(|next| next.token == Token::LParen);
                if call { out.push(token) } else { out.extend(is_null(&token)) }
            }
            _ => out.push(token),
        }
    }
    super::fill::as_conditions(out)
}

fn unit(token: &TokenWithSpan) -> Option<&'static str> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => {
            UNITS.iter().find(|(short, _)| word.value.eq_ignore_ascii_case(short)).map(|(_, long)| *long)
        }
        _ => None,
    }
}

/// `INTERVAL 'n unit'` in the place of `first` and `last`.
fn interval(out: &mut Vec<TokenWithSpan>, text: String, first: &TokenWithSpan, last: Option<&TokenWithSpan>) {
    let last = last.unwrap_or(first);
    out.push(TokenWithSpan::new(Token::make_keyword("INTERVAL"), first.span));
    out.push(TokenWithSpan::new(Token::Whitespace(Whitespace::Space), last.span));
    out.push(spanned(Token::SingleQuotedString(text), first, last));
}

/// Everything up to the bracket that closes an open one.
fn take_through_bracket(tokens: &mut impl Iterator<Item = TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut taken = Vec::new();
    for token in tokens {
        let is_end = token.token == Token::RBracket;
        taken.push(token);
        if is_end {
            break;
        }
    }
    taken
}

/// A table whose name is the statement that gives its rows, brackets and all: what resolves names finds it by the
/// first of them.
fn row_source(open: &TokenWithSpan, close: Option<&TokenWithSpan>, text: &str) -> TokenWithSpan {
    let end = close.unwrap_or(open).span.end;
    let bounds = byte_offset(text, open.span.start).zip(byte_offset(text, end));
    let written = bounds.and_then(|(start, end)| text.get(start..end)).unwrap_or_default();
    let word = Word { value: written.to_owned(), quote_style: Some('"'), keyword: Keyword::NoKeyword };
    TokenWithSpan::new(Token::Word(word), Span::new(open.span.start, end))
}

fn is_null(token: &TokenWithSpan) -> [TokenWithSpan; 3] {
    [Token::make_keyword("IS"), Token::Whitespace(Whitespace::Space), Token::make_keyword("NULL")]
        .map(|part| TokenWithSpan::new(part, token.span))
}

/// Whether what was read last can be the left side of an operator.
fn follows_operand(out: &[TokenWithSpan]) -> bool {
    let last = out.iter().rev().map(|t| &t.token).find(|t| !matches!(t, Token::Whitespace(_)));
    match last {
        Some(Token::Word(word)) => word.quote_style.is_some() || word.keyword == Keyword::NoKeyword,
        Some(Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen | Token::RBracket) => true,
        _ => false,
    }
}

fn is_word(token: &TokenWithSpan, text: &str) -> bool {
    matches!(&token.token, Token::Word(word) if is_bare(word, text))
}

fn is_bare(word: &Word, text: &str) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text)
}

fn spanned(token: Token, first: &TokenWithSpan, last: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan::new(token, Span::new(first.span.start, last.span.end))
}
