//! The state machine.

use std::str::Utf8Error;

use crate::dialect::Dialect;
use crate::error::{Fault, LineError};
use crate::line::{Field, Line, Tag};
use crate::number;
use crate::scan::{ends_value, find_stop, key_stands_at, skip_blanks};
use crate::value::{Binary, FieldValue, Text};

/// Reads the points of a body one after another.
///
/// After an error the parser goes on behind the next newline: whether one bad point refuses the
/// whole request (CnosDB) or only itself (InfluxDB, KWDB) is the caller's policy.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    body: &'a str,
    pos: usize,
    dialect: Dialect,
    /// Newlines are only counted when somebody asks; this is how far that went.
    counted: usize,
    newlines: usize,
}

impl<'a> Parser<'a> {
    /// A parser at the begin of `body`.
    pub fn new(body: &'a str, dialect: Dialect) -> Self {
        Parser { body, pos: 0, dialect, counted: 0, newlines: 0 }
    }

    /// A parser over bytes that nobody has checked yet.
    ///
    /// # Errors
    /// The body is not UTF-8 (CnosDB answers 040015).
    pub fn from_bytes(body: &'a [u8], dialect: Dialect) -> Result<Self, Utf8Error> {
        std::str::from_utf8(body).map(|body| Parser::new(body, dialect))
    }

    /// The dialect given to [`Parser::new`].
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Where the parser stands in the body, in bytes.
    pub fn offset(&self) -> usize {
        self.pos
    }

    /// The number of the physical line, from 1, that holds byte `offset`. Cheap when asked in
    /// ascending order: newlines are counted once.
    pub fn line_number(&mut self, offset: usize) -> usize {
        if offset < self.counted {
            (self.counted, self.newlines) = (0, 0);
        }
        let offset = offset.min(self.body.len());
        let fresh = self.body.as_bytes().get(self.counted..offset).unwrap_or_default();
        self.newlines += memchr::memchr_iter(b'\n', fresh).count();
        self.counted = offset;
        self.newlines + 1
    }

    /// Reads the next point into `line` and lends it out. `None` at the end of the body.
    ///
    /// Does not allocate once `line` has seen as many tags and fields as the widest point.
    #[inline]
    pub fn next_line<'l>(&mut self, line: &'l mut Line<'a>) -> Option<Result<&'l Line<'a>, LineError>> {
        self.advance(line, None::<fn(&'a str) -> bool>)
    }

    /// As [`Parser::next_line`], but asks `known` about the text that stands where the series key
    /// should and, if it says yes, neither checks nor gives the tags ([`Line::tags_skipped`]).
    ///
    /// `known` must say yes only to a text that was the [`Line::series_key_raw`] of a point read
    /// in this dialect before: what was well-formed then is so now. It may be asked about text
    /// that is no series key, and is not asked about keys with a backslash; in both cases the tags
    /// are read. This is what makes ingestion of known series cheaper than finding their tags.
    #[inline]
    pub fn next_line_known<'l>(
        &mut self,
        line: &'l mut Line<'a>,
        known: impl FnMut(&'a str) -> bool,
    ) -> Option<Result<&'l Line<'a>, LineError>> {
        self.advance(line, Some(known))
    }

    #[inline(always)]
    fn advance<'l>(
        &mut self,
        line: &'l mut Line<'a>,
        known: Option<impl FnMut(&'a str) -> bool>,
    ) -> Option<Result<&'l Line<'a>, LineError>> {
        let start = self.skip_to_point()?;
        if line.dialect != self.dialect {
            // What another dialect found well-formed proves nothing here.
            *line = Line::new();
            line.dialect = self.dialect;
        }
        line.offset = start;
        match self.point(line, start, known) {
            Ok(end) => {
                self.pos = end;
                Some(Ok(line))
            }
            Err(fault) => {
                line.fields.set_len(0); // the next point has nothing whole to repeat
                line.tags.set_len(0);
                Some(Err(self.recover(start, fault)))
            }
        }
    }

    #[cold]
    fn recover(&mut self, start: usize, fault: Fault) -> LineError {
        let from = fault.offset();
        let rest = self.bytes().get(from..).unwrap_or_default();
        self.pos = memchr::memchr(b'\n', rest).map_or(self.body.len(), |found| from + found + 1);
        let line = self.line_number(start);
        fault.into_error(self.body, line)
    }

    /// Skips white space and comments; `None` at the end.
    #[inline(always)]
    fn skip_to_point(&mut self) -> Option<usize> {
        loop {
            match self.bytes().get(self.pos)? {
                b'#' => {
                    let rest = self.bytes().get(self.pos..).unwrap_or_default();
                    self.pos += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                byte if byte.is_ascii_whitespace() => self.pos += 1,
                _ => return Some(self.pos),
            }
        }
    }

    /// Reads one point and returns where it ends.
    #[inline(always)]
    fn point(
        &self,
        line: &mut Line<'a>,
        start: usize,
        known: Option<impl FnMut(&'a str) -> bool>,
    ) -> Result<usize, Fault> {
        let skipped = known.and_then(|known| self.known_series(line, start, known));
        let key_end = match skipped {
            Some(end) => end,
            None => self.series(line, start)?,
        };
        let fields_end = self.fields(line, skip_blanks(self.bytes(), key_end))?;
        let at = skip_blanks(self.bytes(), fields_end);
        match self.bytes().get(at) {
            None | Some(b'\n') => {
                line.timestamp = None;
                return Ok(at);
            }
            Some(byte) if byte.is_ascii_whitespace() => {
                line.timestamp = None;
                return self.end_of_point(at);
            }
            Some(_) => {}
        }
        let (timestamp, end) = number::timestamp(self.body, at).map_err(Fault::InvalidTimestamp)?;
        line.timestamp = Some(timestamp);
        self.end_of_point(end)
    }

    /// In dialects of lines only white space may stand between the point and the newline.
    #[inline(always)]
    fn end_of_point(&self, end: usize) -> Result<usize, Fault> {
        if !self.dialect.line_based() || matches!(self.bytes().get(end), None | Some(b'\n')) {
            return Ok(end);
        }
        let rest = self.bytes().get(end..).unwrap_or_default();
        match rest.iter().position(|b| *b == b'\n' || !b.is_ascii_whitespace()) {
            Some(found) if rest.get(found) != Some(&b'\n') => Err(Fault::UnexpectedToken(end + found)),
            _ => Ok(end),
        }
    }

    #[inline(always)]
    fn known_series(
        &self,
        line: &mut Line<'a>,
        start: usize,
        mut known: impl FnMut(&'a str) -> bool,
    ) -> Option<usize> {
        let rest = self.bytes().get(start..)?;
        let length = memchr::memchr2(b' ', b'\\', rest)?;
        if rest.get(length) != Some(&b' ') {
            return None;
        }
        let end = start + length;
        let key = self.slice(start, end);
        if !known(key) {
            return None;
        }
        line.series_key = key;
        let table = find_stop::<false>(self.bytes(), start).min(end);
        line.table = self.slice(start, table);
        line.tags_skipped = true;
        line.tags.set_len(0);
        Some(end)
    }

    /// Table and tags; returns the blank behind them.
    #[inline(always)]
    fn series(&self, line: &mut Line<'a>, start: usize) -> Result<usize, Fault> {
        let table_end = self.name::<false>(start, start)?;
        if table_end == start {
            return Err(Fault::UnexpectedToken(start));
        }
        line.table = self.slice(start, table_end);
        line.tags_skipped = false;
        let mut count = 0;
        let mut end = table_end;
        while self.bytes().get(end) == Some(&b',') {
            end = self.tag(line, count, end + 1)?;
            count += 1;
        }
        line.tags.set_len(count);
        line.series_key = self.slice(start, end);
        Ok(end)
    }

    /// One tag; returns the comma or blank behind it.
    #[inline(always)]
    fn tag(&self, line: &mut Line<'a>, at: usize, pos: usize) -> Result<usize, Fault> {
        let remembered = line.tags.remembered(at).map(|tag| tag.key);
        let key = match remembered {
            // Same bytes, same reading: the earlier check holds here, too.
            Some(key) if key_stands_at(self.bytes(), pos, key.as_bytes()) => key,
            _ => self.key(pos)?,
        };
        let value_at = pos + key.len() + 1;
        let end = self.name::<true>(value_at, value_at)?;
        if self.bytes().get(end) == Some(&b'=') {
            return Err(Fault::UnexpectedToken(end));
        }
        if end == value_at && !self.dialect.empty_tag_values() {
            return Err(Fault::InvalidSyntax(value_at));
        }
        line.tags.put(at, Tag { key, value: self.slice(value_at, end), dialect: self.dialect });
        Ok(end)
    }

    /// All fields; returns the white space or end behind them.
    #[inline(always)]
    fn fields(&self, line: &mut Line<'a>, mut pos: usize) -> Result<usize, Fault> {
        let before = line.fields.len();
        let mut repeats = true;
        let mut count = 0;
        loop {
            let end = match line.fields.remembered(count) {
                Some(field) if key_stands_at(self.bytes(), pos, field.key.as_bytes()) => {
                    let (value, end) = self.field_value(pos + field.key.len() + 1)?;
                    field.value = value;
                    end
                }
                _ => {
                    repeats = false;
                    let key = self.key(pos)?;
                    let (value, end) = self.field_value(pos + key.len() + 1)?;
                    line.fields.put(count, Field { key, dialect: self.dialect, value });
                    end
                }
            };
            count += 1;
            if self.bytes().get(end) != Some(&b',') {
                line.fields.set_len(count);
                line.repeats_field_keys = repeats && count == before;
                return Ok(end);
            }
            pos = end + 1;
        }
    }

    /// A tag key or field key at `pos`, with the equals sign behind it checked.
    fn key(&self, pos: usize) -> Result<&'a str, Fault> {
        let end = self.name::<true>(pos, pos)?;
        if end == pos || self.bytes().get(end) != Some(&b'=') {
            return Err(Fault::UnexpectedToken(end));
        }
        Ok(self.slice(pos, end))
    }

    /// The comma, blank or (with `EQ`) equals sign that ends the name; `start` is where the name
    /// begins, `pos` how far it was read.
    #[inline(always)]
    fn name<const EQ: bool>(&self, start: usize, mut pos: usize) -> Result<usize, Fault> {
        loop {
            let at = find_stop::<EQ>(self.bytes(), pos);
            match self.bytes().get(at) {
                Some(b'\\') => pos = self.escape(start, at, EQ)?,
                Some(b'\n' | b'\r') | None => return Err(Fault::EndOfLine(start)),
                Some(_) => return Ok(at),
            }
        }
    }

    /// Where to go on behind the backslash at `at`.
    #[cold]
    fn escape(&self, start: usize, at: usize, equals: bool) -> Result<usize, Fault> {
        let next = self.bytes().get(at + 1);
        if !self.dialect.strict_escapes() {
            let pair = matches!(next, Some(b',' | b' ' | b'='));
            return Ok(at + 1 + usize::from(pair));
        }
        match next {
            Some(b',' | b' ' | b'\\' | b'"' | b'\'') => Ok(at + 2),
            Some(b'=') if equals => Ok(at + 2),
            Some(_) => Err(Fault::UnexpectedToken(at + 1)),
            None => Err(Fault::EndOfLine(start)),
        }
    }

    /// A field value at `pos` and where it ends: at a comma, white space or the end.
    #[inline(always)]
    fn field_value(&self, pos: usize) -> Result<(FieldValue<'a>, usize), Fault> {
        let Some(&first) = self.bytes().get(pos) else { return Err(Fault::EndOfLine(pos)) };
        if (first.is_ascii_digit() || first == b'-')
            && let Some(found) = number::short_number(self.bytes(), pos, first)
        {
            return Ok(found);
        }
        self.other_value(pos, first)
    }

    #[inline(never)]
    fn other_value(&self, pos: usize, first: u8) -> Result<(FieldValue<'a>, usize), Fault> {
        if first == b'"' {
            let (text, end) = self.string(pos, pos)?;
            return Ok((FieldValue::Str(text), end));
        }
        if self.dialect.typed_values()
            && matches!(first, b'L' | b'B' | b'G')
            && self.bytes().get(pos + 1) == Some(&b'"')
        {
            let (text, end) = self.string(pos, pos + 1)?;
            let value = match first {
                b'L' => FieldValue::NChar(text),
                b'G' => FieldValue::Geometry(text),
                _ => FieldValue::Binary(Binary::new(text).ok_or(Fault::InvalidFieldValue(pos, end))?),
            };
            return Ok((value, end));
        }
        let rest = self.bytes().get(pos..).unwrap_or_default();
        let length = rest.iter().position(|b| ends_value(Some(b))).unwrap_or(rest.len());
        if length == 0 && matches!(first, b'\n' | b'\r') {
            return Err(Fault::EndOfLine(pos));
        }
        let end = pos + length;
        match number::bare_value(self.slice(pos, end), self.dialect) {
            Some(value) => Ok((value, end)),
            None => Err(Fault::InvalidFieldValue(pos, end)),
        }
    }

    /// The string whose quote stands at `quote`, in the value that begins at `start`.
    fn string(&self, start: usize, quote: usize) -> Result<(Text<'a>, usize), Fault> {
        let mut escaped = false;
        let mut pos = quote + 1;
        let close = loop {
            let rest = self.bytes().get(pos..).unwrap_or_default();
            let found = memchr::memchr2(b'"', b'\\', rest).ok_or(Fault::EndOfLine(start))?;
            if rest.get(found) == Some(&b'"') {
                break pos + found;
            }
            escaped = true;
            // Only a quote or backslash is taken along: a newline must be seen below.
            let pair = matches!(rest.get(found + 1), Some(b'"' | b'\\'));
            pos += found + 1 + usize::from(pair);
        };
        let raw = self.slice(quote + 1, close);
        if !self.dialect.multi_line_strings() && memchr::memchr2(b'\n', b'\r', raw.as_bytes()).is_some() {
            return Err(Fault::EndOfLine(start));
        }
        if !ends_value(self.bytes().get(close + 1)) {
            return Err(Fault::UnexpectedToken(close + 1));
        }
        Ok((Text::new(raw, escaped), close + 1))
    }

    #[inline(always)]
    fn bytes(&self) -> &'a [u8] {
        self.body.as_bytes()
    }

    /// A piece between two ASCII bytes, hence never inside a character.
    #[inline(always)]
    fn slice(&self, from: usize, to: usize) -> &'a str {
        self.body.get(from..to).unwrap_or_default()
    }
}

/// The convenient way: every point is a [`Line`] of its own. Allocates twice per point; a server
/// uses [`Parser::next_line`].
impl<'a> FieldValue<'a> {
    /// The value that `text` is as a whole, as it would be behind a field's `=`; `None` if it is none. For
    /// formats that write values as line protocol does: telnet lines of TDengine.
    pub fn parse(text: &'a str, dialect: Dialect) -> Option<Self> {
        let (value, end) = Parser::new(text, dialect).field_value(0).ok()?;
        (end == text.len()).then_some(value)
    }
}

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Line<'a>, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Line::new();
        match self.next_line(&mut line)? {
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        }
    }
}
