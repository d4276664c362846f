//! SHOW and what it reads (sheet section 13). Each SHOW is a table that is computed for one statement; it is shown as it is,
//! or read by a query: `SELECT … FROM [SHOW …]`.

mod create_text;
mod databases;
mod keys;
mod rows;
mod session;
mod tables;
mod users;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use triglot_engine::auth::{Action, Object, allow, may_see_database};
use triglot_engine::catalog::CatalogSnapshot;
use triglot_engine::query::{QueryError, TableName as ResolvedName};
use triglot_engine::{Engine, EngineError, Outcome, Query, Session, Statement, SystemTables};
use triglot_model::{DatabaseDef, ErrorKind};

use crate::ast::Show;
use crate::types::ColumnMeta;
use crate::{Answer, Context, KwError, Rows, parse};

/// The rows of a SHOW.
pub(crate) struct Source {
    /// Name, type and length of each column.
    pub(crate) columns: Vec<ColumnMeta>,
    /// The rows; as many columns.
    pub(crate) table: Arc<dyn TableProvider>,
}

/// Runs a SHOW.
pub(crate) async fn run(
    engine: &Engine,
    context: &Context,
    show: &Show,
    text: &str,
) -> Result<Answer, KwError> {
    let session = &context.session;
    let source = match show {
        Show::Session(name) => session::value(context, name)?,
        _ => source(engine, session, show)?,
    };
    let plan = LogicalPlanBuilder::scan("show", provider_as_source(source.table), None)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|error| EngineError::Query(QueryError::from(error)))?;
    let query = Query { text: text.to_owned(), plan, target_partitions: None };
    match engine.execute(session, Statement::Query(query)).await? {
        Outcome::Rows(stream) => Ok(Answer::Rows(Rows { columns: source.columns.into(), stream })),
        Outcome::Affected(rows) => Ok(Answer::Affected(rows)),
        Outcome::Done => Ok(Answer::Done),
    }
}

/// The rows of a SHOW that needs no more than the session.
fn source(engine: &Engine, session: &Session, show: &Show) -> Result<Source, KwError> {
    let view = View { engine, session, catalog: engine.catalog() };
    match show {
        Show::Databases { with_comment } => databases::list(&view, *with_comment),
        Show::CreateDatabase(name) => databases::create_text(&view, name),
        Show::Schemas(database) => databases::schemas(&view, database.as_deref()),
        Show::Tables { database, with_comment } => tables::list(&view, database.as_deref(), *with_comment),
        Show::Columns { table, with_comment } => tables::columns(&view, table, *with_comment),
        Show::Tags(table) => tables::tags(&view, table),
        Show::TagValues(table) => tables::tag_values(&view, table),
        Show::Create { table, written } => create_text::show(&view, table, written),
        Show::Retentions(table) => tables::retentions(&view, table),
        Show::Indexes(table) => keys::indexes(&tables::find(&view, table)?),
        Show::Constraints(table) => keys::constraints(&tables::find(&view, table)?),
        Show::Queries => session::queries(&view),
        Show::Sessions => session::sessions(),
        Show::Jobs => session::jobs(),
        Show::ClusterSetting(name) => session::cluster_setting(&view, name),
        Show::ClusterSettings => session::cluster_settings(&view),
        Show::Users | Show::Roles => users::list(&view),
        Show::Grants(on) => users::grants(&view, on),
        Show::Session(name) => Err(KwError::unsupported(&format!("SHOW {name} as a row source"))),
    }
}

/// The tables that only KWDB's sessions have.
#[derive(Debug)]
pub(crate) struct KwTables;

impl SystemTables for KwTables {
    /// `[SHOW …]`: the parser gives such a table the statement for its name.
    fn resolve(
        &self,
        engine: &Engine,
        session: &Session,
        name: &ResolvedName,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let Some(text) = name.table.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Ok(None);
        };
        let refused = |error: KwError| QueryError::Dialect {
            kind: ErrorKind::Plan,
            code: error.sqlstate,
            message: error.message,
        };
        let show = parse::row_source(text).map_err(refused)?;
        Ok(Some(source(engine, session, &show).map_err(refused)?.table))
    }
}

/// What one session may see of one state of the catalog.
pub(crate) struct View<'v> {
    pub(crate) engine: &'v Engine,
    pub(crate) session: &'v Session,
    pub(crate) catalog: Arc<CatalogSnapshot>,
}

impl View<'_> {
    fn may(&self, action: Action, object: Object) -> bool {
        allow(&self.catalog, &self.session.principal, action, object).is_ok()
    }

    /// Whether the user may know of the database.
    fn sees(&self, database: &DatabaseDef) -> bool {
        may_see_database(&self.catalog, &self.session.principal, database.id)
    }
}
