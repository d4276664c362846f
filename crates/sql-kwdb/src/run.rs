//! From a text to its answer.

use triglot_engine::Engine;

use crate::ast::Stmt;
use crate::{Answer, Context, KwError, lower, parse, query};

/// Runs one statement.
///
/// # Errors
/// KWDB's texts, see [`KwError`].
pub async fn run(engine: &Engine, context: &mut Context, sql: &str) -> Result<Answer, KwError> {
    if let Some(done) = lower::dml::literals(engine, context, sql).await {
        return done.map_err(|error| error.named(&engine.catalog()));
    }
    let answer = match parse::statement(sql)? {
        Stmt::Query(parsed) => query::run(engine, context, *parsed, sql).await,
        other => lower::run(engine, context, other, sql).await,
    };
    answer.map_err(|error| error.named(&engine.catalog()))
}
