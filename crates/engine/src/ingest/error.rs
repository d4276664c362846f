use triglot_auth::Denied;
use triglot_model::{ColumnType, ErrorKind, TimestampOverflow};

/// What a column is, for messages about clashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnShape {
    /// The time column.
    Time,
    /// A tag.
    Tag,
    /// A field of this type.
    Field(ColumnType),
}

/// Why rows are refused before anything of their request is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// A value or tag does not suit the column of that name.
    #[error("column {column} of table {table}: found {found:?}, expected {expected:?}")]
    TypeConflict {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What was written.
        found: ColumnShape,
        /// What the column is.
        expected: ColumnShape,
        /// Whether the clash is between two rows of this request, not with the table.
        within_request: bool,
    },
    /// The table does not exist and is not to be made.
    #[error("table {table} does not exist")]
    TableNotFound {
        /// The table.
        table: String,
    },
    /// The column does not exist and is not to be made.
    #[error("column {column} of table {table} does not exist")]
    ColumnNotFound {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value outside the range of the column's type.
    #[error("a value of column {column} of table {table} is out of the range of {ty:?}")]
    OutOfRange {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The type.
        ty: ColumnType,
    },
    /// Text or bytes longer than declared or than the limit.
    #[error("a value of column {column} of table {table} is longer than {max}")]
    TooLong {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The longest allowed (in the column's unit, or bytes for the general limit).
        max: usize,
    },
    /// The time does not fit the table's precision.
    #[error(transparent)]
    Timestamp(#[from] TimestampOverflow),
    /// The row is older than the retention of its table, or of its database.
    #[error("time {time} of table {table} is older than the retention")]
    Expired {
        /// The table.
        table: String,
        /// The time, in the table's precision.
        time: i64,
    },
    /// The last instant of all, which no time bucket can hold whole.
    #[error("time {time} of table {table} is at the end of the representable range")]
    EndOfTime {
        /// The table.
        table: String,
        /// The time, in the table's precision.
        time: i64,
    },
    /// The row has no field.
    #[error("a row of table {table} has no field")]
    NoField {
        /// The table.
        table: String,
    },
    /// A tag that the table's identity demands is missing.
    #[error("table {table} needs the tag {tag}")]
    MissingTag {
        /// The table.
        table: String,
        /// The tag.
        tag: String,
    },
    /// More columns or time buckets than one request may touch.
    #[error("table {table}: more than {limit} {what} in one request")]
    Limit {
        /// The table.
        table: String,
        /// What is counted.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Text that is no geometry, or one of another kind than the column's.
    #[error("column {column} of table {table}: {reason}")]
    Geometry {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What is wrong with the text.
        reason: String,
    },
    /// The user may not add rows to the table, or not make it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller broke the order begin → field → end.
    #[error("no row has been begun")]
    NoRow,
}

impl IngestError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::TypeConflict { .. } | Self::NoField { .. } | Self::MissingTag { .. } => {
                ErrorKind::TypeMismatch
            }
            Self::TableNotFound { .. } => ErrorKind::TableNotFound,
            Self::ColumnNotFound { .. } => ErrorKind::ColumnNotFound,
            Self::OutOfRange { .. } | Self::Geometry { .. } => ErrorKind::ValueOutOfRange,
            Self::TooLong { .. } => ErrorKind::LengthExceeded,
            Self::Timestamp(_) | Self::Expired { .. } | Self::EndOfTime { .. } => ErrorKind::TimeOutOfRange,
            Self::Limit { .. } => ErrorKind::LimitReached,
            Self::Denied(_) => ErrorKind::Denied,
            Self::NoRow => ErrorKind::Internal,
        }
    }
}
