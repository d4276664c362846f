//! Database statements.

use triglot_engine::{DatabaseChanges, Engine, NewDatabase, Outcome, Session, Statement};
use triglot_model::{ErrorKind, Precision, RewriteRule};

use super::database_not_found;
use crate::ast::DatabaseOptions;
use crate::duration::CnosDuration;
use crate::error::SqlError;
use crate::options;
use crate::system::RESERVED;

/// Whether the name can neither be created nor dropped in this tenant.
fn is_system(session: &Session, name: &str) -> bool {
    RESERVED.contains(&name) || (name == "public" && session.tenant_name == "cnosdb")
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
    if RESERVED.contains(&name.as_str()) {
        return if if_not_exists { Ok(Outcome::Done) } else { Err(exists(&name)) };
    }
    let partition = written.vnode_duration.unwrap_or(CnosDuration::YEAR);
    let new = NewDatabase {
        tenant: session.tenant,
        name: name.clone(),
        precision: written.precision.unwrap_or(Precision::Nano),
        retention_ns: written.ttl.and_then(|d| d.ns),
        partition_ns: partition.ns,
        rewrite: RewriteRule::Merge,
        options: options::as_text(written),
    };
    match engine.execute(session, Statement::CreateDatabase { new, if_not_exists }).await {
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
        options: options::as_text(written).into_iter().map(|(k, v)| (k, Some(v))).collect(),
        ..DatabaseChanges::default()
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
    let after_ns = after.map(CnosDuration::ns_or_for_ever);
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
