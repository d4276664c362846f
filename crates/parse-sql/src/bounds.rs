//! What one statement may hold, checked on its text and tokens before sqlparser sees them: its trees are as deep as a
//! chain of operators is long, and are dropped recursively.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// How many operators one statement may hold outside of literal lists. sqlparser bounds nesting by
/// brackets, but `1+1+1…` makes an expression as deep as it is long, which is dropped recursively:
/// unbounded, 16 MiB of it would overflow the stack.
pub const MAX_OPERATORS: usize = 2_000;

/// The same for statements whose expressions are planned on the connection's thread, with its usual stack: all but queries
/// and inserts.
pub const MAX_OPERATORS_INLINE: usize = 500;

/// How many tokens, blanks among them, one text may hold. Each takes about 100 bytes while it is parsed.
pub const MAX_TOKENS: usize = 1_000_000;

/// How deep calls of functions with words between their arguments (`substring(x FROM 1)`) may stand in each other. sqlparser
/// reads each of them in two ways before it gives up, so broken ones double its work with each level.
pub const MAX_SPECIAL_CALLS: usize = 12;

/// A text that is over a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundError {
    /// See [`MAX_TOKENS`].
    #[error("text has {found} tokens, at most {MAX_TOKENS} are allowed; INSERT of literals has no limit")]
    Tokens {
        /// How many there are.
        found: usize,
    },
    /// See [`MAX_OPERATORS`].
    #[error("statement has {found} operators, at most {limit} are allowed; use IN (…) for long lists")]
    Operators {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// See [`MAX_SPECIAL_CALLS`].
    #[error("recursion limit exceeded")]
    SpecialCalls,
}

/// Refuses texts with too many tokens before they are made. Words and what stands in quotes count as one.
///
/// # Errors
/// [`BoundError::Tokens`].
pub fn check_tokens(sql: &str) -> Result<(), BoundError> {
    if sql.len() <= MAX_TOKENS {
        return Ok(());
    }
    let (mut tokens, mut in_word, mut quote) = (0_usize, false, None);
    for byte in sql.bytes() {
        if quote.is_some() {
            quote = quote.filter(|q| *q != byte);
            continue;
        }
        let is_word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        tokens += usize::from(!(is_word && in_word));
        in_word = is_word;
        quote = matches!(byte, b'\'' | b'"' | b'`').then_some(byte);
    }
    if tokens > MAX_TOKENS { Err(BoundError::Tokens { found: tokens }) } else { Ok(()) }
}

/// Refuses statements with more than `limit` operators.
///
/// # Errors
/// [`BoundError::Operators`].
pub fn check_operators(tokens: &[TokenWithSpan], limit: usize) -> Result<(), BoundError> {
    let found = count_operators(tokens);
    if found > limit { Err(BoundError::Operators { found, limit }) } else { Ok(()) }
}

/// See [`MAX_SPECIAL_CALLS`].
///
/// # Errors
/// [`BoundError::SpecialCalls`].
pub fn check_special_calls(tokens: &[TokenWithSpan]) -> Result<(), BoundError> {
    const WORDS: [&str; 8] =
        ["POSITION", "SUBSTRING", "SUBSTR", "OVERLAY", "CONVERT", "CEIL", "FLOOR", "TRIM"];
    let (mut brackets, mut depth, mut is_special) = (Vec::new(), 0_usize, false);
    for token in tokens.iter().map(|t| &t.token) {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen => {
                brackets.push(is_special);
                depth += usize::from(is_special);
            }
            Token::RParen => depth -= usize::from(brackets.pop().unwrap_or(false)),
            _ => {}
        }
        if depth > MAX_SPECIAL_CALLS {
            return Err(BoundError::SpecialCalls);
        }
        is_special = matches!(token, Token::Word(w) if w.quote_style.is_none()
            && WORDS.iter().any(|k| w.value.eq_ignore_ascii_case(k)));
    }
    Ok(())
}

/// How many operators there are: what can make a tree deep without a bracket.
pub fn count_operators(tokens: &[TokenWithSpan]) -> usize {
    let mut operators = 0;
    let mut after_operand = false;
    for token in tokens.iter().map(|t| &t.token).filter(|t| !matches!(t, Token::Whitespace(_))) {
        // The sign of a number is not a chain, so that big lists of negative numbers still pass.
        operators += usize::from(if *token == Token::Minus { after_operand } else { is_operator(token) });
        after_operand = !matches!(token, Token::Comma | Token::LParen);
    }
    operators
}

/// Everything that can chain expressions or set operations, the minus apart.
fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(w) if w.quote_style.is_none() => {
            const WORDS: [&str; 18] = [
                "AND",
                "OR",
                "XOR",
                "NOT",
                "DIV",
                "UNION",
                "EXCEPT",
                "INTERSECT",
                "IS",
                "ISNULL",
                "NOTNULL",
                "LIKE",
                "ILIKE",
                "BETWEEN",
                "COLLATE",
                "INTERVAL",
                "AT",
                "JOIN",
            ];
            w.value.len() <= 9 && WORDS.iter().any(|k| w.value.eq_ignore_ascii_case(k))
        }
        Token::EOF
        | Token::Comma
        | Token::LParen
        | Token::RParen
        | Token::Period
        | Token::SemiColon
        | Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_) => false,
        _ => true,
    }
}
