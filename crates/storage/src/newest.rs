//! The newest row of each series, without reading the others: the last-value cache.
//!
//! What is cached belongs to immutable files ([`crate::sst`]'s tails), so nothing has to be invalidated:
//! memtables and deletions are looked at anew for each read. In a chunk every input (file or sorted
//! memtable run) says its newest row of each series. The newest time wins, and the rows of that time
//! are folded like those of any key, so the row operations and "per field, the last write wins" hold.
//! Where an input's newest row is deleted its next older one is not known: such series are read in full.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{BooleanArray, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream};
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ColumnType, ShardId};

use crate::error::StorageError;
use crate::file::DataFile;
use crate::merge::{FoldMode, Layout, MergeOptions, MergeStream, apply_tombstones, key_slices};
use crate::scan::{RowStream, deletions_for, only_columns};
use crate::shard::state::Chunk;
use crate::snapshot::{ChunkRef, PinnedShard, SeriesSelection, TableSnapshot};
use crate::sst::{ReadRequest, SstReader};
use crate::{ScanRequest, TimeRange};

/// Which newest rows are wanted.
#[derive(Debug, Clone)]
pub struct LastRowsRequest {
    /// Stored columns, in the order in which they are to come.
    pub columns: Vec<ColumnId>,
    /// The wanted series of the shard; none = all.
    pub series: Option<Arc<RoaringBitmap>>,
    /// Rows of a batch.
    pub batch_rows: usize,
}

/// The newest rows of one input, by ascending series.
struct Tail {
    rows: RecordBatch,
    /// Series and times of those that are deleted.
    deleted: Vec<(u32, i64)>,
}

impl TableSnapshot {
    /// At most one row for each wanted series of `shard`, its newest, in no order; columns as those of
    /// [`Self::scan`]. With a composite key, any of the rows of the newest time.
    pub fn last_rows(&self, shard: ShardId, request: LastRowsRequest) -> RowStream {
        let wanted = request.series.as_ref().map_or_else(|| self.all_series(shard), |s| s.as_ref().clone());
        let mut chunks = self.chunks(TimeRange::ALL, &SeriesSelection::All);
        chunks.retain(|chunk| chunk.shard == shard);
        chunks.sort_by_key(|chunk| std::cmp::Reverse(chunk.start));
        let search =
            Search { snapshot: self.clone(), chunks: chunks.into(), wanted, request, ready: VecDeque::new() };
        stream::try_unfold(search, |mut search| async move { Ok(search.next().await?.map(|b| (b, search))) })
            .boxed()
    }
}

/// Goes from the newest chunk backwards until every series has been seen: chunks of a shard do not
/// overlap in time.
struct Search {
    snapshot: TableSnapshot,
    chunks: VecDeque<ChunkRef>,
    /// Series without a row so far.
    wanted: RoaringBitmap,
    request: LastRowsRequest,
    ready: VecDeque<RecordBatch>,
}

impl Search {
    async fn next(&mut self) -> Result<Option<RecordBatch>, StorageError> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            if self.wanted.is_empty() {
                return Ok(None);
            }
            let Some(chunk) = self.chunks.pop_front() else { return Ok(None) };
            for batch in self.newest_of(&chunk).await? {
                for sid in key_slices(&batch)?.0 {
                    self.wanted.remove(*sid);
                }
                self.ready.push_back(batch);
            }
        }
    }

    /// The newest row of each wanted series in one chunk.
    async fn newest_of(&self, chunk: &ChunkRef) -> Result<Vec<RecordBatch>, StorageError> {
        let snapshot = &self.snapshot.0;
        let pinned = snapshot.shards.get(chunk.shard_index);
        let Some((shard, parts)) = pinned.and_then(|s| Some((s, s.chunks.get(&chunk.start)?))) else {
            return Ok(Vec::new());
        };
        let several = parts.files.iter().any(|f| f.meta.has_duplicate_keys);
        if several || snapshot.meta.def.composite_key().is_some() {
            return self.by_scan(chunk, self.wanted.clone()).await;
        }
        let columns = self.columns();
        let tails = self.tails(shard, parts, &columns).await?;
        let (mut found, undecided) = self.newest_of_tails(tails, &columns).await?;
        if !undecided.is_empty() {
            found.extend(self.by_scan(chunk, undecided).await?);
        }
        Ok(found)
    }

    fn columns(&self) -> Vec<(ColumnId, ColumnType)> {
        let def = &self.snapshot.0.meta.def;
        let column = |id: &ColumnId| Some((*id, def.column_by_id(*id)?.ty));
        self.request.columns.iter().filter_map(column).collect()
    }

    /// The newest rows of each input of a chunk, oldest input first.
    async fn tails(
        &self,
        shard: &PinnedShard,
        chunk: &Chunk,
        columns: &[(ColumnId, ColumnType)],
    ) -> Result<Vec<Tail>, StorageError> {
        let mut tails = Vec::with_capacity(chunk.files.len() + 2);
        for file in &chunk.files {
            tails.push(self.tail_of_file(shard, file, columns).await?);
        }
        let table = self.snapshot.id();
        for memory in [&chunk.flushing, &chunk.active] {
            for run in memory.sorted_runs(None)? {
                let run =
                    only_columns(&run, columns).map_err(|source| StorageError::Columns { table, source })?;
                // Deletions have been applied to memory.
                tails.push(Tail { rows: tail_of_run(&run, &self.wanted)?, deleted: Vec::new() });
            }
        }
        Ok(tails)
    }

    async fn tail_of_file(
        &self,
        shard: &PinnedShard,
        file: &DataFile,
        columns: &[(ColumnId, ColumnType)],
    ) -> Result<Tail, StorageError> {
        let snapshot = &self.snapshot.0;
        let reader = SstReader::open(&snapshot.store, &file.path, &snapshot.cache).await?;
        let request = ReadRequest {
            columns: columns.to_vec(),
            series: Some(self.wanted.clone()),
            time: TimeRange::ALL,
            with_control: file.meta.has_ops,
            batch_rows: self.request.batch_rows,
        };
        let rows = reader.newest(&request).await?;
        let deletions = deletions_for(file, &shard.tombstones, &TimeRange::ALL);
        let kept = apply_tombstones(&rows, &deletions)?;
        let (left, _) = key_slices(&kept)?;
        let mut left = left.iter().peekable();
        let (sids, times) = key_slices(&rows)?;
        let deleted = sids
            .iter()
            .zip(times)
            .filter(|(sid, _)| left.next_if(|next| next == sid).is_none())
            .map(|(sid, time)| (*sid, *time))
            .collect();
        Ok(Tail { rows: kept, deleted })
    }

    /// The newest rows of all inputs together, and the series of which they do not decide.
    async fn newest_of_tails(
        &self,
        tails: Vec<Tail>,
        columns: &[(ColumnId, ColumnType)],
    ) -> Result<(Vec<RecordBatch>, RoaringBitmap), StorageError> {
        let mut newest = NewestTimes::default();
        for tail in &tails {
            newest.see(&tail.rows)?;
        }
        // A row of another input that is newer, or as new, does not care what lies below a deleted row.
        let deleted = tails.iter().flat_map(|tail| &tail.deleted);
        let mut undecided: RoaringBitmap =
            deleted.filter(|(sid, time)| newest.of(*sid) < *time).map(|(sid, _)| *sid).collect();
        let mut inputs: Vec<RowStream> = Vec::with_capacity(tails.len());
        let mut expected = RoaringBitmap::new();
        for tail in tails {
            let rows = newest.filter(&tail.rows, &undecided)?;
            expected.extend(key_slices(&rows)?.0);
            inputs.push(stream::iter([Ok(rows)]).boxed());
        }
        let layout = Layout::new(columns.iter().map(|(id, ty)| (*id, ty.read_arrow())).collect(), None)?;
        let options = MergeOptions {
            layout,
            mode: FoldMode::Final,
            control: false,
            batch_rows: self.request.batch_rows,
        };
        let found: Vec<RecordBatch> = MergeStream::<StorageError>::new(inputs, options).try_collect().await?;
        for batch in &found {
            for sid in key_slices(batch)?.0 {
                expected.remove(*sid);
            }
        }
        // What is left was deleted as a row, so an older one may count.
        undecided |= expected;
        Ok((found, undecided))
    }

    /// The newest rows by reading all rows of these series.
    async fn by_scan(
        &self,
        chunk: &ChunkRef,
        series: RoaringBitmap,
    ) -> Result<Vec<RecordBatch>, StorageError> {
        let request = ScanRequest {
            columns: self.request.columns.clone(),
            time: TimeRange::ALL,
            series: SeriesSelection::Some([(chunk.shard, Arc::new(series))].into()),
            ordered: true,
            batch_rows: self.request.batch_rows,
        };
        let mut rows = self.snapshot.scan(chunk, &request);
        // Holds one row a series; a series that goes on in the next batch replaces the pending last row.
        let mut found: Vec<RecordBatch> = Vec::new();
        let mut pending: Option<RecordBatch> = None;
        while let Some(batch) = rows.try_next().await? {
            let (sids, _) = key_slices(&batch)?;
            let (Some(first), Some(last)) = (sids.first(), sids.len().checked_sub(1)) else { continue };
            if let Some(before) = pending.take()
                && key_slices(&before)?.0.first() != Some(first)
            {
                found.push(before);
            }
            let ends = sids.windows(2).zip(0u32..).filter(|(w, _)| w.first() != w.last()).map(|(_, at)| at);
            found.push(take_rows(&batch, ends.collect())?);
            // Copied, so that the batch is not kept alive by one row.
            pending = Some(take_rows(&batch, vec![last as u32])?);
        }
        found.extend(pending);
        let Some(first) = found.first() else { return Ok(Vec::new()) };
        let all = concat_batches(&first.schema(), &found);
        Ok(vec![all.map_err(|source| StorageError::Columns { table: self.snapshot.id(), source })?])
    }
}

fn take_rows(batch: &RecordBatch, rows: Vec<u32>) -> Result<RecordBatch, crate::merge::MergeError> {
    Ok(take_record_batch(batch, &UInt32Array::from(rows))?)
}

/// The rows of the newest time of each wanted series of a sorted run: several if it was written
/// several times.
fn tail_of_run(run: &RecordBatch, wanted: &RoaringBitmap) -> Result<RecordBatch, StorageError> {
    let (sids, times) = key_slices(run)?;
    let mut rows: Vec<u32> = Vec::new();
    let mut start = 0;
    for of_series in sids.chunk_by(|a, b| a == b) {
        let end = start + of_series.len();
        if of_series.first().is_some_and(|sid| wanted.contains(*sid))
            && let Some(times) = times.get(start..end)
        {
            let newest = times.last();
            let same = times.iter().rev().take_while(|time| Some(*time) == newest).count();
            rows.extend((end - same) as u32..end as u32);
        }
        start = end;
    }
    Ok(take_rows(run, rows)?)
}

/// The newest time of each series, by sid.
#[derive(Default)]
struct NewestTimes(Vec<i64>);

impl NewestTimes {
    /// The earliest instant for a series that was not seen: nothing is older than that.
    fn of(&self, sid: u32) -> i64 {
        self.0.get(sid as usize).copied().unwrap_or(i64::MIN)
    }

    fn see(&mut self, rows: &RecordBatch) -> Result<(), StorageError> {
        let (sids, times) = key_slices(rows)?;
        // Ascending, and sids are dense.
        let len = sids.last().map_or(0, |last| *last as usize + 1);
        if self.0.len() < len {
            self.0.resize(len, i64::MIN);
        }
        for (sid, time) in sids.iter().zip(times) {
            if let Some(newest) = self.0.get_mut(*sid as usize) {
                *newest = (*newest).max(*time);
            }
        }
        Ok(())
    }

    /// The rows of the newest time, without those of series in `but`.
    fn filter(&self, rows: &RecordBatch, but: &RoaringBitmap) -> Result<RecordBatch, StorageError> {
        let (sids, times) = key_slices(rows)?;
        let keep: BooleanArray = sids
            .iter()
            .zip(times)
            .map(|(sid, time)| Some(*time == self.of(*sid) && !but.contains(*sid)))
            .collect();
        if keep.true_count() == rows.num_rows() {
            return Ok(rows.clone());
        }
        Ok(filter_record_batch(rows, &keep).map_err(crate::merge::MergeError::from)?)
    }
}
