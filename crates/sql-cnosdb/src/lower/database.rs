//! Database statements.

use triglot_engine::catalog::{CatalogError, DEFAULT_DATABASE};
use triglot_engine::{
    DatabaseChanges, Engine, EngineError, NewDatabase, ObjectLimit, Outcome, Session, Statement,
};
use triglot_model::{ErrorKind, Precision, RewriteRule};

use super::database_not_found;
use crate::ast::DatabaseOptions;
use crate::duration::CnosDuration;
use crate::error::SqlError;
use crate::options;
use crate::system::RESERVED;

const DAY_NS: i64 = 86_400_000_000_000;

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
    check_limits(engine, session, written)?;
    let partition = written.vnode_duration.unwrap_or(CnosDuration::YEAR);
    let mut options = options::as_text(written);
    if name == DEFAULT_DATABASE {
        // Where the option is not recorded, the one that tenant cnosdb is born with is shown.
        options.entry("max_memcache_size".to_owned()).or_insert_with(|| "128 MiB".to_owned());
    }
    let new = NewDatabase {
        tenant: session.tenant,
        name: name.clone(),
        precision: written.precision.unwrap_or(Precision::Nano),
        retention_ns: written.ttl.map_or_else(|| default_retention(engine, session), |d| d.ns),
        partition_ns: partition.ns,
        rewrite: RewriteRule::Merge,
        options,
    };
    match engine.execute(session, Statement::CreateDatabase { new, if_not_exists }).await {
        Err(e) if e.kind() == ErrorKind::DatabaseExists => Err(exists(&name)),
        other => Ok(other?),
    }
}

/// Holds options that are recorded only, shards and replicas, to the tenant's limits. Numbers of
/// databases and retention are the catalog's.
fn check_limits(engine: &Engine, session: &Session, written: &DatabaseOptions) -> Result<(), SqlError> {
    let catalog = engine.catalog();
    let Some(tenant) = catalog.tenant_by_id(session.tenant) else { return Ok(()) };
    for (limit, asked) in [(ObjectLimit::Shards, written.shard), (ObjectLimit::Replicas, written.replica)] {
        let (Some(max), Some(asked)) = (tenant.object_limit(limit), asked) else { continue };
        if asked > max {
            let tenant = tenant.name.clone();
            return Err(EngineError::from(CatalogError::QuotaReached { tenant, limit, max }).into());
        }
    }
    Ok(())
}

/// How long rows are kept where TTL is not written: for ever, or as long as the tenant may.
fn default_retention(engine: &Engine, session: &Session) -> Option<i64> {
    let catalog = engine.catalog();
    let days = catalog.tenant_by_id(session.tenant)?.object_limit(ObjectLimit::RetentionDays)?;
    Some(i64::try_from(days).unwrap_or(i64::MAX).saturating_mul(DAY_NS))
}

pub(super) async fn alter(
    engine: &Engine,
    session: &Session,
    name: String,
    written: &DatabaseOptions,
) -> Result<Outcome, SqlError> {
    check_limits(engine, session, written)?;
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

fn named(name: &str, error: EngineError) -> SqlError {
    if error.kind() == ErrorKind::DatabaseNotFound { database_not_found(name) } else { error.into() }
}
