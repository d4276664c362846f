//! Views: their text is kept in the catalog.

use triglot_engine::{Engine, EngineError, Statement};
use triglot_parse_tdengine::ast::{self, Query, Span, TableName};
use triglot_parse_tdengine::parse;

use super::errors;
use super::names::{database_of, engine_name};
use crate::{ColumnMeta, Context, TaosError, query};

pub(super) async fn create(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    or_replace: bool,
    view: &Query,
    text: Span,
    sql: &str,
) -> Result<(), TaosError> {
    let database = database_of(context, name)?;
    // What cannot be planned now will not be later.
    query::plan(engine, context, view, sql)?;
    let text = sql.get(text.start as usize..text.end as usize).unwrap_or_default().trim();
    let statement = Statement::CreateView {
        view: engine_name(database, &name.table.name),
        text: text.to_owned(),
        or_replace,
    };
    match engine.execute(&context.session, statement).await {
        Ok(_) => Ok(()),
        Err(EngineError::ViewExists { .. }) => Err(TaosError::new(0x04A0, "view already exists in db")),
        Err(error) => Err(errors::creation(error, errors::table_exists, &name.table.name)),
    }
}

pub(super) async fn drop(
    engine: &Engine,
    context: &Context,
    name: &TableName,
    if_exists: bool,
) -> Result<(), TaosError> {
    let database = database_of(context, name)?;
    let statement = Statement::DropView { view: engine_name(database, &name.table.name), if_exists };
    match engine.execute(&context.session, statement).await {
        Ok(_) => Ok(()),
        Err(EngineError::ViewNotFound { .. }) => Err(TaosError::new(0x04A1, "view not exists in db")),
        Err(error) => Err(errors::lookup(error)),
    }
}

/// The columns of a view; none if there is no such view.
pub(crate) fn columns(
    engine: &Engine,
    context: &Context,
    database: &str,
    name: &str,
) -> Result<Option<Vec<ColumnMeta>>, TaosError> {
    let Some(text) = engine.view_text(&context.session, database, name).map_err(errors::lookup)? else {
        return Ok(None);
    };
    let ast::Statement::Query(view) = parse(&text).map_err(TaosError::from)? else { return Ok(None) };
    Ok(Some(query::plan(engine, context, &view, &text)?.columns))
}
