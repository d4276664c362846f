//! `SHOW CREATE TABLE` (sheet section 13, "Layout").

use std::fmt::Write as _;

use triglot_engine::TableName;
use triglot_model::{ColumnDef, ColumnKind};

use super::rows::{all_texts, source};
use super::tables::{Found, find, shown_default};
use super::{Source, View, keys};
use crate::KwError;
use crate::columns::{self, column_options};
use crate::lower::names::quoted;
use crate::types::TypeSpec;

/// The name is shown as it was written, with the schema if a database was given.
pub(super) fn show(view: &View<'_>, name: &TableName, written: &str) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let shown = match &name.database {
        Some(database) => format!("{}.public.{}", quoted(database), quoted(&name.table)),
        None => written.to_owned(),
    };
    let text =
        if columns::is_relational_table(&found.def) { relational(&found)? } else { time_series(&found) };
    source(vec![all_texts("table_name", [shown]), all_texts("create_statement", [text])])
}

fn time_series(found: &Found) -> String {
    let columns: Vec<String> =
        found.columns().filter(|c| c.kind != ColumnKind::Tag).map(|c| column(found, c)).collect();
    let mut text = format!("CREATE TABLE {} (\n{}\n)", quoted(&found.def.name), columns.join(",\n"));
    let tags: Vec<String> = found.def.tags().map(|t| tag(found, t)).collect();
    if !tags.is_empty() {
        let _ = write!(text, " TAGS (\n{} )", tags.join(",\n"));
        let primary: Vec<String> = found.primary_tags().iter().map(|t| quoted(&t.name)).collect();
        if !primary.is_empty() {
            let _ = write!(text, " PRIMARY TAGS({})", primary.join(", "));
        }
    }
    let seconds = columns::table_retention_seconds(&found.def, &found.database);
    let _ = write!(text, "\n    retentions {seconds}s");
    text
}

/// Columns, then keys. The hidden row id is none of either.
fn relational(found: &Found) -> Result<String, KwError> {
    let mut lines: Vec<String> = found.columns().map(|c| column(found, c)).collect();
    for key in keys::of(found)? {
        let is_shown = found.columns().any(|c| key.columns.contains(&c.name));
        let columns: Vec<String> = key.columns.iter().map(|name| format!("{} ASC", quoted(name))).collect();
        let (columns, name) = (columns.join(", "), quoted(&key.name));
        if is_shown && key.is_primary() {
            lines.push(format!("    CONSTRAINT {name} PRIMARY KEY ({columns})"));
        } else if is_shown {
            lines.push(format!("    CONSTRAINT {name} UNIQUE ({columns})"));
        }
    }
    Ok(format!("CREATE TABLE {} (\n{}\n)", quoted(&found.def.name), lines.join(",\n")))
}

fn column(found: &Found, column: &ColumnDef) -> String {
    let options = column_options(&found.def, column);
    let null = if options.not_null { "NOT NULL" } else { "NULL" };
    let mut text = format!("    {} {} {null}", quoted(&column.name), TypeSpec::of_column(column));
    if let Some(default) = &options.default {
        let _ = write!(text, " DEFAULT {}", shown_default(column, default));
    }
    text
}

fn tag(found: &Found, tag: &ColumnDef) -> String {
    let null = if column_options(&found.def, tag).not_null { " NOT NULL" } else { "" };
    format!("    {} {}{null}", quoted(&tag.name), TypeSpec::of_column(tag))
}
