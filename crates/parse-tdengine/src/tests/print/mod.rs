//! Prints trees as SQL with every parenthesis, so that the structure shows and the print parses again.

mod query;
mod statement;

pub(super) use query::{expr, query};
pub(super) use statement::statement;

use crate::ast::{Duration, Ident, TableName, Unit};

/// A name in back-quotes if it would not be the same without.
fn ident(ident: &Ident) -> String {
    let name = &ident.name;
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if plain { name.clone() } else { format!("`{name}`") }
}

fn table(name: &TableName) -> String {
    match &name.database {
        Some(database) => format!("{}.{}", ident(database), ident(&name.table)),
        None => ident(&name.table),
    }
}

/// A text in single quotes; what unescaping keeps as two characters stays.
fn text(value: &str) -> String {
    let mut out = String::from("'");
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if matches!(chars.peek(), Some('%' | '_' | 'x')) => out.push('\\'),
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("''"),
            other => out.push(other),
        }
    }
    out + "'"
}

fn duration(duration: &Duration) -> String {
    let unit = match duration.unit {
        Unit::Nanosecond => 'b',
        Unit::Microsecond => 'u',
        Unit::Millisecond => 'a',
        Unit::Second => 's',
        Unit::Minute => 'm',
        Unit::Hour => 'h',
        Unit::Day => 'd',
        Unit::Week => 'w',
        Unit::Month => 'n',
        Unit::Quarter => 'q',
        Unit::Year => 'y',
    };
    format!("{}{unit}", duration.count)
}

fn join<T>(items: &[T], print: impl Fn(&T) -> String) -> String {
    items.iter().map(print).collect::<Vec<_>>().join(", ")
}

/// ` word value`, or nothing.
fn option<T>(value: Option<&T>, word: &str, print: impl Fn(&T) -> String) -> String {
    value.map_or_else(String::new, |value| format!("{word}{}", print(value)))
}
