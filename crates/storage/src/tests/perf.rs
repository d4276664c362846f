//! Figures, not a test: `cargo test -p triglot-storage -- --ignored --nocapture a_million_rows`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Int64Array};
use futures::StreamExt;
use triglot_disk::RealDisk;
use triglot_model::{ColumnId, ColumnKind, ColumnType, IdentityRule, RowOp, ShardId, Sid};

use super::{TABLE, TestEnv, column, key, options, table};
use crate::{
    BatchSeries, ScanRequest, SeriesRef, SeriesSelection, StorageOptions, TableMeta, TimeRange, WriteBatch,
};

const FIELDS: u32 = 10;
const SERIES: u32 = 4000;
const BATCH: usize = 5000;

/// CPU seconds of this process.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Of 0 … 999, without a pattern that an encoding could use.
fn value(seed: u64) -> i64 {
    (xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes()) % 1000) as i64
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "prints figures"]
async fn a_million_rows() {
    let dir = tempfile::tempdir().unwrap();
    let base = table(TABLE, IdentityRule::AllTags);
    let mut def = (*base.def).clone();
    def.columns.truncate(3);
    def.columns
        .extend((0..FIELDS).map(|i| column(3 + i, &format!("f{i}"), ColumnType::I64, ColumnKind::Field)));
    let meta = TableMeta { def: Arc::new(def), bucket: i64::MAX / 2, retention: None };
    let options = StorageOptions {
        memtable_bytes: 4 << 30,
        flush_bytes: 4 << 30,
        wal: Default::default(),
        ..options(1)
    };
    let disk = Arc::new(RealDisk::open(dir.path()).unwrap());
    let mut env = TestEnv::on(disk, None, options, std::slice::from_ref(&meta)).await;
    let keys: Vec<_> = (0..SERIES).map(|s| key(&format!("host-{s}"), Some("region"))).collect();
    let rows = 1_000_000;
    let report = |what: &str, clock: Instant, cpu_before: f64| {
        let took = clock.elapsed().as_secs_f64();
        println!(
            "{what}: {took:.2} s, {:.2} s CPU, {:.0} rows/s",
            cpu() - cpu_before,
            f64::from(rows) / took
        );
    };
    let mut known: Option<(Vec<Sid>, u64)> = None;
    let (clock, before) = (Instant::now(), cpu());
    for start in (0..rows as usize).step_by(BATCH) {
        let of = |f: u64| -> ArrayRef {
            Arc::new((0..BATCH).map(|i| value((start + i) as u64 * 16 + f)).collect::<Int64Array>())
        };
        let (series, epoch) = match &known {
            None => (BatchSeries::Mixed(keys.iter().cloned().map(SeriesRef::Key).collect()), 0),
            Some((sids, epoch)) => (BatchSeries::Known(sids.clone()), *epoch),
        };
        let batch = WriteBatch {
            table: meta.clone(),
            series_epoch: epoch,
            series,
            row_series: (0..BATCH).map(|i| ((start + i) % SERIES as usize) as u32).collect(),
            times: (0..BATCH).map(|i| ((start + i) / SERIES as usize) as i64 * 1_000_000).collect(),
            columns: (0..FIELDS).map(|f| (ColumnId(3 + f), of(u64::from(f)))).collect(),
            op: RowOp::Merge,
            set: None,
        };
        let acks = env.storage.write(ShardId(0), vec![batch]).await.unwrap();
        known.get_or_insert((acks[0].sids.clone(), acks[0].series_epoch));
    }
    report("write", clock, before);
    for what in ["scan of memory", "scan of files"] {
        let (clock, before) = (Instant::now(), cpu());
        let snapshot = env.storage.snapshot(&meta);
        let request = ScanRequest {
            columns: (0..FIELDS).map(|f| ColumnId(3 + f)).collect(),
            time: TimeRange::ALL,
            series: SeriesSelection::All,
            ordered: false,
            batch_rows: 8192,
        };
        let mut seen = 0;
        for chunk in snapshot.chunks(TimeRange::ALL, &SeriesSelection::All) {
            let mut stream = snapshot.scan(&chunk, &request);
            while let Some(batch) = stream.next().await {
                seen += batch.unwrap().num_rows();
            }
        }
        assert_eq!(seen, rows as usize);
        report(what, clock, before);
        let (clock, before) = (Instant::now(), cpu());
        env.storage.flush().await.unwrap();
        report("flush", clock, before);
    }
    println!("{:?}", env.storage.stats());
    let (clock, before) = (Instant::now(), cpu());
    env.restart().await;
    report("restart", clock, before);
}
