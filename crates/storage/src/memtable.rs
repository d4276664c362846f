//! The memtable of one chunk (shard, table, bucket): immutable parts in the order of their
//! sequence numbers, and a cache of their sorted form that only readers pay for.

use std::sync::Arc;

use arrow::array::{BooleanArray, UInt32Array};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use triglot_model::ColumnId;

use crate::merge::{MergeError, apply_tombstones, key_slices, sort_parts};
use crate::{TimeRange, Tombstone};

/// A sorted run is merged into its older neighbour when that one is less than so many times larger.
/// Each row is then sorted about log4(n) times, and a reader meets few runs.
const MERGE_RATIO: usize = 4;

/// The rows of one WAL record that fall into one chunk, in arrival order, in the physical schema.
#[derive(Debug)]
pub(crate) struct MemPart {
    pub(crate) seq: u64,
    pub(crate) batch: RecordBatch,
    pub(crate) time: TimeRange,
    /// Bytes that were taken from the budget for it.
    pub(crate) bytes: u64,
}

impl MemPart {
    pub(crate) fn new(seq: u64, batch: RecordBatch) -> Result<Self, MergeError> {
        let (_, times) = key_slices(&batch)?;
        let time = TimeRange::of(times).unwrap_or(TimeRange { start: i64::MAX, end: i64::MIN });
        let bytes = batch.get_array_memory_size() as u64;
        Ok(Self { seq, batch, time, bytes })
    }
}

/// Parts that share a sorted cache. Cloning is what a reader's snapshot does: the parts are pinned,
/// the cache is shared.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemParts {
    pub(crate) parts: Vec<Arc<MemPart>>,
    sorted: Arc<Mutex<Vec<SortedRun>>>,
}

/// Parts `..upto` of the list (from where the run before ends), sorted and concatenated in
/// sequence order. Rows of equal keys are all still there.
#[derive(Debug, Clone)]
struct SortedRun {
    upto: usize,
    batch: RecordBatch,
}

impl MemParts {
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.parts.iter().map(|p| p.bytes).sum()
    }

    pub(crate) fn rows(&self) -> usize {
        self.parts.iter().map(|p| p.batch.num_rows()).sum()
    }

    /// The times of all rows; none if there are none.
    pub(crate) fn time(&self) -> Option<TimeRange> {
        self.parts.iter().map(|p| p.time).reduce(|a, b| a.union(&b))
    }

    pub(crate) fn push(&mut self, part: Arc<MemPart>) {
        self.parts.push(part);
    }

    /// All of `other`'s parts behind these. The caches do not fit together any more.
    pub(crate) fn extend(&mut self, other: Self) {
        if self.parts.is_empty() {
            *self = other;
        } else {
            self.parts.extend(other.parts);
            self.sorted = Arc::default();
        }
    }

    /// Applies a tombstone to all parts, which are all older than it. Readers that hold clones go on
    /// with the old parts. Returns the bytes that became free. Parts of a flush under way stay even
    /// if they are empty now: the file that is being made has their rows and takes their place.
    pub(crate) fn delete(&mut self, tombstone: &Tombstone, flushing: bool) -> Result<u64, MergeError> {
        let mut freed = 0;
        let mut kept = Vec::with_capacity(self.parts.len());
        let mut changed = false;
        for part in &self.parts {
            if !part.time.overlaps(&tombstone.time) {
                kept.push(Arc::clone(part));
                continue;
            }
            let batch = apply_tombstones(&part.batch, std::slice::from_ref(tombstone))?;
            if batch.num_rows() == part.batch.num_rows() {
                kept.push(Arc::clone(part));
                continue;
            }
            changed = true;
            if batch.num_rows() == 0 && !flushing {
                freed += part.bytes;
            } else {
                // The part keeps what it took from the budget until it is flushed.
                let filtered = MemPart { bytes: part.bytes, ..MemPart::new(part.seq, batch)? };
                kept.push(Arc::new(filtered));
            }
        }
        if changed {
            self.parts = kept;
            self.sorted = Arc::default();
        }
        Ok(freed)
    }

    /// Sorted runs, oldest first, that together hold exactly the rows of these parts. Work that one
    /// reader did is kept for the next.
    pub(crate) fn sorted_runs(&self, ck: Option<ColumnId>) -> Result<Vec<RecordBatch>, MergeError> {
        let mut cache = self.sorted.lock();
        let mut runs: Vec<SortedRun> =
            cache.iter().take_while(|run| run.upto <= self.parts.len()).cloned().collect();
        let complete = runs.len() == cache.len();
        let done = runs.last().map_or(0, |run| run.upto);
        if done < self.parts.len() {
            let fresh: Vec<RecordBatch> = self.parts.iter().skip(done).map(|p| p.batch.clone()).collect();
            runs.push(SortedRun { upto: self.parts.len(), batch: sort_parts(&fresh, ck)? });
        }
        while let [.., older, newer] = runs.as_slice()
            && older.batch.num_rows() < MERGE_RATIO * newer.batch.num_rows()
        {
            let batch = sort_parts(&[older.batch.clone(), newer.batch.clone()], ck)?;
            let merged = SortedRun { upto: newer.upto, batch };
            runs.truncate(runs.len() - 2);
            runs.push(merged);
        }
        // A reader with an older snapshot must not throw away what a later one has sorted.
        if complete {
            cache.clone_from(&runs);
        }
        Ok(runs.into_iter().map(|run| run.batch).collect())
    }
}

/// Splits rows by bucket: `(bucket start, rows)` in ascending order. One bucket, the usual case,
/// copies nothing.
pub(crate) fn split_by_bucket(
    batch: RecordBatch,
    bucket: i64,
) -> Result<Vec<(i64, RecordBatch)>, MergeError> {
    let (_, times) = key_slices(&batch)?;
    let Some(&first) = times.first() else {
        return Ok(Vec::new());
    };
    let start = bucket_start(first, bucket);
    let end = start.saturating_add(bucket - 1);
    if times.iter().all(|t| (start..=end).contains(t)) {
        return Ok(vec![(start, batch)]);
    }
    let mut order: Vec<(i64, u32)> =
        times.iter().zip(0u32..).map(|(&t, row)| (bucket_start(t, bucket), row)).collect();
    order.sort_unstable();
    order
        .chunk_by(|a, b| a.0 == b.0)
        .map(|rows| {
            let indices: UInt32Array = rows.iter().map(|(_, row)| *row).collect();
            let start = rows.first().map_or(0, |(start, _)| *start);
            Ok((start, take_record_batch(&batch, &indices)?))
        })
        .collect()
}

/// The start of the bucket that holds `time`.
pub(crate) fn bucket_start(time: i64, bucket: i64) -> i64 {
    time.div_euclid(bucket).checked_mul(bucket).unwrap_or(i64::MIN)
}

/// The times of the bucket that starts at `start`.
pub(crate) fn bucket_range(start: i64, bucket: i64) -> TimeRange {
    let end = if start == i64::MIN {
        // The lowest bucket is cut off at the end of the representable range.
        (i64::MIN.div_euclid(bucket) + 1).saturating_mul(bucket) - 1
    } else {
        start.saturating_add(bucket - 1)
    };
    TimeRange { start, end }
}

/// The rows of a batch that are inside `time` and, if given, belong to `series`.
pub(crate) fn filter_rows(
    batch: &RecordBatch,
    time: &TimeRange,
    series: Option<&roaring::RoaringBitmap>,
) -> Result<RecordBatch, MergeError> {
    let (sids, times) = key_slices(batch)?;
    let keep: BooleanArray = sids
        .iter()
        .zip(times)
        .map(|(sid, t)| Some(time.contains(*t) && series.is_none_or(|s| s.contains(*sid))))
        .collect();
    if keep.true_count() == batch.num_rows() {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &keep)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_cover_all_of_time_without_overlap() {
        let bucket = 7 * 24 * 3_600_000_000_000;
        for t in [i64::MIN, i64::MIN + 1, -1, 0, 1, bucket - 1, bucket, i64::MAX] {
            let range = bucket_range(bucket_start(t, bucket), bucket);
            assert!(range.contains(t), "{t} in {range:?}");
        }
        let lowest = bucket_range(bucket_start(i64::MIN, bucket), bucket);
        assert_eq!(bucket_start(lowest.end + 1, bucket), lowest.end + 1);
    }
}
