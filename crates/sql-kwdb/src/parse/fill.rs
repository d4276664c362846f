//! `WHERE … FILL(mode)`: sqlparser knows no such clause, so the query gets it as the last condition, a call of
//! [`FILL`], which planning takes out again.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

/// The function that stands for the clause.
pub(crate) const FILL: &str = "__fill";

/// Makes conditions of FILL clauses.
pub(super) fn as_conditions(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_fill = matches!(&token.token, Token::Word(word)
            if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("FILL"));
        if !is_fill || !ends_operand(&out) {
            out.push(token);
            continue;
        }
        let mut between = Vec::new();
        while let Some(blank) = tokens.next_if(|next| matches!(next.token, Token::Whitespace(_))) {
            between.push(blank);
        }
        if tokens.peek().is_none_or(|next| next.token != Token::LParen) {
            out.push(token);
            out.extend(between);
            continue;
        }
        let span = token.span;
        let call = Word { value: FILL.to_owned(), quote_style: None, keyword: Keyword::NoKeyword };
        let condition = [Token::make_keyword("AND"), Token::Whitespace(Whitespace::Space), Token::Word(call)];
        out.extend(condition.map(|token| TokenWithSpan::new(token, span)));
    }
    out
}

/// Whether what was read last can end a condition.
fn ends_operand(out: &[TokenWithSpan]) -> bool {
    let last = out.iter().rev().map(|t| &t.token).find(|t| !matches!(t, Token::Whitespace(_)));
    match last {
        Some(Token::Word(word)) => {
            word.quote_style.is_some()
                || matches!(word.keyword, Keyword::NoKeyword | Keyword::TRUE | Keyword::FALSE | Keyword::NULL)
        }
        Some(Token::Number(..) | Token::SingleQuotedString(_) | Token::RParen) => true,
        _ => false,
    }
}
