use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use triglot_model::limits::Limits;
use triglot_model::{TableDef, TableId};

use crate::wal::WalOptions;

/// A table as storage needs it: its definition and the database's settings in the table's own
/// time unit.
#[derive(Clone, Debug)]
pub struct TableMeta {
    /// The definition.
    pub def: Arc<TableDef>,
    /// Length of a physical time bucket in the table's precision. Fixed for a table once it has
    /// files: a later change is ignored, so that all versions of a row stay in one bucket.
    pub bucket: i64,
    /// How long rows are kept, in the table's precision.
    pub retention: Option<i64>,
}

/// Where storage looks up tables during recovery and background work. The engine implements it
/// over the catalog.
pub trait Tables: Send + Sync + Debug + 'static {
    /// The table, or none if it does not exist (any more).
    fn table(&self, id: TableId) -> Option<TableMeta>;
}

/// Settings of the storage engine.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// Shards, each with a WAL and a writer thread of its own. Fixed when the data directory is made.
    pub shards: u16,
    /// The write-ahead log.
    pub wal: WalOptions,
    /// Bytes for rows not yet flushed, all shards together (the memtable share of the budget).
    pub memtable_bytes: u64,
    /// How long a write waits for memory before it is refused.
    pub max_stall: Duration,
    /// A shard's memtables are flushed when they hold this many bytes.
    pub flush_bytes: u64,
    /// A shard's memtables are flushed when their oldest row is this old.
    pub flush_interval: Duration,
    /// Bytes for the series index, all tables together: above it no series is made.
    pub series_bytes: u64,
    /// Bytes that all compactions together may hold.
    pub compaction_bytes: u64,
    /// Bytes for footers with their page indexes, and for decoded blocks: half for each.
    pub cache_bytes: u64,
    /// Compaction.
    pub compaction: CompactionOptions,
    /// How often retention, compaction and sweeps look for work.
    pub background_interval: Duration,
    /// Limits on series and batches.
    pub limits: Limits,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self {
            shards: 1,
            wal: WalOptions::default(),
            memtable_bytes: 512 << 20,
            max_stall: Duration::from_secs(5),
            flush_bytes: 128 << 20,
            flush_interval: Duration::from_secs(60),
            series_bytes: 512 << 20,
            compaction_bytes: 128 << 20,
            cache_bytes: 256 << 20,
            compaction: CompactionOptions::default(),
            background_interval: Duration::from_secs(1),
            limits: Limits::default(),
        }
    }
}

/// When files of a bucket are merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CompactionOptions {
    /// Merge when this many files of similar size lie side by side (2 …).
    pub trigger_files: usize,
    /// Files in one merge, at most.
    pub max_inputs: usize,
    /// Bytes of one merge's inputs, at most.
    pub max_bytes: u64,
    /// A bucket that got no new file for this many seconds is merged down to one file.
    pub cold_seconds: u64,
}

impl Default for CompactionOptions {
    fn default() -> Self {
        Self { trigger_files: 4, max_inputs: 32, max_bytes: 1 << 30, cold_seconds: 600 }
    }
}
