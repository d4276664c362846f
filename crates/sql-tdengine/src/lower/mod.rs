//! Statements other than SELECT and INSERT as the engine's.

mod alter;
pub(crate) mod create;
mod database;
mod delete;
pub(crate) mod errors;
pub(crate) mod index;
pub(crate) mod names;
pub(crate) mod objects;
mod options;
pub(crate) mod table_options;
pub(crate) mod types;
mod user;
mod view;

pub(crate) use options::{CREATED, OptionsOf, created_ms, shown as shown_options};
pub(crate) use types::{declared_length, declared_type, encoding};
pub(crate) use user::{RightOn, options as user_options, rights_of};
pub(crate) use view::columns as view_columns;

use triglot_engine::{Engine, Statement as EngineStatement};
use triglot_parse_tdengine::ast::{DropTarget, Ident, Statement};

use self::names::{database_of, engine_name};
use crate::{Answer, Context, TaosError};

/// Runs a definition, a deletion or a statement about users.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    statement: &Statement,
    sql: &str,
) -> Result<Answer, TaosError> {
    match statement {
        Statement::CreateDatabase(create) => database::create(engine, context, create).await?,
        Statement::AlterDatabase(alter) => database::alter(engine, context, alter).await?,
        Statement::DropDatabase { name, if_exists } => {
            database::drop(engine, context, &name.name, *if_exists).await?;
        }
        Statement::Use(name) => require_database(engine, context, name)?,
        Statement::FlushDatabase(name) => database::flush(engine, context, &name.name).await?,
        Statement::TrimDatabase(name) => database::trim(engine, context, &name.name).await?,
        Statement::CompactDatabase { name, bounds } => {
            database::compact(engine, context, &name.name, bounds).await?;
        }
        Statement::CreateTable(create) => create::table(engine, context, create).await?,
        Statement::CreateChildren(children) => create::children(engine, context, children, sql).await?,
        Statement::DropTables(targets) => drop_tables(engine, context, targets).await?,
        Statement::AlterTable(alter) => alter::table(engine, context, alter, sql).await?,
        Statement::Delete { table, filter } => {
            return delete::run(engine, context, table, filter.as_ref(), sql).await;
        }
        Statement::CreateUser { name, password, options } => {
            user::create(engine, context, &name.name, password, options).await?;
        }
        Statement::AlterUser { name, option } => user::alter(engine, context, &name.name, option).await?,
        Statement::DropUser { name, if_exists } => {
            user::drop_user(engine, context, &name.name, *if_exists).await?;
        }
        Statement::Grant(grant) => user::grant(engine, context, grant).await?,
        Statement::CreateView { name, or_replace, query, text } => {
            view::create(engine, context, name, *or_replace, query, *text, sql).await?;
        }
        Statement::DropView { name, if_exists } => view::drop(engine, context, name, *if_exists).await?,
        Statement::CreateIndex { name, if_not_exists, table, columns } => {
            index::create(engine, context, name, *if_not_exists, table, columns).await?;
        }
        Statement::DropIndex { name, if_exists } => index::drop(engine, context, name, *if_exists).await?,
        Statement::KillQuery(id) => kill(engine, context, id).await?,
        Statement::KillConnection => return Err(objects::no_connection()),
        Statement::KillTransaction => return Err(objects::no_transaction()),
        Statement::AlterDnode(dnode) => objects::require_dnode(*dnode)?,
        Statement::DropObject { kind, name, if_exists } => {
            objects::drop(engine, context, *kind, name, *if_exists)?;
        }
        Statement::NoEffect => {}
        Statement::Retired => {
            return Err(TaosError::new(0x2614, "This statement is no longer supported"));
        }
        Statement::Unsupported(what) => return Err(TaosError::unsupported(what)),
        Statement::Query(_)
        | Statement::Explain { .. }
        | Statement::Insert(_)
        | Statement::Show(_)
        | Statement::Describe(_) => return Err(TaosError::new(0x2700, "Planner internal error")),
    }
    Ok(Answer::Affected(0))
}

/// 0x0388 if the database does not exist; system ones always do.
fn require_database(engine: &Engine, context: &Context, name: &Ident) -> Result<(), TaosError> {
    if names::SYSTEM_DATABASES.contains(&name.name.as_str()) {
        return Ok(());
    }
    engine.database(&context.session, &name.name).map(|_| ()).map_err(errors::lookup)
}

/// `DROP TABLE a, b …`: all names are looked up before the first table goes.
async fn drop_tables(engine: &Engine, context: &Context, targets: &[DropTarget]) -> Result<(), TaosError> {
    let mut found = Vec::with_capacity(targets.len());
    for target in targets {
        let database = database_of(context, &target.name)?;
        let table = &target.name.table.name;
        match engine.relation(&context.session, database, table) {
            Ok(relation) => {
                let is_super = matches!(relation, triglot_engine::Relation::Super(_));
                if target.stable && !is_super {
                    return Err(TaosError::new(0x0362, format!("STable not exist: {table}")));
                }
                if is_super && targets.len() > 1 {
                    return Err(TaosError::new(0x263A, "Cannot drop super table in batch"));
                }
                found.push(engine_name(database, table));
            }
            Err(error) if error.kind() == triglot_model::ErrorKind::TableNotFound && target.if_exists => {}
            Err(error) => return Err(errors::lookup(error)),
        }
    }
    for table in found {
        let drop = EngineStatement::DropTable { table, if_exists: true };
        engine.execute(&context.session, drop).await?;
    }
    Ok(())
}

async fn kill(engine: &Engine, context: &Context, id: &str) -> Result<(), TaosError> {
    let number = id.rsplit(':').next().and_then(|n| n.parse().ok());
    let number = number.ok_or_else(objects::no_query)?;
    let killed = engine.execute(&context.session, EngineStatement::KillQuery(number)).await;
    killed.map(|_| ()).map_err(|_| objects::no_query())
}
