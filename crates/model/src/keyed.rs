//! Keyed tables: rows told apart by the values of columns, not by series and time (relational tables).
//!
//! Such a table has no tags, so it is one series, and its time column is a *row id*: a number that the engine
//! gives, which dialects do not show. What its rows promise is kept in the table's options, since it is data
//! of the table like those.

use serde::{Deserialize, Serialize};

use crate::{ColumnId, TableDef};

/// The option that makes a table a keyed one. Its text is frozen (M-4), see [`KeyedDef::to_option`].
pub const KEYED_OPTION: &str = "triglot.keyed";

/// What the rows of a keyed table promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyedDef {
    /// Columns whose values together no two rows share; rows with a NULL among them are not compared.
    pub unique: Vec<UniqueKey>,
    /// Columns that are never NULL.
    pub required: Vec<ColumnId>,
}

/// One set of columns without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueKey {
    /// Its name, for messages.
    pub name: String,
    /// Its columns, in the order in which messages name them.
    pub columns: Vec<ColumnId>,
}

/// A table's option that this version cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys of table {table} cannot be read")]
pub struct UnreadableKeys {
    /// The table.
    pub table: String,
}

/// The frozen form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyedV1 {
    version: u8,
    unique: Vec<UniqueV1>,
    required: Vec<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UniqueV1 {
    name: String,
    columns: Vec<u32>,
}

impl KeyedDef {
    /// The keys of a table; none if it is a table of series.
    ///
    /// # Errors
    /// The option is of another version. Nothing may be written then.
    pub fn of(table: &TableDef) -> Result<Option<Self>, UnreadableKeys> {
        let Some(text) = table.options.get(KEYED_OPTION) else { return Ok(None) };
        let read: Option<KeyedV1> = serde_json::from_str(text).ok();
        let read = read.filter(|v1| v1.version == 1);
        let read = read.ok_or_else(|| UnreadableKeys { table: table.name.clone() })?;
        let ids = |ids: Vec<u32>| ids.into_iter().map(ColumnId).collect();
        let unique = |key: UniqueV1| UniqueKey { name: key.name, columns: ids(key.columns) };
        Ok(Some(Self { unique: read.unique.into_iter().map(unique).collect(), required: ids(read.required) }))
    }

    /// The text of [`KEYED_OPTION`]: JSON of version 1.
    pub fn to_option(&self) -> String {
        let ids = |ids: &[ColumnId]| ids.iter().map(|id| id.0).collect();
        let unique = |key: &UniqueKey| UniqueV1 { name: key.name.clone(), columns: ids(&key.columns) };
        let v1 = KeyedV1 {
            version: 1,
            unique: self.unique.iter().map(unique).collect(),
            required: ids(&self.required),
        };
        // Text and numbers always have a form.
        serde_json::to_string(&v1).unwrap_or_default()
    }
}

impl TableDef {
    /// Whether its rows are told apart by keys, see [`KeyedDef`].
    pub fn is_keyed(&self) -> bool {
        self.options.contains_key(KEYED_OPTION)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DatabaseId, IdentityRule, RewriteRule, TableId};

    fn table(option: Option<&str>) -> TableDef {
        TableDef {
            id: TableId(1),
            database: DatabaseId(1),
            name: "t".to_owned(),
            version: 1,
            identity: IdentityRule::AllTags,
            rewrite: RewriteRule::Merge,
            columns: Vec::new(),
            next_column_id: ColumnId(9),
            options: option.map(|text| (KEYED_OPTION.to_owned(), text.to_owned())).into_iter().collect(),
        }
    }

    #[test]
    fn the_text_is_frozen() {
        let keyed = KeyedDef {
            unique: vec![UniqueKey { name: "primary".to_owned(), columns: vec![ColumnId(1), ColumnId(3)] }],
            required: vec![ColumnId(1), ColumnId(3)],
        };
        let text = r#"{"version":1,"unique":[{"name":"primary","columns":[1,3]}],"required":[1,3]}"#;
        assert_eq!(keyed.to_option(), text);
        assert_eq!(KeyedDef::of(&table(Some(text))), Ok(Some(keyed)));
        assert_eq!(KeyedDef::of(&table(None)), Ok(None));
    }

    #[test]
    fn another_version_is_an_error_and_not_a_table_without_keys() {
        for text in [r#"{"version":2,"unique":[],"required":[]}"#, "", "{}"] {
            let table = table(Some(text));
            assert!(KeyedDef::of(&table).is_err(), "{text}");
            assert!(table.is_keyed());
        }
    }
}
