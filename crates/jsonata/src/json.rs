//! JSON to values and back.

use std::rc::Rc;

use triglot_parse_json::{Kind, Reader, Scalar};

use crate::error::EvalError;
use crate::value::{Array, Exact, Object, Value};

/// Reads a whole text.
pub(crate) fn read<'e>(text: &str) -> Result<Value<'e>, EvalError> {
    let mut reader = Reader::new(text);
    let value = value(&mut reader)?;
    reader.end()?;
    Ok(value)
}

fn value<'e>(reader: &mut Reader<'_>) -> Result<Value<'e>, EvalError> {
    Ok(match reader.kind()? {
        Kind::Scalar => match reader.scalar()? {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(value),
            Scalar::Str(text) => Value::text(&text),
            Scalar::Number(number) => {
                let nearest = number.as_f64().unwrap_or(f64::INFINITY);
                if is_exact(number.text(), nearest) {
                    Value::Number(nearest)
                } else {
                    Value::Exact(Rc::new(Exact { text: number.text().into(), nearest }))
                }
            }
        },
        Kind::Array => {
            let mut items = Vec::new();
            reader.array(|reader| -> Result<(), EvalError> {
                items.push(value(reader)?);
                Ok(())
            })?;
            Value::Array(Rc::new(Array::plain(items)))
        }
        Kind::Object => {
            let mut object = Object::default();
            reader.object(|reader, name| -> Result<(), EvalError> {
                if object.get(&name).is_some() {
                    return Err(EvalError::Twice(name.into_owned()));
                }
                object.insert((&*name).into(), value(reader)?);
                Ok(())
            })?;
            Value::object(object)
        }
    })
}

/// Whether a double says all that the digits say: 15 of them always fit.
fn is_exact(text: &str, nearest: f64) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|b| *b == b'0').count();
    nearest.is_finite() && (digits <= 15 || number(nearest) == text)
}

/// Writes a value. What JSON has no word for is left out of objects and null in arrays; undefined alone is nothing.
pub(crate) fn write(out: &mut String, value: &Value<'_>) {
    match value {
        Value::Undefined | Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => out.push_str(&number(*value)),
        Value::Exact(exact) => out.push_str(&exact.text),
        Value::Str(text) => push_text(out, text),
        Value::Function(_) => out.push_str("\"\""),
        Value::Array(array) => {
            out.push('[');
            for (at, item) in array.items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            let mut first = true;
            for (name, value) in object.iter().filter(|(_, value)| !value.is_undefined()) {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                push_text(out, name);
                out.push(':');
                write(out, value);
            }
            out.push('}');
        }
    }
}

/// A number with the fewest digits that say it, infinities as null.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        "null".to_owned()
    } else if value == 0.0 {
        "0".to_owned()
    } else if (1e-6..1e21).contains(&value.abs()) {
        value.to_string()
    } else {
        format!("{value:e}")
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
