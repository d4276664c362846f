//! The rows of INSERT, scanned as bytes: a statement of 1 MB holds a hundred thousand values, and what they
//! mean depends on their columns.

use super::Result;
use crate::ast::{RawValue, Row};
use crate::error::{ParseError, ParseErrorKind};
use crate::lex::{self, Lexer, TokenKind};

/// Reasons in texts of code 0x0216.
pub(super) mod reason {
    pub(crate) const INVALID: &str = "invalid data or symbol";
    pub(crate) const NO_VALUES: &str = "keyword VALUES or FILE is expected";
    pub(crate) const NO_TAGS: &str = "keyword TAGS is expected";
    pub(crate) const NO_PARENTHESIS: &str = "( is expected";
    pub(crate) const NO_ROWS: &str = "no any data points";
    pub(crate) const NO_SEPARATOR: &str = ", or ) expected";
    pub(crate) const NO_VALUE: &str = "value expected";
}

/// See [`crate::parse_lines`].
pub(crate) fn parse_lines(text: &str) -> Result<(Vec<RawValue>, Vec<Row>)> {
    let mut rows = Rows::new(text, 0);
    rows.lines()?;
    Ok(rows.finish())
}

/// Reads rows from a position on.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    pos: usize,
    values: Vec<RawValue>,
    rows: Vec<Row>,
}

impl<'a> Rows<'a> {
    pub(super) const fn new(sql: &'a str, pos: usize) -> Self {
        Self { sql, bytes: sql.as_bytes(), pos, values: Vec::new(), rows: Vec::new() }
    }

    /// Where the next byte is read.
    pub(super) const fn position(&self) -> usize {
        self.pos
    }

    /// What was read.
    pub(super) fn finish(self) -> (Vec<RawValue>, Vec<Row>) {
        (self.values, self.rows)
    }

    /// `row {[","] row}`.
    pub(super) fn all(&mut self) -> Result<()> {
        loop {
            self.skip()?;
            let comma = self.pos;
            if !self.rows.is_empty() && self.byte() == b',' {
                self.pos += 1;
                self.skip()?;
            }
            if self.byte() == b'(' {
                self.row()?;
            } else if self.rows.is_empty() {
                return Err(self.error(reason::NO_ROWS));
            } else if self.pos > comma && self.bytes.get(comma) == Some(&b',') {
                return Err(self.error(reason::NO_PARENTHESIS));
            } else {
                return Ok(());
            }
        }
    }

    /// `"(" value {"," value} ")"`; the byte is the parenthesis.
    pub(super) fn row(&mut self) -> Result<()> {
        let start = self.pos;
        let first = self.values.len();
        self.pos += 1;
        loop {
            self.skip()?;
            let value = self.value()?;
            self.values.push(value);
            match self.byte() {
                b',' => self.pos += 1,
                b')' => break,
                _ => return Err(self.error(reason::NO_SEPARATOR)),
            }
        }
        self.pos += 1;
        self.end_row(start, first);
        Ok(())
    }

    /// Each line that is not blank is a row: values with commas between them.
    pub(super) fn lines(&mut self) -> Result<()> {
        let text = self.sql;
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            // The scanner sees no further than the line.
            self.sql = text.get(..start + line.trim_end().len()).unwrap_or(text);
            self.bytes = self.sql.as_bytes();
            self.pos = start;
            start += line.len();
            if !line.trim().is_empty() {
                self.line()?;
            }
        }
        Ok(())
    }

    /// `value {"," value}` up to the end.
    fn line(&mut self) -> Result<()> {
        let (start, first) = (self.pos, self.values.len());
        loop {
            self.skip()?;
            let value = self.value()?;
            self.values.push(value);
            match self.bytes.get(self.pos) {
                Some(b',') => self.pos += 1,
                None => break,
                Some(_) => return Err(self.error(reason::INVALID)),
            }
        }
        self.end_row(start, first);
        Ok(())
    }

    /// What was read from byte `start` and value `first` on is a row.
    fn end_row(&mut self, start: usize, first: usize) {
        let narrow = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let len = narrow(self.values.len() - first);
        self.rows.push(Row { first: narrow(first), len, span: lex::span(start, self.pos) });
    }

    /// The byte looked at, 0 at the end.
    fn byte(&self) -> u8 {
        self.byte_at(self.pos)
    }

    fn byte_at(&self, pos: usize) -> u8 {
        self.bytes.get(pos).copied().unwrap_or(0)
    }

    /// Goes past blanks and comments.
    fn skip(&mut self) -> Result<()> {
        if matches!(self.byte(), 0..=b' ' | b'-' | b'/') {
            match lex::skip_blanks(self.bytes, self.pos) {
                Ok(pos) => self.pos = pos,
                Err(comment) => {
                    self.pos = comment;
                    return Err(self.error(reason::INVALID));
                }
            }
        }
        Ok(())
    }

    /// A value and the blanks behind it.
    fn value(&mut self) -> Result<RawValue> {
        let start = self.pos;
        let value = match self.byte() {
            b'\'' | b'"' => match lex::text_end(self.bytes, start) {
                Some(end) => self.take(end, RawValue::Text),
                None => return Err(self.error(reason::INVALID)),
            },
            b'0'..=b'9' | b'.' | b'-' | b'+' => self.number()?,
            b'A'..=b'Z' | b'a'..=b'z' | b'_' => self.word()?,
            b',' | b')' => return Err(self.error(reason::NO_VALUE)),
            _ => return Err(self.error(reason::INVALID)),
        };
        self.skip()?;
        match self.byte() {
            b'+' | b'-' if !matches!(value, RawValue::Null(_) | RawValue::Bool(..)) => self.arithmetic(start),
            _ => Ok(value),
        }
    }

    fn take(&mut self, end: usize, value: impl FnOnce(crate::ast::Span) -> RawValue) -> RawValue {
        let span = lex::span(self.pos, end);
        self.pos = end;
        value(span)
    }

    /// A number with its sign, or a duration that begins time arithmetic (`1d + now`).
    fn number(&mut self) -> Result<RawValue> {
        let digits = self.pos + usize::from(matches!(self.byte(), b'+' | b'-'));
        let whole = self.digits_end(digits);
        let (end, any) = match self.byte_at(whole) {
            b'.' => (self.digits_end(whole + 1), self.digits_end(whole + 1) > digits + 1),
            _ => (whole, whole > digits),
        };
        if any && matches!(self.byte_at(end), b',' | b')' | b' ') {
            return Ok(self.take(end, RawValue::Number));
        }
        let starts_number = self.byte_at(digits).is_ascii_digit() || (self.byte_at(digits) == b'.' && any);
        if !starts_number {
            return Err(self.error(reason::INVALID));
        }
        let token = lex::number_end(self.bytes, digits);
        match token.0 {
            TokenKind::Integer | TokenKind::Float => Ok(self.take(token.1, RawValue::Number)),
            TokenKind::Duration if digits == self.pos => Ok(self.take(token.1, RawValue::Time)),
            _ => Err(self.error(reason::INVALID)),
        }
    }

    fn digits_end(&self, start: usize) -> usize {
        let rest = self.bytes.get(start..).unwrap_or_default();
        start + rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len())
    }

    /// `NULL`, `TRUE`, `FALSE`, `NOW`, `NOW()`, `TODAY()`.
    fn word(&mut self) -> Result<RawValue> {
        let end = lex::word_end(self.bytes, self.pos);
        let word = self.bytes.get(self.pos..end).unwrap_or_default();
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword.as_bytes());
        if is("null") {
            Ok(self.take(end, RawValue::Null))
        } else if is("true") {
            Ok(self.take(end, |span| RawValue::Bool(true, span)))
        } else if is("false") {
            Ok(self.take(end, |span| RawValue::Bool(false, span)))
        } else if is("now") || is("today") {
            let end = self.behind_empty_parentheses(end);
            Ok(self.take(end, RawValue::Time))
        } else {
            Err(self.error(reason::INVALID))
        }
    }

    /// One past `()`, if that stands at `pos`.
    fn behind_empty_parentheses(&self, pos: usize) -> usize {
        let mut lexer = Lexer::starting_at(self.sql, pos);
        let (open, close) = (lexer.next_token(), lexer.next_token());
        match (open.kind, close.kind) {
            (TokenKind::LeftParen, TokenKind::RightParen) => {
                usize::try_from(close.span.end).unwrap_or(usize::MAX)
            }
            _ => pos,
        }
    }

    /// The sums of times and durations that began at `start`; the byte is a sign.
    fn arithmetic(&mut self, start: usize) -> Result<RawValue> {
        let mut end = self.pos;
        while matches!(self.byte(), b'+' | b'-') {
            self.pos += 1;
            self.skip()?;
            let token = Lexer::starting_at(self.sql, self.pos).next_token();
            if !matches!(
                token.kind,
                TokenKind::Word | TokenKind::Duration | TokenKind::Text | TokenKind::Integer
            ) {
                return Err(self.error(reason::INVALID));
            }
            end = usize::try_from(token.span.end).unwrap_or(usize::MAX);
            if token.kind == TokenKind::Word {
                self.word()?;
                end = self.pos;
            }
            self.pos = end;
            self.skip()?;
        }
        Ok(RawValue::Time(lex::span(start, end)))
    }

    fn error(&self, reason: &'static str) -> ParseError {
        let offset = u32::try_from(self.pos).unwrap_or(u32::MAX);
        ParseError::new(ParseErrorKind::InsertValue(reason), self.sql, offset)
    }
}
