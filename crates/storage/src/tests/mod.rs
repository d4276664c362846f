//! Tests of the whole storage engine. `model` is an independent reference; `TRIGLOT_TEST_ROUNDS`
//! multiplies the rounds of the random tests.

mod compaction;
mod concurrent;
mod crash;
mod last_rows;
mod matrix;
mod model;
mod perf;
mod pressure;
mod random;
mod retag;
mod scenarios;
mod schema;
mod snapshots;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, UInt32Type};
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use object_store::ObjectStore;
use parking_lot::Mutex;
use triglot_disk::{Disk, DiskStore, DiskStoreOptions, SimDisk};
use triglot_model::{
    ColumnDef, ColumnId, ColumnKind, ColumnType, DatabaseId, IdentityRule, ManualClock, Precision,
    RewriteRule, RowOp, ShardId, TableDef, TableId,
};

use crate::{
    DeleteFilter, LastRowsRequest, ScanRequest, SeriesKey, SeriesRef, SeriesSelection, Storage, StorageError,
    StorageOptions, TableMeta, TableSnapshot, Tables, TimeRange, WriteBatch,
};
use model::{Key, OutRow, Value};

pub(super) const TABLE: TableId = TableId(1);
pub(super) const T1: ColumnId = ColumnId(1);
pub(super) const T2: ColumnId = ColumnId(2);
pub(super) const A: ColumnId = ColumnId(3);
pub(super) const B: ColumnId = ColumnId(4);
pub(super) const C: ColumnId = ColumnId(5);
pub(super) const BUCKET: i64 = 1000;

/// How many rounds a random test runs.
pub(super) fn rounds(default: u64) -> u64 {
    let factor = std::env::var("TRIGLOT_TEST_ROUNDS").ok().and_then(|v| v.parse().ok()).unwrap_or(1);
    default * factor
}

pub(super) fn column(id: u32, name: &str, ty: ColumnType, kind: ColumnKind) -> ColumnDef {
    ColumnDef { id: ColumnId(id), name: name.to_owned(), ty, kind, declared: None, codec: None }
}

/// Tags `t1`, `t2`; fields `a` (integer), `b` (text), `c` (float).
pub(super) fn table(id: TableId, identity: IdentityRule) -> TableMeta {
    let def = TableDef {
        id,
        database: DatabaseId(1),
        name: format!("table{id}"),
        version: 1,
        identity,
        rewrite: RewriteRule::Merge,
        columns: vec![
            column(0, "time", ColumnType::Ts(Precision::Nano), ColumnKind::Time),
            column(1, "t1", ColumnType::TEXT, ColumnKind::Tag),
            column(2, "t2", ColumnType::TEXT, ColumnKind::Tag),
            column(3, "a", ColumnType::I64, ColumnKind::Field),
            column(4, "b", ColumnType::TEXT, ColumnKind::Field),
            column(5, "c", ColumnType::F64, ColumnKind::Field),
        ],
        next_column_id: ColumnId(6),
        options: BTreeMap::new(),
    };
    TableMeta { def: Arc::new(def), bucket: BUCKET, retention: None }
}

#[derive(Debug, Default)]
pub(super) struct TestTables(Mutex<HashMap<TableId, TableMeta>>);

impl TestTables {
    pub(super) fn put(&self, meta: TableMeta) {
        self.0.lock().insert(meta.def.id, meta);
    }

    pub(super) fn remove(&self, id: TableId) {
        self.0.lock().remove(&id);
    }
}

impl Tables for TestTables {
    fn table(&self, id: TableId) -> Option<TableMeta> {
        self.0.lock().get(&id).cloned()
    }
}

/// Nothing runs in the background but what a test calls.
pub(super) fn options(shards: u16) -> StorageOptions {
    let mut options = StorageOptions {
        shards,
        background_interval: Duration::from_secs(100_000),
        max_stall: Duration::from_millis(50),
        ..StorageOptions::default()
    };
    options.wal.segment_bytes = 16 << 10;
    options
}

/// A storage and all that outlives it.
#[derive(Debug)]
pub(super) struct TestEnv {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) sim: Option<SimDisk>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) tables: Arc<TestTables>,
    pub(super) options: StorageOptions,
    pub(super) storage: Storage,
}

pub(super) async fn open(
    disk: &Arc<dyn Disk>,
    tables: &Arc<TestTables>,
    clock: &Arc<ManualClock>,
    options: &StorageOptions,
) -> Result<Storage, StorageError> {
    let store = DiskStore::open(Arc::clone(disk), DiskStoreOptions::default())?;
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let (disk, tables) = (Arc::clone(disk), Arc::clone(tables) as Arc<dyn Tables>);
    Storage::open(disk, store, tables, Arc::clone(clock) as Arc<_>, options.clone()).await
}

impl TestEnv {
    /// On a fresh simulated disk, with these tables.
    pub(super) async fn sim(seed: u64, options: StorageOptions, tables: &[TableMeta]) -> Self {
        let sim = SimDisk::new(seed);
        Self::on(Arc::new(sim.clone()), Some(sim), options, tables).await
    }

    pub(super) async fn on(
        disk: Arc<dyn Disk>,
        sim: Option<SimDisk>,
        options: StorageOptions,
        metas: &[TableMeta],
    ) -> Self {
        let tables = Arc::new(TestTables::default());
        metas.iter().for_each(|t| tables.put(t.clone()));
        let clock = Arc::new(ManualClock::new(0));
        let storage = open(&disk, &tables, &clock, &options).await.unwrap();
        Self { disk, sim, clock, tables, options, storage }
    }

    /// A clean stop (which flushes) and start.
    pub(super) async fn restart(&mut self) {
        self.storage.shutdown().await.unwrap();
        self.storage = open(&self.disk, &self.tables, &self.clock, &self.options).await.unwrap();
    }

    /// Kill or power loss, and start.
    pub(super) async fn crash(&mut self, power_loss: bool) {
        let sim = self.sim.take().unwrap();
        let next = if power_loss { sim.crash() } else { sim.restart_clean() };
        let _ = self.storage.shutdown().await;
        self.disk = Arc::new(next.clone());
        self.sim = Some(next);
        self.storage = open(&self.disk, &self.tables, &self.clock, &self.options).await.unwrap();
    }

    pub(super) fn shard_of(&self, meta: &TableMeta, key: &SeriesKey) -> ShardId {
        self.storage.shard_of(&meta.def, key).unwrap()
    }

    /// Writes rows by their series' keys, one call a shard.
    pub(super) async fn write(
        &self,
        meta: &TableMeta,
        op: RowOp,
        rows: &[InRow],
    ) -> Result<(), StorageError> {
        let mut by_shard: BTreeMap<ShardId, Vec<&InRow>> = BTreeMap::new();
        for row in rows {
            by_shard.entry(self.shard_of(meta, &row.key)).or_default().push(row);
        }
        for (shard, rows) in by_shard {
            self.storage.write(shard, vec![batch(meta, op, &rows)]).await?;
        }
        Ok(())
    }

    pub(super) async fn delete(
        &self,
        meta: &TableMeta,
        time: TimeRange,
        t1: Option<&str>,
    ) -> Result<(), StorageError> {
        let snapshot = self.storage.snapshot(meta);
        let series = t1.map(|v| snapshot.shards().map(|s| (s, snapshot.series_where(s, T1, &[v]))).collect());
        self.storage.delete(meta, DeleteFilter { time, series }).await
    }

    /// Every row, by series key and time.
    pub(super) async fn rows(&self, meta: &TableMeta) -> Vec<OutRow> {
        read(&self.storage.snapshot(meta), &Query::all(meta)).await
    }

    /// Keys of files below `shards/` that hold rows.
    pub(super) fn data_files(&self) -> usize {
        count_files(self.disk.as_ref(), "shards", ".parquet")
    }

    /// Waits until the disk has `wanted` data files: the reaper runs in the background.
    pub(super) async fn wait_for_data_files(&self, wanted: usize) {
        for _ in 0..2000 {
            if self.data_files() == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} data files, expected {wanted}", self.data_files());
    }
}

pub(super) fn count_files(disk: &dyn Disk, dir: &str, suffix: &str) -> usize {
    let entries = disk.list(dir).unwrap_or_default();
    let of = |e: &triglot_disk::DirEntry| match e.meta.is_dir {
        true => count_files(disk, &format!("{dir}/{}", e.name), suffix),
        false => usize::from(e.name.ends_with(suffix)),
    };
    entries.iter().map(of).sum()
}

/// A row to write. A column that is listed with [`Value::Null`] is an explicit NULL if `explicit`.
#[derive(Debug, Clone)]
pub(super) struct InRow {
    pub(super) key: SeriesKey,
    pub(super) time: i64,
    pub(super) values: Vec<(ColumnId, Value)>,
    pub(super) explicit: bool,
}

/// A row of the series with these tags (a child of that name where the identity wants one).
pub(super) fn row(t1: &str, t2: Option<&str>, time: i64, a: i64) -> InRow {
    InRow { key: key(t1, t2), time, values: vec![(A, Value::Int(a))], explicit: false }
}

pub(super) fn key(t1: &str, t2: Option<&str>) -> SeriesKey {
    let tags = [(T1, Some(t1)), (T2, t2)];
    let tags = tags.into_iter().filter_map(|(id, v)| Some((id, v?.into()))).collect();
    SeriesKey { child: Some(format!("child-{t1}").into()), tags }
}

pub(super) fn batch(meta: &TableMeta, op: RowOp, rows: &[&InRow]) -> WriteBatch {
    let mut keys: Vec<&SeriesKey> = Vec::new();
    let mut row_series = Vec::new();
    for row in rows {
        let at = keys.iter().position(|k| **k == row.key).unwrap_or_else(|| {
            keys.push(&row.key);
            keys.len() - 1
        });
        row_series.push(at as u32);
    }
    let stored = meta.def.stored_columns().filter(|c| rows.iter().any(|r| r.value(c.id).is_some()));
    let columns = stored.map(|c| (c.id, array(rows, c.id, &c.ty.arrow()))).collect();
    let sets: Vec<Option<Vec<u8>>> = rows.iter().map(|r| r.set()).collect();
    let set = sets.iter().any(Option::is_some).then(|| BinaryArray::from_iter(sets));
    WriteBatch {
        table: meta.clone(),
        series_epoch: 0,
        series: keys.into_iter().cloned().map(SeriesRef::Key).collect::<Vec<_>>().into(),
        row_series,
        times: rows.iter().map(|r| r.time).collect(),
        columns,
        op,
        set,
    }
}

impl InRow {
    fn value(&self, id: ColumnId) -> Option<&Value> {
        self.values.iter().find(|(c, _)| *c == id).map(|(_, v)| v)
    }

    fn set(&self) -> Option<Vec<u8>> {
        self.explicit.then(|| {
            let mut bits = vec![0u8; 2];
            self.values.iter().for_each(|(c, _)| bits[c.0 as usize / 8] |= 1 << (c.0 % 8));
            bits
        })
    }
}

fn array(rows: &[&InRow], id: ColumnId, ty: &DataType) -> ArrayRef {
    let values = rows.iter().map(|r| r.value(id).unwrap_or(&Value::Null));
    let ints = || values.clone().map(|v| if let Value::Int(i) = v { Some(*i) } else { None });
    match ty {
        DataType::Int64 => Arc::new(ints().collect::<Int64Array>()),
        DataType::Int32 => {
            Arc::new(ints().map(|i| i.map(|i| i as i32)).collect::<arrow::array::Int32Array>())
        }
        DataType::Float64 => Arc::new(
            values
                .map(|v| if let Value::Float(f) = v { Some(f64::from_bits(*f)) } else { None })
                .collect::<Float64Array>(),
        ),
        _ => Arc::new(
            values
                .map(|v| if let Value::Text(s) = v { Some(s.as_str()) } else { None })
                .collect::<StringArray>(),
        ),
    }
}

/// What to read.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) columns: Vec<ColumnId>,
    pub(super) time: TimeRange,
    pub(super) t1: Option<String>,
    pub(super) ordered: bool,
    pub(super) batch_rows: usize,
}

impl Query {
    pub(super) fn all(meta: &TableMeta) -> Self {
        let columns = meta.def.stored_columns().map(|c| c.id).collect();
        Self { columns, time: TimeRange::ALL, t1: None, ordered: false, batch_rows: 8192 }
    }
}

/// Reads through chunks, as the query engine does; checks order and batch sizes on the way.
pub(super) async fn read(snapshot: &TableSnapshot, query: &Query) -> Vec<OutRow> {
    let series = match &query.t1 {
        None => SeriesSelection::All,
        Some(v) => SeriesSelection::Some(
            snapshot.shards().map(|s| (s, Arc::new(snapshot.series_where(s, T1, &[v])))).collect(),
        ),
    };
    let request = ScanRequest {
        columns: query.columns.clone(),
        time: query.time,
        series: series.clone(),
        ordered: query.ordered,
        batch_rows: query.batch_rows,
    };
    let keys: HashMap<ShardId, BTreeMap<u32, Key>> =
        snapshot.shards().map(|s| (s, keys_of(snapshot, s))).collect();
    let mut rows = Vec::new();
    for chunk in snapshot.chunks(query.time, &series) {
        let mut stream = snapshot.scan(&chunk, &request);
        let mut last = None;
        let mut seen = 0;
        while let Some(batch) = stream.next().await {
            let batch = batch.unwrap();
            assert_eq!(batch.num_columns(), 2 + query.columns.len());
            let sids = batch.column(0).as_primitive::<UInt32Type>();
            let times = batch.column(1).as_primitive::<Int64Type>();
            for at in 0..batch.num_rows() {
                let position = (sids.value(at), times.value(at));
                assert!(!query.ordered || last.is_none_or(|l| l < position), "rows out of order");
                last = Some(position);
            }
            rows.extend(out_rows(&batch, &keys[&chunk.shard]));
            seen += batch.num_rows() as u64;
        }
        assert!(seen <= chunk.rows, "{seen} rows of a chunk of at most {}", chunk.rows);
        if chunk.is_exact && matches!(series, SeriesSelection::All) && query.time.covers(&chunk.time) {
            assert_eq!(seen, chunk.rows);
            let times = rows.iter().rev().take(seen as usize).map(|r| r.time);
            assert_eq!((times.clone().min(), times.max()), (Some(chunk.time.start), Some(chunk.time.end)));
        }
    }
    rows.sort();
    rows
}

/// The newest row of each series, through [`TableSnapshot::last_rows`].
pub(super) async fn read_last(snapshot: &TableSnapshot, query: &Query) -> Vec<OutRow> {
    let mut rows = Vec::new();
    for shard in snapshot.shards() {
        let keys = keys_of(snapshot, shard);
        let series = query.t1.as_ref().map(|v| Arc::new(snapshot.series_where(shard, T1, &[v])));
        let request =
            LastRowsRequest { columns: query.columns.clone(), series, batch_rows: query.batch_rows };
        let mut stream = snapshot.last_rows(shard, request);
        while let Some(batch) = stream.next().await {
            rows.extend(out_rows(&batch.unwrap(), &keys));
        }
    }
    rows.sort();
    rows
}

fn out_rows(batch: &RecordBatch, keys: &BTreeMap<u32, Key>) -> Vec<OutRow> {
    let sids = batch.column(0).as_primitive::<UInt32Type>();
    let times = batch.column(1).as_primitive::<Int64Type>();
    let row = |at: usize| OutRow {
        key: keys[&sids.value(at)].clone(),
        time: times.value(at),
        values: (2..batch.num_columns()).map(|c| value(batch.column(c), at)).collect(),
    };
    (0..batch.num_rows()).map(row).collect()
}

fn keys_of(snapshot: &TableSnapshot, shard: ShardId) -> BTreeMap<u32, Key> {
    let all = snapshot.all_series(shard);
    let tags = snapshot.tag_batch(shard, &[T1, T2], None).unwrap();
    let children = snapshot.child_names(shard, &all).unwrap();
    let named = snapshot.table().def.identity == IdentityRule::ChildName;
    let text = |c: usize, at: usize| {
        let c = tags.column(c).as_string_view();
        c.is_valid(at).then(|| c.value(at).to_owned())
    };
    let sids = tags.column(0).as_primitive::<UInt32Type>();
    (0..tags.num_rows())
        .map(|at| {
            let child = named.then(|| children.value(at).to_owned());
            (sids.value(at), Key { child, t1: text(1, at), t2: text(2, at) })
        })
        .collect()
}

fn value(array: &ArrayRef, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(at)),
        DataType::Int32 => Value::Int(i64::from(array.as_primitive::<Int32Type>().value(at))),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(at).to_bits()),
        DataType::Utf8View => Value::Text(array.as_string_view().value(at).to_owned()),
        other => panic!("a column of type {other} left storage"),
    }
}
