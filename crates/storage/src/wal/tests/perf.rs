//! A measurement, not a test: `cargo test -p triglot-storage -- --ignored --nocapture wal::tests::perf`.

use std::time::Instant;

use triglot_disk::RealDisk;

use super::*;

fn batch(rows: usize, columns: usize) -> WalPayload {
    let mut fields: Vec<Field> = physical::key_fields().into();
    fields.extend((0..columns).map(|c| Field::new(format!("c{c}"), DataType::Int64, true)));
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values((0..rows).map(|i| i as u32))),
        Arc::new(Int64Array::from_iter_values((0..rows).map(|i| i as i64 * 10))),
    ];
    let values = |c: usize| Int64Array::from_iter_values((0..rows).map(|i| (i * c) as i64));
    arrays.extend((0..columns).map(|c| Arc::new(values(c)) as ArrayRef));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    WalPayload::Batch { table: TableId(1), schema_version: 1, batch }
}

#[test]
#[ignore = "measurement"]
fn append_5000_rows_of_12_columns() {
    let directory = tempfile::tempdir().unwrap();
    let (payload, n) = (batch(5000, 12), 1000_u64);
    for (name, mode, lz4) in
        [("os", SyncMode::Os, false), ("os+lz4", SyncMode::Os, true), ("always", SyncMode::Always, false)]
    {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::open(directory.path()).unwrap());
        let options = WalOptions { mode, lz4, recycle_max: 4, ..WalOptions::default() };
        let (mut wal, _) = Wal::open(Arc::clone(&disk), name, SHARD, 0, &options).unwrap().finish().unwrap();
        let mut group = wal.new_group();
        let (mut encode, mut commit) = (Duration::ZERO, Duration::ZERO);
        for seq in 1..=n {
            let start = Instant::now();
            group.clear();
            group.push(seq, &payload).unwrap();
            encode += start.elapsed();
            wal.prepare_spare().unwrap();
            let start = Instant::now();
            wal.commit(&mut group).unwrap();
            commit += start.elapsed();
            if seq % 100 == 0 {
                wal.release(seq.saturating_sub(300)).unwrap();
            }
        }
        let start = Instant::now();
        let read =
            Wal::open(disk, name, SHARD, n - 300, &options).unwrap().map(Result::unwrap).count() as u64;
        let replay = start.elapsed();
        println!(
            "{name}: {} bytes, encode {} µs, checksum + write + sync {} µs, replay {} µs a batch",
            group.bytes(),
            encode.as_micros() as u64 / n,
            commit.as_micros() as u64 / n,
            replay.as_micros() as u64 / read.max(1)
        );
    }
}
