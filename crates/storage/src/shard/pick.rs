//! Which files a compaction takes.

use std::ops::Range;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sst::{FileMeta, ROW_GROUP_ROWS, RunIndex};
use crate::{CompactionOptions, TimeRange, Tombstone};

/// Rows of a batch while merging.
pub(super) const BATCH_ROWS: usize = 8192;
/// Files count as similar in size when the largest is at most so many times the smallest.
const SIMILAR: u64 = 4;
/// A file is written again for its deletions alone when at least one row in so many is deleted.
const DEAD_PART: u64 = 4;
/// About what a decoded value takes.
const VALUE_BYTES: u64 = 12;
/// Batches that a merge holds of each input, the one being made included.
const BATCHES: u64 = 3;

/// The compaction share of the memory budget: what all merges together may hold.
#[derive(Debug, Clone)]
pub(crate) struct MergeMemory {
    free: Arc<Semaphore>,
    share: u64,
}

/// One permit.
const PERMIT: u64 = 4 << 10;

impl MergeMemory {
    pub(crate) fn new(share: u64) -> Self {
        let share = share.max(PERMIT);
        Self { free: Arc::new(Semaphore::new(permits(share) as usize)), share }
    }

    pub(crate) fn share(&self) -> u64 {
        self.share
    }

    /// Waits until `bytes` are free; a merge that needs more than the whole share has it alone.
    pub(super) async fn take(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        // Closed never.
        Arc::clone(&self.free).acquire_many_owned(permits(bytes.min(self.share))).await.ok()
    }
}

fn permits(bytes: u64) -> u32 {
    u32::try_from(bytes / PERMIT).unwrap_or(u32::MAX >> 3).clamp(1, u32::MAX >> 3)
}

/// What merging `files` of a table of so many columns holds in memory, about: of each input the encoded
/// row group that is being read and some batches, and the row group being written.
pub(super) fn merge_bytes<'f>(files: impl IntoIterator<Item = &'f FileMeta>, columns: usize) -> u64 {
    let batches = BATCHES * BATCH_ROWS as u64 * (columns as u64 + 2) * VALUE_BYTES;
    let group = |bytes: u64, rows: u64| {
        let share = u128::from(bytes) * u128::from(rows.min(ROW_GROUP_ROWS as u64));
        u64::try_from(share / u128::from(rows.max(1))).unwrap_or(u64::MAX)
    };
    let (mut held, mut bytes, mut rows) = (batches, 0, 0);
    for file in files {
        held += group(file.bytes, file.rows) + batches.min(file.rows * (columns as u64 + 2) * VALUE_BYTES);
        bytes += file.bytes;
        rows += file.rows;
    }
    held + group(bytes, rows)
}

/// Which neighbouring files to merge: with `cold` all that fit, otherwise the newest run of at
/// least `trigger_files` files of similar size. Merging newest first keeps large old files out of
/// most merges. Of a run that needs more than `memory` the newest part is taken, two files at least.
pub(super) fn pick(
    files: &[&FileMeta],
    options: &CompactionOptions,
    cold: bool,
    columns: usize,
    memory: u64,
) -> Option<Range<usize>> {
    let trigger = if cold { 2 } else { options.trigger_files.max(2) };
    let mut end = files.len();
    while end >= trigger {
        let mut start = end;
        let (mut bytes, mut smallest, mut largest) = (0, u64::MAX, 0);
        while start > 0 && end - start < options.max_inputs {
            let Some(file) = files.get(start - 1) else { break };
            let (low, high) = (smallest.min(file.bytes), largest.max(file.bytes));
            let similar = cold || high <= low.saturating_mul(SIMILAR).max(1 << 20);
            if !similar || bytes + file.bytes > options.max_bytes {
                break;
            }
            bytes += file.bytes;
            (smallest, largest) = (low, high);
            start -= 1;
        }
        if end - start >= trigger {
            let needs = |start: usize| {
                merge_bytes(files.get(start..end).unwrap_or_default().iter().copied(), columns)
            };
            while end - start > 2 && needs(start) > memory {
                start += 1;
            }
            return Some(start..end);
        }
        end -= 1;
    }
    None
}

/// Whether so many rows of a file are deleted that it is worth writing again without them. Rows are
/// counted by series exactly, by time as if they were spread evenly over the file's; what was deleted
/// twice counts twice.
pub(super) fn is_worn(runs: &RunIndex, time: TimeRange, deletions: &[Tombstone]) -> bool {
    let dead: f64 = deletions
        .iter()
        .map(|t| {
            let rows: u64 = runs.ranges(t.series.as_ref()).iter().map(|r| r.end - r.start).sum();
            rows as f64 * covered(&t.time, &time)
        })
        .sum();
    dead * DEAD_PART as f64 >= runs.rows() as f64
}

/// Which part of `whole` lies in `part`, 0 to 1.
fn covered(part: &TimeRange, whole: &TimeRange) -> f64 {
    let both = part.intersect(whole);
    if both.is_empty() {
        return 0.0;
    }
    let length = |range: &TimeRange| (i128::from(range.end) - i128::from(range.start) + 1) as f64;
    length(&both) / length(whole)
}

#[cfg(test)]
mod tests {
    use triglot_model::TableId;

    use super::*;

    fn file(bytes: u64, rows: u64) -> FileMeta {
        FileMeta {
            file_id: 1,
            table: TableId(1),
            rows,
            bytes,
            sid_min: 0,
            sid_max: 9,
            time: TimeRange { start: 0, end: 99 },
            seq_min: 1,
            seq_max: 1,
            has_ops: false,
            has_duplicate_keys: false,
            level: 0,
            bucket_start: 0,
        }
    }

    #[test]
    fn a_merge_takes_no_more_inputs_than_fit_into_memory() {
        let files: Vec<FileMeta> = (0..10).map(|_| file(8 << 20, 1 << 20)).collect();
        let files: Vec<&FileMeta> = files.iter().collect();
        let options = CompactionOptions::default();
        assert_eq!(pick(&files, &options, false, 10, u64::MAX), Some(0..10));
        let five = merge_bytes(files[..5].iter().copied(), 10);
        assert_eq!(pick(&files, &options, false, 10, five), Some(5..10));
        // Two always: else nothing would ever be merged.
        assert_eq!(pick(&files, &options, false, 10, 1), Some(8..10));
        assert_eq!(pick(&files[..3], &options, false, 10, u64::MAX), None);
    }

    #[test]
    fn a_large_file_is_held_by_row_groups() {
        let small = merge_bytes([&file(8 << 20, 1 << 20)], 10);
        let large = merge_bytes([&file(8 << 30, 1 << 30)], 10);
        assert_eq!(small, large);
        assert!((16 << 20..40 << 20).contains(&small), "{small}");
    }

    #[test]
    fn dead_rows_are_those_of_the_series_and_their_part_of_the_time() {
        let mut runs = RunIndex::default();
        // Series 0 has 30 rows, series 1 has 70.
        assert!(runs.push(&[&[0; 30][..], &[1; 70]].concat()));
        let time = TimeRange { start: 0, end: 99 };
        let deletion = |start, end, sid: Option<u32>| Tombstone {
            seq: 2,
            time: TimeRange { start, end },
            series: sid.map(|sid| [sid].into()),
        };
        let worn = |deletions: &[Tombstone]| is_worn(&runs, time, deletions);
        assert!(!worn(&[]));
        assert!(worn(&[deletion(i64::MIN, i64::MAX, Some(0))]));
        assert!(!worn(&[deletion(0, 29, Some(1))]));
        assert!(worn(&[deletion(0, 39, Some(1))]));
        assert!(worn(&[deletion(0, 9, None), deletion(20, 39, None)]));
        assert!(!worn(&[deletion(200, 300, None)]));
    }

    #[tokio::test]
    async fn merges_share_their_memory() {
        let memory = MergeMemory::new(100 * PERMIT);
        let first = memory.take(60 * PERMIT).await.unwrap();
        assert_eq!(memory.free.available_permits(), 40);
        drop(first);
        // One that needs more than there is waits for all of it.
        let all = memory.take(1000 * PERMIT).await.unwrap();
        assert_eq!(memory.free.available_permits(), 0);
        drop(all);
        assert_eq!(memory.free.available_permits(), 100);
    }
}
