//! Triglot's storage: shard writers over a WAL, columnar memtables, Parquet files, a series index,
//! and `scan()` back to Arrow streams. It knows no SQL, no HTTP and no dialect.

pub mod merge;
pub mod physical;
pub mod series;
pub mod sst;
mod time_range;
pub mod wal;

pub use time_range::TimeRange;
