//! Names of statements as the engine takes them.

use triglot_engine::TableName as EngineName;
use triglot_parse_tdengine::ast::TableName;

use super::errors;
use crate::{Context, TaosError};

/// Databases that are computed.
pub(crate) const SYSTEM_DATABASES: [&str; 2] = ["information_schema", "performance_schema"];

/// The database of a name: as written, else the request's.
///
/// # Errors
/// 0x2616: there is none.
pub(crate) fn database_of<'n>(context: &'n Context, name: &'n TableName) -> Result<&'n str, TaosError> {
    match &name.database {
        Some(database) => Ok(&database.name),
        None => current(context),
    }
}

/// The request's database.
///
/// # Errors
/// 0x2616: there is none.
pub(crate) fn current(context: &Context) -> Result<&str, TaosError> {
    if context.has_database { Ok(&context.session.database_name) } else { Err(errors::no_database_named()) }
}

/// A table by both of its names.
pub(crate) fn engine_name(database: &str, table: &str) -> EngineName {
    EngineName { tenant: None, database: Some(database.to_owned()), table: table.to_owned() }
}
