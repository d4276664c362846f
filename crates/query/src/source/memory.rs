//! A table in memory for the tests of this crate: rows as a plain list, chunks by time bucket.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringViewArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::DataFusionError;
use futures::{StreamExt, stream};
use roaring::RoaringBitmap;
use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseId, IdentityRule, Precision, RewriteRule, ShardId,
    TableDef, TableId,
};
use triglot_storage::TimeRange;

use super::{BatchStream, ChunkScan, SeriesChunk, SeriesSelection, SeriesSource, SidSet};

pub(crate) const HOST: ColumnId = ColumnId(1);
pub(crate) const REGION: ColumnId = ColumnId(2);
const USER: ColumnId = ColumnId(3);
const COUNT: ColumnId = ColumnId(4);

/// One row as the tests think of it.
#[derive(Clone, Debug)]
pub(crate) struct TestRow {
    pub(crate) host: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) time: i64,
    pub(crate) user: Option<f64>,
    pub(crate) count: Option<i64>,
}

/// `cpu(time, host TAG, region TAG, usage_user DOUBLE, n BIGINT)`.
#[derive(Debug)]
pub(crate) struct MemorySource {
    table: Arc<TableDef>,
    shards: BTreeMap<ShardId, Shard>,
    /// What chunks say of themselves: rows per real row.
    pub(crate) inflate: u64,
}

#[derive(Debug, Default)]
struct Shard {
    series: Vec<[Option<String>; 2]>,
    /// (sid, row) by time bucket, in it by (time, sid): the wrong order on purpose.
    buckets: BTreeMap<i64, Arc<Vec<(u32, TestRow)>>>,
}

pub(crate) fn cpu_table(precision: Precision) -> Arc<TableDef> {
    let column = |id, name: &str, ty, kind| ColumnDef {
        id,
        name: name.to_owned(),
        ty,
        kind,
        declared: None,
        codec: None,
    };
    Arc::new(TableDef {
        id: TableId(1),
        database: DatabaseId(1),
        name: "cpu".to_owned(),
        version: 1,
        identity: IdentityRule::AllTags,
        rewrite: RewriteRule::Merge,
        columns: vec![
            column(ColumnId(0), "time", ColumnType::Ts(precision), ColumnKind::Time),
            column(HOST, "host", ColumnType::TEXT, ColumnKind::Tag),
            column(REGION, "region", ColumnType::TEXT, ColumnKind::Tag),
            column(USER, "usage_user", ColumnType::F64, ColumnKind::Field),
            column(COUNT, "n", ColumnType::I64, ColumnKind::Field),
        ],
        next_column_id: ColumnId(5),
        options: BTreeMap::new(),
    })
}

impl MemorySource {
    /// `rows` dealt out to two shards by their tags, in chunks of `bucket` time units.
    pub(crate) fn new(precision: Precision, rows: &[TestRow], bucket: i64) -> Self {
        let mut shards: BTreeMap<ShardId, Shard> = BTreeMap::new();
        for row in rows {
            let hash = row.host.iter().chain(&row.region).map(String::len).sum::<usize>();
            let shard = shards.entry(ShardId((hash % 2) as u16)).or_default();
            let key = [row.host.clone(), row.region.clone()];
            let sid = shard.series.iter().position(|s| *s == key).unwrap_or_else(|| {
                shard.series.push(key);
                shard.series.len() - 1
            });
            let rows = shard.buckets.entry(row.time.div_euclid(bucket)).or_default();
            Arc::make_mut(rows).push((sid as u32, row.clone()));
        }
        for rows in shards.values_mut().flat_map(|s| s.buckets.values_mut()) {
            Arc::make_mut(rows).sort_by_key(|(sid, row)| (row.time, *sid));
        }
        Self { table: cpu_table(precision), shards, inflate: 1 }
    }

    fn tag(&self, shard: ShardId, sid: u32, tag: ColumnId) -> Option<&str> {
        let series = self.shards.get(&shard)?.series.get(sid as usize)?;
        series[if tag == HOST { 0 } else { 1 }].as_deref()
    }
}

impl SeriesSource for MemorySource {
    fn table(&self) -> &Arc<TableDef> {
        &self.table
    }

    fn shards(&self) -> Vec<ShardId> {
        self.shards.keys().copied().collect()
    }

    fn series_count(&self, shard: ShardId) -> u64 {
        self.shards.get(&shard).map_or(0, |s| s.series.len() as u64)
    }

    fn tag_batch(
        &self,
        shard: ShardId,
        tags: &[ColumnId],
        sids: Option<&RoaringBitmap>,
    ) -> Result<RecordBatch, DataFusionError> {
        let all = self.all_series(shard);
        let sids: Vec<u32> = sids.unwrap_or(&all).iter().collect();
        let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(sids.clone()))];
        let mut fields = vec![Field::new("__sid", DataType::UInt32, false)];
        for tag in tags {
            let values: StringViewArray = sids.iter().map(|sid| self.tag(shard, *sid, *tag)).collect();
            columns.push(Arc::new(values));
            fields.push(Field::new(format!("c{tag}"), DataType::Utf8View, true));
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }

    fn series_where(&self, shard: ShardId, tag: ColumnId, values: &[&str]) -> RoaringBitmap {
        let all = self.all_series(shard);
        all.iter().filter(|sid| self.tag(shard, *sid, tag).is_some_and(|v| values.contains(&v))).collect()
    }

    fn all_series(&self, shard: ShardId) -> RoaringBitmap {
        (0..self.series_count(shard) as u32).collect()
    }

    fn last_rows(
        &self,
        shard: ShardId,
        columns: Vec<ColumnId>,
        series: &SidSet,
        batch_rows: usize,
    ) -> BatchStream {
        let mut newest: BTreeMap<u32, &(u32, TestRow)> = BTreeMap::new();
        for row in self.shards.get(&shard).into_iter().flat_map(|s| s.buckets.values()).flat_map(|b| b.iter())
        {
            let wanted = series.bitmap().is_none_or(|s| s.contains(row.0));
            if wanted && newest.get(&row.0).is_none_or(|old| old.1.time <= row.1.time) {
                newest.insert(row.0, row);
            }
        }
        let rows: Vec<&(u32, TestRow)> = newest.into_values().collect();
        let batches: Vec<_> = rows.chunks(batch_rows).map(|rows| Ok(rows_batch(rows, &columns))).collect();
        stream::iter(batches).boxed()
    }

    fn chunks(&self, time: TimeRange, series: &SeriesSelection) -> Vec<Arc<dyn SeriesChunk>> {
        let mut chunks: Vec<Arc<dyn SeriesChunk>> = Vec::new();
        for (id, shard) in &self.shards {
            if series.of(*id).is_none_or(SidSet::is_none) {
                continue;
            }
            for rows in shard.buckets.values() {
                let range = TimeRange { start: rows[0].1.time, end: rows[rows.len() - 1].1.time };
                if range.overlaps(&time) {
                    let rows = Arc::clone(rows);
                    chunks.push(Arc::new(MemoryChunk { shard: *id, range, rows, inflate: self.inflate }));
                }
            }
        }
        chunks
    }
}

#[derive(Debug)]
struct MemoryChunk {
    shard: ShardId,
    range: TimeRange,
    rows: Arc<Vec<(u32, TestRow)>>,
    inflate: u64,
}

impl SeriesChunk for MemoryChunk {
    fn shard(&self) -> ShardId {
        self.shard
    }

    fn time_range(&self) -> TimeRange {
        self.range
    }

    fn rows_estimate(&self) -> u64 {
        self.rows.len() as u64 * self.inflate
    }

    fn exact_rows(&self, time: TimeRange, series: &SidSet) -> Option<u64> {
        (time.covers(&self.range) && *series == SidSet::All).then_some(self.rows.len() as u64)
    }

    fn files(&self) -> usize {
        1
    }

    fn needs_merge(&self) -> bool {
        false
    }

    fn scan(&self, request: ChunkScan) -> BatchStream {
        let mut rows: Vec<&(u32, TestRow)> = self
            .rows
            .iter()
            .filter(|(sid, row)| {
                request.time.contains(row.time) && request.series.bitmap().is_none_or(|s| s.contains(*sid))
            })
            .collect();
        if request.ordered {
            rows.sort_by_key(|(sid, row)| (*sid, row.time));
        }
        let batches: Vec<_> =
            rows.chunks(request.batch_rows).map(|rows| Ok(rows_batch(rows, &request.columns))).collect();
        stream::iter(batches).boxed()
    }
}

fn rows_batch(rows: &[&(u32, TestRow)], wanted: &[ColumnId]) -> RecordBatch {
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|(sid, _)| *sid))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(_, row)| row.time))),
    ];
    let mut fields =
        vec![Field::new("__sid", DataType::UInt32, false), Field::new("__time", DataType::Int64, false)];
    for id in wanted {
        let column: ArrayRef = match *id {
            USER => Arc::new(rows.iter().map(|(_, row)| row.user).collect::<Float64Array>()),
            COUNT => Arc::new(rows.iter().map(|(_, row)| row.count).collect::<Int64Array>()),
            other => panic!("no stored column {other}"),
        };
        fields.push(Field::new(format!("c{id}"), column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).unwrap()
}
