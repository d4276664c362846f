//! JSON puts: one object or an array of objects with `metric`, `timestamp`, `value` and `tags`.
//!
//! A [`Point`] holds what was written; missing members are [`Value::Missing`], and which types a
//! member may have is the caller's rule: CnosDB wants texts as tags, KWDB texts or numbers, TDengine
//! any scalar or the typed form `{"value":…,"type":"…"}` ([`Value::Typed`]).

use std::borrow::Cow;
use std::str::Utf8Error;

use triglot_parse_json::{JsonError, Kind, Reader, Scalar};

use crate::error::{PointError, PointErrorKind};
use crate::number;

/// A point, borrowed from the body where nothing was escaped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point<'a> {
    /// `metric`, as it was written.
    pub name: Value<'a>,
    /// `timestamp`; the unit is the caller's to know.
    pub timestamp: Value<'a>,
    /// `value`.
    pub value: Value<'a>,
    /// Members of `tags` in their order. A name may occur twice: [`Point::duplicate_tag`].
    pub tags: Vec<(Cow<'a, str>, Value<'a>)>,
    /// Whether `tags` was an object (and not missing).
    pub has_tags: bool,
    /// The first member of another name.
    pub unknown: Option<Cow<'a, str>>,
}

impl Point<'_> {
    /// The metric, if it is a text.
    pub fn metric(&self) -> Option<&str> {
        match &self.name {
            Value::Str(name) => Some(name),
            _ => None,
        }
    }

    /// A key of `tags` that occurs twice.
    pub fn duplicate_tag(&self) -> Option<&str> {
        let mut keys: Vec<&str> = self.tags.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        keys.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        })
    }
}

/// A JSON value as far as points need it.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value<'a> {
    /// The member is not there.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer of 64 bits with sign.
    I64(i64),
    /// An integer beyond [`i64::MAX`].
    U64(u64),
    /// Any other number. Integers of more than 64 bits are rounded to it.
    F64(f64),
    /// A text.
    Str(Cow<'a, str>),
    /// `{"value":…,"type":"…"}`.
    Typed(Box<Typed<'a>>),
    /// An array, an object of another shape, a number beyond the largest float.
    Other,
}

/// A value with the name of its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed<'a> {
    /// The value: a scalar.
    pub value: Value<'a>,
    /// The type's name as it was written.
    pub ty: Cow<'a, str>,
}

impl Value<'_> {
    /// The number that this is or, as a text, spells: OpenTSDB takes both.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::I64(v) => Some(*v as f64),
            Self::U64(v) => Some(*v as f64),
            Self::F64(v) => Some(*v),
            Self::Str(text) => number::finite(text),
            _ => None,
        }
    }
}

/// The points of a body. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Points<'a> {
    reader: Reader<'a>,
    index: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Start,
    /// In the array; whether its first element is still to come.
    Array(bool),
    Done,
}

impl<'a> Points<'a> {
    /// Reads `body`.
    pub fn new(body: &'a str) -> Self {
        Self { reader: Reader::new(body), index: 0, state: State::Start }
    }

    /// Reads `body`, which must be UTF-8 as a whole.
    ///
    /// # Errors
    /// Where it is not UTF-8.
    pub fn from_bytes(body: &'a [u8]) -> Result<Self, Utf8Error> {
        Ok(Self::new(std::str::from_utf8(body)?))
    }

    fn step(&mut self) -> Result<Option<Point<'a>>, PointError> {
        if self.state == State::Start {
            let at = self.reader.offset();
            match self.reader.kind() {
                Ok(Kind::Array) => {
                    self.reader.open_array()?;
                    self.state = State::Array(true);
                }
                Ok(Kind::Object) => {
                    self.state = State::Done;
                    let point = point(&mut self.reader)?;
                    self.reader.end()?;
                    return Ok(Some(point));
                }
                _ => return Err(PointError { index: 0, offset: at, kind: PointErrorKind::NoPoints }),
            }
        }
        let State::Array(mut first) = self.state else { return Ok(None) };
        if !self.reader.next_element(&mut first)? {
            self.state = State::Done;
            self.reader.end()?;
            return Ok(None);
        }
        self.state = State::Array(first);
        point(&mut self.reader).map(Some)
    }
}

impl<'a> Iterator for Points<'a> {
    type Item = Result<Point<'a>, PointError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.step() {
            Ok(point) => {
                self.index += usize::from(point.is_some());
                point.map(Ok)
            }
            Err(error) => {
                self.state = State::Done;
                Some(Err(PointError { index: self.index, ..error }))
            }
        }
    }
}

fn point<'a>(reader: &mut Reader<'a>) -> Result<Point<'a>, PointError> {
    let mut point = Point::default();
    reader.object(|reader, name| {
        let at = reader.offset();
        let again = match &*name {
            "metric" => put(reader, &mut point.name)?,
            "timestamp" => put(reader, &mut point.timestamp)?,
            "value" => put(reader, &mut point.value)?,
            "tags" => {
                let again = std::mem::replace(&mut point.has_tags, true);
                reader.object(|reader, key| {
                    point.tags.push((key, value(reader)?));
                    Ok::<_, JsonError>(())
                })?;
                again
            }
            _ => {
                reader.skip()?;
                point.unknown.get_or_insert(name);
                return Ok(());
            }
        };
        if again {
            let kind = PointErrorKind::Duplicate(name.into_owned());
            return Err(PointError { index: 0, offset: at, kind });
        }
        Ok(())
    })?;
    Ok(point)
}

/// Reads a value into its place; whether there was one before.
fn put<'a>(reader: &mut Reader<'a>, place: &mut Value<'a>) -> Result<bool, JsonError> {
    let before = std::mem::replace(place, value(reader)?);
    Ok(before != Value::Missing)
}

fn value<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>, JsonError> {
    match reader.kind()? {
        Kind::Scalar => Ok(scalar(reader.scalar()?)),
        Kind::Array => reader.skip().map(|()| Value::Other),
        Kind::Object => typed(reader),
    }
}

fn scalar(scalar: Scalar<'_>) -> Value<'_> {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Bool(value) => Value::Bool(value),
        Scalar::Str(text) => Value::Str(text),
        Scalar::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(value), _, _) => Value::I64(value),
            (_, Some(value), _) => Value::U64(value),
            (_, _, Some(value)) => Value::F64(value),
            // Beyond the largest float.
            _ => Value::Other,
        },
    }
}

/// An object: `{"value":…,"type":"…"}` or something else.
fn typed<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>, JsonError> {
    let (mut value, mut ty, mut plain) = (None, None, true);
    reader.object(|reader, name| {
        let place = match &*name {
            "value" if value.is_none() => &mut value,
            "type" if ty.is_none() => &mut ty,
            _ => {
                plain = false;
                return reader.skip();
            }
        };
        if reader.kind()? == Kind::Scalar {
            *place = Some(scalar(reader.scalar()?));
            return Ok(());
        }
        plain = false;
        reader.skip()
    })?;
    Ok(match (value, ty) {
        (Some(value), Some(Value::Str(ty))) if plain => Value::Typed(Box::new(Typed { value, ty })),
        _ => Value::Other,
    })
}
