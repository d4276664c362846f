//! Names to things, and which names KWDB's objects may have (sheet sections 9, 10.1).

use std::sync::Arc;

use triglot_engine::{Engine, EngineError, Session, TableName};
use triglot_model::{DatabaseDef, ErrorKind, TableDef};

use crate::{KwError, columns};

/// Relational databases that are always there. They are made in the catalog when a table is made in them; until then
/// they are names of databases without tables.
pub(crate) const BUILT_IN: [&str; 3] = ["defaultdb", "postgres", "system"];

/// Bytes of a database's name.
const MAX_DATABASE_NAME: usize = 63;
/// Bytes of the names of tables, columns and tags.
const MAX_NAME: usize = 128;

/// A database that a statement names.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// It is in the catalog.
    Stored(Arc<DatabaseDef>),
    /// One of [`BUILT_IN`] without tables.
    Empty(String),
}

impl Database {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Stored(def) => &def.name,
            Self::Empty(name) => name,
        }
    }

    /// Whether its tables are relational. Databases of other dialects hold series.
    pub(crate) fn is_relational(&self) -> bool {
        match self {
            Self::Stored(def) => columns::is_relational(def),
            Self::Empty(_) => true,
        }
    }
}

/// The database of this name.
pub(crate) fn database(engine: &Engine, session: &Session, name: &str) -> Result<Database, KwError> {
    match engine.database(session, name) {
        Ok(def) => Ok(Database::Stored(def)),
        Err(error) if error.kind() != ErrorKind::DatabaseNotFound => Err(error.into()),
        Err(_) if BUILT_IN.contains(&name) => Ok(Database::Empty(name.to_owned())),
        Err(_) => Err(no_database(name)),
    }
}

/// The database that a table's name leads to.
pub(crate) fn database_of(
    engine: &Engine,
    session: &Session,
    table: &TableName,
) -> Result<Database, KwError> {
    database(engine, session, table.database.as_deref().unwrap_or(&session.database_name))
}

/// The table of this name.
pub(crate) fn table(engine: &Engine, session: &Session, name: &TableName) -> Result<Arc<TableDef>, KwError> {
    engine.table(session, name).map_err(|error| match error {
        EngineError::TableNotFound { .. } | EngineError::DatabaseNotFound { .. } => no_relation(name),
        other => other.into(),
    })
}

/// 3D000.
pub(crate) fn no_database(name: &str) -> KwError {
    KwError::new("3D000", format!("database \"{name}\" does not exist"))
}

/// 42P01, with the name as it was written.
pub(crate) fn no_relation(name: &TableName) -> KwError {
    let written = match &name.database {
        Some(database) => format!("{database}.{}", name.table),
        None => name.table.clone(),
    };
    KwError::new("42P01", format!("relation \"{written}\" does not exist"))
}

/// Refuses names that a time-series database cannot have.
pub(super) fn check_ts_database(name: &str) -> Result<(), KwError> {
    if name.len() > MAX_DATABASE_NAME {
        return Err(too_long("ts database", name, MAX_DATABASE_NAME));
    }
    check_object(name)
}

/// Refuses names that a time-series table cannot have.
pub(super) fn check_ts_table(name: &str) -> Result<(), KwError> {
    if name.len() > MAX_NAME {
        return Err(too_long("ts table", name, MAX_NAME));
    }
    check_object(name)
}

/// Refuses names that a column or tag (`what`) of a time-series table cannot have.
///
/// # Errors
/// SQLSTATE 42602.
pub fn check_ts_column(what: &str, name: &str) -> Result<(), KwError> {
    if name.len() > MAX_NAME {
        return Err(too_long(what, name, MAX_NAME));
    }
    if is_plain(name) {
        return Ok(());
    }
    let message = format!(
        "invalid name: {name}, naming of column/tag in timeseries table only supports letters, numbers and symbols"
    );
    Err(KwError::new("42602", message))
}

fn too_long(what: &str, name: &str, max: usize) -> KwError {
    KwError::new("42602", format!("{what} name \"{name}\" exceeds max length ({max})"))
}

fn check_object(name: &str) -> Result<(), KwError> {
    if is_plain(name) {
        return Ok(());
    }
    let message = format!(
        "invalid name: {name}, naming of time series objects only supports letters, numbers and symbols"
    );
    Err(KwError::new("42602", message))
}

/// ASCII that is printed, and not nothing.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// A name as statements write it: in quotes if it would be read otherwise without.
pub(crate) fn quoted(name: &str) -> String {
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let is_bare =
        begins && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if is_bare && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// Words that are no names without quotes.
const RESERVED: [&str; 64] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "constraint",
    "create",
    "cross",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "in",
    "index",
    "inner",
    "intersect",
    "into",
    "join",
    "left",
    "like",
    "limit",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "primary",
    "references",
    "right",
    "select",
    "table",
    "then",
    "to",
    "union",
    "unique",
    "user",
    "using",
    "where",
];
