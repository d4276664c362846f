//! A table without the rows that its retention no longer keeps, though the background has not dropped them yet: it
//! drops whole buckets.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::gt_eq;
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use datafusion::common::internal_err;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ShardId, TableDef};
use triglot_storage::TimeRange;

use super::{BatchStream, ChunkScan, SeriesChunk, SeriesSelection, SeriesSource, SidSet};

/// The rows of a source from an instant on, in the table's unit. Its series are all there.
#[derive(Clone, Debug)]
pub struct Since<S> {
    source: S,
    first: i64,
}

impl<S: SeriesSource> Since<S> {
    /// The rows of `source` whose time is `first` or later.
    pub const fn new(source: S, first: i64) -> Self {
        Self { source, first }
    }

    const fn range(&self) -> TimeRange {
        TimeRange { start: self.first, end: i64::MAX }
    }
}

impl<S: SeriesSource> SeriesSource for Since<S> {
    fn table(&self) -> &Arc<TableDef> {
        self.source.table()
    }

    fn shards(&self) -> Vec<ShardId> {
        self.source.shards()
    }

    fn series_count(&self, shard: ShardId) -> u64 {
        self.source.series_count(shard)
    }

    fn tag_batch(
        &self,
        shard: ShardId,
        tags: &[ColumnId],
        sids: Option<&RoaringBitmap>,
    ) -> Result<RecordBatch, DataFusionError> {
        self.source.tag_batch(shard, tags, sids)
    }

    fn series_where(&self, shard: ShardId, tag: ColumnId, values: &[&str]) -> RoaringBitmap {
        self.source.series_where(shard, tag, values)
    }

    fn all_series(&self, shard: ShardId) -> RoaringBitmap {
        self.source.all_series(shard)
    }

    /// A series whose newest row is too old has none.
    fn last_rows(
        &self,
        shard: ShardId,
        columns: Vec<ColumnId>,
        series: &SidSet,
        batch_rows: usize,
    ) -> BatchStream {
        let first = self.first;
        let rows = self.source.last_rows(shard, columns, series, batch_rows);
        rows.and_then(move |batch| std::future::ready(from(&batch, first))).boxed()
    }

    fn chunks(&self, time: TimeRange, series: &SeriesSelection) -> Vec<Arc<dyn SeriesChunk>> {
        let kept = self.range();
        let chunks = self.source.chunks(time.intersect(&kept), series);
        let clipped = chunks.into_iter().map(|chunk| {
            if kept.covers(&chunk.time_range()) {
                return chunk;
            }
            Arc::new(Clipped { chunk, kept }) as Arc<dyn SeriesChunk>
        });
        clipped.collect()
    }
}

/// The rows of a batch of last rows from `first` on.
fn from(batch: &RecordBatch, first: i64) -> Result<RecordBatch, DataFusionError> {
    let times = batch.columns().get(1).and_then(|c| c.as_primitive_opt::<Int64Type>());
    let Some(times) = times else { return internal_err!("last rows without their times") };
    if times.values().iter().all(|time| *time >= first) {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &gt_eq(times, &Int64Array::new_scalar(first))?)?)
}

/// A chunk with rows on both sides.
#[derive(Debug)]
struct Clipped {
    chunk: Arc<dyn SeriesChunk>,
    kept: TimeRange,
}

impl SeriesChunk for Clipped {
    fn shard(&self) -> ShardId {
        self.chunk.shard()
    }

    fn time_range(&self) -> TimeRange {
        self.chunk.time_range().intersect(&self.kept)
    }

    fn rows_estimate(&self) -> u64 {
        self.chunk.rows_estimate()
    }

    fn exact_rows(&self, _time: TimeRange, _series: &SidSet) -> Option<u64> {
        None
    }

    fn files(&self) -> usize {
        self.chunk.files()
    }

    fn needs_merge(&self) -> bool {
        self.chunk.needs_merge()
    }

    fn scan(&self, request: ChunkScan) -> BatchStream {
        let time = request.time.intersect(&self.kept);
        self.chunk.scan(ChunkScan { time, ..request })
    }
}
