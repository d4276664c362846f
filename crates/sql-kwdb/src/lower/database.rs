//! Databases (sheet section 9).

use std::collections::BTreeMap;

use triglot_engine::{DatabaseChanges, Engine, EngineError, NewDatabase, Session, Statement};
use triglot_model::{ErrorKind, Precision, RewriteRule};

use super::names::{self, BUILT_IN, Database};
use crate::KwError;
use crate::ast::{DatabaseStmt, Duration, DurationUnit};
use crate::columns::database as options;

/// 1000 years, the longest retention and partition interval.
const MAX_SECONDS: u64 = 1_000 * 365 * 86_400;
const NS_PER_SECOND: i64 = 1_000_000_000;

pub(super) async fn run(engine: &Engine, session: &Session, statement: DatabaseStmt) -> Result<(), KwError> {
    match statement {
        DatabaseStmt::Create { name, if_not_exists, is_ts, retentions, partition, comment } => {
            let mut new = fresh(session, &name, is_ts);
            if is_ts {
                names::check_ts_database(&name)?;
            }
            if let Some(retentions) = retentions {
                let seconds = retention_seconds(retentions)?;
                new.retention_ns = ns(seconds);
                new.options.insert(options::RETENTIONS.to_owned(), seconds.to_string());
            }
            if let Some(partition) = partition {
                new.partition_ns = Some(partition_ns(partition)?);
                new.options.insert(options::PARTITION.to_owned(), partition.to_string());
            }
            new.options.extend(comment.map(|text| (options::COMMENT.to_owned(), text)));
            create(engine, session, new, if_not_exists).await
        }
        DatabaseStmt::SetRetentions { name, to } => {
            let seconds = retention_seconds(to)?;
            let changes = DatabaseChanges {
                retention_ns: Some(ns(seconds)),
                options: [(options::RETENTIONS.to_owned(), Some(seconds.to_string()))].into(),
                ..Default::default()
            };
            alter(engine, session, name, changes).await
        }
        DatabaseStmt::SetPartition { name, to } => {
            let changes = DatabaseChanges {
                partition_ns: Some(Some(partition_ns(to)?)),
                options: [(options::PARTITION.to_owned(), Some(to.to_string()))].into(),
                ..Default::default()
            };
            alter(engine, session, name, changes).await
        }
        DatabaseStmt::Rename { name, to } => rename(engine, session, name, to).await,
        DatabaseStmt::Drop { name, if_exists, restrict } => {
            drop(engine, session, name, if_exists, restrict).await
        }
    }
}

/// A database as it is made without any clause. Time columns have their own unit in each table; the database's is what
/// ingest makes tables with.
fn fresh(session: &Session, name: &str, is_ts: bool) -> NewDatabase {
    let engine = if is_ts { options::TS } else { options::RELATIONAL };
    NewDatabase {
        tenant: session.tenant,
        name: name.to_owned(),
        precision: Precision::Nano,
        retention_ns: None,
        partition_ns: None,
        rewrite: RewriteRule::Replace,
        options: BTreeMap::from([(options::ENGINE.to_owned(), engine.to_owned())]),
    }
}

async fn create(
    engine: &Engine,
    session: &Session,
    new: NewDatabase,
    if_not_exists: bool,
) -> Result<(), KwError> {
    let name = new.name.clone();
    if BUILT_IN.contains(&name.as_str()) {
        return if if_not_exists { Ok(()) } else { Err(exists(&name)) };
    }
    let made = engine.execute(session, Statement::CreateDatabase { new, if_not_exists }).await;
    made.map(|_| ()).map_err(|error| named(&name, error))
}

/// The database in the catalog; a built-in one is made there if it is not.
pub(crate) async fn ensure(engine: &Engine, session: &Session, database: &Database) -> Result<(), KwError> {
    let Database::Empty(name) = database else { return Ok(()) };
    let new = fresh(session, name, false);
    let statement = Statement::CreateDatabase { new, if_not_exists: true };
    engine.execute(session, statement).await.map(|_| ()).map_err(|error| named(name, error))
}

async fn alter(
    engine: &Engine,
    session: &Session,
    name: String,
    changes: DatabaseChanges,
) -> Result<(), KwError> {
    let database = names::database(engine, session, &name)?;
    if database.is_relational() && changes.name.is_none() {
        let message =
            format!("can not set retentions or partition interval on relational database \"{name}\"");
        return Err(KwError::new("42809", message));
    }
    let altered = engine.execute(session, Statement::AlterDatabase { name: name.clone(), changes }).await;
    altered.map(|_| ()).map_err(|error| named(&name, error))
}

async fn rename(engine: &Engine, session: &Session, name: String, to: String) -> Result<(), KwError> {
    let database = names::database(engine, session, &name)?;
    for built_in in [&name, &to] {
        if BUILT_IN.contains(&built_in.as_str()) {
            return Err(KwError::unsupported(&format!("renaming database \"{built_in}\"")));
        }
    }
    if !database.is_relational() {
        names::check_ts_database(&to)?;
    }
    if name == to {
        return Ok(());
    }
    let changes = DatabaseChanges { name: Some(to.clone()), ..Default::default() };
    let renamed = engine.execute(session, Statement::AlterDatabase { name: name.clone(), changes }).await;
    renamed.map(|_| ()).map_err(|error| match error.kind() {
        ErrorKind::DatabaseExists => exists(&to),
        _ => named(&name, error),
    })
}

async fn drop(
    engine: &Engine,
    session: &Session,
    name: String,
    if_exists: bool,
    restrict: bool,
) -> Result<(), KwError> {
    let database = match names::database(engine, session, &name) {
        Err(error) if if_exists && error.sqlstate == "3D000" => return Ok(()),
        found => found?,
    };
    if BUILT_IN.contains(&name.as_str()) {
        return Err(KwError::unsupported(&format!("dropping database \"{name}\"")));
    }
    if restrict && let Database::Stored(def) = &database {
        let is_empty = engine.tables(session, &def.name)?.is_empty();
        if !is_empty {
            let message = format!("database \"{name}\" is not empty and RESTRICT was specified");
            return Err(KwError::new("2BP01", message));
        }
    }
    let statement = Statement::DropDatabase { name: name.clone(), if_exists, after_ns: None };
    engine.execute(session, statement).await.map(|_| ()).map_err(|error| named(&name, error))
}

/// COMMENT ON DATABASE.
pub(super) async fn comment(
    engine: &Engine,
    session: &Session,
    name: String,
    text: Option<String>,
) -> Result<(), KwError> {
    let database = names::database(engine, session, &name)?;
    ensure(engine, session, &database).await?;
    let options = [(options::COMMENT.to_owned(), text)].into();
    let changes = DatabaseChanges { options, ..Default::default() };
    let altered = engine.execute(session, Statement::AlterDatabase { name: name.clone(), changes }).await;
    altered.map(|_| ()).map_err(|error| named(&name, error))
}

/// Seconds of a retention, 0 = for ever.
pub(super) fn retention_seconds(duration: Duration) -> Result<u64, KwError> {
    let seconds = duration.seconds().filter(|seconds| *seconds <= MAX_SECONDS);
    seconds.ok_or_else(|| KwError::new("22023", format!("retention {duration} is out of range")))
}

/// The text of [`triglot_model::RETENTION_OPTION`].
pub(super) fn retention_option(seconds: u64) -> String {
    (u128::from(seconds) * u128::from(NS_PER_SECOND.unsigned_abs())).to_string()
}

/// A retention as the engine has it: what is longer than 64 bits of nanoseconds, 292 years, keeps rows for ever.
fn ns(seconds: u64) -> Option<i64> {
    let ns = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(NS_PER_SECOND));
    ns.filter(|ns| *ns > 0)
}

fn partition_ns(duration: Duration) -> Result<i64, KwError> {
    if matches!(duration.unit, DurationUnit::Second | DurationUnit::Minute | DurationUnit::Hour) {
        let message = format!("unsupported partition interval unit: {}", duration.unit);
        return Err(KwError::new("22023", message));
    }
    let seconds = duration.seconds().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        let message = format!("partition interval {duration} is invalid, the time range is [1day, 1000year]");
        KwError::new("22023", message)
    })?;
    Ok(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(NS_PER_SECOND))
}

fn exists(name: &str) -> KwError {
    KwError::new("42P04", format!("database \"{name}\" already exists"))
}

fn named(name: &str, error: EngineError) -> KwError {
    match error.kind() {
        ErrorKind::DatabaseExists => exists(name),
        ErrorKind::DatabaseNotFound => names::no_database(name),
        _ => error.into(),
    }
}
