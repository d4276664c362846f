//! The reader: a place in a text, moved value by value.

use std::borrow::Cow;

use crate::error::{JsonError, JsonErrorKind};
use crate::scalar::{Number, Scalar};
use crate::text;

/// How many arrays and objects may be inside each other.
pub const DEPTH: usize = 128;

/// What the next value is, told by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Null, a boolean, a number or a text.
    Scalar,
    /// `[…]`.
    Array,
    /// `{…}`.
    Object,
}

/// Reads a text from left to right. After an error the place is of no use.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Reads `source` from its begin.
    pub fn new(source: &'a str) -> Self {
        Self { source, at: 0, depth: 0 }
    }

    /// Byte offset of what is read next.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Whether only white space is left.
    pub fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    /// Demands that only white space is left.
    ///
    /// # Errors
    /// Where something else stands.
    pub fn end(&mut self) -> Result<(), JsonError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.fault(JsonErrorKind::Trailing)) }
    }

    /// What the next value is; nothing is read.
    ///
    /// # Errors
    /// At the end of the text.
    pub fn kind(&mut self) -> Result<Kind, JsonError> {
        match self.peek() {
            Some(b'[') => Ok(Kind::Array),
            Some(b'{') => Ok(Kind::Object),
            Some(_) => Ok(Kind::Scalar),
            None => Err(self.expected("a value")),
        }
    }

    /// Reads a value that is neither array nor object.
    ///
    /// # Errors
    /// If it is none.
    pub fn scalar(&mut self) -> Result<Scalar<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => self.text().map(Scalar::Str),
            Some(b'-' | b'0'..=b'9') => self.number().map(Scalar::Number),
            Some(b't') => self.word("true", Scalar::Bool(true)),
            Some(b'f') => self.word("false", Scalar::Bool(false)),
            Some(b'n') => self.word("null", Scalar::Null),
            _ => Err(self.expected("a scalar value")),
        }
    }

    /// Reads a text.
    ///
    /// # Errors
    /// If the next value is none.
    pub fn text(&mut self) -> Result<Cow<'a, str>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a text"));
        }
        let (text, end) = text::read(self.source, self.at + 1)?;
        self.at = end;
        Ok(text)
    }

    /// Reads an object: `member` is called behind each `name:` and must read the value.
    ///
    /// # Errors
    /// If the next value is no object, and what `member` answers.
    pub fn object<E: From<JsonError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open(b'{', "an object")?;
        let mut first = true;
        while self.more(&mut first, b'}', "`,` or `}`")? {
            if self.peek() != Some(b'"') {
                return Err(self.expected("the name of a member").into());
            }
            let name = self.text()?;
            if self.peek() != Some(b':') {
                return Err(self.expected("`:`").into());
            }
            self.at += 1;
            member(self, name)?;
        }
        Ok(())
    }

    /// Reads an array: `element` is called for each element and must read it.
    ///
    /// # Errors
    /// If the next value is no array, and what `element` answers.
    pub fn array<E: From<JsonError>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.open_array()?;
        let mut first = true;
        while self.next_element(&mut first)? {
            element(self)?;
        }
        Ok(())
    }

    /// Reads the `[` of an array whose elements are then asked for by [`Reader::next_element`].
    ///
    /// # Errors
    /// If the next value is no array.
    pub fn open_array(&mut self) -> Result<(), JsonError> {
        self.open(b'[', "an array")
    }

    /// Whether an element follows, which is to be read next; else the array's `]` has been read.
    /// `first` is true before the first call and kept by the caller.
    ///
    /// # Errors
    /// If neither follows.
    pub fn next_element(&mut self, first: &mut bool) -> Result<bool, JsonError> {
        self.more(first, b']', "`,` or `]`")
    }

    /// Reads a value of any kind and forgets it. It is checked all the same.
    ///
    /// # Errors
    /// If it is none.
    pub fn skip(&mut self) -> Result<(), JsonError> {
        match self.kind()? {
            Kind::Scalar => self.scalar().map(drop),
            Kind::Array => self.array(Self::skip),
            Kind::Object => self.object(|reader, _| reader.skip()),
        }
    }

    fn open(&mut self, bracket: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek() != Some(bracket) {
            return Err(self.expected(what));
        }
        if self.depth == DEPTH {
            return Err(self.fault(JsonErrorKind::Depth));
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    fn more(&mut self, first: &mut bool, close: u8, what: &'static str) -> Result<bool, JsonError> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                return Ok(false);
            }
            _ if *first => *first = false,
            Some(b',') => {
                self.at += 1;
                // A comma before the end.
                if self.peek() == Some(close) {
                    return Err(self.expected("a value"));
                }
            }
            _ => return Err(self.expected(what)),
        }
        Ok(true)
    }

    fn word(&mut self, word: &str, value: Scalar<'a>) -> Result<Scalar<'a>, JsonError> {
        if !self.rest().starts_with(word) {
            return Err(self.expected("a scalar value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Number<'a>, JsonError> {
        let rest = self.rest();
        let length = number_length(rest.as_bytes()).ok_or_else(|| self.fault(JsonErrorKind::Number))?;
        self.at += length;
        Ok(Number(rest.get(..length).unwrap_or_default()))
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    /// The first byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.source.as_bytes().get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn fault(&self, kind: JsonErrorKind) -> JsonError {
        JsonError { offset: self.at, kind }
    }

    fn expected(&self, what: &'static str) -> JsonError {
        self.fault(JsonErrorKind::Expected(what))
    }
}

/// Length of the number that `bytes` begin with: `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`,
/// if nothing follows that looks like a part of it.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize| bytes.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(bytes.first() == Some(&b'-'));
    let whole = digits(at);
    if whole == 0 || (whole > 1 && bytes.get(at) == Some(&b'0')) {
        return None;
    }
    at += whole;
    if bytes.get(at) == Some(&b'.') {
        let places = digits(at + 1);
        at += 1 + places;
        (places > 0).then_some(())?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at);
        at += exponent;
        (exponent > 0).then_some(())?;
    }
    Some(at)
}
