//! The newest row of each series, from the newest chunk backwards.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{AsArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Int64Type, UInt32Type};
use arrow::record_batch::RecordBatch;
use datafusion::common::internal_datafusion_err;
use datafusion::error::Result;
use futures::{StreamExt, TryStreamExt, stream};
use roaring::RoaringBitmap;
use triglot_model::ShardId;
use triglot_storage::TimeRange;

use crate::source::{BatchStream, ChunkScan, SeriesChunk, SeriesSelection, SeriesSource, SidSet};

/// At most one row for each of `request.series`: its newest. Chunks of a shard do not overlap in time,
/// so the first chunk from the end that has a row of a series has its newest row, and reading stops
/// when every series has been seen. With a composite key, any of the rows of the newest time.
pub(crate) fn last_rows(source: &dyn SeriesSource, shard: ShardId, request: ChunkScan) -> BatchStream {
    let wanted = match &request.series {
        SidSet::All => source.all_series(shard),
        SidSet::Some(sids) => sids.as_ref().clone(),
    };
    let selection = SeriesSelection { shards: vec![(shard, request.series.clone())] };
    let mut chunks = source.chunks(TimeRange::ALL, &selection);
    chunks.sort_by_key(|c| std::cmp::Reverse(c.time_range().start));
    let search = Search { chunks: chunks.into(), wanted, request };
    stream::try_unfold(search, |mut search| async move { Ok(search.next().await?.map(|b| (b, search))) })
        .boxed()
}

struct Search {
    chunks: VecDeque<Arc<dyn SeriesChunk>>,
    /// Series without a row so far.
    wanted: RoaringBitmap,
    request: ChunkScan,
}

impl Search {
    /// The newest rows of one more chunk.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(chunk) = self.chunks.pop_front() {
            if self.wanted.is_empty() {
                return Ok(None);
            }
            let rows = chunk.scan(ChunkScan {
                series: SidSet::Some(Arc::new(self.wanted.clone())),
                time: TimeRange::ALL,
                ordered: true,
                limit: None,
                ..self.request.clone()
            });
            if let Some(found) = newest_of_each(rows).await? {
                for sid in sids(&found)?.values() {
                    self.wanted.remove(*sid);
                }
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// The last row of each run of one series in rows ordered by (series, time).
async fn newest_of_each(mut rows: BatchStream) -> Result<Option<RecordBatch>> {
    // Holds one row a series; a series that goes on in the next batch replaces the pending last row.
    let mut found: Vec<RecordBatch> = Vec::new();
    let mut pending: Option<RecordBatch> = None;
    while let Some(batch) = rows.try_next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        let last_of_run = {
            let sids = sids(&batch)?.values();
            debug_assert!(is_ordered(&batch), "rows of storage are not ordered");
            if let Some(before) = pending.take()
                && self::sids(&before)?.values().first() != sids.first()
            {
                found.push(before);
            }
            let ends = sids.windows(2).enumerate().filter(|(_, w)| w.first() != w.last());
            ends.map(|(i, _)| i as u32).collect::<Vec<_>>()
        };
        if !last_of_run.is_empty() {
            found.push(take_record_batch(&batch, &UInt32Array::from(last_of_run))?);
        }
        let last = UInt32Array::from(vec![batch.num_rows() as u32 - 1]);
        // Copied, so that the batch is not kept alive by one row.
        pending = Some(take_record_batch(&batch, &last)?);
    }
    found.extend(pending);
    match found.first() {
        Some(first) => Ok(Some(arrow::compute::concat_batches(&first.schema(), &found)?)),
        None => Ok(None),
    }
}

fn sids(batch: &RecordBatch) -> Result<&UInt32Array> {
    batch
        .columns()
        .first()
        .and_then(|c| c.as_primitive_opt::<UInt32Type>())
        .ok_or_else(|| internal_datafusion_err!("storage gave rows without series ids"))
}

fn is_ordered(batch: &RecordBatch) -> bool {
    let times = batch.columns().get(1).and_then(|c| c.as_primitive_opt::<Int64Type>());
    match (sids(batch), times) {
        (Ok(sids), Some(times)) => {
            let keys: Vec<(u32, i64)> =
                sids.values().iter().copied().zip(times.values().iter().copied()).collect();
            keys.is_sorted()
        }
        _ => false,
    }
}
