//! Triglot's storage: shard writers over a WAL, columnar memtables, Parquet files, a series index,
//! and `scan()` back to Arrow streams. It knows no SQL, no HTTP and no dialect.
//!
//! [`Storage`] is the way in. A write goes `Storage::write` → queue → shard writer thread (WAL,
//! fsync) → memtable; a read goes `Storage::snapshot` → [`TableSnapshot::chunks`] →
//! [`TableSnapshot::scan`]. Invariants W-1 … W-5, M-1 … M-7, R-1, R-2 and S-1 are those of
//! `docs/ARCHITECTURE.md`.

mod budget;
mod error;
mod file;
mod manifest;
mod memtable;
pub mod merge;
mod newest;
mod options;
pub mod physical;
mod retag;
mod routes;
mod scan;
pub mod series;
mod series_budget;
mod shard;
mod snapshot;
pub mod sst;
mod storage;
#[cfg(test)]
mod tests;
mod time_range;
pub mod wal;
mod write;

pub use error::StorageError;
pub use merge::Tombstone;
pub use newest::LastRowsRequest;
pub use options::{CompactionOptions, StorageOptions, TableMeta, Tables};
pub use roaring::RoaringBitmap;
pub use scan::{RowStream, ScanRequest};
pub use series::SeriesKey;
pub use shard::open::RecoveryReport;
pub use snapshot::{ChunkRef, SeriesSelection, TableSnapshot};
pub use storage::{Storage, StorageStats};
pub use time_range::TimeRange;
pub use write::{BatchSeries, DeleteFilter, SeriesRef, TagChange, WriteAck, WriteBatch};
