//! What KWDB declares of a column beside its type. The engine has no place for it, so it stands in the table's options,
//! under keys that the other dialects do not read: `kwdb.column.<id>.<property>`.

use triglot_model::{ColumnDef, ColumnId, ColumnKind, DatabaseDef, IdentityRule, RETENTION_OPTION, TableDef};

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
    /// RETENTIONS in seconds: the engine counts nanoseconds in 64 bits, KWDB allows 1000 years.
    pub(crate) const RETENTIONS: &str = "kwdb.retentions";
    /// PARTITION INTERVAL as it was written.
    pub(crate) const PARTITION: &str = "kwdb.partition_interval";
}

/// Whether a database is one of KWDB's relational ones. Those of other dialects hold series.
pub fn is_relational(database: &DatabaseDef) -> bool {
    database.options.get(database::ENGINE).is_some_and(|engine| engine == database::RELATIONAL)
}

/// Whether a table is a relational one: its rows are told apart by keys and not by series and time.
pub fn is_relational_table(table: &TableDef) -> bool {
    table.is_keyed()
}

/// A database's RETENTIONS in seconds, 0 = for ever.
pub(crate) fn retention_seconds(database: &DatabaseDef) -> u64 {
    let written = database.options.get(database::RETENTIONS).and_then(|text| text.parse().ok());
    let kept = || database.retention_ns.map_or(0, |ns| ns.unsigned_abs() / NS_PER_SECOND);
    written.unwrap_or_else(kept)
}

/// A table's RETENTIONS in seconds, 0 = for ever.
pub(crate) fn table_retention_seconds(table: &TableDef, database: &DatabaseDef) -> u64 {
    let own = table.options.get(RETENTION_OPTION).and_then(|text| text.parse::<u128>().ok());
    match own {
        Some(ns) => u64::try_from(ns / u128::from(NS_PER_SECOND)).unwrap_or(u64::MAX),
        None => retention_seconds(database),
    }
}

const NS_PER_SECOND: u64 = 1_000_000_000;
