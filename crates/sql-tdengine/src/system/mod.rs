//! What TDengine computes: `information_schema`, `performance_schema`, SHOW and DESCRIBE (sheet section 11).

mod cluster;
mod columns;
mod create_text;
mod databases;
mod describe;
mod empty;
mod show;
mod tables;
mod users;

pub(crate) use describe::run as describe;
pub(crate) use show::run as show;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use triglot_engine::auth::{Action, Object, allow, visible_databases, visible_tables};
use triglot_engine::catalog::CatalogSnapshot;
use triglot_engine::query::{QueryError, TableName, batches_table};
use triglot_engine::{Engine, EngineError, Query, Relation, Session, Statement, SystemTables, TableIn};
use triglot_model::{DatabaseDef, ErrorKind, IdentityRule, Precision};

use self::columns::Column;
use crate::lower::names::SYSTEM_DATABASES;
use crate::{Answer, Context, Rows, TaosError};

/// The version that clients are told.
pub(crate) const SERVER_VERSION: &str = "3.3.6.0";

/// The system tables of TDengine sessions.
#[derive(Debug)]
pub(crate) struct TaosTables;

impl SystemTables for TaosTables {
    fn resolve(
        &self,
        engine: &Engine,
        session: &Session,
        name: &TableName,
    ) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        if !SYSTEM_DATABASES.contains(&name.database.as_str()) {
            return Ok(None);
        }
        let view = View::new(engine, session);
        let columns = view.table(&name.table).map_err(refused)?;
        let Some(columns) = columns else { return Ok(None) };
        let batch = columns::batch(columns).map_err(|e| QueryError::refused(ErrorKind::Internal, e))?;
        batches_table(batch.schema(), vec![batch]).map(Some)
    }
}

fn refused(error: EngineError) -> QueryError {
    QueryError::refused(error.kind(), error)
}

/// Names of all system tables, by database.
pub(crate) const INFORMATION_TABLES: [&str; 31] = [
    "ins_cluster",
    "ins_columns",
    "ins_compact_details",
    "ins_compacts",
    "ins_configs",
    "ins_databases",
    "ins_disk_usage",
    "ins_dnode_variables",
    "ins_dnodes",
    "ins_filesets",
    "ins_functions",
    "ins_grants",
    "ins_indexes",
    "ins_mnodes",
    "ins_qnodes",
    "ins_snodes",
    "ins_stables",
    "ins_stream_tasks",
    "ins_streams",
    "ins_subscriptions",
    "ins_tables",
    "ins_tags",
    "ins_topics",
    "ins_transaction_details",
    "ins_tsmas",
    "ins_user_privileges",
    "ins_users",
    "ins_vgroups",
    "ins_views",
    "ins_virtual_child_columns",
    "ins_vnodes",
];
pub(crate) const PERFORMANCE_TABLES: [&str; 6] =
    ["perf_apps", "perf_connections", "perf_consumers", "perf_queries", "perf_smas", "perf_trans"];

/// What one session may see of one state of the catalog.
pub(crate) struct View<'v> {
    engine: &'v Engine,
    session: &'v Session,
    catalog: Arc<CatalogSnapshot>,
}

impl<'v> View<'v> {
    pub(crate) fn new(engine: &'v Engine, session: &'v Session) -> Self {
        Self { engine, session, catalog: engine.catalog() }
    }

    /// The columns of a system table; none if there is no such table.
    pub(crate) fn table(&self, name: &str) -> Result<Option<Vec<Column>>, EngineError> {
        Ok(Some(match name {
            "ins_databases" => self.ins_databases(),
            "ins_tables" => self.ins_tables()?,
            "ins_stables" => self.ins_stables(),
            "ins_tags" => self.ins_tags(None)?,
            "ins_indexes" => self.ins_indexes(None),
            "ins_columns" => self.ins_columns()?,
            "ins_users" => self.ins_users(),
            "ins_user_privileges" => self.ins_user_privileges(),
            "ins_dnodes" => self.ins_dnodes(),
            "ins_mnodes" => self.ins_mnodes(),
            "ins_cluster" => self.ins_cluster(),
            "ins_vgroups" => self.ins_vgroups(),
            "ins_vnodes" => self.ins_vnodes(),
            "ins_views" => self.ins_views(),
            "ins_configs" => self.ins_configs(),
            "ins_dnode_variables" => self.ins_dnode_variables(),
            "perf_queries" => self.perf_queries(),
            other => return Ok(empty::table(other)),
        }))
    }

    fn may(&self, action: Action, object: Object) -> bool {
        allow(&self.catalog, &self.session.principal, action, object).is_ok()
    }

    fn is_admin(&self) -> bool {
        self.may(Action::Admin, Object::Cluster)
    }

    /// The databases that the user may know of, by name.
    pub(crate) fn databases(&self) -> Vec<Arc<DatabaseDef>> {
        let visible = visible_databases(&self.catalog, &self.session.principal, self.session.tenant);
        let mut found: Vec<_> = visible.cloned().collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found
    }

    /// The tables of a database, by name: super ones, then normal ones.
    pub(crate) fn tables(&self, database: &Arc<DatabaseDef>) -> (Vec<TableIn>, Vec<TableIn>) {
        let all = visible_tables(&self.catalog, &self.session.principal, database.id).cloned();
        let all = all.map(|def| TableIn { database: Arc::clone(database), def });
        all.partition(|t| t.def.identity == IdentityRule::ChildName || t.def.tags().next().is_some())
    }

    /// The instant at which the node's catalog began, as far as it is known: that of its first user.
    fn started_ms(&self) -> Option<i64> {
        self.catalog.users().map(|u| u.created_ns).min().map(|ns| ns.div_euclid(1_000_000))
    }
}

/// Columns as an answer.
pub(crate) async fn answer(
    engine: &Engine,
    context: &Context,
    text: &str,
    columns: Vec<Column>,
) -> Result<Answer, TaosError> {
    let metas = columns.iter().map(|c| c.meta.clone()).collect();
    let fault = |e: arrow::error::ArrowError| TaosError::new(0x2700, e.to_string());
    let mut columns = columns;
    // Names of the answer may repeat, those of a plan may not.
    for (at, column) in columns.iter_mut().enumerate() {
        column.meta.name = format!("c{at}");
    }
    let batch = columns::batch(columns).map_err(fault)?;
    let plan = engine.batches_plan("answer", batch.schema(), vec![batch])?;
    let query = Query { text: text.to_owned(), plan, target_partitions: None };
    match engine.execute(&context.session, Statement::Query(query)).await? {
        triglot_engine::Outcome::Rows(stream) => {
            Ok(Answer::Rows(Rows { columns: metas, precision: Precision::Milli, stream }))
        }
        _ => Err(TaosError::new(0x2700, "Planner internal error")),
    }
}

/// The children of a table, or the one that a relation is.
pub(crate) fn children_of(
    engine: &Engine,
    relation: &Relation,
    tags: &[triglot_model::ColumnId],
) -> Result<Vec<triglot_engine::ChildRecord>, EngineError> {
    match relation {
        Relation::Super(table) => engine.children(table, tags),
        Relation::Child(child) => Ok(engine.child_record(child, tags)?.into_iter().collect()),
        Relation::Normal(_) => Ok(Vec::new()),
    }
}
