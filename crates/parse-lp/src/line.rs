//! One point, borrowed from the body.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::dialect::Dialect;
use crate::value::{FieldValue, unescape};

/// A tag as it stands in the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) dialect: Dialect,
}

impl<'a> Tag<'a> {
    /// The key with its escapes.
    pub fn raw_key(&self) -> &'a str {
        self.key
    }

    /// The value with its escapes.
    pub fn raw_value(&self) -> &'a str {
        self.value
    }

    /// The key; borrowed unless it holds an escape.
    pub fn key(&self) -> Cow<'a, str> {
        unescape_name(self.key, self.dialect)
    }

    /// The value; borrowed unless it holds an escape. May be empty.
    pub fn value(&self) -> Cow<'a, str> {
        unescape_name(self.value, self.dialect)
    }
}

/// A field: its key as it stands in the body and its value, already parsed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    pub(crate) key: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) value: FieldValue<'a>,
}

impl<'a> Field<'a> {
    /// The key with its escapes.
    pub fn raw_key(&self) -> &'a str {
        self.key
    }

    /// The key; borrowed unless it holds an escape.
    pub fn key(&self) -> Cow<'a, str> {
        unescape_name(self.key, self.dialect)
    }

    /// The value.
    pub fn value(&self) -> FieldValue<'a> {
        self.value
    }
}

/// A point, and the buffer that the next point is read into.
///
/// Keep one `Line` for a whole body: [`Parser::next_line`](crate::Parser::next_line) refills it
/// without allocating, and the keys of the last point speed up the next one.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) offset: usize,
    pub(crate) table: &'a str,
    pub(crate) series_key: &'a str,
    pub(crate) tags: Slots<Tag<'a>>,
    pub(crate) tags_skipped: bool,
    pub(crate) fields: Slots<Field<'a>>,
    pub(crate) repeats_field_keys: bool,
    pub(crate) timestamp: Option<i64>,
}

impl Default for Line<'_> {
    fn default() -> Self {
        Line {
            dialect: Dialect::CnosDb,
            offset: 0,
            table: "",
            series_key: "",
            tags: Slots::default(),
            tags_skipped: false,
            fields: Slots::default(),
            repeats_field_keys: false,
            timestamp: None,
        }
    }
}

impl<'a> Line<'a> {
    /// An empty buffer.
    pub fn new() -> Self {
        Line::default()
    }

    /// Where the point begins in the body, in bytes.
    /// [`Parser::line_number`](crate::Parser::line_number) makes a line number of it.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The table (measurement) with its escapes.
    pub fn raw_measurement(&self) -> &'a str {
        self.table
    }

    /// The table (measurement); borrowed unless it holds an escape.
    pub fn measurement(&self) -> Cow<'a, str> {
        unescape_name(self.table, self.dialect)
    }

    /// The text `table,tag=value…` as it stands: what an ingester hashes once per point. The same
    /// text is always the same series; the same series may be written in several ways (order of
    /// tags, repeated tags, needless escapes), see [`Line::tags_sorted`].
    pub fn series_key_raw(&self) -> &'a str {
        self.series_key
    }

    /// The tags in the order of the text, repeated keys included. Empty when
    /// [`Line::tags_skipped`].
    pub fn tags(&self) -> &[Tag<'a>] {
        self.tags.filled()
    }

    /// Whether the tags were not looked at because the caller of
    /// [`Parser::next_line_known`](crate::Parser::next_line_known) knew the series key.
    pub fn tags_skipped(&self) -> bool {
        self.tags_skipped
    }

    /// Puts the tags into `out`, ordered by key; of a repeated key the first stays, as CnosDB and
    /// the series identity want it.
    pub fn tags_sorted(&self, out: &mut Vec<Tag<'a>>) {
        out.clear();
        out.extend_from_slice(self.tags());
        if !out.is_sorted_by(|a, b| a.key() < b.key()) {
            out.sort_by(|a, b| a.key().cmp(&b.key())); // stable: the first of equals stays first
            out.dedup_by(|later, first| later.key() == first.key());
        }
    }

    /// The fields in the order of the text, repeated keys included; at least one.
    pub fn fields(&self) -> &[Field<'a>] {
        self.fields.filled()
    }

    /// Whether the field keys are, one by one, those of the point that was read into this buffer
    /// just before. Then the consumer's columns are the ones it looked up last time. Always false
    /// for the first point of a body, after an error, and for lines from the plain iterator.
    pub fn repeats_field_keys(&self) -> bool {
        self.repeats_field_keys
    }

    /// A tag whose key stood before it in the same point.
    pub fn duplicate_tag(&self) -> Option<&Tag<'a>> {
        let tags = self.tags();
        tags.get(repeated(tags.len(), |at| tags.get(at).map(Tag::key))?)
    }

    /// A field whose key stood before it in the same point.
    pub fn duplicate_field(&self) -> Option<&Field<'a>> {
        let fields = self.fields();
        fields.get(repeated(fields.len(), |at| fields.get(at).map(Field::key))?)
    }

    /// The timestamp in the unit of the request, if the point has one.
    pub fn timestamp(&self) -> Option<i64> {
        self.timestamp
    }
}

/// A vector that keeps the items behind its end, so that the parser can compare the keys of the
/// next point with those of earlier ones.
#[derive(Debug, Clone)]
pub(crate) struct Slots<T> {
    items: Vec<T>,
    filled: usize,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Slots { items: Vec::new(), filled: 0 }
    }
}

impl<T> Slots<T> {
    pub(crate) fn filled(&self) -> &[T] {
        self.items.get(..self.filled).unwrap_or_default()
    }

    /// The number of items that count.
    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    pub(crate) fn set_len(&mut self, filled: usize) {
        self.filled = filled;
    }

    /// The item of an earlier point at this place.
    #[inline(always)]
    pub(crate) fn remembered(&mut self, at: usize) -> Option<&mut T> {
        self.items.get_mut(at)
    }

    /// Writes item `at`; places are written in order.
    #[inline(always)]
    pub(crate) fn put(&mut self, at: usize, item: T) {
        match self.items.get_mut(at) {
            Some(slot) => *slot = item,
            None => self.items.push(item),
        }
    }
}

/// Up to so many keys are compared with each other.
const FEW: usize = 16;

/// The place of a key that stands at an earlier one, too.
fn repeated<'k>(count: usize, key: impl Fn(usize) -> Option<Cow<'k, str>>) -> Option<usize> {
    if count <= FEW {
        return (0..count).find(|at| (0..*at).any(|before| key(before) == key(*at)));
    }
    let mut seen = HashSet::with_capacity(count);
    (0..count).find(|at| !seen.insert(key(*at)))
}

/// Resolves the escapes of names, tag keys and tag values.
pub(crate) fn unescape_name(raw: &str, dialect: Dialect) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    if dialect.strict_escapes() { unescape_strict(raw) } else { unescape(raw, is_separator) }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b' ' | b'=')
}

/// CnosDB reads `\\`, `\"` and `\'` as pairs, too, but keeps both of their bytes.
fn unescape_strict(raw: &str) -> Cow<'_, str> {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(next @ (',' | ' ' | '=')) => out.push(next),
            Some(next) => out.extend([c, next]),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}
