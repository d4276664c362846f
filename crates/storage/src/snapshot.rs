//! A table as one query sees it: everything it may read is pinned here.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::StringViewArray;
use arrow::record_batch::RecordBatch;
use object_store::ObjectStore;
use parking_lot::RwLock;
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, ShardId, TableId};

use crate::error::StorageError;
use crate::scan::deletions_for;
use crate::series::SeriesIndex;
use crate::shard::state::Chunk;
use crate::sst::MetaCache;
use crate::{TableMeta, TimeRange, Tombstone};

/// Which series of each shard a query wants.
#[derive(Debug, Clone, Default)]
pub enum SeriesSelection {
    /// All of them.
    #[default]
    All,
    /// Those in the bitmap of their shard; a shard that is not listed has none.
    Some(BTreeMap<ShardId, Arc<RoaringBitmap>>),
}

impl SeriesSelection {
    /// The wanted series of `shard`: none = all of them.
    pub fn of(&self, shard: ShardId) -> Option<Arc<RoaringBitmap>> {
        match self {
            Self::All => None,
            Self::Some(map) => Some(map.get(&shard).cloned().unwrap_or_default()),
        }
    }
}

/// A pinned view of one table.
#[derive(Debug, Clone)]
pub struct TableSnapshot(pub(crate) Arc<Pinned>);

#[derive(Debug)]
pub(crate) struct Pinned {
    pub(crate) meta: TableMeta,
    pub(crate) shards: Vec<PinnedShard>,
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) cache: Arc<MetaCache>,
}

#[derive(Debug)]
pub(crate) struct PinnedShard {
    pub(crate) id: ShardId,
    pub(crate) series: Arc<RwLock<SeriesIndex>>,
    pub(crate) chunks: BTreeMap<i64, Chunk>,
    pub(crate) tombstones: Arc<Vec<Tombstone>>,
}

/// A chunk of a snapshot that a query may have to read. All versions of a row are in one chunk
/// so chunks can be read independently of each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkRef {
    /// Position of the shard in the snapshot.
    pub(crate) shard_index: usize,
    /// Start of its bucket.
    pub(crate) start: i64,
    /// Its shard.
    pub shard: ShardId,
    /// The times of its rows (deleted ones included).
    pub time: TimeRange,
    /// Rows before merging and deletion: an upper bound of what it yields without a predicate.
    pub rows: u64,
    /// Data files in it.
    pub files: usize,
    /// Whether some of its inputs may hold versions of the same rows.
    pub needs_merge: bool,
    /// Whether it yields exactly `rows` rows, the earliest and the latest of which are at the ends of
    /// `time`: nothing has to be merged, and no deletion reaches into it.
    pub is_exact: bool,
}

impl TableSnapshot {
    /// The table as it was.
    pub fn table(&self) -> &TableMeta {
        &self.0.meta
    }

    /// The shards that hold something of the table.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> + '_ {
        self.0.shards.iter().map(|s| s.id)
    }

    /// Series of the table, those without rows included.
    pub fn series_count(&self) -> usize {
        self.0.shards.iter().map(|s| s.series.read().len()).sum()
    }

    /// `__sid` and one Utf8View column for each tag (`c<id>`), one row a series, ascending; all
    /// series of the shard or those in `sids`.
    ///
    /// # Errors
    /// Arrow's, which would be a fault of triglot.
    pub fn tag_batch(
        &self,
        shard: ShardId,
        tags: &[ColumnId],
        sids: Option<&RoaringBitmap>,
    ) -> Result<RecordBatch, StorageError> {
        match self.series(shard) {
            // The lock is held for the codes only, not while strings are gathered.
            Some(series) => {
                let codes = series.read().tag_codes(tags, sids);
                Ok(codes.into_batch()?)
            }
            None => Ok(SeriesIndex::new(self.0.meta.def.identity.clone()).tag_batch(tags, sids)?),
        }
    }

    /// Names of child tables for the series in `sids` (ascending), NULL where there is none.
    pub fn child_names(&self, shard: ShardId, sids: &RoaringBitmap) -> Result<StringViewArray, StorageError> {
        match self.series(shard) {
            Some(series) => Ok(series.read().child_names(Some(sids))?),
            None => Ok(StringViewArray::new_null(usize::try_from(sids.len()).unwrap_or(0))),
        }
    }

    /// The series whose `tag` is one of `values`: exact.
    pub fn series_where(&self, shard: ShardId, tag: ColumnId, values: &[&str]) -> RoaringBitmap {
        self.series(shard).map(|s| s.read().series_where(tag, values)).unwrap_or_default()
    }

    /// All series of the shard.
    pub fn all_series(&self, shard: ShardId) -> RoaringBitmap {
        self.series(shard).map(|s| s.read().all()).unwrap_or_default()
    }

    /// The chunks that may hold rows of `series` in `time`, by shard and time.
    pub fn chunks(&self, time: TimeRange, series: &SeriesSelection) -> Vec<ChunkRef> {
        let mut found = Vec::new();
        for (shard_index, shard) in self.0.shards.iter().enumerate() {
            if series.of(shard.id).is_some_and(|s| s.is_empty()) {
                continue;
            }
            for (start, chunk) in &shard.chunks {
                let Some(rows_in) = chunk.time().filter(|t| t.overlaps(&time)) else { continue };
                let needs_merge = needs_merge(chunk);
                found.push(ChunkRef {
                    shard_index,
                    start: *start,
                    shard: shard.id,
                    time: rows_in,
                    rows: chunk.rows(),
                    files: chunk.files.len(),
                    needs_merge,
                    is_exact: !needs_merge && !has_deletions(chunk, &shard.tombstones),
                });
            }
        }
        found
    }

    pub(crate) fn id(&self) -> TableId {
        self.0.meta.def.id
    }

    fn series(&self, shard: ShardId) -> Option<&Arc<RwLock<SeriesIndex>>> {
        self.0.shards.iter().find(|s| s.id == shard).map(|s| &s.series)
    }
}

/// Whether a deletion still has to be applied to one of the files.
fn has_deletions(chunk: &Chunk, tombstones: &[Tombstone]) -> bool {
    chunk.files.iter().any(|file| !deletions_for(file, tombstones, &TimeRange::ALL).is_empty())
}

/// Whether two inputs overlap in time, or one holds rows that are not final on their own. Memtable
/// parts always count as overlapping: a row may have been written twice.
fn needs_merge(chunk: &Chunk) -> bool {
    if !chunk.active.is_empty() || !chunk.flushing.is_empty() {
        return true;
    }
    if chunk.files.iter().any(|f| f.meta.has_ops || f.meta.has_duplicate_keys) {
        return true;
    }
    let mut ranges: Vec<TimeRange> = chunk.files.iter().map(|f| f.meta.time).collect();
    ranges.sort_by_key(|r| r.start);
    ranges.windows(2).any(|w| matches!(w, [a, b] if a.overlaps(b)))
}
