//! The engine's refusals of rows in KWDB's words (sheet sections 11 and 14).

use triglot_engine::{EngineError, IngestError, TableName};

use crate::KwError;

/// A table's name as messages show it.
pub(in crate::lower) fn written(name: &TableName) -> String {
    match &name.database {
        Some(database) => format!("{database}.{}", name.table),
        None => name.table.clone(),
    }
}

/// 42P01
pub(in crate::lower) fn no_relation(name: &TableName) -> KwError {
    KwError::new("42P01", format!("relation \"{}\" does not exist", written(name)))
}

/// 42703
pub(in crate::lower) fn no_column(name: &str) -> KwError {
    KwError::new("42703", format!("column \"{name}\" does not exist"))
}

/// 23502
pub(in crate::lower) fn null_column(name: &str) -> KwError {
    KwError::new("23502", format!("null value in column \"{name}\" violates not-null constraint"))
}

/// A failed statement about the table.
pub(in crate::lower) fn of(error: EngineError, name: &TableName) -> KwError {
    match error {
        EngineError::TableNotFound { .. } => no_relation(name),
        EngineError::DatabaseNotFound { .. } if name.database.is_none() => no_relation(name),
        EngineError::DatabaseNotFound { name } => {
            KwError::new("3D000", format!("database \"{name}\" does not exist"))
        }
        EngineError::DuplicateKey { constraint, columns, values, .. } => KwError::new(
            "23505",
            format!(
                "duplicate key value ({})=({}) violates unique constraint \"{constraint}\"",
                columns.join(","),
                values.join(",")
            ),
        ),
        EngineError::NullColumn { column, .. } => null_column(&column),
        EngineError::RowChangedTwice { .. } => {
            KwError::new("21000", "UPSERT or INSERT...ON CONFLICT command cannot affect row a second time")
        }
        EngineError::RowExists { table, .. } => KwError::new(
            "23505",
            format!("duplicate timestamp in table \"{table}\": ts.dedup.rule is reject"),
        ),
        EngineError::KeyColumn { column, .. } => {
            KwError::new("42P10", format!("column \"{column}\" is referenced by a key"))
        }
        EngineError::Ingest(IngestError::TooLong { column, max, .. }) => {
            KwError::new("22001", format!("value too long for column \"{column}\" of {max}"))
        }
        EngineError::Ingest(IngestError::MissingTag { tag, .. }) => null_column(&tag),
        EngineError::Ingest(IngestError::TableNotFound { .. }) => no_relation(name),
        EngineError::Cast(error) => KwError::new("22000", error.to_string()),
        other => other.into(),
    }
}
