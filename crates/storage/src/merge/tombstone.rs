//! Deletions by time range and series, applied to rows when they are read or rewritten.

use arrow::array::{BooleanArray, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::compute::filter_record_batch;
use roaring::RoaringBitmap;

use super::MergeError;
use super::rows::{sids, times};
use crate::TimeRange;

/// Rows of `series` (none = all) within `time` are gone, if they were written before `seq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Tombstone {
    /// Its sequence number. [`apply_tombstones`] does not look at it.
    pub seq: u64,
    /// Instants deleted.
    pub time: TimeRange,
    /// Series deleted; none = every series.
    pub series: Option<RoaringBitmap>,
}

impl Tombstone {
    fn hits(&self, sid: u32, time: i64) -> bool {
        self.time.contains(time) && self.series.as_ref().is_none_or(|s| s.contains(sid))
    }
}

/// Drops the rows that any tombstone covers. Which tombstones apply to which input (by sequence
/// number) is the caller's business. A batch that none of them touches is returned as it is.
pub fn apply_tombstones(batch: &RecordBatch, tombstones: &[Tombstone]) -> Result<RecordBatch, MergeError> {
    if tombstones.is_empty() || batch.num_rows() == 0 {
        return Ok(batch.clone());
    }
    let (sids, times) = (sids(batch)?.values(), times(batch)?.values());
    let Some(range) = TimeRange::of(times) else { return Ok(batch.clone()) };
    let near: Vec<&Tombstone> = tombstones.iter().filter(|t| t.time.overlaps(&range)).collect();
    if near.is_empty() {
        return Ok(batch.clone());
    }
    let keep = BooleanBuffer::collect_bool(batch.num_rows(), |row| {
        !near.iter().any(|t| t.hits(sids[row], times[row]))
    });
    if keep.count_set_bits() == batch.num_rows() {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &BooleanArray::new(keep, None))?)
}
