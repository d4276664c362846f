//! The texts of SHOW CREATE.

use triglot_engine::{ChildRecord, TableIn};
use triglot_model::{ColumnDef, ColumnKind, ColumnType, DatabaseDef};

use crate::lower::{declared_type, encoding, shown_options, table_options};

pub(super) fn database(database: &DatabaseDef) -> String {
    format!("CREATE DATABASE `{}`{}", database.name, shown_options(database))
}

/// A super or normal table.
pub(super) fn table(table: &TableIn, is_super: bool) -> String {
    let def = &table.def;
    let own: Vec<String> = def.columns.iter().filter(|c| c.kind != ColumnKind::Tag).map(column).collect();
    let mut text =
        format!("CREATE {} `{}` ({})", if is_super { "STABLE" } else { "TABLE" }, def.name, own.join(", "));
    if is_super {
        let tags: Vec<String> = def.tags().map(column).collect();
        text.push_str(&format!(" TAGS ({})", tags.join(", ")));
    }
    let option = |key: &str| def.options.get(key);
    if let Some(comment) = option(table_options::COMMENT) {
        text.push_str(&format!(" COMMENT '{}'", comment.replace('\'', "\\'")));
    }
    if let Some(ttl) = option(table_options::TTL).filter(|ttl| *ttl != "0") {
        text.push_str(&format!(" TTL {ttl}"));
    }
    for (key, word) in [(table_options::SMA, "SMA"), (table_options::ROLLUP, "ROLLUP")] {
        if let Some(names) = option(key) {
            let names: Vec<String> = names.split(',').map(|n| format!("`{n}`")).collect();
            text.push_str(&format!(" {word}({})", names.join(", ")));
        }
    }
    if let Some(keep) = option(table_options::KEEP) {
        text.push_str(&format!(" KEEP {keep}"));
    }
    text
}

fn column(column: &ColumnDef) -> String {
    let mut text = format!("`{}` {}", column.name, declared_type(column));
    if let Some(encoding) = encoding(column) {
        text.push_str(&format!(
            " ENCODE '{}' COMPRESS '{}' LEVEL '{}'",
            encoding.encode, encoding.compress, encoding.level
        ));
    }
    if column.kind == ColumnKind::CompositeKey {
        text.push_str(" COMPOSITE KEY");
    }
    text
}

/// A child table, with all its tags.
pub(super) fn child(of: &TableIn, child: &ChildRecord) -> String {
    let names: Vec<String> = of.def.tags().map(|t| format!("`{}`", t.name)).collect();
    let values: Vec<String> =
        of.def.tags().zip(&child.tags).map(|(t, v)| tag_value(t, v.as_deref())).collect();
    let mut text = format!(
        "CREATE TABLE `{}` USING `{}` ({}) TAGS ({})",
        child.name,
        of.def.name,
        names.join(", "),
        values.join(", ")
    );
    if let Some(comment) = &child.comment {
        text.push_str(&format!(" COMMENT '{}'", comment.replace('\'', "\\'")));
    }
    if child.ttl > 0 {
        text.push_str(&format!(" TTL {}", child.ttl));
    }
    text
}

fn tag_value(tag: &ColumnDef, value: Option<&str>) -> String {
    match (value, tag.ty) {
        (None, _) => "NULL".to_owned(),
        (Some(text), ColumnType::Str { .. }) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        (Some(text), ColumnType::Json) => format!("'{}'", text.replace('\'', "\\'")),
        (Some(hex), ColumnType::Bytes { .. } | ColumnType::Geom(_)) => format!("\"\\x{hex}\""),
        (Some(text), _) => text.to_owned(),
    }
}
