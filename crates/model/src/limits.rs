//! Every limit that protects the node, in one place, with its default and configuration key.

use serde::{Deserialize, Serialize};

/// Limits on what one table, row or request may hold. All are checked before anything is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Columns of one table, time and tags included (`storage.max_columns`).
    pub max_columns: usize,
    /// Bytes of a database, table or column name (`storage.max_name_bytes`).
    pub max_name_bytes: usize,
    /// Bytes of one tag value (`storage.max_tag_bytes`).
    pub max_tag_bytes: usize,
    /// Bytes of one string or binary field value (`storage.max_value_bytes`).
    pub max_value_bytes: usize,
    /// Series on the node, about 200 bytes of memory each (`storage.max_series`).
    pub max_series: usize,
    /// Tables on the node (`storage.max_tables`).
    pub max_tables: usize,
    /// Distinct time buckets that one request may write to in one table (`storage.max_buckets_per_request`).
    pub max_buckets_per_request: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_columns: 4096,
            max_name_bytes: 1024,
            max_tag_bytes: 64 * 1024,
            max_value_bytes: 16 * 1024 * 1024,
            max_series: 20_000_000,
            max_tables: 100_000,
            max_buckets_per_request: 4096,
        }
    }
}
