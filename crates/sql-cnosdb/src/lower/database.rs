//! Database statements.

use triglot_engine::{CreateDatabase, DatabaseChanges, Engine, Outcome, Session, Statement};
use triglot_model::{ErrorKind, Precision, RewriteRule};

use super::database_not_found;
use crate::ast::DatabaseOptions;
use crate::duration::CnosDuration;
use crate::error::SqlError;
use crate::options;

/// Names that are taken in every tenant.
const SYSTEM: [&str; 3] = ["information_schema", "cluster_schema", "usage_schema"];

/// Whether the name can neither be created nor dropped in this tenant.
fn is_system(session: &Session, name: &str) -> bool {
    SYSTEM.contains(&name) || (name == "public" && session.tenant_name == "cnosdb")
}

fn exists(name: &str) -> SqlError {
    SqlError::Coded { code: "030018", text: format!("Database {name:?} already exists") }
}

pub(super) async fn create(
    engine: &Engine,
    session: &Session,
    name: String,
    if_not_exists: bool,
    written: &DatabaseOptions,
) -> Result<Outcome, SqlError> {
    if SYSTEM.contains(&name.as_str()) {
        return if if_not_exists { Ok(Outcome::Done) } else { Err(exists(&name)) };
    }
    let partition = written.vnode_duration.unwrap_or(CnosDuration::YEAR);
    let statement = CreateDatabase {
        name: name.clone(),
        if_not_exists,
        precision: written.precision.unwrap_or(Precision::Nano),
        retention_ns: written.ttl.and_then(|d| d.ns),
        partition_ns: partition.ns,
        rewrite: RewriteRule::Merge,
        options: options::as_text(written),
    };
    match engine.execute(session, Statement::CreateDatabase(statement)).await {
        Err(e) if e.kind() == ErrorKind::DatabaseExists => Err(exists(&name)),
        other => Ok(other?),
    }
}

pub(super) async fn alter(
    engine: &Engine,
    session: &Session,
    name: String,
    written: &DatabaseOptions,
) -> Result<Outcome, SqlError> {
    let changes = DatabaseChanges {
        retention_ns: written.ttl.map(|d| d.ns),
        partition_ns: written.vnode_duration.map(|d| d.ns),
        options: options::as_text(written),
    };
    let statement = Statement::AlterDatabase { name: name.clone(), changes };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}

pub(super) async fn drop(
    engine: &Engine,
    session: &Session,
    name: String,
    if_exists: bool,
    after: Option<CnosDuration>,
) -> Result<Outcome, SqlError> {
    if is_system(session, &name) {
        return Err(SqlError::Coded { code: "010065", text: format!("Database {name:?} forbid drop") });
    }
    // `AFTER 'INF'` hides for ever: as far away as time goes.
    let after_ns = after.map(|d| d.ns.unwrap_or(i64::MAX));
    let statement = Statement::DropDatabase { name: name.clone(), if_exists, after_ns };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}

pub(super) async fn recover(
    engine: &Engine,
    session: &Session,
    name: String,
    if_exists: bool,
) -> Result<Outcome, SqlError> {
    let statement = Statement::RecoverDatabase { name: name.clone(), if_exists };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}

pub(super) async fn compact(engine: &Engine, session: &Session, name: String) -> Result<Outcome, SqlError> {
    let statement = Statement::CompactDatabase { name: name.clone() };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}

fn named(name: &str, error: triglot_engine::EngineError) -> SqlError {
    if error.kind() == ErrorKind::DatabaseNotFound { database_not_found(name) } else { error.into() }
}
