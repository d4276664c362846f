//! From a text to its answer.

use std::sync::Arc;

use triglot_engine::{Engine, Outcome, Select, SeriesRows, Session, Statement as EngineStatement};
use triglot_parse_tdengine::ast::{InsertSource, Statement};
use triglot_parse_tdengine::{ParseError, parse_within};

use crate::query::Ready;
use crate::{Answer, Context, Rows, TaosError, insert, lower, query, system};

/// Longer texts are parsed, converted and planned on a thread that may be busy.
const INLINE_BYTES: usize = 4 << 10;
/// The longest statement (sheet section 2, limits).
const MAX_BYTES: usize = triglot_parse_tdengine::limits::MAX_STATEMENT_BYTES;

/// Runs one statement. Long texts are parsed and planned off the caller's thread.
///
/// # Errors
/// The vendor's codes, see [`TaosError`].
pub async fn run(engine: &Engine, context: &Context, sql: &str) -> Result<Answer, TaosError> {
    check_enabled(engine, &context.session)?;
    let prepared = if sql.len() <= INLINE_BYTES {
        prepare(engine, context, sql)?
    } else {
        let (engine_there, context_there, text) = (engine.clone(), context.clone(), sql.to_owned());
        engine.compute(move || prepare(&engine_there, &context_there, &text)).await??
    };
    match prepared {
        Prepared::Rows(rows) => insert::write(engine, context, rows).await,
        Prepared::Query(planned) => answer(engine, context, *planned, sql).await,
        Prepared::Other(statement) => match &*statement {
            Statement::Insert(statement) => insert::run(engine, context, statement, sql).await,
            Statement::Show(show) => system::show(engine, context, show, sql).await,
            Statement::Describe(table) => system::describe(engine, context, table, sql).await,
            other => lower::run(engine, context, other, sql).await,
        },
    }
}

/// What can be done without waiting.
enum Prepared {
    /// The rows of an INSERT of values.
    Rows(Vec<SeriesRows>),
    /// A query, planned or known.
    Query(Box<Ready>),
    /// Anything else.
    Other(Box<Statement>),
}

fn prepare(engine: &Engine, context: &Context, sql: &str) -> Result<Prepared, TaosError> {
    match parse_within(sql, MAX_BYTES)? {
        Statement::Query(parsed) => {
            Ok(Prepared::Query(Box::new(query::prepare(engine, context, *parsed, sql)?)))
        }
        Statement::Explain { analyze, verbose, query: parsed } => {
            let planned = query::explain(engine, context, analyze, verbose, &parsed, sql)?;
            Ok(Prepared::Query(Box::new(planned.once())))
        }
        Statement::Insert(parsed)
            if parsed.targets.iter().all(|t| matches!(t.source, InsertSource::Values { .. })) =>
        {
            insert::rows(engine, context, &parsed, &[], sql).map(Prepared::Rows)
        }
        other => Ok(Prepared::Other(Box::new(other))),
    }
}

async fn answer(engine: &Engine, context: &Context, query: Ready, sql: &str) -> Result<Answer, TaosError> {
    let Ready { planned, told } = query;
    let statement =
        EngineStatement::Select(Select { text: sql.to_owned(), planned, target_partitions: None });
    match engine.execute(&context.session, statement).await? {
        Outcome::Rows(stream) => {
            let (columns, precision) = (Arc::clone(&told.columns), told.precision);
            Ok(Answer::Rows(Rows { columns, precision, stream }))
        }
        Outcome::Done => Ok(Answer::Affected(0)),
        Outcome::Affected(rows) => Ok(Answer::Affected(rows)),
    }
}

/// That a user who has logged in may do anything at all.
///
/// # Errors
/// 0x0315: `ALTER USER … ENABLE 0`.
pub fn check_enabled(engine: &Engine, session: &Session) -> Result<(), TaosError> {
    let catalog = engine.catalog();
    let user = catalog.user_by_id(session.principal.user);
    let disabled = user.and_then(|u| u.options.get(lower::user_options::ENABLE)).is_some_and(|v| v == "0");
    if disabled { Err(TaosError::new(0x0315, "User is disabled")) } else { Ok(()) }
}

impl From<ParseError> for TaosError {
    fn from(error: ParseError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
