use serde::{Deserialize, Serialize};
use triglot_model::TableId;

use crate::TimeRange;

/// What the manifest knows about a data file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileMeta {
    /// Number of the file within its shard.
    pub file_id: u64,
    /// Its table.
    pub table: TableId,
    /// Rows, at least one.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// Lowest sid.
    pub sid_min: u32,
    /// Highest sid.
    pub sid_max: u32,
    /// Earliest and latest time.
    pub time: TimeRange,
    /// Lowest WAL sequence number of its rows.
    pub seq_min: u64,
    /// Highest WAL sequence number of its rows.
    pub seq_max: u64,
    /// Whether any row has another operation than a plain `Merge`, or an explicit NULL.
    pub has_ops: bool,
    /// Whether any key has several rows.
    pub has_duplicate_keys: bool,
    /// Compactions behind it: 0 = flushed.
    pub level: u8,
    /// Start of its time bucket.
    pub bucket_start: i64,
}

/// Frozen form of [`FileMeta`] in manifest records (M-4): never change a field, add a V2 instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of FileMeta")]
pub struct FileMetaV1 {
    pub file_id: u64,
    pub table: u32,
    pub rows: u64,
    pub bytes: u64,
    pub sid_min: u32,
    pub sid_max: u32,
    pub time_start: i64,
    pub time_end: i64,
    pub seq_min: u64,
    pub seq_max: u64,
    pub has_ops: bool,
    pub has_duplicate_keys: bool,
    pub level: u8,
    pub bucket_start: i64,
}

impl From<FileMeta> for FileMetaV1 {
    fn from(m: FileMeta) -> Self {
        Self {
            file_id: m.file_id,
            table: m.table.0,
            rows: m.rows,
            bytes: m.bytes,
            sid_min: m.sid_min,
            sid_max: m.sid_max,
            time_start: m.time.start,
            time_end: m.time.end,
            seq_min: m.seq_min,
            seq_max: m.seq_max,
            has_ops: m.has_ops,
            has_duplicate_keys: m.has_duplicate_keys,
            level: m.level,
            bucket_start: m.bucket_start,
        }
    }
}

impl From<FileMetaV1> for FileMeta {
    fn from(m: FileMetaV1) -> Self {
        Self {
            file_id: m.file_id,
            table: TableId(m.table),
            rows: m.rows,
            bytes: m.bytes,
            sid_min: m.sid_min,
            sid_max: m.sid_max,
            time: TimeRange { start: m.time_start, end: m.time_end },
            seq_min: m.seq_min,
            seq_max: m.seq_max,
            has_ops: m.has_ops,
            has_duplicate_keys: m.has_duplicate_keys,
            level: m.level,
            bucket_start: m.bucket_start,
        }
    }
}
