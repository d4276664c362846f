//! User statements.

use std::collections::BTreeMap;

use triglot_engine::{Engine, Outcome, Session, Statement, UserChanges};
use triglot_model::ErrorKind;

use crate::ast::UserOptions;
use crate::error::SqlError;

fn changes(options: UserOptions) -> UserChanges {
    let mut texts = BTreeMap::new();
    if let Some(comment) = options.comment {
        texts.insert("comment".to_owned(), comment);
    }
    UserChanges { password: options.password, admin: options.granted_admin, options: texts }
}

/// 030007 and 030008 with the vendor's wording.
fn named(name: &str, error: triglot_engine::EngineError) -> SqlError {
    match error.kind() {
        ErrorKind::PrincipalExists => {
            SqlError::Coded { code: "030007", text: format!("The user {name} already exists") }
        }
        ErrorKind::PrincipalNotFound => {
            SqlError::Coded { code: "030008", text: format!("The user {name} not found") }
        }
        _ => error.into(),
    }
}

pub(super) async fn create(
    engine: &Engine,
    session: &Session,
    name: String,
    if_not_exists: bool,
    options: UserOptions,
) -> Result<Outcome, SqlError> {
    let statement = Statement::CreateUser { name: name.clone(), if_not_exists, changes: changes(options) };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}

pub(super) async fn alter(
    engine: &Engine,
    session: &Session,
    name: String,
    options: UserOptions,
) -> Result<Outcome, SqlError> {
    let statement = Statement::AlterUser { name: name.clone(), changes: changes(options) };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}

pub(super) async fn drop(
    engine: &Engine,
    session: &Session,
    name: String,
    if_exists: bool,
) -> Result<Outcome, SqlError> {
    if name == "root" {
        return Err(SqlError::Coded {
            code: "010074",
            text: "User 'root' is prohibited from being dropped".to_owned(),
        });
    }
    let statement = Statement::DropUser { name: name.clone(), if_exists };
    engine.execute(session, statement).await.map_err(|e| named(&name, e))
}
