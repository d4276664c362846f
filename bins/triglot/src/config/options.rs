//! From configuration to the options of the crates below.

use triglot_model::MemoryShares;
use triglot_model::limits::Limits;
use triglot_storage::wal::{SyncMode, WalOptions};
use triglot_storage::{CompactionOptions, StorageOptions};

use super::machine::cores;
use super::schema::{Config, Wal, WalMode};

/// More shards than this only make files smaller.
const MAX_AUTOMATIC_SHARDS: usize = 8;

impl Config {
    /// The memory budget, split.
    pub(crate) fn memory_shares(&self) -> MemoryShares {
        MemoryShares::of(self.memory.total.bytes())
    }

    /// Threads for queries and background work.
    pub(crate) fn query_threads(&self) -> usize {
        if self.query.threads == 0 { cores() } else { self.query.threads }
    }

    /// Threads that serve connections, for each listener.
    pub(crate) fn workers(&self) -> usize {
        if self.server.workers == 0 { cores() } else { self.server.workers }
    }

    /// Limits on tables and rows.
    pub(crate) fn limits(&self) -> Limits {
        let bytes = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let s = &self.storage;
        Limits {
            max_columns: s.max_columns,
            max_name_bytes: bytes(s.max_name_bytes.0),
            max_tag_bytes: bytes(s.max_tag_bytes.0),
            max_value_bytes: bytes(s.max_value_bytes.0),
            max_series: s.max_series,
            max_tables: s.max_tables,
            max_buckets_per_request: s.max_buckets_per_request,
        }
    }

    /// The storage engine's options.
    pub(crate) fn storage_options(&self) -> StorageOptions {
        let s = &self.storage;
        let shares = self.memory_shares();
        let automatic = u16::try_from(cores().min(MAX_AUTOMATIC_SHARDS)).unwrap_or(1);
        StorageOptions {
            shards: if s.shards == 0 { automatic } else { s.shards },
            wal: wal_options(&self.wal),
            memtable_bytes: shares.memtables,
            max_stall: s.max_stall.0,
            flush_bytes: s.flush_bytes.0,
            flush_interval: s.flush_interval.0,
            series_bytes: shares.series,
            compaction_bytes: shares.compaction,
            cache_bytes: shares.caches,
            compaction: CompactionOptions {
                trigger_files: s.compaction_trigger_files,
                max_inputs: s.compaction_max_inputs,
                max_bytes: s.compaction_max_bytes.0,
                cold_seconds: s.compaction_cold.0.as_secs(),
            },
            background_interval: s.background_interval.0,
            limits: self.limits(),
        }
    }
}

fn wal_options(wal: &Wal) -> WalOptions {
    WalOptions {
        mode: match wal.mode {
            WalMode::Always => SyncMode::Always,
            WalMode::Interval => SyncMode::Interval(wal.interval.0),
            WalMode::Os => SyncMode::Os,
        },
        segment_bytes: wal.segment_bytes.0,
        recycle_max: wal.recycle_max,
        lz4: wal.lz4,
    }
}
