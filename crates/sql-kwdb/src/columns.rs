//! What KWDB declares of a column beside its type. The engine has no place for it, so it stands in the table's options,
//! under keys that the other dialects do not read: `kwdb.column.<id>.<property>`.

use std::collections::BTreeMap;

use triglot_model::{ColumnDef, ColumnId, ColumnKind, IdentityRule, TableDef};

/// What a column was declared with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnOptions {
    /// NULL is refused. Always so for the time column and primary tags.
    pub not_null: bool,
    /// The constant that an insert without the column takes, as SQL: a number, a text in quotes, `true`, `false`,
    /// `now()`.
    pub default: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

const NOT_NULL: &str = "not_null";
const DEFAULT: &str = "default";
const COMMENT: &str = "comment";

/// The options of a table's column, whichever dialect made it.
pub fn column_options(table: &TableDef, column: &ColumnDef) -> ColumnOptions {
    let get = |property| table.options.get(&key(column.id, property));
    ColumnOptions {
        not_null: is_key(table, column) || get(NOT_NULL).is_some(),
        default: get(DEFAULT).cloned(),
        comment: get(COMMENT).cloned(),
    }
}

/// Whether the column is part of a row's key: the time column or a primary tag.
pub fn is_key(table: &TableDef, column: &ColumnDef) -> bool {
    column.kind == ColumnKind::Time || is_primary_tag(table, column)
}

/// Whether the column is a primary tag: the device is named by it.
pub fn is_primary_tag(table: &TableDef, column: &ColumnDef) -> bool {
    match &table.identity {
        IdentityRule::PrimaryTags(ids) => ids.contains(&column.id),
        IdentityRule::AllTags | IdentityRule::ChildName => false,
    }
}

/// The entries of a table's options that say so.
pub(crate) fn entries(
    id: ColumnId,
    options: &ColumnOptions,
) -> impl Iterator<Item = (String, String)> + use<'_> {
    let not_null = options.not_null.then(|| (key(id, NOT_NULL), "true".to_owned()));
    let default = options.default.clone().map(|text| (key(id, DEFAULT), text));
    let comment = options.comment.clone().map(|text| (key(id, COMMENT), text));
    [not_null, default, comment].into_iter().flatten()
}

/// The key of a column's DEFAULT.
pub(crate) fn default_key(id: ColumnId) -> String {
    key(id, DEFAULT)
}

/// The key of a column's COMMENT.
pub(crate) fn comment_key(id: ColumnId) -> String {
    key(id, COMMENT)
}

fn key(id: ColumnId, property: &str) -> String {
    format!("kwdb.column.{id}.{property}")
}

/// Options of a whole table that only KWDB reads.
pub(crate) mod table {
    /// COMMENT.
    pub(crate) const COMMENT: &str = "kwdb.comment";
    /// RETENTIONS as it was written, `0s` = for ever.
    pub(crate) const RETENTIONS: &str = "kwdb.retentions";
    /// Made by CREATE TABLE of a relational database.
    pub(crate) const RELATIONAL: &str = "kwdb.relational";
    /// Options that the grammar has lost (PARTITION INTERVAL, ACTIVETIME, DICT ENCODING, WITH HASH).
    pub(crate) const OTHERS: &str = "kwdb.table_options";
}

/// Options of a database that only KWDB reads.
pub(crate) mod database {
    /// `relational` or `ts`; absent in databases of other dialects, which hold series.
    pub(crate) const ENGINE: &str = "kwdb.engine";
    /// The value of [`ENGINE`] for relational databases.
    pub(crate) const RELATIONAL: &str = "relational";
    /// The value of [`ENGINE`] for time-series databases.
    pub(crate) const TS: &str = "ts";
    /// COMMENT.
    pub(crate) const COMMENT: &str = "kwdb.comment";
    /// RETENTIONS as seconds.
    pub(crate) const RETENTIONS: &str = "kwdb.retentions";
    /// PARTITION INTERVAL as it was written.
    pub(crate) const PARTITION: &str = "kwdb.partition_interval";
}

/// Whether a database is one of KWDB's relational ones.
pub fn is_relational(options: &BTreeMap<String, String>) -> bool {
    options.get(database::ENGINE).is_some_and(|engine| engine == database::RELATIONAL)
}
