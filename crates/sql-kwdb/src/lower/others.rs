//! DROP TABLE, TRUNCATE, COMMENT ON and indexes.

use triglot_engine::{Engine, Session, Statement, TableChange, TableName};
use triglot_model::{ColumnKind, ErrorKind};

use super::{database, names};
use crate::ast::CommentOn;
use crate::columns::{self, is_primary_tag};
use crate::types::{KwType, TypeSpec};
use crate::{KwError, lower};

/// Drops tables; all are looked for before the first goes.
pub(super) async fn drop_tables(
    engine: &Engine,
    session: &Session,
    tables: Vec<TableName>,
    if_exists: bool,
) -> Result<(), KwError> {
    if !if_exists {
        for name in &tables {
            // A table over files is found by its own kind of error.
            if let Err(error) = engine.table(session, name)
                && error.kind().is_absence()
            {
                return Err(names::no_relation(name));
            }
        }
    }
    for name in tables {
        let is_there = engine.table(session, &name).map_or_else(|e| !e.kind().is_absence(), |_| true);
        if !is_there {
            continue;
        }
        let statement = Statement::DropTable { table: name.clone(), if_exists };
        match engine.execute(session, statement).await {
            Err(error) if error.kind() == ErrorKind::TableNotFound => return Err(names::no_relation(&name)),
            other => other?,
        };
    }
    Ok(())
}

pub(super) async fn truncate(
    engine: &Engine,
    session: &Session,
    tables: Vec<TableName>,
) -> Result<(), KwError> {
    for name in &tables {
        let def = names::table(engine, session, name)?;
        if !columns::is_relational_table(&def) {
            return Err(KwError::new("0A000", "truncate is not supported in timeseries table"));
        }
    }
    for name in tables {
        lower::relational::truncate(engine, session, name).await?;
    }
    Ok(())
}

pub(super) async fn comment(
    engine: &Engine,
    session: &Session,
    on: CommentOn,
    text: Option<String>,
) -> Result<(), KwError> {
    let (table, key) = match on {
        CommentOn::Database(name) => return database::comment(engine, session, name, text).await,
        CommentOn::Table(name) => {
            names::table(engine, session, &name)?;
            (name, columns::table::COMMENT.to_owned())
        }
        CommentOn::Column(name, column) => {
            let def = names::table(engine, session, &name)?;
            let Some(column) = def.column(&column) else {
                let message = format!("column \"{column}\" does not exist");
                return Err(KwError::new("42703", message));
            };
            (name, columns::comment_key(column.id))
        }
    };
    let change = TableChange::SetOption { key, value: text };
    engine.execute(session, Statement::AlterTable { table, change }).await?;
    Ok(())
}

/// CREATE INDEX: nothing is made, since series are found by any tag without one.
pub(super) fn create_index(
    engine: &Engine,
    session: &Session,
    table: &TableName,
    names: &[String],
    unique: bool,
) -> Result<(), KwError> {
    let def = names::table(engine, session, table)?;
    if columns::is_relational_table(&def) {
        if unique {
            return Err(KwError::unsupported("CREATE UNIQUE INDEX on an existing table"));
        }
        let missing = names.iter().find(|name| def.column(name).is_none());
        return match missing {
            Some(name) => Err(no_column(name)),
            None => Ok(()),
        };
    }
    if unique {
        return Err(KwError::new("0A000", "unique index is not supported in timeseries table"));
    }
    for name in names {
        let column = def.column(name).ok_or_else(|| no_column(name))?;
        if column.kind != ColumnKind::Tag || is_primary_tag(&def, column) {
            let message = format!(
                "creating index on column or primary tag \"{name}\" is not supported in timeseries table"
            );
            return Err(KwError::new("0A000", message));
        }
        if matches!(TypeSpec::of_column(column).ty, KwType::Varchar | KwType::Varbytes) {
            let message = format!(
                "creating index on tag \"{name}\" with type varchar/varbytes is not supported in timeseries table"
            );
            return Err(KwError::new("0A000", message));
        }
    }
    Ok(())
}

fn no_column(name: &str) -> KwError {
    KwError::new("42703", format!("column \"{name}\" does not exist"))
}
