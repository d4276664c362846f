//! From statements to the engine.

mod access;
mod database;
mod delete;
mod explain;
mod files;
mod insert;
mod show;
mod table;
mod update;
mod values_rows;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast;
use triglot_engine::query::PlannedQuery;
use triglot_engine::{Engine, Outcome, Query, Select, Session, Statement, TableName};
use triglot_model::ErrorKind;

use crate::access_error::with_names;
use crate::ast::{QName, Stmt};
use crate::error::SqlError;
use crate::names::References;
use crate::scan::scan_insert;
use crate::values::literal_batch;
use crate::{parse, scan};

/// A request on its way from text to work.
#[derive(Debug)]
pub enum Prepared {
    /// A statement whose text has been read; nothing of the engine was needed so far.
    Statement(Box<Stmt>),
    /// A query, planned or known.
    Select(Box<PlannedQuery>),
    /// Another statement with a plan that gives rows.
    Query(Box<LogicalPlan>),
    /// An `INSERT` with the plan of its source.
    Insert {
        /// The table.
        table: QName,
        /// The column list, if one was written.
        columns: Option<Vec<String>>,
        /// Where the rows come from.
        source: Box<LogicalPlan>,
    },
    /// An `INSERT` of literals, already columns.
    Literals {
        /// The table.
        table: QName,
        /// The column list, if one was written.
        columns: Option<Vec<String>>,
        /// The rows.
        rows: arrow::record_batch::RecordBatch,
    },
}

/// Reads a request's text. `None`: there is no statement in it. For long texts call it on a
/// blocking thread.
///
/// # Errors
/// See [`parse::parse`]; for literal inserts 010001 when rows do not agree.
pub fn prepare(sql: &str) -> Result<Option<Prepared>, SqlError> {
    if let Some(literals) = prepare_literals(sql)? {
        return Ok(Some(literals));
    }
    Ok(parse::parse(sql)?.map(|s| Prepared::Statement(Box::new(s))))
}

/// Reads a request's text if it is an `INSERT` of nothing but literals, which needs no syntax tree and no recursion.
///
/// # Errors
/// 010001 when rows do not agree.
pub fn prepare_literals(sql: &str) -> Result<Option<Prepared>, SqlError> {
    let Some(insert) = scan_insert(sql) else { return Ok(None) };
    let rows = literal_batch(&insert)?;
    let scan::LiteralInsert { table, columns, .. } = insert;
    Ok(Some(Prepared::Literals { table, columns, rows }))
}

/// Plans what is planned (queries, and sources of inserts); other requests pass unchanged. It
/// computes without waiting for anything: for long texts call it on a blocking thread.
///
/// # Errors
/// The planner's (010001, 030019) and refusals to read.
pub fn plan(engine: &Engine, session: &Session, prepared: Prepared) -> Result<Prepared, SqlError> {
    if !is_about_a_user(&prepared) {
        // Before names are looked up; SHOW and DESCRIBE do not even pass `Engine::execute`.
        engine.check_password_is_own(session)?;
    }
    let planned = match prepared {
        Prepared::Statement(statement) => match *statement {
            Stmt::Query(query) => return plan_rows(engine, session, *query),
            Stmt::Explain(statement) => {
                engine.plan_statement(session, *statement).map(|p| Prepared::Query(Box::new(p)))
            }
            Stmt::Insert { table, columns, source } => {
                // The target's absence is told before anything about the source.
                engine.table(session, &table_name(&table)).map_err(|e| named(session, &table, true, e))?;
                values_rows::check(engine, session, &source)?;
                let source = engine.plan(session, *source);
                source.map(|p| Prepared::Insert { table, columns, source: Box::new(p) })
            }
            other => return Ok(Prepared::Statement(Box::new(other))),
        },
        other => return Ok(other),
    };
    planned.map_err(|error| with_names(&engine.catalog(), error.into()))
}

/// The plan of a query whose rows a client sees. If it does not plan, quoted references to the vendor's
/// names of columns are tried.
fn plan_rows(engine: &Engine, session: &Session, query: ast::Query) -> Result<Prepared, SqlError> {
    let references = References::of(&query);
    let plan = engine.plan_select(session, query).or_else(|error| {
        let resolved = references.and_then(|r| r.resolved(|q| engine.plan(session, q).ok()));
        resolved.map_or(Err(error), |query| engine.plan_select(session, query))
    });
    let plan = plan.map_err(|error| with_names(&engine.catalog(), error.into()))?;
    Ok(Prepared::Select(Box::new(plan)))
}

/// The engine itself tells whether these may go before a change of password that is due.
fn is_about_a_user(prepared: &Prepared) -> bool {
    matches!(prepared, Prepared::Statement(statement) if matches!(**statement, Stmt::User(_)))
}

/// Runs a prepared request. `text` is its text, for the query list.
///
/// # Errors
/// The dialect's own refusals and the engine's, see [`SqlError`].
pub async fn execute(
    engine: &Engine,
    session: &Session,
    prepared: Prepared,
    text: &str,
    target_partitions: Option<usize>,
) -> Result<Outcome, SqlError> {
    let outcome = match plan(engine, session, prepared)? {
        Prepared::Select(planned) => {
            let select = Select { text: text.to_owned(), planned: *planned, target_partitions };
            engine.execute(session, Statement::Select(select)).await.map_err(SqlError::from)
        }
        Prepared::Query(plan) => {
            let query = Query { text: text.to_owned(), plan: *plan, target_partitions };
            engine.execute(session, Statement::Query(query)).await.map_err(SqlError::from)
        }
        Prepared::Insert { table, columns, source } => {
            insert::planned(engine, session, &table, columns, *source).await
        }
        Prepared::Literals { table, columns, rows } => {
            insert::literals(engine, session, &table, columns, rows).await
        }
        Prepared::Statement(statement) => dispatch(engine, session, *statement, text).await,
    };
    outcome.map_err(|error| with_names(&engine.catalog(), error))
}

async fn dispatch(
    engine: &Engine,
    session: &Session,
    statement: Stmt,
    text: &str,
) -> Result<Outcome, SqlError> {
    match statement {
        // `plan` leaves none of these.
        Stmt::Query(_) | Stmt::Explain(_) | Stmt::Insert { .. } => {
            Err(SqlError::NotImplemented("a statement without a plan".to_owned()))
        }
        Stmt::Delete { table, filter } => delete::delete(engine, session, &table, filter).await,
        Stmt::Update { table, assignments, filter } => {
            update::update(engine, session, &table, assignments, filter).await
        }
        Stmt::ExplainWrite { statement, verbose } => {
            explain::write(engine, session, *statement, verbose, text).await
        }
        Stmt::Kill(id) => Ok(engine.execute(session, Statement::KillQuery(id)).await?),
        Stmt::ShowDatabases => show::databases(engine, session),
        Stmt::ShowTables(database) => show::tables(engine, session, database.as_deref()),
        Stmt::ShowQueries => show::queries(engine, session),
        Stmt::ShowReplicas => show::replicas(engine, session),
        Stmt::ShowSeries { table, tail } => show::series(engine, session, &table, tail).await,
        Stmt::ShowTagValues { table, keys, tail } => {
            show::tag_values(engine, session, &table, &keys, tail).await
        }
        Stmt::DescribeTable(table) => show::describe_table(engine, session, &table),
        Stmt::DescribeDatabase(name) => show::describe_database(engine, session, &name),
        Stmt::CreateDatabase { name, if_not_exists, options } => {
            database::create(engine, session, name, if_not_exists, &options).await
        }
        Stmt::AlterDatabase { name, options } => database::alter(engine, session, name, &options).await,
        Stmt::DropDatabase { name, if_exists, after } => {
            database::drop(engine, session, name, if_exists, after).await
        }
        Stmt::CompactDatabase(name) => database::compact(engine, session, name).await,
        Stmt::RecoverDatabase { name, if_exists } => {
            database::recover(engine, session, name, if_exists).await
        }
        Stmt::CreateTable { table, if_not_exists, fields, tags } => {
            table::create(engine, session, &table, if_not_exists, &fields, &tags).await
        }
        Stmt::CreateExternalTable(external) => files::create_external(engine, session, *external).await,
        Stmt::CopyIn { table, columns, location, options } => {
            files::copy_in(engine, session, &table, columns, location, options, text).await
        }
        Stmt::CopyOut { location, source, options } => {
            files::copy_out(engine, session, location, source, options, text).await
        }
        Stmt::AlterTable { table, change } => table::alter(engine, session, &table, change).await,
        Stmt::DropTable { table, if_exists } => table::drop(engine, session, &table, if_exists).await,
        Stmt::Tenant(statement) => access::tenant(engine, session, statement).await,
        Stmt::Role(statement) => access::role(engine, session, statement).await,
        Stmt::User(statement) => access::user(engine, session, statement).await,
    }
}

/// The engine's form of a name.
fn table_name(name: &QName) -> TableName {
    TableName { tenant: name.tenant.clone(), database: name.database.clone(), table: name.table.clone() }
}

/// 030019 with the full three-part name.
fn table_not_found(session: &Session, name: &QName) -> SqlError {
    let tenant = name.tenant.as_deref().unwrap_or(&session.tenant_name);
    let database = name.database.as_deref().unwrap_or(&session.database_name);
    SqlError::Coded {
        code: "030019",
        text: format!("Table not found: \"{tenant}.{database}.{}\"", name.table),
    }
}

/// 030017.
fn database_not_found(name: &str) -> SqlError {
    SqlError::Coded { code: "030017", text: format!("Database not found: {name:?}") }
}

/// Gives an engine's "no such table" or "no such database" the dialect's words with the name as
/// the statement meant it. A missing database counts as a missing table where `as_table` says so.
fn named(session: &Session, name: &QName, as_table: bool, error: triglot_engine::EngineError) -> SqlError {
    match error.kind() {
        ErrorKind::TableNotFound => table_not_found(session, name),
        ErrorKind::DatabaseNotFound if as_table => table_not_found(session, name),
        ErrorKind::DatabaseNotFound => {
            database_not_found(name.database.as_deref().unwrap_or(&session.database_name))
        }
        _ => error.into(),
    }
}
