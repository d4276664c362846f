use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DatabaseId, Precision, RewriteRule, TenantId};

/// One hour in nanoseconds: the shortest physical bucket.
pub(crate) const MIN_BUCKET_NS: i64 = 3_600_000_000_000;
/// Seven days in nanoseconds: the longest physical bucket.
pub(crate) const MAX_BUCKET_NS: i64 = 7 * 24 * MIN_BUCKET_NS;

/// A database as the catalog holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDef {
    /// Its id, never reused.
    pub id: DatabaseId,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// Its exact name (dialects fold case before they look it up).
    pub name: String,
    /// The unit of its time columns.
    pub precision: Precision,
    /// How long rows are kept, in nanoseconds before now; none = for ever.
    pub retention_ns: Option<i64>,
    /// The dialect's own partition length in nanoseconds (CnosDB `vnode_duration`, TDengine
    /// `DURATION`), none = unbounded. Files are cut by [`DatabaseDef::bucket_ns`], not by this.
    pub partition_ns: Option<i64>,
    /// The rule that new tables take over.
    pub rewrite: RewriteRule,
    /// The dialect's options as text, echoed by SHOW and DESCRIBE.
    pub options: BTreeMap<String, String>,
    /// When a deferred drop (`DROP … AFTER`) takes effect, nanoseconds since the epoch; a database
    /// with this set is hidden from everything but RECOVER.
    pub drop_at_ns: Option<i64>,
}

impl DatabaseDef {
    /// The physical time bucket in nanoseconds: the dialect's partition length clamped to 1 h … 7 d.
    /// A file never spans two buckets, and versions of a row never leave theirs.
    pub fn bucket_ns(&self) -> i64 {
        self.partition_ns.unwrap_or(MAX_BUCKET_NS).clamp(MIN_BUCKET_NS, MAX_BUCKET_NS)
    }
}

/// Names a table from outside: tenant and database by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableKey {
    /// Tenant name.
    pub tenant: String,
    /// Database name.
    pub database: String,
    /// Table name.
    pub table: String,
}
