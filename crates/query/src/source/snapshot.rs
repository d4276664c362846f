use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringViewArray};
use arrow::datatypes::UInt32Type;
use arrow::record_batch::RecordBatch;
use datafusion::common::internal_err;
use datafusion::error::DataFusionError;
use futures::{StreamExt, TryStreamExt};
use roaring::RoaringBitmap;
use triglot_model::{ColumnId, IdentityRule, ShardId, TableDef};
use triglot_storage::{
    ChunkRef, LastRowsRequest, ScanRequest, SeriesKey, StorageError, TableSnapshot, TimeRange,
};

use super::{BatchStream, ChunkScan, SeriesChunk, SeriesSelection, SeriesSource, SidSet};
use crate::QueryError;

/// A storage snapshot as the source of a table.
#[derive(Debug, Clone)]
pub struct SnapshotSource {
    snapshot: TableSnapshot,
    name_series: Option<NameSeries>,
}

/// The name of a series of a table whose series have no names of their own.
pub type NameSeries = fn(&TableDef, &SeriesKey) -> String;

impl SnapshotSource {
    /// Reads from `snapshot`, which stays pinned as long as this, or a plan over it, lives.
    pub fn new(snapshot: TableSnapshot) -> Self {
        Self { snapshot, name_series: None }
    }

    /// Names series by this rule where their table does not.
    #[must_use]
    pub fn with_names(self, name_series: NameSeries) -> Self {
        Self { name_series: Some(name_series), ..self }
    }

    /// The rule for names, if this table's series have none of their own.
    fn names(&self) -> Option<NameSeries> {
        self.name_series.filter(|_| self.snapshot.table().def.identity != IdentityRule::ChildName)
    }

    /// The names of series, by sid.
    fn named(&self, shard: ShardId, name: NameSeries, sids: &RoaringBitmap) -> BTreeMap<u32, String> {
        let def = &self.snapshot.table().def;
        self.snapshot.keys_of(shard, sids).into_iter().map(|(sid, key)| (sid.0, name(def, &key))).collect()
    }
}

/// `batch` with names in the columns that asked for them.
fn put_names(
    batch: &RecordBatch,
    tags: &[ColumnId],
    names: &BTreeMap<u32, String>,
) -> Result<RecordBatch, DataFusionError> {
    let sids = batch.columns().first().and_then(|c| c.as_primitive_opt::<UInt32Type>());
    let Some(sids) = sids else { return internal_err!("tag batch without series ids") };
    let named: StringViewArray = sids.values().iter().map(|sid| names.get(sid)).collect();
    let named: ArrayRef = Arc::new(named);
    let mut columns = batch.columns().to_vec();
    for (column, _) in columns.iter_mut().skip(1).zip(tags).filter(|(_, t)| **t == ColumnId::CHILD_NAME) {
        *column = Arc::clone(&named);
    }
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// Carries storage's error and its kind through DataFusion.
fn carried(error: &StorageError) -> DataFusionError {
    QueryError::Storage { kind: error.kind(), message: error.to_string() }.into()
}

impl SeriesSource for SnapshotSource {
    fn table(&self) -> &Arc<TableDef> {
        &self.snapshot.table().def
    }

    fn shards(&self) -> Vec<ShardId> {
        self.snapshot.shards().collect()
    }

    fn series_count(&self, shard: ShardId) -> u64 {
        self.snapshot.all_series(shard).len()
    }

    fn tag_batch(
        &self,
        shard: ShardId,
        tags: &[ColumnId],
        sids: Option<&RoaringBitmap>,
    ) -> Result<RecordBatch, DataFusionError> {
        let batch = self.snapshot.tag_batch(shard, tags, sids).map_err(|e| carried(&e))?;
        match self.names().filter(|_| tags.contains(&ColumnId::CHILD_NAME)) {
            None => Ok(batch),
            Some(name) => {
                let all = || self.snapshot.all_series(shard);
                let names = self.named(shard, name, &sids.map_or_else(all, RoaringBitmap::clone));
                put_names(&batch, tags, &names)
            }
        }
    }

    fn series_where(&self, shard: ShardId, tag: ColumnId, values: &[&str]) -> RoaringBitmap {
        if let Some(name) = self.names().filter(|_| tag == ColumnId::CHILD_NAME) {
            let names = self.named(shard, name, &self.snapshot.all_series(shard));
            return names.into_iter().filter(|(_, n)| values.contains(&n.as_str())).map(|(s, _)| s).collect();
        }
        self.snapshot.series_where(shard, tag, values)
    }

    fn all_series(&self, shard: ShardId) -> RoaringBitmap {
        self.snapshot.all_series(shard)
    }

    fn last_rows(
        &self,
        shard: ShardId,
        columns: Vec<ColumnId>,
        series: &SidSet,
        batch_rows: usize,
    ) -> BatchStream {
        let series = match series {
            SidSet::All => None,
            SidSet::Some(sids) => Some(Arc::clone(sids)),
        };
        let request = LastRowsRequest { columns, series, batch_rows };
        self.snapshot.last_rows(shard, request).map_err(|e| carried(&e)).boxed()
    }

    fn chunks(&self, time: TimeRange, series: &SeriesSelection) -> Vec<Arc<dyn SeriesChunk>> {
        self.snapshot
            .chunks(time, &to_storage(&series.shards))
            .into_iter()
            // Storage was asked for all series of all shards if one shard is wanted whole.
            .filter(|chunk| series.of(chunk.shard).is_some())
            .map(|chunk| {
                Arc::new(SnapshotChunk { snapshot: self.snapshot.clone(), chunk }) as Arc<dyn SeriesChunk>
            })
            .collect()
    }
}

/// Storage's selection. It knows "all of every shard" but not "all of this shard and some of that
/// one", so there All becomes a list of nothing left out only when every shard is wanted whole.
fn to_storage(shards: &[(ShardId, SidSet)]) -> triglot_storage::SeriesSelection {
    let all: Option<Vec<_>> = shards
        .iter()
        .map(|(shard, sids)| match sids {
            SidSet::All => None,
            SidSet::Some(sids) => Some((*shard, Arc::clone(sids))),
        })
        .collect();
    match all {
        Some(listed) => triglot_storage::SeriesSelection::Some(listed.into_iter().collect()),
        // Shards that are not wanted give chunks too, which the caller leaves out.
        None => triglot_storage::SeriesSelection::All,
    }
}

#[derive(Debug)]
struct SnapshotChunk {
    snapshot: TableSnapshot,
    chunk: ChunkRef,
}

impl SeriesChunk for SnapshotChunk {
    fn shard(&self) -> ShardId {
        self.chunk.shard
    }

    fn time_range(&self) -> TimeRange {
        self.chunk.time
    }

    fn rows_estimate(&self) -> u64 {
        self.chunk.rows
    }

    fn exact_rows(&self, time: TimeRange, series: &SidSet) -> Option<u64> {
        let whole = *series == SidSet::All && time.covers(&self.chunk.time);
        (whole && self.chunk.is_exact).then_some(self.chunk.rows)
    }

    fn files(&self) -> usize {
        self.chunk.files
    }

    fn needs_merge(&self) -> bool {
        self.chunk.needs_merge
    }

    fn scan(&self, request: ChunkScan) -> BatchStream {
        let request = ScanRequest {
            columns: request.columns,
            time: request.time,
            series: to_storage(&[(self.chunk.shard, request.series)]),
            ordered: request.ordered,
            batch_rows: request.batch_rows,
        };
        self.snapshot.scan(&self.chunk, &request).map_err(|e| carried(&e)).boxed()
    }
}
