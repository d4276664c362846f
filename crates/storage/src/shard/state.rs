//! What a shard holds in memory: for each table its series, chunks and tombstones.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;
use triglot_model::{IdentityRule, Sid, TableId};

use crate::file::DataFile;
use crate::memtable::{MemPart, MemParts, bucket_range, bucket_start};
use crate::merge::MergeError;
use crate::series::SeriesIndex;
use crate::series_budget::SeriesBudget;
use crate::{TimeRange, Tombstone};

/// The rows of one (shard, table, bucket): all versions of a key are in here.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chunk {
    /// Takes new parts.
    pub(crate) active: MemParts,
    /// Being flushed: older than `active`, newer than `files`.
    pub(crate) flushing: MemParts,
    /// In the order of their (disjoint) sequence ranges, oldest first.
    pub(crate) files: Vec<Arc<DataFile>>,
}

impl Chunk {
    pub(crate) fn is_empty(&self) -> bool {
        self.active.is_empty() && self.flushing.is_empty() && self.files.is_empty()
    }

    /// The times of all rows that are or were there (tombstones do not narrow it).
    pub(crate) fn time(&self) -> Option<TimeRange> {
        let files = self.files.iter().map(|f| f.meta.time).reduce(|a, b| a.union(&b));
        [self.active.time(), self.flushing.time(), files].into_iter().flatten().reduce(|a, b| a.union(&b))
    }

    pub(crate) fn rows(&self) -> u64 {
        let files: u64 = self.files.iter().map(|f| f.meta.rows).sum();
        (self.active.rows() + self.flushing.rows()) as u64 + files
    }
}

/// One table in one shard.
#[derive(Debug)]
pub(crate) struct TableState {
    /// Bucket length in the table's precision; fixed with the first row.
    pub(crate) bucket: i64,
    /// Whether the manifest knows the bucket length.
    pub(crate) bucket_is_durable: bool,
    pub(crate) series: Arc<RwLock<SeriesIndex>>,
    /// Series below this are in snapshots that the manifest names.
    pub(crate) series_watermark: u32,
    /// The index epoch that those snapshots hold; another one means that tags changed since.
    pub(crate) series_epoch: u64,
    /// Snapshot files that the manifest names.
    pub(crate) series_parts: usize,
    pub(crate) chunks: BTreeMap<i64, Chunk>,
    /// Those that a file may still need, by sequence number; shared with snapshots.
    pub(crate) tombstones: Arc<Vec<Tombstone>>,
    /// Tombstones above this sequence number are not in the manifest yet.
    pub(crate) tombstones_durable: u64,
}

impl TableState {
    pub(crate) fn new(identity: IdentityRule, bucket: i64) -> Self {
        Self {
            bucket: bucket.max(1),
            bucket_is_durable: false,
            series: Arc::new(RwLock::new(SeriesIndex::new(identity))),
            series_watermark: 0,
            series_epoch: 0,
            series_parts: 0,
            chunks: BTreeMap::new(),
            tombstones: Arc::default(),
            tombstones_durable: 0,
        }
    }

    /// Adds rows to the chunk of the bucket that begins at `start`. Returns the bytes that became free.
    pub(crate) fn push(&mut self, start: i64, part: MemPart) -> u64 {
        self.chunks.entry(start).or_default().active.push(part)
    }

    /// The chunks whose bucket reaches into `time`.
    pub(crate) fn chunks_in(&self, time: &TimeRange) -> impl Iterator<Item = (i64, &Chunk)> {
        let first = bucket_start(time.start, self.bucket);
        self.chunks
            .range(first..=time.end.max(first))
            .filter(|(start, chunk)| bucket_range(**start, self.bucket).overlaps(time) && !chunk.is_empty())
            .map(|(start, chunk)| (*start, chunk))
    }

    /// Adds a tombstone and applies it to all that is in memory. Returns the bytes that became free.
    pub(crate) fn delete(&mut self, tombstone: Tombstone) -> Result<u64, MergeError> {
        let mut freed = 0;
        let mut needed_by_files = false;
        let first = bucket_start(tombstone.time.start, self.bucket);
        for (_, chunk) in self.chunks.range_mut(first..=tombstone.time.end.max(first)) {
            freed += chunk.active.delete(&tombstone, false)?;
            // The flush that is under way writes the rows unfiltered; the file it makes has a lower
            // sequence number, so the tombstone applies to it.
            needed_by_files |= !chunk.flushing.is_empty();
            chunk.flushing.delete(&tombstone, true)?;
            needed_by_files |= chunk.files.iter().any(|f| f.meta.time.overlaps(&tombstone.time));
        }
        if needed_by_files {
            Arc::make_mut(&mut self.tombstones).push(tombstone);
        }
        Ok(freed)
    }

    /// Removes series and what they have in memory. Returns the bytes of rows that became free.
    pub(crate) fn remove_series(
        &mut self,
        tombstone: Tombstone,
        sids: &[Sid],
        budget: &SeriesBudget,
    ) -> Result<u64, MergeError> {
        let freed = self.delete(tombstone)?;
        let mut index = self.series.write();
        index.remove(sids);
        budget.settle(&mut index);
        Ok(freed)
    }

    /// Whether the manifest lacks nothing of the series index. An index from which all series were
    /// removed is not an empty one: snapshots may list them still, and their sids must not come again.
    pub(crate) fn series_are_durable(&self) -> bool {
        let series = self.series.read();
        series.next_sid() == self.series_watermark && series.epoch() == self.series_epoch
    }
}

/// All of a shard that readers see. Guarded by one short-held lock.
#[derive(Debug, Default)]
pub(crate) struct ShardState {
    pub(crate) tables: HashMap<TableId, TableState>,
    /// Tables dropped since the start: rows that were on their way are refused.
    pub(crate) dropped: HashSet<TableId>,
    /// Everything up to here is durable and visible (W-2).
    pub(crate) visible_seq: u64,
    /// Bytes in active memtables, and in those that a flush could not write.
    pub(crate) active_bytes: u64,
    /// When the oldest row that is not flushed arrived (clock, ns).
    pub(crate) oldest_unflushed_ns: Option<i64>,
}
