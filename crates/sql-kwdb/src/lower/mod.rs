//! Statements other than SELECT as the engine's.

mod alter;
mod create;
pub(crate) mod database;
mod defaults;
pub(crate) mod dml;
pub(crate) mod names;
mod others;
mod relational;
pub(crate) mod users;

pub use create::check_limits;
pub use names::check_ts_column;

use triglot_engine::Engine;

use crate::ast::Stmt;
use crate::{Answer, Context, KwError, settings, system};

/// Runs a statement that is no query.
pub(crate) async fn run(
    engine: &Engine,
    context: &mut Context,
    statement: Stmt,
    text: &str,
) -> Result<Answer, KwError> {
    let session = &context.session;
    match statement {
        Stmt::Use(name) => use_database(engine, context, name)?,
        Stmt::Show(show) => return system::run(engine, context, &show, text).await,
        Stmt::Database(statement) => database::run(engine, session, statement).await?,
        Stmt::CreateTable(statement) => create::run(engine, session, *statement).await?,
        Stmt::AlterTable(statement) => alter::run(engine, session, statement).await?,
        Stmt::DropTable { tables, if_exists } => {
            others::drop_tables(engine, session, tables, if_exists).await?;
        }
        Stmt::Insert(insert) => return dml::insert(engine, context, *insert, text).await,
        Stmt::Update(update) => return dml::update(engine, context, *update).await,
        Stmt::Delete(delete) => return dml::delete(engine, context, *delete).await,
        Stmt::Truncate(tables) => others::truncate(engine, session, tables).await?,
        Stmt::Comment { on, text } => others::comment(engine, session, on, text).await?,
        Stmt::CreateIndex { table, columns, unique } => {
            others::create_index(engine, session, &table, &columns, unique)?;
        }
        Stmt::DropIndex { if_exists: true, .. } => {}
        Stmt::DropIndex { name, .. } => {
            return Err(KwError::new("42704", format!("index \"{name}\" does not exist")));
        }
        Stmt::SetClusterSetting { name, value } => settings::set(engine, session, &name, value).await?,
        Stmt::SetSession { name, value } => set_session(context, &name, &value)?,
        Stmt::User(statement) => return users::run(engine, context, statement).await,
        Stmt::Query(_) => return Err(KwError::unsupported("a query here")),
        Stmt::Explain(_) => return Err(KwError::unsupported("EXPLAIN")),
    }
    Ok(Answer::Done)
}

fn use_database(engine: &Engine, context: &mut Context, name: String) -> Result<(), KwError> {
    let found = names::database(engine, &context.session, &name)?;
    context.session.database = match found {
        names::Database::Stored(def) => Some(def.id),
        names::Database::Empty(_) => None,
    };
    context.session.database_name = name;
    Ok(())
}

/// SET of the session: it holds until the request ends.
fn set_session(context: &mut Context, name: &str, value: &str) -> Result<(), KwError> {
    let invalid = || KwError::new("22023", format!("invalid value for parameter \"{name}\": \"{value}\""));
    match name {
        "timezone" | "time_zone" => {
            let zone = crate::Zone::of(value).map_err(|_| invalid())?;
            context.zone = zone.tz;
            Ok(())
        }
        "application_name"
        | "client_encoding"
        | "datestyle"
        | "extra_float_digits"
        | "statement_timeout"
        | "client_min_messages"
        | "search_path"
        | "bytea_output"
        | "intervalstyle" => Ok(()),
        _ => Err(KwError::new("42704", format!("unrecognized configuration parameter \"{name}\""))),
    }
}
