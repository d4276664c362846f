//! What can be wrong with a point, and where.

use thiserror::Error;

/// A point that could not be read.
///
/// `Display` is CnosDB's text (sheet `cnosdb.md` section 6) without its prefix
/// `Error parsing message: `. Other dialects have wordings of their own and match on `kind`.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", self.text())]
pub struct LineError {
    /// Physical line on which the point begins, counted from 1.
    pub line: usize,
    /// Byte offset into the body. What it points at is told by [`LineErrorKind`].
    pub offset: usize,
    /// What is wrong.
    pub kind: LineErrorKind,
}

/// The kinds of [`LineError`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineErrorKind {
    /// The line or the body ended inside a name or value. `offset` is where that name or value
    /// begins.
    EndOfLine,
    /// A character that cannot stand here. `offset` is its own.
    UnexpectedToken(char),
    /// A field value of no known form; holds its text. `offset` is where it begins.
    InvalidFieldValue(String),
    /// The timestamp is not a signed 64-bit integer. `offset` is just behind its text.
    InvalidTimestamp,
    /// The parts are in order, but the dialect refuses the point (Influx: empty tag value).
    /// `offset` is where the refused part should be.
    InvalidSyntax,
}

impl LineError {
    fn text(&self) -> String {
        let at = self.offset;
        match &self.kind {
            LineErrorKind::EndOfLine => format!("unexpect end line start at '{at}'"),
            LineErrorKind::UnexpectedToken(c) => format!("unexpect token '{c}' at {at}"),
            LineErrorKind::InvalidFieldValue(value) => format!("invalid field value: '{value}'"),
            LineErrorKind::InvalidTimestamp => format!("fail to parse timestamp at {at}"),
            LineErrorKind::InvalidSyntax => "invalid line protocol syntax".to_owned(),
        }
    }
}

/// A [`LineError`] before its text and line number are made: small enough to be returned through
/// the hot functions in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    EndOfLine(usize),
    UnexpectedToken(usize),
    /// Begin and end of the value.
    InvalidFieldValue(usize, usize),
    InvalidTimestamp(usize),
    InvalidSyntax(usize),
}

impl Fault {
    /// Where the search for the next line may begin.
    pub(crate) fn offset(self) -> usize {
        match self {
            Fault::EndOfLine(at)
            | Fault::UnexpectedToken(at)
            | Fault::InvalidFieldValue(at, _)
            | Fault::InvalidTimestamp(at)
            | Fault::InvalidSyntax(at) => at,
        }
    }

    pub(crate) fn into_error(self, body: &str, line: usize) -> LineError {
        let kind = match self {
            Fault::EndOfLine(_) => LineErrorKind::EndOfLine,
            Fault::UnexpectedToken(at) => {
                // A token is only blamed where a byte was seen, and only at the start of a character.
                let token = body.get(at..).and_then(|rest| rest.chars().next());
                LineErrorKind::UnexpectedToken(token.unwrap_or(char::REPLACEMENT_CHARACTER))
            }
            Fault::InvalidFieldValue(from, to) => {
                LineErrorKind::InvalidFieldValue(body.get(from..to).unwrap_or_default().to_owned())
            }
            Fault::InvalidTimestamp(_) => LineErrorKind::InvalidTimestamp,
            Fault::InvalidSyntax(_) => LineErrorKind::InvalidSyntax,
        };
        LineError { line, offset: self.offset(), kind }
    }
}
