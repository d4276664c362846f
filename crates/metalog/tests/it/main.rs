//! Tests of triglot-metalog on the simulated disk: one binary.

mod behaviour;
mod crash;
mod damage;

use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use triglot_disk::{Disk, DiskStore, DiskStoreOptions, OpenMode, SimDisk};
use triglot_metalog::{MetaLog, MetaLogError, MetaLogOptions, RecordFlags, Replay};

fn store(disk: &SimDisk) -> Arc<dyn ObjectStore> {
    let options = DiskStoreOptions { inline_reads: true };
    Arc::new(DiskStore::open(Arc::new(disk.clone()), options).unwrap())
}

fn prefix() -> Path {
    Path::from("shards/0/manifest")
}

async fn try_open(disk: &SimDisk) -> Result<(MetaLog, Replay), MetaLogError> {
    MetaLog::open(store(disk), prefix(), MetaLogOptions::default()).await
}

async fn open(disk: &SimDisk) -> (MetaLog, Replay) {
    try_open(disk).await.unwrap()
}

async fn append(log: &MetaLog, text: &str) -> u64 {
    log.append(7, RecordFlags::NONE, Bytes::copy_from_slice(text.as_bytes())).await.unwrap()
}

fn texts(replay: &Replay) -> Vec<String> {
    replay.records.iter().map(|r| String::from_utf8(r.payload.to_vec()).unwrap()).collect()
}

/// Names in a directory of the log.
fn names(disk: &SimDisk, dir: &str) -> Vec<String> {
    disk.list(&format!("{}/{dir}", prefix()))
        .map(|found| found.into_iter().map(|e| e.name).collect())
        .unwrap_or_default()
}

fn record_key(number: u64) -> String {
    format!("{}/log/{number:020}.rec", prefix())
}

fn checkpoint_key(number: u64) -> String {
    format!("{}/checkpoint/{number:020}.ckp", prefix())
}

/// Flips the bits of one byte of a file.
fn spoil(disk: &SimDisk, key: &str, offset: u64) {
    let file = disk.open(key, OpenMode::ReadWrite).unwrap();
    let mut byte = [0];
    file.read_exact_at(offset, &mut byte).unwrap();
    file.write_at(offset, &[!byte[0]]).unwrap();
}
