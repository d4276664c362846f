//! Tokens: words, quoted names, texts, numbers, durations and operators, each with its place.
//!
//! Blanks, comments and hints (`/*+ … */`) stand between tokens and mean nothing.

mod number;
mod text;

pub(crate) use number::token_end as number_end;
pub use number::{duration, number};
pub(crate) use text::end as text_end;
pub use text::unescape;

use crate::ast::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A keyword or a name.
    Word,
    /// A name in back-quotes.
    QuotedName,
    /// A text in quotes.
    Text,
    /// `12`, `0x1F`, `0b101`
    Integer,
    /// `1.5`, `.5`, `5.`, `1e3`
    Float,
    /// `10s`
    Duration,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `%`
    Percent,
    /// `&`
    Ampersand,
    /// `|`
    Pipe,
    /// `=`, `==`
    Eq,
    /// `!=`, `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// `->`
    Arrow,
    /// `(`
    LeftParen,
    /// `)`
    RightParen,
    /// `,`
    Comma,
    /// `.`
    Dot,
    /// `:`
    Colon,
    /// `;`
    Semicolon,
    /// What begins no token, or a text, name or comment that does not end.
    Illegal,
    /// The end of the text.
    End,
}

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands, with its quotes.
    pub span: Span,
}

/// Reads tokens from a text of less than 4 GiB.
#[derive(Clone, Debug)]
pub struct Lexer<'a> {
    bytes: &'a [u8],
    pos: usize,
}

impl<'a> Lexer<'a> {
    /// From the beginning of `text`.
    pub const fn new(text: &'a str) -> Self {
        Self::starting_at(text, 0)
    }

    /// From byte `pos` of `text`.
    pub const fn starting_at(text: &'a str, pos: usize) -> Self {
        Self { bytes: text.as_bytes(), pos }
    }

    /// The next token; at the end, [`TokenKind::End`] again and again.
    pub fn next_token(&mut self) -> Token {
        let (start, (kind, end)) = match skip_blanks(self.bytes, self.pos) {
            Ok(start) => (start, self.token_at(start)),
            Err(comment) => (comment, (TokenKind::Illegal, self.bytes.len())),
        };
        self.pos = end;
        Token { kind, span: span(start, end) }
    }

    fn at(&self, pos: usize) -> u8 {
        self.bytes.get(pos).copied().unwrap_or(0)
    }

    /// The token that starts at `start`, and where it ends.
    fn token_at(&self, start: usize) -> (TokenKind, usize) {
        let Some(&first) = self.bytes.get(start) else { return (TokenKind::End, start) };
        match first {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => (TokenKind::Word, word_end(self.bytes, start)),
            b'0'..=b'9' => number::token_end(self.bytes, start),
            b'.' if self.at(start + 1).is_ascii_digit() && !self.follows_name(start) => {
                number::token_end(self.bytes, start)
            }
            b'\'' | b'"' => match text::end(self.bytes, start) {
                Some(end) => (TokenKind::Text, end),
                None => (TokenKind::Illegal, self.bytes.len()),
            },
            b'`' => match memchr::memchr(b'`', self.bytes.get(start + 1..).unwrap_or_default()) {
                Some(length) => (TokenKind::QuotedName, start + length + 2),
                None => (TokenKind::Illegal, self.bytes.len()),
            },
            _ => self.operator_at(start, first),
        }
    }

    /// Whether the byte before a dot belongs to a name, so that the dot joins names.
    fn follows_name(&self, dot: usize) -> bool {
        let before = dot.checked_sub(1).map_or(0, |pos| self.at(pos));
        is_word_byte(before) || before == b'`'
    }

    fn operator_at(&self, start: usize, first: u8) -> (TokenKind, usize) {
        use TokenKind::*;
        let (kind, length) = match (first, self.at(start + 1)) {
            (b'-', b'>') => (Arrow, 2),
            (b'=', b'=') => (Eq, 2),
            (b'!', b'=') | (b'<', b'>') => (NotEq, 2),
            (b'<', b'=') => (LtEq, 2),
            (b'>', b'=') => (GtEq, 2),
            (b'+', _) => (Plus, 1),
            (b'-', _) => (Minus, 1),
            (b'*', _) => (Star, 1),
            (b'/', _) => (Slash, 1),
            (b'%', _) => (Percent, 1),
            (b'&', _) => (Ampersand, 1),
            (b'|', _) => (Pipe, 1),
            (b'=', _) => (Eq, 1),
            (b'<', _) => (Lt, 1),
            (b'>', _) => (Gt, 1),
            (b'(', _) => (LeftParen, 1),
            (b')', _) => (RightParen, 1),
            (b',', _) => (Comma, 1),
            (b'.', _) => (Dot, 1),
            (b':', _) => (Colon, 1),
            (b';', _) => (Semicolon, 1),
            _ => (Illegal, char_length(first)),
        };
        (kind, (start + length).min(self.bytes.len()))
    }
}

/// A span of byte positions; texts are shorter than 4 GiB.
pub(crate) fn span(start: usize, end: usize) -> Span {
    let narrow = |pos| u32::try_from(pos).unwrap_or(u32::MAX);
    Span { start: narrow(start), end: narrow(end) }
}

/// Whether a byte may stand in a name without back-quotes.
pub(crate) const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

pub(crate) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// One past the last byte of the word that starts at `start`.
pub(crate) fn word_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|&byte| !is_word_byte(byte)).map_or(bytes.len(), |length| start + length)
}

/// The first position from `pos` that is neither blank nor in a comment.
///
/// # Errors
/// Where a comment starts that does not end.
pub(crate) fn skip_blanks(bytes: &[u8], mut pos: usize) -> Result<usize, usize> {
    loop {
        let rest = bytes.get(pos..).unwrap_or_default();
        match rest {
            [byte, ..] if is_blank(*byte) => pos += 1,
            [b'-', b'-', ..] => pos = memchr::memchr(b'\n', rest).map_or(bytes.len(), |line| pos + line + 1),
            [b'/', b'*', body @ ..] => match memchr::memmem::find(body, b"*/") {
                Some(length) => pos += length + 4,
                None => return Err(pos),
            },
            _ => return Ok(pos),
        }
    }
}

/// The length of the character that starts with `first`.
const fn char_length(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}
