//! Compaction: files of one bucket that are neighbours in sequence order become one.
//!
//! Only neighbours are merged, so sequence ranges stay disjoint and a tombstone applies to a file
//! by comparing two numbers. Deletions that are older than what follows the merged files are applied
//! for good: the new file's range reaches up to them. A file is also written again on its own when
//! much of it is deleted. Row operations vanish when the oldest file takes part, since nothing older
//! can be meant by them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use triglot_model::TableId;

use super::Shard;
use super::pick::{BATCH_ROWS, is_worn, merge_bytes, pick};
use super::state::{Chunk, TableState};
use crate::error::StorageError;
use crate::file::{DataFile, data_path};
use crate::manifest::EditV1;
use crate::merge::{FoldMode, Layout, MergeOptions, MergeStream, apply_tombstones};
use crate::scan::{RowStream, deletions_for};
use crate::sst::{FileMeta, FileMetaV1, ReadRequest, SstReader, SstWriteOptions};
use crate::{TableMeta, TimeRange, Tombstone, sst};

/// ZSTD level of compacted files.
const ZSTD_COMPACT: i32 = 3;

/// One merge to be done.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    table: TableId,
    start: i64,
    files: Vec<Arc<DataFile>>,
    /// Whether the oldest file of the bucket is among them.
    oldest: bool,
    /// Those of the table; the merge applies what is below `behind`.
    tombstones: Arc<Vec<Tombstone>>,
    behind: u64,
    /// The newest deletion that is applied; 0 = none reaches the files.
    newest_deletion: u64,
}

impl Job {
    /// The merge of these files of a chunk.
    fn new(id: TableId, table: &TableState, start: i64, chunk: &Chunk, files: Range<usize>) -> Self {
        let behind = behind(table, chunk, files.end);
        let oldest = files.start == 0;
        let files = chunk.files.get(files).unwrap_or_default().to_vec();
        let reaches = |t: &&Tombstone| {
            t.seq < behind && files.iter().any(|f| t.seq > f.meta.seq_max && t.time.overlaps(&f.meta.time))
        };
        let newest_deletion = table.tombstones.iter().filter(reaches).map(|t| t.seq).max().unwrap_or(0);
        let tombstones = Arc::clone(&table.tombstones);
        Self { table: id, start, files, oldest, tombstones, behind, newest_deletion }
    }

    /// What the merge deletes from one of its files.
    fn deletions(&self, file: &DataFile) -> Vec<Tombstone> {
        let mut deletions = deletions_for(file, &self.tombstones, &TimeRange::ALL);
        deletions.retain(|t| t.seq < self.behind);
        deletions
    }
}

/// The lowest sequence number that deletions must be below to be applied to the first `files` files of a
/// chunk for good: that of what follows the files. A deletion that is not in the manifest yet may be
/// lost with the WAL's end in modes that do not fsync each write, and a file must not reach beyond what
/// the next start knows.
fn behind(table: &TableState, chunk: &Chunk, files: usize) -> u64 {
    let memory = chunk.flushing.parts.iter().chain(&chunk.active.parts).map(|part| part.seqs.0).min();
    let file = chunk.files.get(files).map(|file| file.meta.seq_min);
    let unknown = table.tombstones_durable.saturating_add(1);
    file.into_iter().chain(memory).min().unwrap_or(u64::MAX).min(unknown)
}

impl Shard {
    /// Does merges until there is none to do. `all`: every bucket with more than one file, whatever
    /// its size (for `COMPACT` and for tests).
    ///
    /// It goes on to its end even if the caller gives up, unless the storage stops.
    pub(crate) async fn compact(
        self: &Arc<Self>,
        table: Option<TableId>,
        all: bool,
    ) -> Result<usize, StorageError> {
        let shard = Arc::clone(self);
        self.detached(async move { shard.compact_now(table, all).await }).await
    }

    async fn compact_now(&self, table: Option<TableId>, all: bool) -> Result<usize, StorageError> {
        let _one_at_a_time = self.compact_lock.lock().await;
        let mut done = 0;
        while let Some(job) = self.any_job(table, all).await?.filter(|_| !self.is_stopping()) {
            let started = std::time::Instant::now();
            self.run_job(&job).await?;
            self.counters.compactions.fetch_add(1, Ordering::Relaxed);
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.counters.compaction_micros.fetch_add(micros, Ordering::Relaxed);
            done += 1;
        }
        self.collect_tombstones().await?;
        Ok(done)
    }

    /// A merge, or else a file to be written again for its deletions. `all`: for any deletion.
    async fn any_job(&self, only: Option<TableId>, all: bool) -> Result<Option<Job>, StorageError> {
        if let Some(job) = self.next_job(only, all) {
            return Ok(Some(job));
        }
        for (job, newest) in self.files_with_deletions(only, all) {
            let Some(file) = job.files.first() else { continue };
            if all {
                return Ok(Some(job));
            }
            let reader = SstReader::open(&self.store, &file.path, &self.sst_cache).await?;
            if is_worn(reader.runs(), file.meta.time, &job.deletions(file)) {
                return Ok(Some(job));
            }
            file.weighed.store(newest, Ordering::Relaxed);
        }
        Ok(None)
    }

    /// Single files that have deletions to apply, and the newest deletion that was looked at. Each file is
    /// looked at once for each deletion, unless `all` are wanted.
    fn files_with_deletions(&self, only: Option<TableId>, all: bool) -> Vec<(Job, u64)> {
        let state = self.state.read();
        let tables = state.tables.iter().filter(|(id, table)| {
            // A table that the catalog no longer has is about to be forgotten.
            only.is_none_or(|t| t == **id)
                && !table.tombstones.is_empty()
                && self.tables.table(**id).is_some()
        });
        let mut jobs = Vec::new();
        for (id, table) in tables {
            for (start, chunk) in &table.chunks {
                for (at, file) in chunk.files.iter().enumerate() {
                    let behind = behind(table, chunk, at + 1);
                    let newest = table.tombstones.iter().rev().map(|t| t.seq).find(|seq| *seq < behind);
                    let weighed = if all { 0 } else { file.weighed.load(Ordering::Relaxed) };
                    let Some(newest) = newest.filter(|seq| *seq > file.meta.seq_max.max(weighed)) else {
                        continue;
                    };
                    let job = Job::new(*id, table, *start, chunk, at..at + 1);
                    if job.newest_deletion > 0 {
                        jobs.push((job, newest));
                    } else {
                        file.weighed.store(newest, Ordering::Relaxed);
                    }
                }
            }
        }
        jobs
    }

    fn next_job(&self, only: Option<TableId>, all: bool) -> Option<Job> {
        let now = self.clock.now_ns();
        let state = self.state.read();
        for (id, table) in &state.tables {
            // A table that the catalog no longer has is about to be forgotten.
            if only.is_some_and(|t| t != *id) {
                continue;
            }
            let Some(meta) = self.tables.table(*id) else { continue };
            let columns = meta.def.stored_columns().count();
            for (start, chunk) in &table.chunks {
                let newest = chunk.files.iter().map(|f| f.since_ns).max().unwrap_or(now);
                let options = &self.options.compaction;
                let cold_ns =
                    i64::try_from(options.cold_seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000);
                let cold = now.saturating_sub(newest) >= cold_ns;
                let metas: Vec<&FileMeta> = chunk.files.iter().map(|f| &f.meta).collect();
                let memory = self.merge_memory.share();
                if let Some(files) = pick(&metas, options, all || cold, columns, memory) {
                    return Some(Job::new(*id, table, *start, chunk, files));
                }
            }
        }
        None
    }

    async fn run_job(&self, job: &Job) -> Result<(), StorageError> {
        let Some(meta) = self.tables.table(job.table) else { return Ok(()) };
        let columns = meta.def.stored_columns().count();
        let bytes = merge_bytes(job.files.iter().map(|f| &f.meta), columns);
        let _memory = self.merge_memory.take(bytes).await;
        let merged = self.merge_files(job, &meta).await?;
        let mut manifest = self.manifest.lock().await;
        let still_there = {
            let state = self.state.read();
            state.tables.get(&job.table).and_then(|t| t.chunks.get(&job.start)).is_some_and(|chunk| {
                job.files.iter().all(|f| chunk.files.iter().any(|g| g.meta.file_id == f.meta.file_id))
            })
        };
        if !still_there {
            // Dropped or expired meanwhile; the new file was never listed.
            if let Some(meta) = merged {
                self.reaper.bury(data_path(self.id, job.table, job.start, meta.file_id));
            }
            return Ok(());
        }
        let edit = EditV1 {
            add: merged.iter().cloned().map(FileMetaV1::from).collect(),
            remove: job.files.iter().map(|f| (job.table.0, f.meta.file_id)).collect(),
            ..EditV1::default()
        };
        manifest.commit(edit).await?;
        let mut state = self.state.write();
        let Some(entry) = state.tables.get_mut(&job.table) else {
            // Dropped this moment; its drop waits for the manifest.
            if let Some(meta) = merged {
                self.reaper.bury(data_path(self.id, job.table, job.start, meta.file_id));
            }
            return Ok(());
        };
        if let Some(chunk) = entry.chunks.get_mut(&job.start) {
            let replaced = |f: &Arc<DataFile>| job.files.iter().any(|g| g.meta.file_id == f.meta.file_id);
            let at = chunk.files.iter().position(replaced).unwrap_or(0);
            chunk.files.retain(|f| !replaced(f));
            if let Some(meta) = merged {
                chunk
                    .files
                    .insert(at, DataFile::new(self.id, meta, self.clock.now_ns(), self.reaper.clone()));
            }
        }
        entry.chunks.retain(|_, chunk| !chunk.is_empty());
        job.files.iter().for_each(|f| f.doom());
        Ok(())
    }

    async fn merge_files(&self, job: &Job, meta: &TableMeta) -> Result<Option<FileMeta>, StorageError> {
        let columns: Vec<_> = meta.def.stored_columns().map(|c| (c.id, c.ty)).collect();
        let ck = meta.def.composite_key().map(|c| c.id);
        let with_control = !job.oldest && job.files.iter().any(|f| f.meta.has_ops);
        let mut inputs: Vec<RowStream> = Vec::with_capacity(job.files.len());
        for file in &job.files {
            let reader = SstReader::open(&self.store, &file.path, &self.sst_cache).await?;
            let rows = reader.read(ReadRequest {
                columns: columns.clone(),
                series: None,
                time: TimeRange::ALL,
                with_control: file.meta.has_ops,
                batch_rows: BATCH_ROWS,
            });
            let deletions = job.deletions(file);
            let stopping = Arc::clone(&self.stopping);
            inputs.push(
                rows.map(move |batch| {
                    if stopping.load(Ordering::Relaxed) {
                        return Err(StorageError::ShuttingDown);
                    }
                    let batch = batch?;
                    if deletions.is_empty() { Ok(batch) } else { Ok(apply_tombstones(&batch, &deletions)?) }
                })
                .boxed(),
            );
        }
        let layout = Layout::new(columns.iter().map(|(id, ty)| (*id, ty.arrow())).collect(), ck)?;
        let mode = if job.oldest { FoldMode::Final } else { FoldMode::Partial };
        let options = MergeOptions { layout, mode, control: with_control, batch_rows: BATCH_ROWS };
        let file_id = self.next_file_id();
        let path = data_path(self.id, job.table, job.start, file_id);
        let metas = || job.files.iter().map(|f| &f.meta);
        let options_out = SstWriteOptions {
            zstd_level: ZSTD_COMPACT,
            file_id,
            bucket_start: job.start,
            seq_min: metas().map(|m| m.seq_min).min().unwrap_or(0),
            // Deletions that were applied now are applied for good: nobody does it to the new file again.
            seq_max: metas().map(|m| m.seq_max).chain([job.newest_deletion]).max().unwrap_or(0),
            level: metas().map(|m| m.level).max().unwrap_or(0).saturating_add(1),
            ..SstWriteOptions::new(Arc::clone(&meta.def))
        };
        let rows = MergeStream::<StorageError>::new(inputs, options).boxed();
        sst::write(&self.store, &path, rows, options_out).await
    }

    /// Forgets tombstones that no file needs: all files they reach are newer.
    async fn collect_tombstones(&self) -> Result<(), StorageError> {
        let mut manifest = self.manifest.lock().await;
        let mut gone = Vec::new();
        {
            let state = self.state.read();
            for (id, table) in &state.tables {
                let needed = |t: &Tombstone| {
                    table.chunks_in(&t.time).any(|(_, chunk)| {
                        // A flush under way makes a file that may be older than the tombstone.
                        !chunk.flushing.is_empty()
                            || chunk
                                .files
                                .iter()
                                .any(|f| f.meta.seq_max < t.seq && f.meta.time.overlaps(&t.time))
                    })
                };
                // One that is not in the manifest yet is still in the WAL; it goes after its flush.
                let durable = table.tombstones_durable;
                let unneeded = table.tombstones.iter().filter(|t| t.seq <= durable && !needed(t));
                gone.extend(unneeded.map(|t| (*id, t.seq)));
            }
        }
        if gone.is_empty() {
            return Ok(());
        }
        let tombstones_gone = gone.iter().map(|(id, seq)| (id.0, *seq)).collect();
        manifest.commit(EditV1 { tombstones_gone, ..EditV1::default() }).await?;
        let mut state = self.state.write();
        for (id, seq) in gone {
            if let Some(table) = state.tables.get_mut(&id) {
                Arc::make_mut(&mut table.tombstones).retain(|t| t.seq != seq);
            }
        }
        Ok(())
    }
}
