//! Data files that are pinned while anybody reads them (M-2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use object_store::path::Path;
use tokio::sync::mpsc;
use triglot_model::{ShardId, TableId};

use crate::sst::FileMeta;

/// Where a data file lies.
pub(crate) fn data_path(shard: ShardId, table: TableId, bucket_start: i64, file_id: u64) -> Path {
    Path::from(format!("shards/{shard}/data/{table}/{bucket_start}/{file_id}.parquet"))
}

/// Where a series snapshot lies.
pub(crate) fn series_path(shard: ShardId, table: TableId, file_id: u64) -> Path {
    Path::from(format!("shards/{shard}/series/{table}/{file_id}.arrow"))
}

/// Takes the paths of files that nobody names or reads any more.
#[derive(Debug, Clone)]
pub(crate) struct Reaper(mpsc::UnboundedSender<Path>);

impl Reaper {
    /// A reaper and the queue that a background task empties.
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Path>) {
        let (tx, rx) = mpsc::unbounded_channel();
        (Self(tx), rx)
    }

    /// Hands over a path to be deleted. If the storage has stopped, the next open sweeps it.
    pub(crate) fn bury(&self, path: Path) {
        let _ = self.0.send(path);
    }
}

/// A data file that the manifest lists or a snapshot pins. It is deleted when both are over: the
/// last `Arc` of a doomed file hands its path to the [`Reaper`].
#[derive(Debug)]
pub(crate) struct DataFile {
    pub(crate) meta: FileMeta,
    pub(crate) path: Path,
    /// When this process first saw it (clock, ns): a bucket without recent files is cold.
    pub(crate) since_ns: i64,
    /// Deletions up to this sequence number were found too few to write the file again for them.
    pub(crate) weighed: AtomicU64,
    doomed: AtomicBool,
    reaper: Reaper,
}

impl DataFile {
    pub(crate) fn new(shard: ShardId, meta: FileMeta, since_ns: i64, reaper: Reaper) -> Arc<Self> {
        let path = data_path(shard, meta.table, meta.bucket_start, meta.file_id);
        let (weighed, doomed) = (AtomicU64::new(0), AtomicBool::new(false));
        Arc::new(Self { meta, path, since_ns, weighed, doomed, reaper })
    }

    /// To be called when no durable manifest names the file any more.
    pub(crate) fn doom(&self) {
        self.doomed.store(true, Ordering::Release);
    }
}

impl Drop for DataFile {
    fn drop(&mut self) {
        if self.doomed.load(Ordering::Acquire) {
            self.reaper.bury(self.path.clone());
        }
    }
}
