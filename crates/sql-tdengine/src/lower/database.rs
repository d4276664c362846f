//! CREATE, ALTER and DROP DATABASE.

use triglot_engine::catalog::ROOT_USER;
use triglot_engine::{DatabaseChanges, Engine, NewDatabase, Statement};
use triglot_model::{ErrorKind, Precision, RewriteRule};
use triglot_parse_tdengine::ast::{AlterDatabase, CreateDatabase, Expr};

use super::names::SYSTEM_DATABASES;
use super::{errors, options, user};
use crate::time::TimeContext;
use crate::{Context, TaosError};

pub(super) async fn create(
    engine: &Engine,
    context: &Context,
    create: &CreateDatabase,
) -> Result<(), TaosError> {
    let name = create.name.name.as_str();
    let given = options::read(&create.options, None)?;
    if SYSTEM_DATABASES.contains(&name) {
        return Err(already_exists());
    }
    let created = engine.clock().now_ns().div_euclid(1_000_000).to_string();
    let recorded = given.recorded.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let new = NewDatabase {
        tenant: context.session.tenant,
        name: name.to_owned(),
        precision: given.precision.unwrap_or(Precision::Milli),
        retention_ns: given.retention_ns.unwrap_or_else(options::default_retention_ns),
        partition_ns: given.partition_ns.or_else(options::default_partition_ns),
        rewrite: RewriteRule::Merge,
        options: recorded.chain([(options::CREATED.to_owned(), created)]).collect(),
    };
    let statement = Statement::CreateDatabase { new, if_not_exists: create.if_not_exists };
    match engine.execute(&context.session, statement).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::DatabaseExists => return Err(already_exists()),
        Err(error) => return Err(error.into()),
    }
    if context.session.principal.name == ROOT_USER {
        user::extend_grants(engine, context, name).await?;
    }
    Ok(())
}

fn already_exists() -> TaosError {
    TaosError::new(0x0381, "Database already exists")
}

pub(super) async fn alter(
    engine: &Engine,
    context: &Context,
    alter: &AlterDatabase,
) -> Result<(), TaosError> {
    let name = alter.name.name.as_str();
    refuse_system(name)?;
    let database = engine.database(&context.session, name).map_err(errors::lookup)?;
    let given = options::read(&alter.options, Some(&database))?;
    let changes = DatabaseChanges {
        retention_ns: given.retention_ns,
        options: given.recorded,
        ..DatabaseChanges::default()
    };
    let statement = Statement::AlterDatabase { name: name.to_owned(), changes };
    engine.execute(&context.session, statement).await.map_err(errors::lookup)?;
    Ok(())
}

/// `FLUSH DATABASE d`
///
/// # Errors
/// 0x0388; 0x0303 without the right to write.
pub(super) async fn flush(engine: &Engine, context: &Context, name: &str) -> Result<(), TaosError> {
    refuse_system(name)?;
    let flush = Statement::FlushDatabase { name: name.to_owned() };
    engine.execute(&context.session, flush).await.map(|_| ()).map_err(errors::lookup)
}

/// `TRIM DATABASE d`: rows past KEEP go at once.
///
/// # Errors
/// As [`flush`].
pub(super) async fn trim(engine: &Engine, context: &Context, name: &str) -> Result<(), TaosError> {
    refuse_system(name)?;
    let trim = Statement::TrimDatabase { name: name.to_owned() };
    engine.execute(&context.session, trim).await.map(|_| ()).map_err(errors::lookup)
}

/// `COMPACT DATABASE d [START WITH t] [END WITH t]`: all of it, whatever the bounds.
///
/// # Errors
/// 0x0388; 0x0127 for a bound that is no time.
pub(super) async fn compact(
    engine: &Engine,
    context: &Context,
    name: &str,
    bounds: &[Expr],
) -> Result<(), TaosError> {
    refuse_system(name)?;
    let database = engine.database(&context.session, name).map_err(errors::lookup)?;
    let now_ns = engine.clock().now_ns();
    let time = TimeContext { precision: database.precision, zone: context.zone, now_ns };
    if bounds.iter().any(|bound| time.evaluate(bound).is_none()) {
        return Err(TaosError::new(0x0127, "Invalid timestamp format"));
    }
    engine.execute(&context.session, Statement::CompactDatabase { name: name.to_owned() }).await?;
    Ok(())
}

pub(super) async fn drop(
    engine: &Engine,
    context: &Context,
    name: &str,
    if_exists: bool,
) -> Result<(), TaosError> {
    refuse_system(name)?;
    let statement = Statement::DropDatabase { name: name.to_owned(), if_exists, after_ns: None };
    engine.execute(&context.session, statement).await.map_err(errors::lookup)?;
    Ok(())
}

/// System databases can neither be changed nor dropped.
fn refuse_system(name: &str) -> Result<(), TaosError> {
    if SYSTEM_DATABASES.contains(&name) {
        return Err(TaosError::new(0x2644, "Permission denied or target object not exist"));
    }
    Ok(())
}
