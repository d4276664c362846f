use std::sync::Arc;

use triglot_disk::DiskError;
use triglot_metalog::MetaLogError;
use triglot_model::{ErrorKind, ShardId, TableId};

use crate::merge::MergeError;
use crate::series::{SeriesError, SeriesKey};
use crate::sst::SstError;
use crate::wal::WalError;

/// What can go wrong in storage. Every variant says where.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The WAL failed or is damaged.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// A data file failed or is damaged.
    #[error(transparent)]
    Sst(#[from] SstError),
    /// The series index refused a change or its snapshot is damaged.
    #[error(transparent)]
    Series(#[from] SeriesError),
    /// Rows could not be sorted or merged.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// The manifest failed or is damaged.
    #[error("manifest of shard {shard}: {source}")]
    Manifest {
        /// The shard.
        shard: ShardId,
        /// What the log says.
        source: MetaLogError,
    },
    /// A manifest record that this version cannot read.
    #[error("manifest of shard {shard}, record {number}: {reason}")]
    ManifestRecord {
        /// The shard.
        shard: ShardId,
        /// The record's number.
        number: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The object store failed.
    #[error("object store: {0}")]
    Store(#[from] object_store::Error),
    /// Arrow refused an operation on columns: a fault of triglot, or hostile data.
    #[error("columns of table {table}: {source}")]
    Columns {
        /// The table.
        table: TableId,
        /// What Arrow says.
        source: arrow::error::ArrowError,
    },
    /// The caller named series by an index state that has changed; resolve them again.
    #[error("the series of table {table} in shard {shard} changed meanwhile")]
    StaleSeries {
        /// The table.
        table: TableId,
        /// The shard.
        shard: ShardId,
    },
    /// Tags cannot be changed so that two series become one.
    #[error("a series of these tags exists already in table {table}")]
    SeriesTaken {
        /// The table.
        table: TableId,
        /// The identity that is taken.
        key: Box<SeriesKey>,
    },
    /// A batch whose columns differ in length or whose ids are unknown.
    #[error("write batch for table {table}: {reason}")]
    BadBatch {
        /// The table.
        table: TableId,
        /// What is wrong.
        reason: String,
    },
    /// Memtables are full and flushing does not keep up.
    #[error("writes are stalled: memtables hold {used} of {share} bytes and flushing does not keep up")]
    Busy {
        /// Bytes in memtables.
        used: u64,
        /// The share of the budget.
        share: u64,
    },
    /// The group that the request was in did not reach the log; nothing of it is stored.
    #[error("WAL of shard {shard}: {source}")]
    Refused {
        /// The shard.
        shard: ShardId,
        /// Why.
        source: Arc<WalError>,
    },
    /// The table was dropped while the request was on its way.
    #[error("table {table} was dropped")]
    TableDropped {
        /// The table.
        table: TableId,
    },
    /// The series index is full.
    #[error("more than {limit} series")]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// The series index has no memory left for another series.
    #[error("the series index takes {used} of its {share} bytes of memory")]
    SeriesMemory {
        /// Bytes of the index.
        used: u64,
        /// The share of the budget.
        share: u64,
    },
    /// The node is stopping.
    #[error("storage is shutting down")]
    ShuttingDown,
    /// The data directory was made with other settings that are fixed at creation.
    #[error("data directory was made with {found} shards, the configuration says {wanted}")]
    ShardCount {
        /// What the directory has.
        found: u16,
        /// What was asked for.
        wanted: u16,
    },
    /// A background task died.
    #[error("background task of shard {shard} failed: {reason}")]
    Background {
        /// The shard.
        shard: ShardId,
        /// Why.
        reason: String,
    },
}

impl StorageError {
    /// One failed group is told to all who were in it.
    pub(crate) fn refused(shard: ShardId, source: &Arc<WalError>) -> Self {
        Self::Refused { shard, source: Arc::clone(source) }
    }

    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Wal(e) => e.kind(),
            Self::Refused { source, .. } => source.kind(),
            Self::Sst(e) => e.kind(),
            Self::Series(e) => e.kind(),
            Self::Merge(e) => e.kind(),
            Self::Disk(e) if e.is_full() => ErrorKind::DiskFull,
            Self::Store(e) if store_is_full(e) => ErrorKind::DiskFull,
            Self::Manifest { source, .. } => source.kind(),
            Self::ManifestRecord { .. } | Self::ShardCount { .. } => ErrorKind::Corrupt,
            Self::TableDropped { .. } => ErrorKind::TableNotFound,
            Self::Disk(_) | Self::Store(_) | Self::Background { .. } => ErrorKind::Internal,
            Self::Columns { .. } | Self::BadBatch { .. } => ErrorKind::Internal,
            Self::StaleSeries { .. } | Self::Busy { .. } => ErrorKind::Busy,
            Self::SeriesTaken { .. } => ErrorKind::SeriesExists,
            Self::TooManySeries { .. } | Self::SeriesMemory { .. } => ErrorKind::LimitReached,
            Self::ShuttingDown => ErrorKind::ShuttingDown,
        }
    }
}

/// Whether the disk behind an object store has no space left.
pub(crate) fn store_is_full(error: &object_store::Error) -> bool {
    match error {
        object_store::Error::Generic { source, .. } => {
            source.downcast_ref::<DiskError>().is_some_and(DiskError::is_full)
        }
        _ => false,
    }
}
