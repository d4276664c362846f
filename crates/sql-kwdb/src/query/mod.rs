//! SELECT (sheet section 12): sqlparser's trees planned by DataFusion, with KWDB's functions, types, names and windows.
//!
//! A query passes [`syntax`] (changes of the tree that need no types), the planner with [`operators`] and
//! [`functions`], [`columns`] (what the client is told of the result) and [`rewrite`] (the plan that runs).

mod columns;
mod errors;
mod functions;
mod interval;
mod operators;
mod rewrite;
mod session_values;
mod syntax;

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use sqlparser::ast as sql;
use triglot_engine::query::functions::DuplicateFunction;
use triglot_engine::query::operators::OperatorPlanner;
use triglot_engine::query::{QueryError, SessionOptions};
use triglot_engine::{Engine, EngineError, LanguageOptions, Outcome, Query, QueryLanguage, Statement};

pub(crate) use errors::of as query_error;
pub use functions::COMPUTED_SCALE;

use crate::types::ColumnMeta;
use crate::{Answer, Context, KwError, Rows};

/// Longer texts are planned on threads that have room for deep recursion.
const INLINE_BYTES: usize = 1024;

pub(crate) fn language(engine: &Engine) -> Result<Arc<QueryLanguage>, DuplicateFunction> {
    let functions = SessionOptions::default_functions();
    let pack = functions::pack(&functions);
    Ok(engine.language(LanguageOptions {
        functions: Arc::new(functions.with(pack)?),
        decimal_literals: true,
        expr_planners: vec![Arc::new(operators::Operators)],
        extension_planners: vec![Arc::new(OperatorPlanner)],
        system_tables: Some(Arc::new(crate::system::KwTables)),
        session_values: Some(session_values::session_values),
        ..LanguageOptions::default()
    }))
}

/// A query ready to run.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The plan; it has one column for each of `columns`, under names of no meaning.
    pub(crate) plan: LogicalPlan,
    /// What the client is told of the columns.
    pub(crate) columns: Vec<ColumnMeta>,
}

/// Plans a query.
///
/// # Errors
/// Those of section 14.4.
pub(crate) fn plan_of(engine: &Engine, context: &Context, query: sql::Query) -> Result<Planned, KwError> {
    let mut query = query;
    let scope = syntax::Scope::new(engine, &context.session);
    syntax::prepare(&mut query, &scope)?;
    let joined = syntax::joins(&query).then(|| query.clone());
    let plan = engine.plan(&context.session, query).map_err(|error| {
        let mut error = KwError::from(error);
        let name = error.message.split('"').nth(1).unwrap_or_default().to_owned();
        if error.sqlstate == "42702"
            && let Some(query) = &joined
        {
            let candidates = syntax::candidates(query, &name, &scope);
            error.message = format!("{} (candidates: {candidates})", error.message);
        }
        error
    })?;
    let columns = columns::columns(&plan, engine, &context.session);
    let failed = |error: DataFusionError| KwError::from(EngineError::Query(QueryError::from(error)));
    let plan = rewrite::rewrite(plan, context.zone).map_err(failed)?;
    Ok(Planned { plan, columns })
}

/// Plans and runs a query.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    query: sql::Query,
    text: &str,
) -> Result<Answer, KwError> {
    let Planned { plan, columns } = if text.len() > INLINE_BYTES {
        let (there, planned) = (engine.clone(), context.clone());
        engine.compute(move || plan_of(&there, &planned, query)).await??
    } else {
        plan_of(engine, context, query)?
    };
    let query = Query { text: text.to_owned(), plan, target_partitions: None };
    match engine.execute(&context.session, Statement::Query(query)).await? {
        Outcome::Rows(stream) => Ok(Answer::Rows(Rows { columns: columns.into(), stream })),
        Outcome::Affected(rows) => Ok(Answer::Affected(rows)),
        Outcome::Done => Ok(Answer::Done),
    }
}
