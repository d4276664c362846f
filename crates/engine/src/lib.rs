//! The engine: what dialects and embedders use.
//!
//! [`Engine::open`] makes a database out of a directory; [`Engine::batcher`] takes rows, schema on
//! write; [`Engine::execute`] runs typed [`Statement`]s and queries. Privileges are checked here and
//! nowhere else. The engine knows no dialect: no SQL text, no wire format.

mod child_name;
mod child_tables;
mod delete;
mod error;
mod execute;
mod files;
mod ingest;
mod keyed;
mod language;
mod lookup;
mod names;
mod open;
mod options;
mod partitions;
mod quota;
mod rights;
mod series_list;
mod session;
mod statement;
mod tables;
mod tenants;
#[cfg(test)]
mod tests;
mod update;
mod users;
mod views;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use triglot_auth::{Action, Auth, Object, allow, may_see_database};
use triglot_catalog::{Catalog, CatalogOp, CatalogSnapshot, OpResult};
use triglot_disk::DiskLock;
use triglot_model::limits::Limits;
use triglot_model::{Clock, DatabaseDef, DatabaseId, Pressure, TableDef, TableId};
use triglot_query::{QueryExecutor, SessionOptions};
use triglot_storage::{RecoveryReport, Storage, StorageStats, TableMeta};

pub use child_name::md5_child_name;
pub use child_tables::{Child, ChildRecord, NewChild, Relation, TableIn};
pub use error::EngineError;
pub use files::{CreateExternalTable, Export, FileAccess, Import};
pub use ingest::{
    Batcher, ColumnShape, Committed, FieldValue, IngestError, IngestOptions, KnownSeries, RawKey, RecallRoom,
    Recalled, Record, RowsOf, SeriesRows, TypedColumn, Value,
};
pub use keyed::{InsertKeyed, OnDuplicate};
pub use language::{LanguageOptions, QueryLanguage, SystemTables, ValuesOfSession};
pub use options::{EngineOptions, QueryOptions};
pub use partitions::Partition;
pub use quota::{Flow, Gate, Meter, Quota, RateLimit, Traffic, TrafficKey};
pub use rights::{GrantedRights, RightsObject};
pub use session::Session;
pub use statement::{
    ClearPassword, CreateTable, Insert, InsertSource, Outcome, Query, RightsStatement, RoleStatement, Select,
    Statement, TableName, TenantStatement, Update, UpdateChanges, UserStatement,
};
pub use triglot_auth as auth;
pub use triglot_catalog as catalog;
pub use triglot_catalog::{
    DatabaseChanges, NewColumn, NewDatabase, NewIdentity, NewUser, ObjectLimit, TableChange, UserChanges,
};
pub use triglot_disk as disk;
pub use triglot_query as query;
pub use triglot_storage as storage;

use ingest::{RecentTimes, SeriesCache};
use quota::{Rates, TrafficMeter};

/// A running database. Cheap to clone; the last clone does not stop it, [`Engine::shutdown`] does.
#[derive(Debug, Clone)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalog: Catalog,
    auth: Auth,
    storage: Storage,
    executor: QueryExecutor,
    session_options: SessionOptions,
    /// Of sessions that no dialect gave another.
    language: Arc<QueryLanguage>,
    series_cache: SeriesCache,
    recent_times: Arc<RecentTimes>,
    names: names::NameClaims,
    checked_tables: keyed::CheckedTables,
    /// The last of [`Engine::unique_number`].
    unique_numbers: AtomicI64,
    clock: Arc<dyn Clock>,
    limits: Limits,
    files: FileAccess,
    rates: Rates,
    traffic: TrafficMeter,
    /// M-6: one process per directory.
    _lock: Box<dyn DiskLock>,
}

/// Figures for `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineMetrics {
    /// Storage.
    pub storage: StorageStats,
    /// How hard writes press.
    pub pressure: Pressure,
    /// Queries that run now.
    pub running_queries: usize,
    /// Tables of all tenants.
    pub tables: usize,
}

impl EngineMetrics {
    /// Appends them in Prometheus' text format, under the names that every listener shows.
    pub fn push_text(&self, out: &mut String) {
        use std::fmt::Write as _;
        let pressure = match self.pressure {
            Pressure::Calm => 0,
            Pressure::Flush => 1,
            Pressure::Stall => 2,
            Pressure::Reject => 3,
        };
        for (name, help, value) in [
            ("triglot_write_pressure", "Write pressure: 0 calm, 1 flush, 2 stall, 3 reject.", pressure),
            ("triglot_running_queries", "Queries that are running.", self.running_queries as u64),
            ("triglot_tables", "Tables of all tenants.", self.tables as u64),
        ] {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
        }
    }
}

impl Engine {
    /// Who may log in.
    pub fn auth(&self) -> &Auth {
        &self.0.auth
    }

    /// The catalog as it is now.
    pub fn catalog(&self) -> Arc<CatalogSnapshot> {
        self.0.catalog.snapshot()
    }

    /// The time.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Limits on tables and rows.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What recovery found, by shard.
    pub fn recovery(&self) -> &[RecoveryReport] {
        self.0.storage.recovery()
    }

    /// Begins to take the rows of one request into the session's database.
    ///
    /// # Errors
    /// The database does not exist, or the user may not write to it.
    pub fn batcher(&self, session: &Session, options: IngestOptions) -> Result<Batcher, EngineError> {
        self.check_password_is_own(session)?;
        let catalog = self.catalog();
        let database = self.database_in(&catalog, session, &session.database_name)?;
        let everywhere = allow(&catalog, &session.principal, Action::Insert, Object::Database(database.id));
        let writer = match everywhere {
            Ok(()) => None,
            // His rights are on single tables, or to make them.
            Err(_) if may_see_database(&catalog, &session.principal, database.id) => {
                Some(session.principal.clone())
            }
            Err(denied) => return Err(denied.into()),
        };
        Ok(Batcher::new(self.clone(), catalog, database, options, writer))
    }

    /// The key of a series by whatever bytes determine it in a sender's format. `reading` tells apart rules by which
    /// equal bytes mean different series; 0 is that of [`Batcher::begin_known`].
    pub fn raw_key(&self, database: DatabaseId, reading: u64, raw: &[u8]) -> RawKey {
        self.series_cache().key(database, reading, raw)
    }

    /// The series to which rows were lately written under this key ([`SeriesRows::keys`]).
    pub fn known_series(&self, key: RawKey) -> Option<KnownSeries> {
        self.series_cache().get(key)
    }

    /// [`Engine::known_series`] of many keys at once, in their order: a fraction of what one look-up after the other
    /// takes. `room` is used again by the next ones: some hundred keys at a time stay in the processor's caches.
    pub fn all_known_series<'r>(
        &self,
        keys: impl Iterator<Item = RawKey>,
        room: &'r mut RecallRoom,
    ) -> &'r [Option<Recalled>] {
        self.series_cache().get_all(keys, room)
    }

    /// Figures for metrics.
    pub fn metrics(&self) -> EngineMetrics {
        EngineMetrics {
            storage: self.0.storage.stats(),
            pressure: self.0.storage.pressure(),
            running_queries: self.0.executor.registry().list().len(),
            tables: self.catalog().table_count(),
        }
    }

    /// Flushes all memtables to files.
    pub async fn flush(&self) -> Result<(), EngineError> {
        let storage = self.0.storage.clone();
        self.on_query_runtime(async move { Ok(storage.flush().await?) }).await
    }

    /// Merges files of one table, or of all.
    pub async fn compact(&self, table: Option<TableId>) -> Result<usize, EngineError> {
        let storage = self.0.storage.clone();
        self.on_query_runtime(async move { Ok(storage.compact(table).await?) }).await
    }

    /// Refuses new queries, flushes, and stops the writers. All that was acknowledged is durable
    /// without it, too; a stopped engine just opens faster.
    pub async fn shutdown(&self) -> Result<(), EngineError> {
        self.0.executor.close();
        let engine = self.clone();
        self.on_query_runtime(async move {
            engine.0.storage.shutdown().await?;
            Ok(engine.0.catalog.checkpoint().await?)
        })
        .await
    }

    /// The threads that queries run on: for work that belongs to a query, such as writing out its rows,
    /// and would keep other connections waiting on theirs.
    pub fn query_threads(&self) -> &tokio::runtime::Handle {
        self.0.executor.runtime().handle()
    }

    /// Computes on a thread that may be busy for long and has room for deep recursion: parsing and planning of long
    /// texts.
    ///
    /// # Errors
    /// `work` panicked, or the engine is going away.
    pub async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let done = self.0.executor.runtime().handle().spawn_blocking(work).await;
        done.map_err(|error| EngineError::Internal(error.to_string()))
    }

    /// Runs storage work on the runtime that its background tasks live on.
    pub(crate) async fn on_query_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, EngineError>> + Send + 'static,
    ) -> Result<T, EngineError> {
        match self.0.executor.runtime().handle().spawn(work).await {
            Ok(result) => result,
            Err(error) => Err(EngineError::Internal(error.to_string())),
        }
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.0.storage
    }

    pub(crate) fn series_cache(&self) -> &SeriesCache {
        &self.0.series_cache
    }

    pub(crate) fn recent_times(&self) -> &Arc<RecentTimes> {
        &self.0.recent_times
    }

    pub(crate) fn names(&self) -> &names::NameClaims {
        &self.0.names
    }

    pub(crate) fn series_epochs(&self, table: TableId) -> Vec<u64> {
        let shards = self.0.storage.shards();
        (0..shards).map(|s| self.0.storage.series_epoch(table, triglot_model::ShardId(s))).collect()
    }

    pub(crate) fn table_meta(&self, def: &Arc<TableDef>, database: &DatabaseDef) -> TableMeta {
        tables::table_meta(def, database)
    }

    pub(crate) async fn apply_catalog(&self, ops: Vec<CatalogOp>) -> Result<Vec<OpResult>, EngineError> {
        Ok(self.0.catalog.apply(ops).await?)
    }
}
