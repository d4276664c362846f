//! Errors that statements other than SELECT raise (sheet section 14), by name.

use triglot_engine::EngineError;
use triglot_model::ErrorKind;

use crate::TaosError;

/// 0x2616
pub(crate) fn no_database_named() -> TaosError {
    TaosError::new(0x2616, "Database not specified")
}

/// 0x0388
pub(crate) fn no_database() -> TaosError {
    TaosError::new(0x0388, "Database not exist")
}

/// 0x2603
pub(crate) fn no_table(name: &str) -> TaosError {
    TaosError::new(0x2603, format!("Table does not exist: {name}"))
}

/// 0x2602
pub(crate) fn no_column(name: &str) -> TaosError {
    TaosError::new(0x2602, format!("Invalid column name: {name}"))
}

/// 0x2642
pub(crate) fn bad_length() -> TaosError {
    TaosError::new(0x2642, "Invalid var data column/tag length")
}

/// What looking a table up failed on.
pub(crate) fn lookup(error: EngineError) -> TaosError {
    match error {
        EngineError::TableNotFound { table, .. } => no_table(&table),
        EngineError::DatabaseNotFound { .. } => no_database(),
        other => other.into(),
    }
}

/// A table that could not be made: `exists` is the code of one of the same kind.
pub(crate) fn creation(error: EngineError, exists: fn(&str) -> TaosError, name: &str) -> TaosError {
    match (&error, error.kind()) {
        (EngineError::NameTaken { .. }, _) => {
            TaosError::new(0x061D, format!("Table already exists in other stables: {name}"))
        }
        (_, ErrorKind::TableExists) => exists(name),
        (EngineError::NotASuperTable { table }, _) => {
            TaosError::new(0x022F, format!("Table is not a supertable: {table}"))
        }
        _ => lookup(error),
    }
}

/// 0x0603
pub(crate) fn table_exists(_: &str) -> TaosError {
    TaosError::new(0x0603, "Table already exists")
}

/// 0x0360
pub(crate) fn super_table_exists(_: &str) -> TaosError {
    TaosError::new(0x0360, "STable already exists")
}
