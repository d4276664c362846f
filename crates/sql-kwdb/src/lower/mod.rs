//! Statements other than SELECT as the engine's.

mod users;

use triglot_engine::Engine;

use crate::ast::Stmt;
use crate::{Answer, Context, KwError};

/// Runs a statement that is no query.
pub(crate) async fn run(engine: &Engine, context: &mut Context, statement: Stmt) -> Result<Answer, KwError> {
    match statement {
        Stmt::Use(name) => {
            let missing = || KwError::new("3D000", format!("database \"{name}\" does not exist"));
            let database = engine.database(&context.session, &name).map_err(|_| missing())?;
            context.session.database = Some(database.id);
            context.session.database_name = name;
            Ok(Answer::Done)
        }
        Stmt::User(statement) => users::run(engine, context, statement).await,
        _ => Err(KwError::unsupported("this statement")),
    }
}
