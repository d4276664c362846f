//! Values as text.

use std::fmt::{self, Write};

use crate::message::{AnyValue, KeyValue, Value};

impl KeyValue {
    /// The value as text: a text as it is, numbers in digits, octets in hexadecimal digits, lists as JSON.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = match self.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Value::String(text)) => out.write_str(text),
            Some(Value::Bytes(bytes)) => push_hex(&mut out, bytes),
            Some(value) => push(&mut out, value),
            None => Ok(()),
        };
        out
    }
}

fn push(out: &mut String, value: &Value) -> fmt::Result {
    match value {
        Value::String(text) => push_quoted(out, text),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Double(value) => write!(out, "{value}"),
        Value::Bytes(bytes) => {
            out.push('"');
            push_hex(out, bytes)?;
            out.write_char('"')
        }
        Value::Array(array) => {
            out.push('[');
            for (at, value) in array.values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_any(out, Some(value))?;
            }
            out.write_char(']')
        }
        Value::List(list) => {
            out.push('{');
            for (at, pair) in list.values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_quoted(out, &pair.key)?;
                out.push(':');
                push_any(out, pair.value.as_ref())?;
            }
            out.write_char('}')
        }
    }
}

fn push_any(out: &mut String, value: Option<&AnyValue>) -> fmt::Result {
    match value.and_then(|any| any.value.as_ref()) {
        Some(value) => push(out, value),
        None => out.write_str("null"),
    }
}

fn push_quoted(out: &mut String, text: &str) -> fmt::Result {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.push(c),
        }
    }
    out.write_char('"')
}

fn push_hex(out: &mut String, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}
