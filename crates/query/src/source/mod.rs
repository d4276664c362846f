//! What a scan needs from storage, as a narrow trait: implemented by the storage snapshot, and by
//! a table in memory for the tests of this crate.

#[cfg(test)]
pub(crate) mod memory;
mod since;
mod snapshot;

use std::fmt::Debug;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use futures::stream::BoxStream;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ShardId, Sid, TableDef};
use triglot_storage::TimeRange;

pub use since::Since;
pub use snapshot::{NameSeries, SnapshotSource};

/// The rows of one part of a scan: `__sid: UInt32`, `__time: Int64`, then the asked columns.
pub type BatchStream = BoxStream<'static, Result<RecordBatch, DataFusionError>>;

/// Which series of one shard are wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum SidSet {
    /// All there are.
    All,
    /// These.
    Some(Arc<RoaringBitmap>),
}

impl SidSet {
    /// Whether no series is wanted.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Some(sids) if sids.is_empty())
    }

    /// The sids as an optional restriction.
    pub fn bitmap(&self) -> Option<&RoaringBitmap> {
        match self {
            Self::All => None,
            Self::Some(sids) => Some(sids),
        }
    }
}

/// The wanted series of each shard; a shard that is not listed is not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesSelection {
    /// By ascending shard.
    pub shards: Vec<(ShardId, SidSet)>,
}

impl SeriesSelection {
    /// Wants nothing but this series, if it is among the wanted.
    pub fn narrow_to(&mut self, shard: ShardId, sid: Sid) {
        self.shards.retain(|(s, sids)| *s == shard && sids.bitmap().is_none_or(|b| b.contains(sid.0)));
        for (_, sids) in &mut self.shards {
            *sids = SidSet::Some(Arc::new(RoaringBitmap::from_iter([sid.0])));
        }
    }

    /// The wanted series of `shard`.
    pub fn of(&self, shard: ShardId) -> Option<&SidSet> {
        self.shards.iter().find(|(s, _)| *s == shard).map(|(_, sids)| sids)
    }
}

/// What is wanted of one chunk.
#[derive(Clone, Debug)]
pub struct ChunkScan {
    /// Stored columns, in the order in which they are given back.
    pub columns: Vec<ColumnId>,
    /// Inclusive, in the table's unit; applied exactly.
    pub time: TimeRange,
    /// Applied exactly.
    pub series: SidSet,
    /// Whether the rows must come by (sid, time).
    pub ordered: bool,
    /// Rows of a batch, at most.
    pub batch_rows: usize,
    /// Rows in all that the reader will take, at most; a hint.
    pub limit: Option<usize>,
}

/// All versions of all rows of one (shard, bucket): the unit of work that DataFusion never splits
/// . It may be read several times, restricted to different series.
pub trait SeriesChunk: Send + Sync + Debug {
    /// The shard whose sids the rows carry.
    fn shard(&self) -> ShardId;
    /// No row lies outside.
    fn time_range(&self) -> TimeRange;
    /// Rows of the whole chunk (all series, all times), roughly.
    fn rows_estimate(&self) -> u64;
    /// The number of rows in `time` of `series` if it is known without reading data. There are rows at
    /// both ends of [`Self::time_range`] then.
    fn exact_rows(&self, time: TimeRange, series: &SidSet) -> Option<u64>;
    /// Data files behind the chunk.
    fn files(&self) -> usize;
    /// Whether versions of one key may lie in several places.
    fn needs_merge(&self) -> bool;
    /// The rows: versions merged, tombstones applied.
    fn scan(&self, request: ChunkScan) -> BatchStream;
}

/// One table as of one instant: every call sees the same rows.
pub trait SeriesSource: Send + Sync + Debug + 'static {
    /// The table.
    fn table(&self) -> &Arc<TableDef>;
    /// The shards that hold series of the table.
    fn shards(&self) -> Vec<ShardId>;
    /// Series in `shard`.
    fn series_count(&self, shard: ShardId) -> u64;
    /// `__sid: UInt32` ascending, then one `Utf8View` column per tag (NULL = the series has none);
    /// [`ColumnId::CHILD_NAME`] is asked like a tag.
    fn tag_batch(
        &self,
        shard: ShardId,
        tags: &[ColumnId],
        sids: Option<&RoaringBitmap>,
    ) -> Result<RecordBatch, DataFusionError>;
    /// The series whose `tag` has one of `values`.
    fn series_where(&self, shard: ShardId, tag: ColumnId, values: &[&str]) -> RoaringBitmap;
    /// All series.
    fn all_series(&self, shard: ShardId) -> RoaringBitmap;
    /// At most one row for each of `series`: its newest, with `columns`, in no order. With a composite
    /// key, any of the rows of the newest time.
    fn last_rows(
        &self,
        shard: ShardId,
        columns: Vec<ColumnId>,
        series: &SidSet,
        batch_rows: usize,
    ) -> BatchStream;
    /// The chunks that may hold wanted rows. Chunks of one shard never overlap in time.
    fn chunks(&self, time: TimeRange, series: &SeriesSelection) -> Vec<Arc<dyn SeriesChunk>>;
}
