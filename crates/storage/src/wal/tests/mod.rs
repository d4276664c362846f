//! Helpers of the WAL's tests. All run on `SimDisk`.

mod crash;
mod damage;
mod fuzz;
mod golden;
mod perf;
mod segments;

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use triglot_disk::{Disk, OpenMode, SimDisk};
use triglot_model::{ColumnId, ShardId, Sid, TableId};

use super::*;
use crate::physical;

const DIR: &str = "wal/3";
const SHARD: ShardId = ShardId(3);

fn options(mode: SyncMode) -> WalOptions {
    WalOptions { mode, segment_bytes: 16 << 10, recycle_max: 2, lz4: false }
}

fn start(disk: &SimDisk, released: u64, options: &WalOptions) -> Result<Replay, WalError> {
    Wal::open(Arc::new(disk.clone()), DIR, SHARD, released, options)
}

type Recovered = (Wal, Vec<(u64, WalPayload)>, RecoverySummary);

/// Recovers the whole log.
fn open_with(disk: &SimDisk, released: u64, options: &WalOptions) -> Result<Recovered, WalError> {
    let mut replay = start(disk, released, options)?;
    let records = replay.by_ref().collect::<Result<Vec<_>, _>>()?;
    let (wal, summary) = replay.finish()?;
    Ok((wal, records, summary))
}

fn open(disk: &SimDisk) -> Result<Recovered, WalError> {
    open_with(disk, 0, &options(SyncMode::Always))
}

/// A record of about `bytes` bytes whose content depends on `seq`.
fn text(seq: u64, bytes: usize) -> WalPayload {
    let text: String = (0..bytes).map(|i| char::from(b'a' + ((seq as usize * 7 + i) % 26) as u8)).collect();
    WalPayload::SetTags {
        table: TableId(7),
        entries: vec![(Sid(seq as u32), vec![(ColumnId(1), Some(text.into())), (ColumnId(2), None)])],
    }
}

fn append(wal: &mut Wal, seq: u64, bytes: usize) -> Result<Appended, WalError> {
    wal.append(&[Record { seq, payload: &text(seq, bytes) }])
}

/// Rows with a text column with NULLs.
fn rows(first: i64, n: i64) -> WalPayload {
    let batch = RecordBatch::try_new(
        Arc::new(Schema::new(vec![
            Field::new(physical::SID, DataType::UInt32, false),
            Field::new(physical::TIME, DataType::Int64, false),
            Field::new("c4", DataType::Int64, true),
            Field::new("c9", DataType::Utf8, true),
        ])),
        vec![
            Arc::new(UInt32Array::from_iter_values((0..n).map(|i| i as u32 % 5))) as ArrayRef,
            Arc::new(Int64Array::from_iter_values(first..first + n)),
            Arc::new(Int64Array::from_iter((0..n).map(|i| (i % 3 != 0).then_some(i * first)))),
            Arc::new(StringArray::from_iter((0..n).map(|i| (i % 4 != 1).then(|| format!("v{i}"))))),
        ],
    )
    .unwrap();
    WalPayload::Batch { table: TableId(5), schema_version: 2, batch }
}

fn seqs(records: &[(u64, WalPayload)]) -> Vec<u64> {
    records.iter().map(|(seq, _)| *seq).collect()
}

/// Names of segment files.
fn segment_files(disk: &SimDisk) -> Vec<String> {
    let names = disk.list(DIR).unwrap().into_iter().map(|e| e.name);
    names.filter(|n| n.ends_with(".wal")).collect()
}

fn read_file(disk: &SimDisk, path: &str) -> Vec<u8> {
    let mut bytes = vec![0; disk.len(path).unwrap() as usize];
    disk.open(path, OpenMode::Read).unwrap().read_exact_at(0, &mut bytes).unwrap();
    bytes
}

/// Flips the bits of one byte on the platter.
fn flip(disk: &SimDisk, path: &str, offset: u64) {
    let file = disk.open(path, OpenMode::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_exact_at(offset, &mut byte).unwrap();
    file.write_at(offset, &[!byte[0]]).unwrap();
    file.sync_data().unwrap();
}
