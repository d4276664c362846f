//! A shard: one WAL, one writer thread, one manifest, and the memory behind them.

pub(crate) mod compact;
mod flush;
pub(crate) mod open;
pub(crate) mod pick;
mod rows;
pub(crate) mod state;
pub(crate) mod writer;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use object_store::ObjectStore;
use parking_lot::RwLock;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use triglot_model::{Clock, ShardId, TableId};

use crate::budget::Budget;
use crate::error::StorageError;
use crate::file::{Reaper, data_path, series_path};
use crate::manifest::{EditV1, Manifest};
use crate::routes::Routes;
use crate::series::SeriesIndex;
use crate::series_budget::SeriesBudget;
use crate::sst::MetaCache;
use crate::wal::Spares;
use crate::{StorageOptions, TableMeta, Tables};
use pick::MergeMemory;
use state::{ShardState, TableState};
use writer::Command;

/// Requests that may wait for a shard's writer; more wait at the sender.
const QUEUE: usize = 256;

/// Running totals for metrics.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) flushes: AtomicU64,
    pub(crate) flush_micros: AtomicU64,
    pub(crate) flush_failures: AtomicU64,
    pub(crate) compactions: AtomicU64,
    pub(crate) compaction_micros: AtomicU64,
    pub(crate) rows: AtomicU64,
}

impl Counters {
    fn flushed(&self, took: Duration) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.flush_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// What all shards share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) tables: Arc<dyn Tables>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Arc<StorageOptions>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) series_budget: Arc<SeriesBudget>,
    pub(crate) merge_memory: MergeMemory,
    pub(crate) cache: Arc<MetaCache>,
    pub(crate) reaper: Reaper,
    pub(crate) routes: Arc<Routes>,
}

/// One shard.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) id: ShardId,
    store: Arc<dyn ObjectStore>,
    tables: Arc<dyn Tables>,
    clock: Arc<dyn Clock>,
    options: Arc<StorageOptions>,
    budget: Arc<Budget>,
    series_budget: Arc<SeriesBudget>,
    merge_memory: MergeMemory,
    reaper: Reaper,
    routes: Arc<Routes>,
    /// Requests to the writer thread.
    pub(crate) queue: mpsc::Sender<Command>,
    /// Held shortly, never across an await.
    pub(crate) state: RwLock<ShardState>,
    /// Taken before `state` where both are needed.
    manifest: Mutex<Manifest>,
    flush_lock: Mutex<()>,
    compact_lock: Mutex<()>,
    next_file: AtomicU64,
    pub(crate) wake_flusher: Notify,
    pub(crate) wake_compactor: Notify,
    pub(crate) counters: Counters,
    /// Makes WAL segments ahead of the writer.
    pub(crate) spares: OnceLock<Spares>,
    sst_cache: Arc<MetaCache>,
    /// Set when the storage shuts down: long work ends early.
    stopping: Arc<AtomicBool>,
}

impl Shard {
    fn next_file_id(&self) -> u64 {
        self.next_file.fetch_add(1, Ordering::Relaxed)
    }

    /// The series index of a table, made if this shard has none yet.
    pub(crate) fn series_of(&self, table: &TableMeta) -> Result<Arc<RwLock<SeriesIndex>>, StorageError> {
        let id = table.def.id;
        if let Some(entry) = self.state.read().tables.get(&id) {
            return Ok(Arc::clone(&entry.series));
        }
        let mut state = self.state.write();
        if state.dropped.contains(&id) {
            return Err(StorageError::TableDropped { table: id });
        }
        let entry = state
            .tables
            .entry(id)
            .or_insert_with(|| TableState::new(table.def.identity.clone(), table.bucket));
        Ok(Arc::clone(&entry.series))
    }

    /// Runs work that must not end half-way when its caller gives up.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StorageError>> + Send + 'static,
    ) -> Result<T, StorageError> {
        match tokio::spawn(work).await {
            Ok(result) => result,
            Err(e) if e.is_cancelled() => Err(StorageError::ShuttingDown),
            Err(e) => Err(StorageError::Background { shard: self.id, reason: e.to_string() }),
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ends compactions and waits until none is under way.
    pub(crate) async fn stop_compaction(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ended = self.compact_lock.lock().await;
    }

    /// Sends a command made around a reply channel and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, StorageError>>) -> Command,
    ) -> Result<T, StorageError> {
        let (tx, rx) = oneshot::channel();
        self.queue.send(command(tx)).await.map_err(|_| StorageError::ShuttingDown)?;
        rx.await.map_err(|_| StorageError::ShuttingDown)?
    }

    /// Removes a table from memory (writer thread only). Rows of it that are in the WAL are skipped
    /// by the next replay, since the catalog does not know the table any more.
    fn forget_table(&self, table: TableId) {
        let mut state = self.state.write();
        state.dropped.insert(table);
        let Some(entry) = state.tables.remove(&table) else { return };
        let mut bytes = 0;
        let mut active = 0;
        for chunk in entry.chunks.values() {
            active += chunk.active.bytes();
            bytes += chunk.active.bytes() + chunk.flushing.bytes();
            chunk.files.iter().for_each(|f| f.doom());
        }
        state.active_bytes = state.active_bytes.saturating_sub(active);
        drop(state);
        self.budget.release(bytes);
        self.series_budget.forget(&mut entry.series.write());
    }

    /// Drops a table: memory first, so that no flush lists it again, then the manifest.
    pub(crate) async fn drop_table(self: &Arc<Self>, table: TableId) -> Result<(), StorageError> {
        let shard = Arc::clone(self);
        self.detached(async move { shard.drop_table_now(table).await }).await
    }

    async fn drop_table_now(&self, table: TableId) -> Result<(), StorageError> {
        self.ask(|reply| Command::DropTable { table, reply }).await?;
        let mut manifest = self.manifest.lock().await;
        let Some(known) = manifest.state().tables.get(&table).cloned() else {
            return Ok(());
        };
        manifest.commit(EditV1 { dropped: vec![table.0], ..EditV1::default() }).await?;
        for part in &known.series {
            self.reaper.bury(series_path(self.id, table, part.file));
        }
        Ok(())
    }

    /// Drops whole buckets that ended before `horizon` of a table (retention). Returns how many.
    pub(crate) async fn drop_buckets(
        self: &Arc<Self>,
        table: TableId,
        horizon: i64,
    ) -> Result<usize, StorageError> {
        let shard = Arc::clone(self);
        self.detached(async move { shard.drop_buckets_now(table, horizon).await }).await
    }

    async fn drop_buckets_now(&self, table: TableId, horizon: i64) -> Result<usize, StorageError> {
        let mut manifest = self.manifest.lock().await;
        let expired: Vec<(i64, Vec<u64>)> = {
            let state = self.state.read();
            let Some(entry) = state.tables.get(&table) else { return Ok(0) };
            entry
                .chunks
                .iter()
                // A chunk that is being flushed goes next time.
                .filter(|(_, chunk)| {
                    chunk.flushing.is_empty() && chunk.time().is_none_or(|t| t.end < horizon)
                })
                .filter(|(start, _)| crate::memtable::bucket_range(**start, entry.bucket).end < horizon)
                .map(|(start, chunk)| (*start, chunk.files.iter().map(|f| f.meta.file_id).collect()))
                .collect()
        };
        if expired.is_empty() {
            return Ok(0);
        }
        let remove =
            expired.iter().flat_map(|(_, ids)| ids.iter().map(|id| (table.0, *id))).collect::<Vec<_>>();
        if !remove.is_empty() {
            manifest.commit(EditV1 { remove, ..EditV1::default() }).await?;
        }
        let mut state = self.state.write();
        let mut freed = 0;
        let mut dropped = 0;
        if let Some(entry) = state.tables.get_mut(&table) {
            for (start, _) in &expired {
                let Some(chunk) = entry.chunks.get_mut(start) else { continue };
                chunk.files.drain(..).for_each(|f| f.doom());
                // Rows that came in between are older than the horizon as well. What a flush has
                // taken meanwhile comes back as a file, which goes next time.
                freed += chunk.active.bytes();
                chunk.active = crate::memtable::MemParts::default();
                dropped += 1;
            }
            entry.chunks.retain(|_, chunk| !chunk.is_empty());
        }
        state.active_bytes = state.active_bytes.saturating_sub(freed);
        drop(state);
        self.budget.release(freed);
        Ok(dropped)
    }

    /// Deletes what lies in the shard's directories and is not in the manifest: left over from a
    /// crash between writing a file and committing it. Only for the time before anything runs.
    async fn sweep_orphans(&self) -> Result<usize, StorageError> {
        use futures::TryStreamExt;
        use object_store::ObjectStoreExt;
        use object_store::path::Path;
        let mut listed = std::collections::HashSet::new();
        for (id, table) in &self.manifest.lock().await.state().tables {
            listed.extend(table.files.values().map(|f| data_path(self.id, *id, f.bucket_start, f.file_id)));
            listed.extend(table.series.iter().map(|p| series_path(self.id, *id, p.file)));
        }
        let mut swept = 0;
        for folder in ["data", "series"] {
            let prefix = Path::from(format!("shards/{}/{folder}", self.id));
            let found: Vec<Path> =
                self.store.list(Some(&prefix)).map_ok(|o| o.location).try_collect().await?;
            for path in found.into_iter().filter(|p| !listed.contains(p)) {
                tracing::info!(%path, "sweeping a file that no manifest names");
                self.store.delete(&path).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}
