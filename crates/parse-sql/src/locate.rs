use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, TokenWithSpan};

/// Where in a text its error lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Located<'t> {
    /// At this piece of the text.
    Token(&'t str),
    /// Behind the last token.
    End,
}

/// What sqlparser refused, as it is written in `text`. sqlparser tells a place only in its words; errors without one
/// (too deep nesting) lie at `last`, the token that was taken last.
pub fn error_location<'t>(
    text: &'t str,
    tokens: &[TokenWithSpan],
    error: &ParserError,
    last: Location,
) -> Located<'t> {
    let location = match error {
        ParserError::ParserError(words) | ParserError::TokenizerError(words) => told(words),
        ParserError::RecursionLimitExceeded => None,
    };
    let at = match location {
        Some(at) => at,
        // "Expected: …, found: EOF" has no place of its own.
        None if is_end(error) => return Located::End,
        None => last,
    };
    let Some(token) = tokens.iter().find(|t| t.span.start == at) else { return Located::End };
    let (Some(start), Some(end)) = (byte_offset(text, token.span.start), byte_offset(text, token.span.end))
    else {
        return Located::End;
    };
    match text.get(start..end) {
        Some(written) if !written.is_empty() => Located::Token(written),
        _ => Located::End,
    }
}

fn is_end(error: &ParserError) -> bool {
    matches!(error, ParserError::ParserError(words) | ParserError::TokenizerError(words) if words.contains("EOF"))
}

/// The place at the end of sqlparser's words: ` at Line: l, Column: c`.
fn told(words: &str) -> Option<Location> {
    let (_, place) = words.rsplit_once(" at Line: ")?;
    let (line, column) = place.split_once(", Column: ")?;
    Some(Location { line: line.parse().ok()?, column: column.trim().parse().ok()? })
}

/// The byte at which a place (lines and characters, both from 1) lies.
pub fn byte_offset(text: &str, at: Location) -> Option<usize> {
    let (line, column) = (usize::try_from(at.line).ok()?, usize::try_from(at.column).ok()?);
    let mut start = 0;
    for _ in 1..line {
        start += newline(text.get(start..)?)? + 1;
    }
    let rest = text.get(start..)?;
    let within = rest.char_indices().map(|(at, _)| at).chain([rest.len()]).nth(column.checked_sub(1)?)?;
    Some(start + within)
}

fn newline(text: &str) -> Option<usize> {
    text.bytes().position(|byte| byte == b'\n')
}
