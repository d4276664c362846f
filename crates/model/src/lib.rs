//! The data model that every triglot crate shares: ids, names, column types, table definitions,
//! row operations, limits, error kinds and the clock. It does no I/O and knows no dialect's wire
//! format; what differs between dialects is *data* here (identity rule, rewrite rule, declared type).
//!
//! `Tenant → Database → Table → Series → Row`. See `docs/ARCHITECTURE.md` and `docs/data-model.md`.

mod clock;
mod column_type;
mod database;
mod error;
mod external;
pub mod hex;
mod ids;
mod keyed;
pub mod limits;
mod memory;
mod precision;
mod rows;
mod table;

pub use clock::{Clock, ManualClock, SystemClock};
pub use column_type::{ColumnType, GeomEncoding, LengthUnit};
pub use database::{DatabaseDef, TableKey};
pub use error::{ErrorKind, Refusal, Retry};
pub use external::{
    ExternalTableDef, FileColumn, FileCompression, FileFormat, FileOptions, FileTimeUnit, FileType,
    UnsupportedFileType,
};
pub use ids::{ColumnId, DatabaseId, RoleId, ShardId, Sid, TableId, TenantId, UserId};
pub use keyed::{KEYED_OPTION, KeyedDef, UniqueKey, UnreadableKeys};
pub use memory::{MemoryShares, Pressure};
pub use precision::{Precision, TimestampOverflow};
pub use rows::{IdentityRule, RewriteRule, RowOp};
pub use table::{ColumnDef, ColumnKind, RETENTION_OPTION, SchemaError, TableDef};
