//! SHOW of tables, columns and tags, whichever dialect made them.

use std::sync::Arc;

use triglot_engine::auth::{Action, Object, visible_tables};
use triglot_engine::{Relation, TableIn, TableName};
use triglot_model::{ColumnDef, ColumnKind, DatabaseDef, ErrorKind, TableDef};

use super::databases::readable;
use super::rows::{all_texts, bools, empty, source, texts};
use super::{Source, View, keys};
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
    relation: Relation,
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

/// The table of this name. TDengine's child tables are shown as what they are part of.
pub(super) fn find(view: &View<'_>, name: &TableName) -> Result<Found, KwError> {
    let database = name.database.as_deref().unwrap_or(&view.session.database_name);
    let relation = view.engine.relation(view.session, database, &name.table);
    let relation = relation.map_err(|error| match error.kind() {
        ErrorKind::TableNotFound | ErrorKind::DatabaseNotFound => names::no_relation(name),
        _ => error.into(),
    })?;
    let TableIn { database, def } = relation.table().clone();
    Ok(Found { database, def, relation })
}

/// `SHOW COLUMNS FROM t [WITH COMMENT]`
pub(super) fn columns(view: &View<'_>, name: &TableName, with_comment: bool) -> Result<Source, KwError> {
    let found = find(view, name)?;
    let columns: Vec<&ColumnDef> = found.columns().collect();
    let options: Vec<_> = columns.iter().map(|c| column_options(&found.def, c)).collect();
    let default = |(column, options): (&&ColumnDef, &columns::ColumnOptions)| {
        options.default.as_deref().map(|value| shown_default(column, value))
    };
    let keys = keys::of(&found)?;
    let mut rows = vec![
        all_texts("column_name", columns.iter().map(|c| &c.name)),
        all_texts("data_type", columns.iter().map(|c| TypeSpec::of_column(c).to_string())),
        bools("is_nullable", options.iter().map(|o| !o.not_null)),
        texts("column_default", columns.iter().zip(&options).map(default)),
        all_texts("generation_expression", columns.iter().map(|_| "")),
        all_texts("indices", columns.iter().map(|c| keys::holding(&keys, c))),
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
    let table = Arc::new(view.engine.relation_series(&found.relation).without_names());
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
