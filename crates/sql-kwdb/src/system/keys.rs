//! The keys by which a table's rows are told apart: time for series, unique columns for relational tables.

use triglot_model::{ColumnDef, KeyedDef};

use super::Source;
use super::rows::{all_texts, bools, ints, source};
use super::tables::Found;
use crate::KwError;
use crate::columns::is_relational_table;

/// The name of the first key.
pub(super) const PRIMARY: &str = "primary";

/// A key with its columns in order.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

impl Key {
    pub(super) fn is_primary(&self) -> bool {
        self.name == PRIMARY
    }
}

/// The keys of a table, the primary one first. Without a key of its own a relational table has its hidden row id.
pub(super) fn of(found: &Found) -> Result<Vec<Key>, KwError> {
    let time = found.def.time_column().map(|c| c.name.clone());
    let by_time = || Key { name: PRIMARY.to_owned(), columns: time.into_iter().collect() };
    if !is_relational_table(&found.def) {
        return Ok(vec![by_time()]);
    }
    let keyed = KeyedDef::of(&found.def).map_err(|error| KwError::new("XX001", error.to_string()))?;
    let name = |id: &_| found.def.column_by_id(*id).map(|column| column.name.clone());
    let unique = keyed.unwrap_or_default().unique.into_iter();
    let mut keys: Vec<Key> = unique
        .map(|key| Key { columns: key.columns.iter().filter_map(name).collect(), name: key.name })
        .collect();
    if !keys.iter().any(Key::is_primary) {
        keys.insert(0, by_time());
    }
    Ok(keys)
}

/// `{primary,t_a_key}`: the keys that hold a column.
pub(super) fn holding(keys: &[Key], column: &ColumnDef) -> String {
    let names: Vec<&str> =
        keys.iter().filter(|key| key.columns.contains(&column.name)).map(|key| key.name.as_str()).collect();
    format!("{{{}}}", names.join(","))
}

/// `SHOW INDEXES FROM t`: a row for each column of each key.
pub(super) fn indexes(found: &Found) -> Result<Source, KwError> {
    let keys = of(found)?;
    let rows: Vec<(&Key, i64, &String)> = keys
        .iter()
        .flat_map(|key| (1..).zip(&key.columns).map(move |(n, column)| (key, n, column)))
        .collect();
    source(vec![
        all_texts("table_name", rows.iter().map(|_| &found.def.name)),
        all_texts("index_name", rows.iter().map(|(key, ..)| &key.name)),
        bools("non_unique", rows.iter().map(|_| false)),
        ints("seq_in_index", rows.iter().map(|(_, n, _)| *n)),
        all_texts("column_name", rows.iter().map(|(.., column)| column)),
        all_texts("direction", rows.iter().map(|_| "ASC")),
        bools("storing", rows.iter().map(|_| false)),
        bools("implicit", rows.iter().map(|_| false)),
    ])
}

/// `SHOW CONSTRAINTS FROM t`
pub(super) fn constraints(found: &Found) -> Result<Source, KwError> {
    let keys = of(found)?;
    let kind = |key: &Key| if key.is_primary() { "PRIMARY KEY" } else { "UNIQUE" };
    let details = |key: &Key| {
        let columns: Vec<String> = key.columns.iter().map(|name| format!("{name} ASC")).collect();
        format!("{} ({})", kind(key), columns.join(", "))
    };
    source(vec![
        all_texts("table_name", keys.iter().map(|_| &found.def.name)),
        all_texts("constraint_name", keys.iter().map(|key| &key.name)),
        all_texts("constraint_type", keys.iter().map(kind)),
        all_texts("details", keys.iter().map(details)),
        bools("validated", keys.iter().map(|_| true)),
    ])
}
