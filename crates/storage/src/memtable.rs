//! The memtable of one chunk (shard, table, bucket): immutable parts in the order of their
//! sequence numbers, and a cache of their sorted form that only readers pay for.

use std::sync::Arc;

use arrow::array::{BooleanArray, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use triglot_model::ColumnId;

use crate::merge::{MergeError, apply_tombstones, key_slices, sort_parts};
use crate::{TimeRange, Tombstone};

/// A sorted run is merged into its older neighbour when that one is less than so many times larger.
/// Each row is then sorted about log4(n) times, and a reader meets few runs.
const MERGE_RATIO: usize = 4;
/// So many small parts become one: a part takes about 1.5 KiB beside its rows, and many senders write a row or two
/// of a table at a time.
const JOINED_PARTS: usize = 8;
/// Parts of more bytes together stay as they are.
const JOINED_BYTES: u64 = 256 << 10;

/// The rows of one WAL record that fall into one chunk, in arrival order, in the physical schema; or those of several
/// records that follow each other.
#[derive(Debug)]
pub(crate) struct MemPart {
    /// The records' first and last.
    pub(crate) seqs: (u64, u64),
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
        Ok(Self { seqs: (seq, seq), batch, time, bytes })
    }

    /// The rows of all `parts` in their order; none if they have different columns.
    fn joined(parts: &[Arc<Self>]) -> Option<Self> {
        let (first, last) = (parts.first()?, parts.last()?);
        let schema = first.batch.schema_ref();
        if !parts.iter().all(|part| part.batch.schema_ref() == schema) {
            return None;
        }
        let batch = concat_batches(schema, parts.iter().map(|part| &part.batch)).ok()?;
        Some(Self {
            seqs: (first.seqs.0, last.seqs.1),
            time: parts.iter().map(|part| part.time).reduce(|a, b| a.union(&b))?,
            bytes: batch.get_array_memory_size() as u64,
            batch,
        })
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

    /// Adds a part. Returns the bytes that became free because it was joined with others.
    pub(crate) fn push(&mut self, part: MemPart) -> u64 {
        self.parts.push(Arc::new(part));
        let mut freed = 0;
        while let Some(bytes) = self.join_last() {
            freed += bytes;
        }
        freed
    }

    /// Joins the last parts if they are small and none of them makes up most of their rows, so that each row is
    /// copied a few times only. Returns the bytes that became free. Readers that hold clones go on with the old parts.
    fn join_last(&mut self) -> Option<u64> {
        let from = self.parts.len().checked_sub(JOINED_PARTS)?;
        let last = self.parts.get(from..)?;
        let bytes: u64 = last.iter().map(|part| part.bytes).sum();
        let largest = last.iter().map(|part| part.bytes).max().unwrap_or(0);
        if bytes > JOINED_BYTES || largest > bytes / 2 {
            return None;
        }
        // A reader that sorts just now holds it; the next part will do as well.
        let sorted = self.sorted.try_lock()?;
        if sorted.last().is_some_and(|run| run.upto > from) {
            return None;
        }
        let joined = MemPart::joined(last)?;
        let freed = bytes.saturating_sub(joined.bytes);
        // Readers of the old parts must not sort them into what the new ones are looked up in.
        let runs = Arc::new(Mutex::new(sorted.clone()));
        drop(sorted);
        self.sorted = runs;
        self.parts.truncate(from);
        self.parts.push(Arc::new(joined));
        Some(freed)
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
                let filtered =
                    MemPart { bytes: part.bytes, seqs: part.seqs, ..MemPart::new(part.seqs.0, batch)? };
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
    use arrow::array::{ArrayRef, Int64Array};
    use proptest::prelude::*;

    use super::*;
    use crate::physical::{SID, TIME};

    /// One part of rows of series 0 at these times.
    fn part(seq: u64, times: &[i64]) -> MemPart {
        let sids: ArrayRef = Arc::new(UInt32Array::from(vec![0; times.len()]));
        let times: ArrayRef = Arc::new(Int64Array::from(times.to_vec()));
        MemPart::new(seq, RecordBatch::try_from_iter([(SID, sids), (TIME, times)]).unwrap()).unwrap()
    }

    fn times(batch: &RecordBatch) -> Vec<i64> {
        key_slices(batch).unwrap().1.to_vec()
    }

    /// All rows of a reader, sorted.
    fn read(parts: &MemParts) -> Vec<i64> {
        let mut all: Vec<i64> = parts.sorted_runs(None).unwrap().iter().flat_map(times).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn small_parts_are_joined_in_their_order() {
        let mut parts = MemParts::default();
        let (mut taken, mut freed) = (0, 0);
        for seq in 0..1000 {
            let part = part(seq, &[i64::try_from(seq).unwrap()]);
            taken += part.bytes;
            freed += parts.push(part);
        }
        assert!(parts.parts.len() < 40, "{} parts", parts.parts.len());
        assert_eq!(parts.bytes(), taken - freed);
        assert!(parts.bytes() < taken / 4, "{} of {taken} bytes", parts.bytes());
        let rows: Vec<i64> = parts.parts.iter().flat_map(|part| times(&part.batch)).collect();
        assert_eq!(rows, (0..1000).collect::<Vec<_>>());
        let seqs: Vec<_> = parts.parts.iter().map(|part| part.seqs).collect();
        assert_eq!((seqs[0].0, seqs[seqs.len() - 1].1), (0, 999));
        assert!(seqs.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{seqs:?}");
    }

    #[test]
    fn large_parts_and_other_columns_stay() {
        let mut parts = MemParts::default();
        let many: Vec<i64> = (0..4000).collect();
        for seq in 0..20 {
            parts.push(part(seq, &many));
        }
        assert_eq!(parts.parts.len(), 20);
        for seq in 20..40 {
            let mut other = part(seq, &[1]);
            if seq % 2 == 0 {
                other.batch = other.batch.project(&[1, 0]).unwrap();
            }
            parts.push(other);
        }
        assert_eq!(parts.parts.len(), 40);
    }

    proptest! {
        /// Readers of all moments see the rows of their moment, in whatever order they read.
        #[test]
        fn readers_see_the_rows_of_their_moment(
            sizes in prop::collection::vec(1usize..40, 1..120),
            clones in prop::collection::vec((0usize..120, any::<bool>()), 0..20),
        ) {
            let mut parts = MemParts::default();
            let mut rows: Vec<i64> = Vec::new();
            let mut readers: Vec<(MemParts, usize)> = Vec::new();
            for (at, size) in sizes.iter().enumerate() {
                let new: Vec<i64> = (0..*size).map(|n| (rows.len() + n) as i64).collect();
                parts.push(part(at as u64, &new));
                rows.extend(new);
                for (_, at_once) in clones.iter().filter(|(when, _)| *when == at) {
                    let reader = parts.clone();
                    if *at_once {
                        prop_assert_eq!(&read(&reader), &rows);
                    }
                    readers.push((reader, rows.len()));
                }
            }
            for (reader, seen) in readers {
                prop_assert_eq!(read(&reader), &rows[..seen]);
            }
            prop_assert_eq!(read(&parts), rows);
        }
    }

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
