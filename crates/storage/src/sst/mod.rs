//! Data files: Parquet in the physical schema ([`crate::physical`]), sorted by
//! (sid, time[, composite key]).
//!
//! Beside what any Parquet reader understands, the footer's key-value metadata carries
//!
//! | key | value |
//! |---|---|
//! | `triglot.format` | `1` |
//! | `triglot.table`, `triglot.schema_version` | table id, version of its definition |
//! | `triglot.seq_min`, `triglot.seq_max` | range of WAL sequence numbers |
//! | `triglot.rows` | `plain`, or a list of `ops` (row operations inside) and `duplicates` (equal keys inside) |
//! | `triglot.runs` | the series run index: which rows belong to which sid ([`RunIndex`]) |
//! | `triglot.pages` | CRC-32C of every page |
//! | `triglot.tail` | where the pages end, and the CRC-32C of everything behind them |
//!
//! so that a reader finds the rows of a series without decoding `__sid`, and never parses or
//! decodes bytes that are not the ones written. [`write()`] makes files, [`SstReader`] reads them,
//! [`MetaCache`] keeps parsed footers and
//! the decoded columns of narrow reads.

mod blocks;
mod cache;
mod checksum;
mod encode;
mod error;
mod footer;
mod lru;
mod meta;
mod plan;
mod read;
mod runs;
mod tails;
mod write;

#[cfg(test)]
mod tests;

pub use cache::MetaCache;
pub use error::SstError;
pub use meta::{FileMeta, FileMetaV1};
pub use read::{ColumnStatistics, ReadRequest, SstReader};
pub use runs::RunIndex;
pub(crate) use write::ROW_GROUP_ROWS;
pub use write::{SstWriteOptions, write};

/// Footer keys.
mod keys {
    pub(super) const FORMAT: &str = "triglot.format";
    pub(super) const TABLE: &str = "triglot.table";
    pub(super) const SCHEMA_VERSION: &str = "triglot.schema_version";
    pub(super) const SEQ_MIN: &str = "triglot.seq_min";
    pub(super) const SEQ_MAX: &str = "triglot.seq_max";
    pub(super) const ROWS: &str = "triglot.rows";
    pub(super) const RUNS: &str = "triglot.runs";
    pub(super) const PAGES: &str = "triglot.pages";
    pub(super) const TAIL: &str = "triglot.tail";
    /// The format that this code writes, and the only one that it reads.
    pub(super) const FORMAT_1: &str = "1";
    /// `triglot.rows` of a file with one plain row a key.
    pub(super) const PLAIN: &str = "plain";
}
