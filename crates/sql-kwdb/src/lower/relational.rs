//! Statements about relational tables.

use std::sync::Arc;

use triglot_engine::{Engine, Session, TableName};
use triglot_model::TableDef;

use crate::KwError;
use crate::ast::{AlterTable, CreateTable};

/// CREATE TABLE in a relational database, whose name is free.
pub(super) async fn create(
    _engine: &Engine,
    _session: &Session,
    _create: CreateTable,
) -> Result<(), KwError> {
    Err(KwError::unsupported("CREATE TABLE of a relational table"))
}

/// ALTER TABLE of a relational table.
pub(super) async fn alter(
    _engine: &Engine,
    _session: &Session,
    _def: &Arc<TableDef>,
    _alter: AlterTable,
) -> Result<(), KwError> {
    Err(KwError::unsupported("ALTER TABLE of a relational table"))
}

/// TRUNCATE of a relational table.
pub(super) async fn truncate(_engine: &Engine, _session: &Session, _table: TableName) -> Result<(), KwError> {
    Err(KwError::unsupported("TRUNCATE"))
}
