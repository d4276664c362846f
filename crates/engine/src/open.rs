//! Opening the engine.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use object_store::ObjectStore;
use triglot_auth::{Auth, Peer};
use triglot_catalog::{Catalog, CatalogOp, UserChanges};
use triglot_disk::{DiskStore, DiskStoreOptions};
use triglot_query::{
    ExecutorOptions, MemoryOptions, QueryExecutor, QueryRegistry, QueryRuntime, SessionOptions, query_memory,
};
use triglot_storage::{Storage, StorageOptions};

use crate::ingest::SeriesCache;
use crate::language::{LanguageOptions, QueryLanguage};
use crate::quota::{Rates, TrafficMeter};
use crate::tables::CatalogTables;
use crate::{Engine, EngineError, EngineOptions, Inner};

/// The administrator that every directory is born with.
const ROOT: &str = "root";
/// Only one process may use a data directory (M-6).
const LOCK_FILE: &str = "LOCK";
/// How often deferred drops are looked at.
const PURGE_INTERVAL: Duration = Duration::from_secs(15);

impl Engine {
    /// Opens or makes the database in the directory behind `options.disk`: catalog, then storage
    /// with its WAL replay. Queries and background work get threads of their own.
    ///
    /// # Errors
    /// A directory that is in use or damaged; the text names the file.
    pub async fn open(options: EngineOptions) -> Result<Self, EngineError> {
        let runtime =
            QueryRuntime::new(options.query.threads).map_err(|e| EngineError::Internal(e.to_string()))?;
        let handle = runtime.handle().clone();
        handle
            .spawn(open_on_runtime(options, runtime))
            .await
            .map_err(|e| EngineError::Internal(e.to_string()))?
    }
}

/// Gives root the configured password unless it is his already.
async fn set_root_password(catalog: &Catalog, auth: &Auth, password: &str) -> Result<(), EngineError> {
    if auth.verify(ROOT, password, Peer::Loopback).await.is_ok() {
        return Ok(());
    }
    let snapshot = catalog.snapshot();
    let Some(root) = snapshot.user(ROOT) else { return Ok(()) };
    let hash = auth.hash(password).await?;
    let changes = UserChanges {
        password: Some(Some(hash)),
        must_change_password: Some(false),
        ..UserChanges::default()
    };
    catalog.apply(vec![CatalogOp::AlterUser { user: root.id, changes }]).await?;
    Ok(())
}

async fn open_on_runtime(options: EngineOptions, runtime: QueryRuntime) -> Result<Engine, EngineError> {
    let lock = options.disk.lock(LOCK_FILE)?;
    // Data files are read by query threads, which may block on the page cache.
    let store = DiskStore::open(Arc::clone(&options.disk), DiskStoreOptions { inline_reads: true })?;
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let catalog =
        Catalog::open(Arc::clone(&store), Arc::clone(&options.clock), options.limits.clone()).await?;
    let auth = Auth::new(catalog.clone(), Arc::clone(&options.clock), options.auth.clone())?;
    if let Some(password) = &options.root_password {
        set_root_password(&catalog, &auth, password).await?;
    }
    let storage_options = StorageOptions {
        memtable_bytes: options.memory.memtables,
        series_bytes: options.memory.series,
        compaction_bytes: options.memory.compaction,
        cache_bytes: options.memory.caches / 2,
        limits: options.limits.clone(),
        ..options.storage.clone()
    };
    let storage = Storage::open(
        Arc::clone(&options.disk),
        store,
        Arc::new(CatalogTables(catalog.clone())),
        Arc::clone(&options.clock),
        storage_options,
    )
    .await?;
    let memory = query_memory(&MemoryOptions {
        memory_bytes: options.memory.queries,
        spill_dir: options.spill_dir.clone(),
        max_spill_bytes: options.query.max_spill_bytes,
    })?;
    let session_options = SessionOptions::new(memory, options.query.threads);
    let language = Arc::new(QueryLanguage::new(session_options.clone(), LanguageOptions::default()));
    let registry = QueryRegistry::new(Arc::clone(&options.clock));
    let limits = ExecutorOptions {
        max_concurrent: options.query.max_concurrent,
        time_limit: options.query.time_limit,
    };
    let background = runtime.handle().clone();
    let engine = Engine(Arc::new(Inner {
        catalog,
        auth,
        storage,
        executor: QueryExecutor::new(runtime, registry, limits),
        session_options,
        language,
        series_cache: SeriesCache::new(options.memory.caches / 2),
        recent_times: Arc::default(),
        names: crate::names::NameClaims::default(),
        checked_tables: crate::keyed::CheckedTables::default(),
        unique_numbers: AtomicI64::new(i64::MIN),
        clock: options.clock,
        limits: options.limits,
        files: options.files,
        rates: Rates::default(),
        traffic: TrafficMeter::default(),
        _lock: lock,
    }));
    background.spawn(purge_loop(Arc::downgrade(&engine.0)));
    Ok(engine)
}

/// Carries out deferred drops until the engine is gone.
async fn purge_loop(engine: Weak<Inner>) {
    loop {
        tokio::time::sleep(PURGE_INTERVAL).await;
        let Some(inner) = engine.upgrade() else { return };
        if let Err(error) = Engine(inner).purge_due_drops().await {
            tracing::error!(%error, "a deferred drop failed and is tried again");
        }
    }
}
