//! Points to line protocol, for load generators, replication and tests.
//!
//! What a dialect cannot say (a newline in a tag; in CnosDB a lone backslash in a name) is an error
//! rather than a point that reads back differently.
//!
//! ```
//! use triglot_parse_lp::{Dialect, encode::{Point, Value, encode}};
//!
//! let point = Point { measurement: "cpu", tags: &[("host", "a b")], fields: &[("x", Value::I64(1))], timestamp: Some(7) };
//! let mut body = String::new();
//! encode(&mut body, &point, Dialect::CnosDb)?;
//! assert_eq!(body, "cpu,host=a\\ b x=1i 7\n");
//! # Ok::<(), triglot_parse_lp::encode::EncodeError>(())
//! ```

use std::fmt::Write;

use thiserror::Error;

use crate::dialect::Dialect;

/// A point to write. All text is plain, not escaped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point<'a> {
    /// Table; not empty.
    pub measurement: &'a str,
    /// Keys and values in the order to be written.
    pub tags: &'a [(&'a str, &'a str)],
    /// Keys and values in the order to be written; not empty.
    pub fields: &'a [(&'a str, Value<'a>)],
    /// In the unit of the request.
    pub timestamp: Option<i64>,
}

/// A field value to write; the counterpart of [`FieldValue`](crate::FieldValue) with plain text.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)] // the names are those of `FieldValue`, which documents them
pub enum Value<'a> {
    I64(i64),
    U64(u64),
    F64(f64),
    Bool(bool),
    Str(&'a str),
    I8(i8),
    I16(i16),
    I32(i32),
    U8(u8),
    U16(u16),
    U32(u32),
    F32(f32),
    NChar(&'a str),
    Binary(&'a [u8]),
    Geometry(&'a str),
}

/// Why a point cannot be written in a dialect.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// A table, tag key, field key or (Influx) tag value is empty, or there is no field.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// A name or tag value holds something that no escape can express.
    #[error("{what} {text:?} cannot be written in line protocol")]
    Name {
        /// Which part of the point.
        what: &'static str,
        /// Its text.
        text: String,
    },
    /// The value of a field has no form in this dialect.
    #[error("the value of field {key:?} cannot be written in this dialect")]
    Value {
        /// The field.
        key: String,
    },
}

/// Appends `point` and a newline to `out`.
///
/// # Errors
/// The dialect cannot express the point; `out` is then as it was.
pub fn encode(out: &mut String, point: &Point<'_>, dialect: Dialect) -> Result<(), EncodeError> {
    let begin = out.len();
    let result = write_point(out, point, dialect);
    if result.is_err() {
        out.truncate(begin);
    }
    result
}

fn write_point(out: &mut String, point: &Point<'_>, dialect: Dialect) -> Result<(), EncodeError> {
    name(out, "measurement", point.measurement, dialect)?;
    for (key, value) in point.tags {
        out.push(',');
        name(out, "tag key", key, dialect)?;
        out.push('=');
        if !value.is_empty() {
            name(out, "tag value", value, dialect)?;
        } else if !dialect.empty_tag_values() {
            return Err(EncodeError::Empty("tag value"));
        }
    }
    if point.fields.is_empty() {
        return Err(EncodeError::Empty("field set"));
    }
    let mut separator = ' ';
    for (key, field) in point.fields {
        out.push(separator);
        name(out, "field key", key, dialect)?;
        out.push('=');
        value(out, *field, dialect).ok_or_else(|| EncodeError::Value { key: (*key).to_owned() })?;
        separator = ',';
    }
    if let Some(timestamp) = point.timestamp {
        push(out, format_args!(" {timestamp}"));
    }
    out.push('\n');
    Ok(())
}

fn name(out: &mut String, what: &'static str, text: &str, dialect: Dialect) -> Result<(), EncodeError> {
    if text.is_empty() {
        return Err(EncodeError::Empty(what));
    }
    let unfit = || EncodeError::Name { what, text: text.to_owned() };
    let first = text.as_bytes().first().copied().unwrap_or_default();
    // Before a point, `#` begins a comment and white space is skipped; so are tabs before fields.
    let swallowed = match what {
        "measurement" => first == b'#' || (first.is_ascii_whitespace() && first != b' '),
        "field key" => first == b'\t',
        _ => false,
    };
    if swallowed {
        return Err(unfit());
    }
    let strict = dialect.strict_escapes();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' => return Err(unfit()),
            '=' if strict && what == "measurement" => out.push('='), // has no escape there and needs none
            ',' | ' ' | '=' => out.extend(['\\', c]),
            // Strict: `\\`, `\"` and `\'` are pairs that stay two characters when read.
            '\\' if strict => match chars.next() {
                Some(next @ ('\\' | '"' | '\'')) => out.extend([c, next]),
                _ => return Err(unfit()),
            },
            // Lenient: a literal backslash, unless it would escape what follows the name.
            '\\' if chars.peek().is_none() => return Err(unfit()),
            c => out.push(c),
        }
    }
    Ok(())
}

fn value(out: &mut String, value: Value<'_>, dialect: Dialect) -> Option<()> {
    match value {
        Value::I64(v) => push(out, format_args!("{v}i")),
        Value::U64(v) => push(out, format_args!("{v}u")),
        Value::Bool(v) => out.push_str(if v { "true" } else { "false" }),
        Value::Str(v) => return string(out, v, dialect),
        Value::F64(v) if v.is_finite() => push(out, format_args!("{v:?}")),
        _ if !dialect.typed_values() => return None,
        Value::F64(v) if v.is_nan() => out.push_str("nan"),
        Value::F64(v) => out.push_str(if v < 0.0 { "-inf" } else { "inf" }),
        Value::I8(v) => push(out, format_args!("{v}i8")),
        Value::I16(v) => push(out, format_args!("{v}i16")),
        Value::I32(v) => push(out, format_args!("{v}i32")),
        Value::U8(v) => push(out, format_args!("{v}u8")),
        Value::U16(v) => push(out, format_args!("{v}u16")),
        Value::U32(v) => push(out, format_args!("{v}u32")),
        Value::F32(v) if v.is_finite() => push(out, format_args!("{v:?}f32")),
        Value::F32(_) => return None,
        Value::NChar(v) => {
            out.push('L');
            return string(out, v, dialect);
        }
        Value::Geometry(v) => {
            out.push('G');
            return string(out, v, dialect);
        }
        Value::Binary(bytes) => {
            out.push_str("B\"\\x");
            bytes.iter().for_each(|byte| push(out, format_args!("{byte:02x}")));
            out.push('"');
        }
    }
    Some(())
}

fn string(out: &mut String, text: &str, dialect: Dialect) -> Option<()> {
    if !dialect.multi_line_strings() && text.contains(['\n', '\r']) {
        return None;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    Some(())
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = out.write_fmt(text);
}
