//! Opening a shard: manifest, series snapshots, then the WAL behind them.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use object_store::ObjectStoreExt;
use parking_lot::RwLock;
use tokio::sync::{Mutex, Notify, mpsc};
use triglot_disk::Disk;
use triglot_model::{ShardId, TableId};

use super::state::{ShardState, TableState};
use super::writer;
use super::{Counters, QUEUE, Shard, Shared};
use crate::Tombstone;
use crate::error::StorageError;
use crate::file::{DataFile, series_path};
use crate::manifest::{EditV1, Manifest, ManifestTable};
use crate::series::{SeriesIndex, SeriesKey};
use crate::wal::{TornTail, Wal, WalPayload};

/// What an open found, for the start-up lines.
#[derive(Debug, Default, Clone)]
pub struct RecoveryReport {
    /// Records replayed from the WAL.
    pub records: u64,
    /// Rows in them.
    pub rows: u64,
    /// What was cut off behind the last whole record, if the end was torn.
    pub torn_tail: Option<TornTail>,
    /// Files deleted that no manifest names.
    pub orphans: usize,
}

impl Shard {
    /// Opens the shard and starts its writer thread.
    pub(crate) async fn open(
        id: ShardId,
        disk: Arc<dyn Disk>,
        shared: Shared,
    ) -> Result<(Arc<Self>, RecoveryReport), StorageError> {
        let mut manifest = Manifest::open(Arc::clone(&shared.store), id).await?;
        // A crash between the catalog's drop and ours: finish it.
        let dropped: Vec<TableId> =
            manifest.state().tables.keys().copied().filter(|t| shared.tables.table(*t).is_none()).collect();
        if !dropped.is_empty() {
            let dropped = dropped.iter().map(|t| t.0).collect();
            manifest.commit(EditV1 { dropped, ..EditV1::default() }).await?;
        }
        let mut state = ShardState { visible_seq: manifest.state().flushed_seq, ..ShardState::default() };
        for (table, known) in &manifest.state().tables {
            let entry = load_table(id, *table, known, &shared).await?;
            shared.series_budget.settle(&mut entry.series.write());
            state.tables.insert(*table, entry);
        }
        let flushed_seq = manifest.state().flushed_seq;
        let next_file = manifest.state().next_file;
        let (queue, requests) = mpsc::channel(QUEUE);
        let shard = Arc::new(Self {
            id,
            store: shared.store,
            tables: shared.tables,
            clock: shared.clock,
            options: shared.options,
            budget: shared.budget,
            series_budget: shared.series_budget,
            merge_memory: shared.merge_memory,
            reaper: shared.reaper,
            routes: shared.routes,
            queue,
            state: RwLock::new(state),
            manifest: Mutex::new(manifest),
            flush_lock: Mutex::new(()),
            compact_lock: Mutex::new(()),
            next_file: AtomicU64::new(next_file),
            wake_flusher: Notify::new(),
            wake_compactor: Notify::new(),
            counters: Counters::default(),
            spares: OnceLock::new(),
            sst_cache: shared.cache,
            stopping: Arc::default(),
        });
        let orphans = shard.sweep_orphans().await?;
        let replaying = Arc::clone(&shard);
        let (wal, next_seq, mut report) =
            tokio::task::spawn_blocking(move || replaying.replay(disk, flushed_seq))
                .await
                .map_err(|e| StorageError::Background { shard: id, reason: e.to_string() })??;
        report.orphans = orphans;
        let writing = Arc::clone(&shard);
        std::thread::Builder::new()
            .name(format!("shard-{id}"))
            .spawn(move || writer::run(writing, wal, next_seq, requests))
            .map_err(|e| StorageError::Background { shard: id, reason: e.to_string() })?;
        Ok((shard, report))
    }

    /// Applies what the WAL has beyond `flushed_seq`. W-4: what is in files already is skipped, and
    /// series records are idempotent, so any prefix may be replayed again.
    fn replay(
        &self,
        disk: Arc<dyn Disk>,
        flushed_seq: u64,
    ) -> Result<(Wal, u64, RecoveryReport), StorageError> {
        let mut report = RecoveryReport::default();
        let mut last_seq = flushed_seq;
        let dir = format!("wal/{}", self.id);
        let mut replay = Wal::open(disk, &dir, self.id, flushed_seq, &self.options.wal)?;
        let mut unknown = HashSet::new();
        for record in replay.by_ref() {
            let (seq, payload) = record?;
            last_seq = last_seq.max(seq);
            report.records += 1;
            report.rows += self.replay_record(seq, payload, &mut unknown)?;
        }
        for table in unknown {
            tracing::info!(shard = %self.id, %table, "WAL rows of a dropped table are skipped");
        }
        let (wal, summary) = replay.finish()?;
        report.torn_tail = summary.torn_tail;
        last_seq = last_seq.max(summary.last_seq);
        let _ = self.spares.set(wal.spares());
        self.state.write().visible_seq = last_seq;
        Ok((wal, last_seq + 1, report))
    }

    fn replay_record(
        &self,
        seq: u64,
        payload: WalPayload,
        unknown: &mut HashSet<TableId>,
    ) -> Result<u64, StorageError> {
        let id = payload.table();
        let Some(meta) = self.tables.table(id) else {
            unknown.insert(id);
            return Ok(0);
        };
        let now = self.clock.now_ns();
        let mut state = self.state.write();
        state.oldest_unflushed_ns.get_or_insert(now);
        let entry =
            state.tables.entry(id).or_insert_with(|| TableState::new(meta.def.identity.clone(), meta.bucket));
        let mut rows = 0;
        let mut grown = 0;
        match payload {
            WalPayload::Batch { batch, .. } => {
                rows = batch.num_rows() as u64;
                grown = self.apply_rows(entry, seq, batch)?;
            }
            WalPayload::SeriesCreate { entries, .. } => {
                let mut index = entry.series.write();
                for e in entries {
                    index.insert_with_sid(e.sid, &SeriesKey { child: e.child, tags: e.tags })?;
                }
                self.series_budget.settle(&mut index);
            }
            WalPayload::SetTags { entries, .. } => {
                let mut index = entry.series.write();
                for (sid, tags) in entries {
                    index.set_tags(sid, &tags)?;
                }
                self.series_budget.settle(&mut index);
            }
            WalPayload::Tombstone { time, series, .. } => {
                let freed = entry.delete(Tombstone { seq, time, series })?;
                state.active_bytes = state.active_bytes.saturating_sub(freed);
                self.budget.release(freed);
            }
            WalPayload::SeriesRemove { sids, .. } => {
                let mut index = entry.series.write();
                index.remove(&sids);
                self.series_budget.settle(&mut index);
            }
            WalPayload::DropTable { .. } => {}
        }
        state.active_bytes = state.active_bytes.saturating_add_signed(grown);
        Ok(rows)
    }
}

async fn load_table(
    shard: ShardId,
    id: TableId,
    known: &ManifestTable,
    shared: &Shared,
) -> Result<TableState, StorageError> {
    let Some(meta) = shared.tables.table(id) else {
        return Err(StorageError::BadBatch { table: id, reason: "not in the catalog".to_owned() });
    };
    let mut parts: Vec<Bytes> = Vec::with_capacity(known.series.len());
    for part in &known.series {
        let path = series_path(shard, id, part.file);
        parts.push(shared.store.get(&path).await?.bytes().await?);
    }
    let mut entry = TableState::new(meta.def.identity.clone(), known.bucket);
    let index = SeriesIndex::load(meta.def.identity.clone(), &parts)?;
    entry.bucket_is_durable = true;
    entry.series_watermark = index.next_sid();
    entry.series_epoch = index.epoch();
    entry.series_parts = parts.len();
    *entry.series.write() = index;
    let now = shared.clock.now_ns();
    for file in known.files.values() {
        let chunk = entry.chunks.entry(file.bucket_start).or_default();
        chunk.files.push(DataFile::new(shard, file.clone(), now, shared.reaper.clone()));
    }
    for chunk in entry.chunks.values_mut() {
        chunk.files.sort_by_key(|f| f.meta.seq_min);
    }
    entry.tombstones_durable = known.tombstones.keys().last().copied().unwrap_or(0);
    entry.tombstones = Arc::new(known.tombstones.values().cloned().collect());
    Ok(entry)
}
