//! External tables and COPY INTO.

use datafusion::sql::sqlparser::ast::Query as SqlQuery;
use triglot_engine::query::declared_columns;
use triglot_engine::{
    CreateExternalTable, Engine, Export, Import, Insert, InsertSource, Outcome, Session, Statement,
};
use triglot_model::{ErrorKind, FileColumn};

use super::insert::Targets;
use super::{delete, named, table_name};
use crate::ast::{CopyOptions, CopySource, ExternalTable, QName};
use crate::error::SqlError;
use crate::names::with_names;

pub(super) async fn create_external(
    engine: &Engine,
    session: &Session,
    external: ExternalTable,
) -> Result<Outcome, SqlError> {
    let ExternalTable { table, if_not_exists, columns, partitions, options, location } = external;
    let columns = if columns.is_empty() {
        None
    } else {
        let schema = declared_columns(columns, &engine.query_session(session))
            .map_err(triglot_engine::EngineError::from)?;
        let columns: Result<Vec<_>, _> =
            schema.fields().iter().map(|f| FileColumn::try_from(f.as_ref())).collect();
        Some(columns.map_err(|e| SqlError::NotImplemented(e.to_string()))?)
    };
    let create = CreateExternalTable {
        table: table_name(&table),
        if_not_exists,
        location,
        options,
        columns,
        partitions,
    };
    match engine.execute(session, Statement::CreateExternalTable(create)).await {
        Err(e) if e.kind() == ErrorKind::TableExists => {
            Err(SqlError::Coded { code: "030020", text: format!("Table {} already exists.", table.table) })
        }
        Err(e) => Err(named(session, &table, false, e)),
        Ok(done) => Ok(done),
    }
}

/// `COPY INTO table FROM 'files'`. Columns go by name. A file without the time column is refused:
/// all its rows would become one (an INSERT without time stores at the epoch).
pub(super) async fn copy_in(
    engine: &Engine,
    session: &Session,
    name: &QName,
    columns: Option<Vec<String>>,
    location: String,
    options: CopyOptions,
    text: &str,
) -> Result<Outcome, SqlError> {
    let def = engine.table(session, &table_name(name)).map_err(|e| named(session, name, true, e))?;
    if let Some(written) = &columns {
        // Told before the files are looked at.
        Targets::of(&def, Some(written.clone()), written.len())?;
    }
    let import = Import { location, options: options.files, columns, infer_types: options.infer_types };
    let plan = engine.import_plan(session, &def, &import).await?;
    let found: Vec<String> = plan.schema().fields().iter().map(|f| f.name().clone()).collect();
    let count = found.len();
    let mut targets = Targets::of(&def, Some(found), count)?;
    if targets.time.is_none() {
        let time = def.time_column().map_or("time", |c| c.name.as_str());
        return Err(SqlError::semantic("010045", format_args!("the files have no column {time}")));
    }
    let plan = targets.fill_planned_time(&def, plan)?;
    let source = InsertSource::Stream { plan: Box::new(plan), text: text.to_owned() };
    let insert = Insert { table: table_name(name), columns: targets.columns, source, op: None };
    engine.execute(session, Statement::Insert(insert)).await.map_err(|e| named(session, name, true, e))
}

/// `COPY INTO 'file' FROM table | (query)`.
pub(super) async fn copy_out(
    engine: &Engine,
    session: &Session,
    location: String,
    source: CopySource,
    options: CopyOptions,
    text: &str,
) -> Result<Outcome, SqlError> {
    let query: Box<SqlQuery> = match source {
        CopySource::Query(query) => query,
        CopySource::Table(name) => delete::select("*", &name, None)?,
    };
    let plan = with_names(engine.plan(session, *query)?).map_err(SqlError::Planning)?;
    let export = Export { text: text.to_owned(), plan, location, options: options.files };
    Ok(engine.execute(session, Statement::Export(export)).await?)
}
