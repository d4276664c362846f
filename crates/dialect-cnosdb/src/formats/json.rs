//! JSON and NDJSON objects: keys in alphabetical order, NULL cells left out.

use arrow::datatypes::Schema;

use super::cell::{Column, Map, list_range};
use super::number::push_json_f64;
use triglot_http::text::time::Fraction;

pub(crate) use triglot_http::text::json::push_string;

/// The keys of a result, sorted and escaped once: `(place of the column, ,"key":)`.
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
    let mut out = Vec::with_capacity(name.len() + 4);
    out.push(b',');
    push_string(&mut out, name);
    out.push(b':');
    out
}

/// Appends one row as an object.
pub(super) fn push_row(out: &mut Vec<u8>, keys: &Keys, columns: &[Column], row: usize) {
    out.push(b'{');
    let start = out.len();
    for (at, key) in &keys.0 {
        let Some(column) = columns.get(*at) else { continue };
        if absent(column, row) {
            continue;
        }
        // The first key has no comma in front of it.
        out.extend_from_slice(key.get(usize::from(out.len() == start)..).unwrap_or_default());
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
    match column {
        Column::StrView(texts) => texts.push(out, row, push_string),
        Column::Str(a) => push_string(out, a.value(row)),
        Column::LargeStr(a) => push_string(out, a.value(row)),
        Column::F64(a) => push_json_f64(out, a.value(row)),
        Column::F32(a) => out.extend_from_slice(ryu::Buffer::new().format_finite(a.value(row)).as_bytes()),
        Column::Ts(..) | Column::Date(_) | Column::Time(..) => {
            out.push(b'"');
            column.push_text(out, row, Fraction::Trimmed);
            out.push(b'"');
        }
        Column::Struct(_, children) => push_object(out, children, row),
        Column::Map(map) => push_map(out, map, row),
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

/// A map as an object; its keys are written as text. NULL values are left out.
fn push_map(out: &mut Vec<u8>, map: &Map, row: usize) {
    out.push(b'{');
    let start = out.len();
    for index in map.entries(row) {
        if absent(&map.values, index) {
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        let mut key = Vec::new();
        map.keys.push_text(&mut key, index, Fraction::Trimmed);
        push_string(out, &String::from_utf8_lossy(&key));
        out.push(b':');
        push_value(out, &map.values, index);
    }
    out.push(b'}');
}
