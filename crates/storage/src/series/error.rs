use arrow::error::ArrowError;
use triglot_model::{ColumnId, ErrorKind, Sid};

/// Why the series index refuses a key, a change or a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The table's series are named by child table, and the key has no child name.
    #[error("the series has no child table name")]
    MissingChild,
    /// A primary tag is NULL.
    #[error("primary tag c{column} of the series is NULL")]
    MissingPrimaryTag {
        /// The tag.
        column: ColumnId,
    },
    /// The tags of a key are not strictly ascending by column id (see [`super::SeriesKey::new`]).
    #[error("the tags of a series key are not in ascending order at c{column}")]
    UnsortedTags {
        /// The first tag out of order.
        column: ColumnId,
    },
    /// Primary tags never change.
    #[error("primary tag c{column} cannot be changed")]
    PrimaryTagChange {
        /// The tag.
        column: ColumnId,
    },
    /// A series with this identity exists.
    #[error("a series with this identity exists already (sid {sid})")]
    SeriesExists {
        /// That series.
        sid: Sid,
    },
    /// The sid belongs to a series of another identity: the log contradicts the index.
    #[error("sid {sid} belongs to another series")]
    SidTaken {
        /// The sid.
        sid: Sid,
    },
    /// No such series, or it was removed.
    #[error("no series with sid {sid}")]
    NoSuchSeries {
        /// The sid.
        sid: Sid,
    },
    /// All sids of this (table, shard) are used up; they are never reused.
    #[error("all 2^32 - 1 series numbers of the table in this shard are used up")]
    SidsUsedUp,
    /// A snapshot is damaged.
    #[error("series snapshot part {part}: {reason}")]
    Snapshot {
        /// Which of the parts given to `load`, from 0.
        part: usize,
        /// What is wrong.
        reason: String,
    },
    /// A snapshot of a format that this version does not know (M-5).
    #[error("series snapshot part {part} has unknown format {found:?}")]
    SnapshotFormat {
        /// Which of the parts given to `load`, from 0.
        part: usize,
        /// What stands in its metadata.
        found: String,
    },
    /// Arrow refused to build an array or file.
    #[error("series index: {0}")]
    Arrow(#[from] ArrowError),
}

impl SeriesError {
    /// The stable kind.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::MissingChild | Self::MissingPrimaryTag { .. } => ErrorKind::ValueOutOfRange,
            Self::PrimaryTagChange { .. } => ErrorKind::InvalidSchema,
            Self::SeriesExists { .. } => ErrorKind::SeriesExists,
            Self::SidsUsedUp => ErrorKind::LimitReached,
            Self::SidTaken { .. } | Self::Snapshot { .. } | Self::SnapshotFormat { .. } => ErrorKind::Corrupt,
            Self::UnsortedTags { .. } | Self::NoSuchSeries { .. } | Self::Arrow(_) => ErrorKind::Internal,
        }
    }
}
