//! JSON and NDJSON objects: keys in alphabetical order, NULL cells left out.

use arrow::datatypes::Schema;

use super::cell::{Column, list_range};
use super::time::Fraction;

/// The keys of a result, sorted and escaped once: `(place of the column, "key":)`.
pub(super) struct Keys(Vec<(usize, Vec<u8>)>);

impl Keys {
    pub(super) fn of(schema: &Schema) -> Self {
        let mut order: Vec<(usize, &str)> =
            schema.fields().iter().enumerate().map(|(at, f)| (at, f.name().as_str())).collect();
        order.sort_by(|a, b| a.1.cmp(b.1).then(a.0.cmp(&b.0)));
        // Of columns with equal names an object can hold one: the last.
        order.reverse();
        order.dedup_by(|later, kept| later.1 == kept.1);
        order.reverse();
        Self(order.into_iter().map(|(at, name)| (at, key(name))).collect())
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len() + 3);
    push_string(&mut out, name);
    out.push(b':');
    out
}

/// Appends one row as an object.
pub(super) fn push_row(out: &mut Vec<u8>, keys: &Keys, columns: &[Column], row: usize) {
    out.push(b'{');
    let mut first = true;
    for (at, key) in &keys.0 {
        let Some(column) = columns.get(*at) else { continue };
        if absent(column, row) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        out.extend_from_slice(key);
        push_value(out, column, row);
    }
    out.push(b'}');
}

/// NULL, and what JSON has no number for.
fn absent(column: &Column, row: usize) -> bool {
    column.is_null(row)
        || match column {
            Column::F64(a) => !a.value(row).is_finite(),
            Column::F32(a) => !a.value(row).is_finite(),
            _ => false,
        }
}

fn push_value(out: &mut Vec<u8>, column: &Column, row: usize) {
    if let Some(text) = column.str(row) {
        return push_string(out, text);
    }
    match column {
        Column::F64(a) => out.extend_from_slice(ryu::Buffer::new().format_finite(a.value(row)).as_bytes()),
        Column::F32(a) => out.extend_from_slice(ryu::Buffer::new().format_finite(a.value(row)).as_bytes()),
        Column::Ts(..) | Column::Date(_) | Column::Time(..) => {
            out.push(b'"');
            column.push_text(out, row, Fraction::Trimmed);
            out.push(b'"');
        }
        Column::Struct(_, children) => push_object(out, children, row),
        Column::List(array, values) => {
            out.push(b'[');
            for (at, index) in list_range(array, row).enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if absent(values, index) {
                    out.extend_from_slice(b"null");
                } else {
                    push_value(out, values, index);
                }
            }
            out.push(b']');
        }
        _ => column.push_text(out, row, Fraction::Trimmed),
    }
}

fn push_object(out: &mut Vec<u8>, children: &[(String, Column)], row: usize) {
    out.push(b'{');
    let mut first = true;
    for (name, column) in children {
        if absent(column, row) {
            continue;
        }
        if !first {
            out.push(b',');
        }
        first = false;
        push_string(out, name);
        out.push(b':');
        push_value(out, column, row);
    }
    out.push(b'}');
}

/// Appends a JSON string with its quotes.
pub(crate) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
        copied = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    out.push(b'"');
}
