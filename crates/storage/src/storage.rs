//! The storage engine: shards, background work, and the calls that the engine makes.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::try_join_all;
use object_store::{ObjectStore, ObjectStoreExt};
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;
use tokio::task::JoinHandle;
use triglot_disk::{Disk, OpenMode};
use triglot_model::{Clock, IdentityRule, Pressure, ShardId, Sid, TableDef, TableId};

use crate::budget::Budget;
use crate::error::StorageError;
use crate::file::Reaper;
use crate::routes::Routes;
use crate::series::{SeriesIndex, SeriesKey};
use crate::series_budget::SeriesBudget;
use crate::shard::open::RecoveryReport;
use crate::shard::pick::MergeMemory;
use crate::shard::writer::Command;
use crate::shard::{Shard, Shared};
use crate::snapshot::{Pinned, PinnedShard, TableSnapshot};
use crate::sst::MetaCache;
use crate::write::{DeleteFilter, WriteAck, WriteBatch};
use crate::{StorageOptions, TableMeta, Tables};

/// Holds the number of shards that the directory was made with.
const SHARDS_FILE: &str = "shards.count";

/// The storage of a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Storage(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shards: Vec<Arc<Shard>>,
    shared: Shared,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    recovery: Vec<RecoveryReport>,
}

/// Figures for metrics and start-up lines.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct StorageStats {
    /// Bytes queued or in memtables.
    pub memtable_bytes: u64,
    /// Series of all tables.
    pub series: u64,
    /// Bytes of the series index.
    pub series_bytes: u64,
    /// Data files.
    pub files: u64,
    /// Bytes in them.
    pub file_bytes: u64,
    /// Rows in them, versions and deleted ones included.
    pub file_rows: u64,
    /// Rows in memtables.
    pub memtable_rows: u64,
    /// Rows written since the start.
    pub rows_written: u64,
    /// Flushes since the start.
    pub flushes: u64,
    /// Failed flushes since the start.
    pub flush_failures: u64,
    /// Microseconds spent in flushes.
    pub flush_micros: u64,
    /// Compactions since the start.
    pub compactions: u64,
    /// Microseconds spent in compactions.
    pub compaction_micros: u64,
}

impl Storage {
    /// Opens or makes the data directory behind `disk` and `store`, replays the WAL and starts
    /// writers and background work on the current tokio runtime. The caller holds the directory's
    /// lock (M-6).
    ///
    /// # Errors
    /// Damage anywhere but at the WAL's end, a manifest or data file that cannot be read.
    pub async fn open(
        disk: Arc<dyn Disk>,
        store: Arc<dyn ObjectStore>,
        tables: Arc<dyn Tables>,
        clock: Arc<dyn Clock>,
        options: StorageOptions,
    ) -> Result<Self, StorageError> {
        let shard_count = fixed_shard_count(disk.as_ref(), options.shards.max(1))?;
        let (reaper, mut burials) = Reaper::new();
        let shared = Shared {
            store: Arc::clone(&store),
            tables,
            clock,
            budget: Arc::new(Budget::new(options.memtable_bytes, options.max_stall)),
            series_budget: Arc::new(SeriesBudget::new(options.limits.max_series, options.series_bytes)),
            merge_memory: MergeMemory::new(options.compaction_bytes),
            cache: Arc::new(MetaCache::new(usize::try_from(options.cache_bytes).unwrap_or(usize::MAX))),
            options: Arc::new(options),
            reaper,
            routes: Arc::new(Routes::new(shard_count)),
        };
        let mut shards = Vec::new();
        let mut recovery = Vec::new();
        for id in 0..shard_count {
            let (shard, report) = Shard::open(ShardId(id), Arc::clone(&disk), shared.clone()).await?;
            shards.push(shard);
            recovery.push(report);
        }
        find_moved_series(&shards, &shared);
        let mut tasks = Vec::new();
        tasks.push(tokio::spawn(async move {
            while let Some(path) = burials.recv().await {
                if let Err(error) = store.delete(&path).await {
                    tracing::warn!(%path, %error, "a dead file could not be deleted; the next start sweeps it");
                }
            }
        }));
        for shard in &shards {
            tasks.push(tokio::spawn(flush_loop(Arc::clone(shard), shared.clone())));
            tasks.push(tokio::spawn(compact_loop(Arc::clone(shard), shared.clone())));
        }
        tasks.push(tokio::spawn(retention_loop(shards.clone(), shared.clone())));
        Ok(Self(Arc::new(Inner { shards, shared, tasks: Mutex::new(tasks), recovery })))
    }

    /// What recovery found, by shard.
    pub fn recovery(&self) -> &[RecoveryReport] {
        &self.0.recovery
    }

    /// How many shards there are.
    pub fn shards(&self) -> u16 {
        u16::try_from(self.0.shards.len()).unwrap_or(u16::MAX)
    }

    /// The shard of a series: the one that [`crate::series::identity_hash64`] of its key says, unless
    /// its tags were changed ([`Self::set_tags`]).
    ///
    /// # Errors
    /// The key lacks a part of the identity.
    pub fn shard_of(&self, table: &TableDef, key: &SeriesKey) -> Result<ShardId, StorageError> {
        Ok(self.0.shared.routes.shard_of(table, key)?)
    }

    /// The epoch at which series ids of this table hold in this shard.
    pub fn series_epoch(&self, table: TableId, shard: ShardId) -> u64 {
        let Some(shard) = self.0.shards.get(usize::from(shard.0)) else { return 0 };
        let state = shard.state.read();
        state.tables.get(&table).map_or(0, |t| t.series.read().epoch())
    }

    /// The series of this identity, wherever it lives.
    pub fn find_series(&self, table: &TableMeta, key: &SeriesKey) -> Option<(ShardId, Sid)> {
        (0..self.shards()).map(ShardId).find_map(|shard| {
            let sid = self.index_of(table, shard)?.read().lookup(key)?;
            Some((shard, sid))
        })
    }

    /// Looks up series of many identities that live at home (`ChildName`, `PrimaryTags`): their shard,
    /// and their sid there if they exist, with the epoch at which it holds. In the order of `keys`.
    ///
    /// # Errors
    /// A key lacks a part of the identity.
    pub fn locate_series(
        &self,
        table: &TableMeta,
        keys: &[SeriesKey],
    ) -> Result<Vec<(ShardId, Option<(Sid, u64)>)>, StorageError> {
        let indexes: Vec<_> = (0..self.shards()).map(|s| self.index_of(table, ShardId(s))).collect();
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let shard = self.shard_of(&table.def, key)?;
            let index = indexes.get(usize::from(shard.0)).and_then(Option::as_ref);
            let known = index.and_then(|index| {
                let index = index.read();
                Some((index.lookup(key)?, index.epoch()))
            });
            found.push((shard, known));
        }
        Ok(found)
    }

    /// Writes rows of one request to one shard: all of them or none. `Ok` means durable (in WAL mode
    /// `always`, W-1) and visible (W-2).
    ///
    /// # Errors
    /// [`StorageError::StaleSeries`]: resolve the series again. [`StorageError::Busy`]: try later.
    pub async fn write(
        &self,
        shard: ShardId,
        batches: Vec<WriteBatch>,
    ) -> Result<Vec<WriteAck>, StorageError> {
        let shard = self.shard(shard)?;
        let rows: usize = batches.iter().map(|b| b.times.len()).sum();
        let bytes = batches.iter().map(WriteBatch::bytes).sum();
        let reserved = self.0.shared.budget.admit(bytes).await?;
        let acks = shard.ask(|reply| Command::Write { batches, reserved, reply }).await?;
        shard.counters.rows.fetch_add(rows as u64, Ordering::Relaxed);
        Ok(acks)
    }

    /// Deletes the rows that `filter` names, in all shards.
    pub async fn delete(&self, table: &TableMeta, filter: DeleteFilter) -> Result<(), StorageError> {
        if filter.time.is_empty() {
            return Ok(());
        }
        let targets: Vec<(ShardId, Option<RoaringBitmap>)> = match filter.series {
            None => self.0.shards.iter().map(|s| (s.id, None)).collect(),
            Some(by_shard) => {
                by_shard.into_iter().filter(|(_, s)| !s.is_empty()).map(|(id, s)| (id, Some(s))).collect()
            }
        };
        let time = filter.time;
        let asked = targets.into_iter().map(|(id, series)| async move {
            let table = table.clone();
            self.shard(id)?.ask(|reply| Command::Delete { table, time, series, reply }).await
        });
        try_join_all(asked).await.map(|_| ())
    }

    /// Removes series of one shard with all their rows; their identities are free then. Sids that are
    /// not listed are passed over.
    pub async fn remove_series(
        &self,
        table: &TableMeta,
        shard: ShardId,
        sids: Vec<Sid>,
    ) -> Result<(), StorageError> {
        let table = table.clone();
        self.shard(shard)?.ask(|reply| Command::RemoveSeries { table, sids, reply }).await
    }

    /// Forgets a table and deletes its files. The catalog must have dropped it before.
    pub async fn drop_table(&self, table: TableId) -> Result<(), StorageError> {
        self.0.shared.routes.forget(table);
        try_join_all(self.0.shards.iter().map(|s| s.drop_table(table))).await.map(|_| ())
    }

    /// Pins what the table holds now.
    pub fn snapshot(&self, table: &TableMeta) -> TableSnapshot {
        let mut shards = Vec::new();
        for shard in &self.0.shards {
            let state = shard.state.read();
            if let Some(entry) = state.tables.get(&table.def.id) {
                shards.push(PinnedShard {
                    id: shard.id,
                    series: Arc::clone(&entry.series),
                    chunks: entry.chunks.clone(),
                    tombstones: Arc::clone(&entry.tombstones),
                });
            }
        }
        TableSnapshot(Arc::new(Pinned {
            meta: table.clone(),
            shards,
            store: Arc::clone(&self.0.shared.store),
            cache: Arc::clone(&self.0.shared.cache),
        }))
    }

    /// Flushes all memtables.
    pub async fn flush(&self) -> Result<(), StorageError> {
        try_join_all(self.0.shards.iter().map(|s| s.flush())).await.map(|_| ())
    }

    /// Merges every bucket of `table` (none = of all tables) down to few files. Returns how many
    /// merges were done.
    pub async fn compact(&self, table: Option<TableId>) -> Result<usize, StorageError> {
        Ok(try_join_all(self.0.shards.iter().map(|s| s.compact(table, true))).await?.iter().sum())
    }

    /// Drops whole buckets that are past their table's retention. The background does this, too.
    pub async fn enforce_retention(&self) -> Result<usize, StorageError> {
        enforce_retention(&self.0.shards, &self.0.shared).await
    }

    /// How hard writes press.
    pub fn pressure(&self) -> Pressure {
        self.0.shared.budget.pressure()
    }

    /// Figures for metrics.
    pub fn stats(&self) -> StorageStats {
        let mut stats = StorageStats {
            memtable_bytes: self.0.shared.budget.used(),
            series: self.0.shared.series_budget.series(),
            ..StorageStats::default()
        };
        for shard in &self.0.shards {
            let c = &shard.counters;
            stats.rows_written += c.rows.load(Ordering::Relaxed);
            stats.flushes += c.flushes.load(Ordering::Relaxed);
            stats.flush_failures += c.flush_failures.load(Ordering::Relaxed);
            stats.flush_micros += c.flush_micros.load(Ordering::Relaxed);
            stats.compactions += c.compactions.load(Ordering::Relaxed);
            stats.compaction_micros += c.compaction_micros.load(Ordering::Relaxed);
            let state = shard.state.read();
            for table in state.tables.values() {
                stats.series_bytes += table.series.read().memory_bytes() as u64;
                for chunk in table.chunks.values() {
                    stats.memtable_rows += (chunk.active.rows() + chunk.flushing.rows()) as u64;
                    for file in &chunk.files {
                        stats.files += 1;
                        stats.file_bytes += file.meta.bytes;
                        stats.file_rows += file.meta.rows;
                    }
                }
            }
        }
        stats
    }

    /// Ends background work, flushes, and stops the writers. Requests that come later fail.
    pub async fn shutdown(&self) -> Result<(), StorageError> {
        let tasks = std::mem::take(&mut *self.0.tasks.lock());
        for task in &tasks {
            task.abort();
        }
        for task in tasks {
            // Aborted on purpose; what must not end half-way runs in tasks of its own.
            let _ = task.await;
        }
        for shard in &self.0.shards {
            shard.stop_compaction().await;
        }
        let mut result = self.flush().await;
        for shard in &self.0.shards {
            // Every writer is stopped, whatever becomes of the others.
            result = result.and(shard.ask(|reply| Command::Stop { reply }).await);
        }
        result
    }

    pub(crate) fn routes(&self) -> &Routes {
        &self.0.shared.routes
    }

    /// The series index of a table in one shard, if it has anything of the table.
    pub(crate) fn index_of(&self, table: &TableMeta, shard: ShardId) -> Option<Arc<RwLock<SeriesIndex>>> {
        let state = self.0.shards.get(usize::from(shard.0))?.state.read();
        state.tables.get(&table.def.id).map(|t| Arc::clone(&t.series))
    }

    pub(crate) fn shard(&self, id: ShardId) -> Result<&Arc<Shard>, StorageError> {
        self.0
            .shards
            .get(usize::from(id.0))
            .ok_or_else(|| StorageError::Background { shard: id, reason: "no such shard".to_owned() })
    }
}

/// Rebuilds the routes of series that live in another shard than their identity hashes to, because
/// their tags were changed before this start.
fn find_moved_series(shards: &[Arc<Shard>], shared: &Shared) {
    if shards.len() < 2 {
        return;
    }
    for shard in shards {
        let state = shard.state.read();
        for (id, table) in &state.tables {
            let index = table.series.read();
            if *index.rule() == IdentityRule::AllTags {
                for key in index.keys_with_hash(|hash| shared.routes.home(hash) != shard.id) {
                    shared.routes.found(*id, shard.id, key);
                }
            }
        }
    }
}

/// The shard count is fixed when the directory is made, because series are routed by it.
fn fixed_shard_count(disk: &dyn Disk, wanted: u16) -> Result<u16, StorageError> {
    if disk.exists(SHARDS_FILE)? {
        // Its maker may have been killed before this.
        disk.sync_dir("")?;
        let file = disk.open(SHARDS_FILE, OpenMode::Read)?;
        let mut text = [0u8; 5];
        let read = file.read_at(0, &mut text)?;
        let found =
            text.get(..read).and_then(|t| std::str::from_utf8(t).ok()).and_then(|t| t.trim().parse().ok());
        return match found {
            Some(found) => Ok(found),
            None => Err(StorageError::ShardCount { found: 0, wanted }),
        };
    }
    let temporary = "shards.count.new";
    let file = disk.open(temporary, OpenMode::CreateOrTruncate)?;
    file.write_at(0, wanted.to_string().as_bytes())?;
    file.sync_all()?;
    disk.rename(temporary, SHARDS_FILE)?;
    disk.sync_dir("")?;
    Ok(wanted)
}

/// Flushes when the writer says so, when memory presses, or when the oldest row is old enough.
async fn flush_loop(shard: Arc<Shard>, shared: Shared) {
    prepare_spare(&shard).await;
    let interval = shared.options.background_interval;
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shard.wake_flusher.notified() => {}
            _ = tick.tick() => {
                // Answered without an fsync unless the WAL's mode is `interval` and one is due.
                let _ = shard.queue.try_send(Command::SyncIfDue);
                prepare_spare(&shard).await;
                if !flush_is_due(&shard, &shared) {
                    continue;
                }
            }
        }
        if let Err(error) = shard.flush().await {
            tracing::error!(shard = %shard.id, %error, "flush failed; rows stay in memory and in the WAL");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// Makes a WAL segment ahead of time, so that the writer never waits for one.
async fn prepare_spare(shard: &Arc<Shard>) {
    let preparing = Arc::clone(shard);
    let made =
        tokio::task::spawn_blocking(move || preparing.spares.get().map_or(Ok(false), |s| s.prepare())).await;
    if let Ok(Err(error)) = made {
        tracing::warn!(shard = %shard.id, %error, "no spare WAL segment could be made");
    }
}

fn flush_is_due(shard: &Shard, shared: &Shared) -> bool {
    let state = shard.state.read();
    let old = state.oldest_unflushed_ns.is_some_and(|oldest| {
        let age = shared.clock.now_ns().saturating_sub(oldest);
        u128::try_from(age).unwrap_or(0) >= shared.options.flush_interval.as_nanos()
    });
    old || state.active_bytes >= shared.options.flush_bytes
        || (shared.budget.pressure() >= Pressure::Flush && state.active_bytes > 0)
}

async fn compact_loop(shard: Arc<Shard>, shared: Shared) {
    let mut tick = tokio::time::interval(shared.options.background_interval.max(Duration::from_secs(1)) * 5);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shard.wake_compactor.notified() => {}
            _ = tick.tick() => {}
        }
        if let Err(error) = shard.compact(None, false).await {
            tracing::error!(shard = %shard.id, %error, "compaction failed; its inputs stay");
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }
}

async fn retention_loop(shards: Vec<Arc<Shard>>, shared: Shared) {
    let mut tick = tokio::time::interval(Duration::from_secs(60));
    loop {
        tick.tick().await;
        if let Err(error) = enforce_retention(&shards, &shared).await {
            tracing::error!(%error, "retention failed");
        }
    }
}

async fn enforce_retention(shards: &[Arc<Shard>], shared: &Shared) -> Result<usize, StorageError> {
    let mut dropped = 0;
    for shard in shards {
        let ids: HashSet<TableId> = shard.state.read().tables.keys().copied().collect();
        for id in ids {
            let Some(meta) = shared.tables.table(id) else { continue };
            let Some(retention) = meta.retention else { continue };
            let now = meta.def.precision().from_ns(shared.clock.now_ns());
            dropped += shard.drop_buckets(id, now.saturating_sub(retention)).await?;
        }
    }
    Ok(dropped)
}
