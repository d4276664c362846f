//! Members of JSON tags. A tag's text is a flat object that was checked when it was written.

use std::sync::Arc;

use arrow::array::{BooleanArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::prelude::lit;

use super::convert::{as_text, constant_text};
use super::udf;
use crate::typed::Typed;
use crate::{TaosError, TaosType};

/// `info -> 'k'`: the value as JSON text; NULL if there is none.
pub(super) fn arrow(left: Typed, right: &Typed) -> Result<Typed, TaosError> {
    let key = key_of(&left, right)?;
    let expr = udf::call("json_member", DataType::Utf8, vec![as_text(left), lit(key)], |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?);
        let values = rows.map(|(object, key)| member(object?, key?).filter(|value| *value != "null"));
        Ok(Arc::new(values.collect::<StringArray>()))
    });
    Ok(Typed::fixed(expr, TaosType::Json))
}

/// `info CONTAINS 'k'`.
pub(super) fn contains(left: Typed, right: &Typed) -> Result<Typed, TaosError> {
    let key = key_of(&left, right)?;
    let expr = udf::call("json_contains", DataType::Boolean, vec![as_text(left), lit(key)], |args| {
        let rows = udf::texts(args, 0)?.iter().zip(udf::texts(args, 1)?);
        let found = rows.map(|(object, key)| Some(member(object?, key?).is_some()));
        Ok(Arc::new(found.collect::<BooleanArray>()))
    });
    Ok(Typed::fixed(expr, TaosType::Bool))
}

fn key_of(left: &Typed, right: &Typed) -> Result<String, TaosError> {
    match constant_text(right) {
        Some(key) if left.ty == TaosType::Json => Ok(key.to_owned()),
        _ => Err(TaosError::new(0x2605, "Invalid value type")),
    }
}

/// The text of the member of this key; the first of several.
pub(crate) fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = object.trim_start().strip_prefix('{')?;
    loop {
        rest = rest.trim_start();
        let (name, after) = rest.split_at_checked(string_end(rest)?)?;
        let value = after.trim_start().strip_prefix(':')?.trim_start();
        let end = if value.starts_with('"') { string_end(value)? } else { value.find([',', '}'])? };
        let (value, after) = value.split_at_checked(end)?;
        if text(name).is_some_and(|name| name == key) {
            return Some(value.trim_end());
        }
        rest = after.trim_start().strip_prefix(',')?;
    }
}

/// One past the closing quote of the string that `json` starts with.
fn string_end(json: &str) -> Option<usize> {
    let mut escaped = false;
    let mut chars = json.char_indices();
    if chars.next()?.1 != '"' {
        return None;
    }
    for (at, c) in chars {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The text of a JSON string; `None` for other values.
pub(super) fn text(json: &str) -> Option<String> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'u' => out.push(unicode(&mut chars)?),
            other => out.push(other),
        }
    }
    Some(out)
}

/// The character behind `\u`.
fn unicode(chars: &mut std::str::Chars<'_>) -> Option<char> {
    let first = unit(chars)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(u32::from(first));
    }
    *chars = chars.as_str().strip_prefix("\\u")?.chars();
    char::decode_utf16([first, unit(chars)?]).next()?.ok()
}

/// Four hexadecimal digits.
fn unit(chars: &mut std::str::Chars<'_>) -> Option<u16> {
    let (digits, rest) = chars.as_str().split_at_checked(4)?;
    *chars = rest.chars();
    u16::from_str_radix(digits, 16).ok()
}

/// The number that a JSON value is; `None` for other values.
pub(crate) fn number(json: &str) -> Option<f64> {
    let digit = |c: char| c.is_ascii_digit() || c == '-';
    if json.starts_with(digit) { json.parse().ok() } else { None }
}

/// The truth value that a JSON value is; `None` for other values.
pub(crate) fn boolean(json: &str) -> Option<bool> {
    json.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_objects() {
        let object = r#"{"a":1, "b" : "x,\"y\"}", "c":true,"a":2,"é":null,"u":"\u00e9\ud83d\ude00"}"#;
        assert_eq!(member(object, "a"), Some("1"));
        assert_eq!(member(object, "b").and_then(text).as_deref(), Some("x,\"y\"}"));
        assert_eq!(member(object, "c").and_then(boolean), Some(true));
        assert_eq!(member(object, "é"), Some("null"));
        assert_eq!(member(object, "u").and_then(text).as_deref(), Some("é😀"));
        assert_eq!(member(object, "z"), None);
        for broken in ["", "{", "[]", "{}", "{\"a\"", "{\"a\":", "{\"a\":\"", "{a:1}"] {
            assert_eq!(member(broken, "a"), None, "{broken}");
        }
        assert_eq!((number("1.5"), number("\"1\""), number("true")), (Some(1.5), None, None));
    }
}
