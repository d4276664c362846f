//! SHOW of tables, columns and tags, whichever dialect made them.

use std::sync::Arc;

use triglot_engine::auth::{Action, Object, allow, visible_tables};
use triglot_engine::{EngineError, Relation, TableIn, TableName};
use triglot_model::{ColumnDef, ColumnKind, DatabaseDef, TableDef};

use super::databases::readable;
use super::rows::{Column, all_texts, bools, empty, ints, source, texts};
use super::{Source, View};
use crate::KwError;
use crate::columns::{self, column_options, is_primary_tag};
use crate::lower::names::{self, Database};
use crate::types::{ColumnMeta, TypeSpec};

/// `SHOW TABLES [FROM db] [WITH COMMENT]`: series tables, relational tables, tables over files; by name.
pub(super) fn list(view: &View<'_>, database: Option<&str>, with_comment: bool) -> Result<Source, KwError> {
    let database = readable(view, database.unwrap_or(&view.session.database_name))?;
    let mut found: Vec<(String, &str, Option<String>)> = Vec::new();
    if let Database::Stored(def) = &database {
        for table in visible_tables(&view.catalog, &view.session.principal, def.id) {
            let is_relational = columns::is_relational_table(table);
            let ty = if is_relational { "BASE TABLE" } else { "TIME SERIES TABLE" };
            let comment = table.options.get(columns::table::COMMENT).cloned();
            found.push((table.name.clone(), ty, comment));
        }
        if view.may(Action::Read, Object::Database(def.id)) {
            let files = view.catalog.external_tables(def.id);
            found.extend(files.map(|table| (table.name.clone(), "BASE TABLE", None)));
        }
    }
    found.sort();
    let mut columns = vec![
        all_texts("table_name", found.iter().map(|(name, ..)| name)),
        all_texts("table_type", found.iter().map(|(_, ty, _)| ty)),
    ];
    if with_comment {
        columns.push(texts("comment", found.iter().map(|(.., comment)| comment.as_deref())));
    }
    source(columns)
}

/// A table that the user may read.
pub(super) struct Found {
    pub(super) database: Arc<DatabaseDef>,
    pub(super) def: Arc<TableDef>,
}

impl Found {
    /// Columns, then tags, each in the order in which they were made. The time column of a relational table is the
    /// engine's, and is not shown.
    pub(super) fn columns(&self) -> impl Iterator<Item = &ColumnDef> {
        let hides_time = columns::is_relational_table(&self.def);
        let is_tag = |column: &&ColumnDef| column.kind == ColumnKind::Tag;
        let of_rows = self.def.columns.iter().filter(move |c| !is_tag(c));
        let of_rows = of_rows.filter(move |c| !(hides_time && c.kind == ColumnKind::Time));
        of_rows.chain(self.def.tags())
    }

    /// Primary tags in the order of PRIMARY TAGS.
    pub(super) fn primary_tags(&self) -> Vec<&ColumnDef> {
        match &self.def.identity {
            triglot_model::IdentityRule::PrimaryTags(ids) => {
                ids.iter().filter_map(|id| self.def.column_by_id(*id)).collect()
            }
            _ => Vec::new(),
        }
    }
}

pub(super) fn find(view: &View<'_>, name: &TableName) -> Result<Found, KwError> {
    let def = names::table(view.engine, view.session, name)?;
    let Some(database) = view.catalog.database_by_id(def.database) else {
        return Err(names::no_relation(name));
    };
    let object = Object::Table(database.id, def.id);
    allow(&view.catalog, &view.session.principal, Action::Read, object).map_err(EngineError::from)?;
    Ok(Found { database: Arc::clone(database), def })
}

/// `SHOW COLUMNS FROM t [WITH COMMENT]`
pub(super) fn columns(view: &View<'_>, name: &TableName, with_comment: bool) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let columns: Vec<&ColumnDef> = found.columns().collect();
    let options: Vec<_> = columns.iter().map(|c| column_options(&found.def, c)).collect();
    let default = |(column, options): (&&ColumnDef, &columns::ColumnOptions)| {
        options.default.as_deref().map(|value| shown_default(column, value))
    };
    let indices = |c: &&ColumnDef| if c.kind == ColumnKind::Time { "{primary}" } else { "{}" };
    let mut rows = vec![
        all_texts("column_name", columns.iter().map(|c| &c.name)),
        all_texts("data_type", columns.iter().map(|c| TypeSpec::of_column(c).to_string())),
        bools("is_nullable", options.iter().map(|o| !o.not_null)),
        texts("column_default", columns.iter().zip(&options).map(default)),
        all_texts("generation_expression", columns.iter().map(|_| "")),
        all_texts("indices", columns.iter().map(indices)),
        bools("is_hidden", columns.iter().map(|_| false)),
        bools("is_tag", columns.iter().map(|c| c.kind == ColumnKind::Tag)),
    ];
    if with_comment {
        rows.push(texts("comment", options.iter().map(|o| o.comment.as_deref())));
    }
    source(rows)
}

/// `5:::INT4`
pub(super) fn shown_default(column: &ColumnDef, value: &str) -> String {
    format!("{value}:::{}", TypeSpec::of_column(column).ty)
}

/// `SHOW TAGS FROM t`
pub(super) fn tags(view: &View<'_>, name: &TableName) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let tags: Vec<&ColumnDef> = found.def.tags().collect();
    source(vec![
        all_texts("tag", tags.iter().map(|t| &t.name)),
        all_texts("type", tags.iter().map(|t| TypeSpec::of_column(t).to_string())),
        bools("is_primary", tags.iter().map(|t| is_primary_tag(&found.def, t))),
        bools("nullable", tags.iter().map(|t| !column_options(&found.def, t).not_null)),
    ])
}

/// `SHOW TAG VALUES FROM t`: a row for each device, those without rows too.
pub(super) fn tag_values(view: &View<'_>, name: &TableName) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let columns: Vec<ColumnMeta> =
        found.def.tags().map(|tag| TypeSpec::of_column(tag).meta(&tag.name)).collect();
    if columns.is_empty() {
        return empty(&[]);
    }
    let relation = Relation::Super(TableIn { database: found.database, def: found.def });
    let table = Arc::new(view.engine.relation_series(&relation).without_names());
    Ok(Source { columns, table })
}

/// `SHOW RETENTIONS ON TABLE t`
pub(super) fn retentions(view: &View<'_>, name: &TableName) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let seconds = columns::table_retention_seconds(&found.def, &found.database);
    source(vec![
        all_texts("name", [&found.def.name]),
        all_texts("retentions", [format!("{seconds}s")]),
        texts("sample", [None::<&str>]),
    ])
}

/// `SHOW INDEXES FROM t`: the key of rows, one row for each of its columns.
pub(super) fn indexes(view: &View<'_>, name: &TableName) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let key = key_columns(&found);
    let each = |text: &'static str| key.iter().map(move |_| text);
    source(vec![
        all_texts("table_name", key.iter().map(|_| &found.def.name)),
        all_texts("index_name", each("primary")),
        bools("non_unique", key.iter().map(|_| false)),
        ints("seq_in_index", (1..).take(key.len())),
        all_texts("column_name", &key),
        all_texts("direction", each("ASC")),
        bools("storing", key.iter().map(|_| false)),
        bools("implicit", key.iter().map(|_| false)),
    ])
}

/// `SHOW CONSTRAINTS FROM t`
pub(super) fn constraints(view: &View<'_>, name: &TableName) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let key: Vec<String> = key_columns(&found).into_iter().map(|name| format!("{name} ASC")).collect();
    let rows: &[()] = if key.is_empty() { &[] } else { &[()] };
    let column = |name: &str, text: String| -> Column { all_texts(name, rows.iter().map(|()| text.clone())) };
    source(vec![
        column("table_name", found.def.name.clone()),
        column("constraint_name", "primary".to_owned()),
        column("constraint_type", "PRIMARY KEY".to_owned()),
        column("details", format!("PRIMARY KEY ({})", key.join(", "))),
        bools("validated", rows.iter().map(|()| true)),
    ])
}

/// The columns by which rows are told apart.
fn key_columns(found: &Found) -> Vec<String> {
    if columns::is_relational_table(&found.def) {
        return Vec::new();
    }
    found.def.time_column().map(|c| c.name.clone()).into_iter().collect()
}
