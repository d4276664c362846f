//! Flush: memtables become Parquet files, one for each chunk, in one manifest commit.
//!
//! Freeze → sort and fold → write and fsync files (M-1) → commit (M-3) → drop memtables → release WAL.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use futures::{StreamExt, stream};
use object_store::{ObjectStoreExt, PutPayload};
use triglot_model::TableId;

use super::Shard;
use super::writer::Command;
use crate::error::StorageError;
use crate::file::{DataFile, data_path, series_path};
use crate::manifest::{EditV1, Manifest, SeriesPartV1, TableV1, TombstoneV1};
use crate::memtable::MemParts;
use crate::merge::{FoldMode, fold, sort_parts};
use crate::scan::RowStream;
use crate::sst::{FileMeta, FileMetaV1, SstWriteOptions};
use crate::{TableMeta, sst};

/// A full series snapshot replaces the small ones when there are this many.
const SERIES_PARTS: usize = 8;
/// ZSTD level of flushed files: most of what higher levels save comes at compaction.
const ZSTD_FLUSH: i32 = 1;

/// One table's part of a flush.
struct FrozenTable {
    meta: TableMeta,
    bucket: i64,
    chunks: Vec<(i64, MemParts)>,
    series: Option<FrozenSeries>,
    tombstones: Vec<TombstoneV1>,
}

/// Series that the manifest lacks, as a snapshot file's bytes.
struct FrozenSeries {
    bytes: Bytes,
    full: bool,
    watermark: u32,
    epoch: u64,
}

/// All that was in memory at one moment.
struct Frozen {
    seq: u64,
    tables: Vec<FrozenTable>,
}

impl Frozen {
    fn bytes(&self) -> u64 {
        self.tables.iter().flat_map(|t| &t.chunks).map(|(_, parts)| parts.bytes()).sum()
    }
}

/// A file that a flush made: its table, its bucket's start, and itself.
type NewFile = (TableId, i64, Arc<DataFile>);

impl Shard {
    /// Writes all that is in memory now to files. One flush at a time; a failed one leaves
    /// everything in memory and in the WAL, and the next takes it along.
    ///
    /// It goes on to its end even if the caller gives up: a flush that stops between commit and
    /// swap would write the same rows again.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<(), StorageError> {
        let shard = Arc::clone(self);
        self.detached(async move { shard.flush_now().await }).await
    }

    async fn flush_now(&self) -> Result<(), StorageError> {
        let _one_at_a_time = self.flush_lock.lock().await;
        let frozen = self.freeze()?;
        if frozen.tables.is_empty() {
            return Ok(());
        }
        let started = std::time::Instant::now();
        let mut edit = EditV1 { flushed_seq: frozen.seq, ..EditV1::default() };
        let mut files: Vec<NewFile> = Vec::new();
        let done = match self.write_frozen(&frozen, &mut edit, &mut files).await {
            Ok(()) => self.commit_flush(edit, &frozen, files).await,
            Err(error) => {
                self.bury_unlisted(&edit, files);
                Err(error)
            }
        };
        if let Err(error) = done {
            self.counters.flush_failures.fetch_add(1, Ordering::Relaxed);
            // What stays in memory waits for the next flush like rows that were never frozen.
            let now = self.clock.now_ns();
            let mut state = self.state.write();
            state.active_bytes += frozen.bytes();
            state.oldest_unflushed_ns.get_or_insert(now);
            return Err(error);
        }
        // If the writer has stopped, the next start recycles the segments.
        let _ = self.queue.send(Command::Release { seq: frozen.seq }).await;
        self.counters.flushed(started.elapsed());
        self.wake_compactor.notify_one();
        Ok(())
    }

    /// Writes files of all that is frozen and lists them in `edit` and `files`, also on failure.
    async fn write_frozen(
        &self,
        frozen: &Frozen,
        edit: &mut EditV1,
        files: &mut Vec<NewFile>,
    ) -> Result<(), StorageError> {
        for table in &frozen.tables {
            let id = table.meta.def.id;
            edit.tables.push(TableV1 { table: id.0, bucket: table.bucket });
            edit.tombstones.extend(table.tombstones.iter().cloned());
            if let Some(series) = &table.series {
                edit.series.push(self.write_series(id, series).await?);
            }
            for (start, parts) in &table.chunks {
                if let Some(meta) = self.write_chunk(&table.meta, *start, parts).await? {
                    edit.add.push(FileMetaV1::from(meta.clone()));
                    files.push((
                        id,
                        *start,
                        DataFile::new(self.id, meta, self.clock.now_ns(), self.reaper.clone()),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Deletes the files of a flush that failed before its commit was tried, lest tries on a full
    /// disk fill it further.
    fn bury_unlisted(&self, edit: &EditV1, files: Vec<NewFile>) {
        files.iter().for_each(|(_, _, file)| file.doom());
        for part in &edit.series {
            self.reaper.bury(series_path(self.id, TableId(part.table), part.file));
        }
    }

    /// Moves active memtables to `flushing` and says what there is to write.
    fn freeze(&self) -> Result<Frozen, StorageError> {
        let mut state = self.state.write();
        let seq = state.visible_seq;
        let mut tables = Vec::new();
        for (id, table) in &mut state.tables {
            // A table that the catalog no longer has is about to be forgotten.
            let Some(meta) = self.tables.table(*id) else { continue };
            let mut chunks = Vec::new();
            for (start, chunk) in &mut table.chunks {
                // What a failed flush left goes along.
                chunk.flushing.extend(std::mem::take(&mut chunk.active));
                if !chunk.flushing.is_empty() {
                    chunks.push((*start, chunk.flushing.clone()));
                }
            }
            let durable = table.tombstones_durable;
            let tombstones: Vec<TombstoneV1> = table
                .tombstones
                .iter()
                .filter(|t| t.seq > durable)
                .map(|t| TombstoneV1::new(*id, t))
                .collect();
            let series = if table.series_are_durable() { None } else { Some(freeze_series(table)?) };
            if chunks.is_empty() && tombstones.is_empty() && series.is_none() {
                continue;
            }
            tables.push(FrozenTable { meta, bucket: table.bucket, chunks, series, tombstones });
        }
        state.active_bytes = 0;
        state.oldest_unflushed_ns = None;
        Ok(Frozen { seq, tables })
    }

    async fn write_series(
        &self,
        table: TableId,
        series: &FrozenSeries,
    ) -> Result<SeriesPartV1, StorageError> {
        let file = self.next_file_id();
        let path = series_path(self.id, table, file);
        self.store.put(&path, PutPayload::from(series.bytes.clone())).await?;
        Ok(SeriesPartV1 { table: table.0, file, full: series.full, watermark: series.watermark })
    }

    /// Sorts, folds and writes one chunk. None if folding left no row.
    async fn write_chunk(
        &self,
        meta: &TableMeta,
        start: i64,
        parts: &MemParts,
    ) -> Result<Option<FileMeta>, StorageError> {
        let table = meta.def.id;
        let ck = meta.def.composite_key().map(|c| c.id);
        let batches: Vec<RecordBatch> = parts.parts.iter().map(|p| p.batch.clone()).collect();
        let seqs = || parts.parts.iter().map(|p| p.seqs);
        let seq_min = seqs().map(|(first, _)| first).min().unwrap_or(0);
        let seq_max = seqs().map(|(_, last)| last).max().unwrap_or(0);
        // Sorting and encoding are CPU work of up to a second: not on an async worker.
        let sorted = tokio::task::spawn_blocking(move || {
            let sorted = sort_parts(&batches, ck)?;
            drop(batches);
            fold(&sorted, ck, FoldMode::Partial)
        })
        .await
        .map_err(|e| StorageError::Background { shard: self.id, reason: e.to_string() })??;
        let file_id = self.next_file_id();
        let path = data_path(self.id, table, start, file_id);
        let options = SstWriteOptions {
            zstd_level: ZSTD_FLUSH,
            file_id,
            bucket_start: start,
            seq_min,
            seq_max,
            level: 0,
            ..SstWriteOptions::new(Arc::clone(&meta.def))
        };
        let input: RowStream = stream::iter([Ok(sorted)]).boxed();
        sst::write(&self.store, &path, input, options).await
    }

    /// Commits and swaps `flushing` for files. The swap happens under the manifest lock, so that
    /// files are in state and manifest alike when a compaction looks.
    async fn commit_flush(
        &self,
        mut edit: EditV1,
        frozen: &Frozen,
        files: Vec<NewFile>,
    ) -> Result<(), StorageError> {
        let mut manifest = self.manifest.lock().await;
        {
            // A table dropped meanwhile must not come back; its files are buried with it.
            let dropped = self.state.read().dropped.clone();
            let gone = |table: u32| dropped.contains(&TableId(table));
            edit.tables.retain(|t| !gone(t.table));
            edit.add.retain(|f| !gone(f.table));
            for part in edit.series.extract_if(.., |s| gone(s.table)) {
                self.reaper.bury(series_path(self.id, TableId(part.table), part.file));
            }
            edit.tombstones.retain(|t| !gone(t.table));
            files.iter().filter(|(id, _, _)| dropped.contains(id)).for_each(|(_, _, f)| f.doom());
        }
        let seq = edit.flushed_seq;
        let replaced = replaced_series(&manifest, &edit);
        manifest.commit(edit).await?;
        for (table, file) in replaced {
            self.reaper.bury(series_path(self.id, table, file));
        }
        let mut state = self.state.write();
        let mut released = 0;
        for (id, start, file) in files {
            match state.tables.get_mut(&id) {
                Some(table) => table.chunks.entry(start).or_default().files.push(file),
                // Dropped this moment; its drop waits for the manifest.
                None => file.doom(),
            }
        }
        for table in &frozen.tables {
            let id = table.meta.def.id;
            let parts = manifest.state().tables.get(&id).map_or(0, |t| t.series.len());
            let Some(entry) = state.tables.get_mut(&id) else { continue };
            for (start, parts) in &table.chunks {
                if let Some(chunk) = entry.chunks.get_mut(start) {
                    chunk.flushing = MemParts::default();
                }
                released += parts.bytes();
            }
            entry.chunks.retain(|_, chunk| !chunk.is_empty());
            entry.bucket_is_durable = true;
            entry.tombstones_durable = entry.tombstones_durable.max(seq);
            if let Some(series) = &table.series {
                entry.series_watermark = series.watermark;
                entry.series_epoch = series.epoch;
                entry.series_parts = parts;
            }
        }
        drop(state);
        self.budget.release(released);
        Ok(())
    }
}

/// The series snapshots that a full one in `edit` replaces.
fn replaced_series(manifest: &Manifest, edit: &EditV1) -> Vec<(TableId, u64)> {
    let full = edit.series.iter().filter(|part| part.full).map(|part| TableId(part.table));
    full.filter_map(|id| Some((id, manifest.state().tables.get(&id)?)))
        .flat_map(|(id, table)| table.series.iter().map(move |old| (id, old.file)))
        .collect()
}

/// The series that snapshots lack: the new ones, or all if older ones changed or parts are many.
fn freeze_series(table: &super::state::TableState) -> Result<FrozenSeries, StorageError> {
    let index = table.series.read();
    let (watermark, epoch) = (index.next_sid(), index.epoch());
    let since = if table.series_parts < SERIES_PARTS {
        index.encode_since(table.series_watermark, table.series_epoch)?
    } else {
        None
    };
    Ok(match since {
        Some(bytes) => FrozenSeries { bytes, full: table.series_parts == 0, watermark, epoch },
        None => FrozenSeries { bytes: index.encode_full()?, full: true, watermark, epoch },
    })
}
