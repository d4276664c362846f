use arrow::datatypes::DataType;
use object_store::path::Path;
use parquet::errors::ParquetError;
use triglot_model::{ErrorKind, TableId};

use crate::merge::MergeError;

/// What can go wrong with a data file. Every variant about a file names it.
#[derive(Debug, thiserror::Error)]
pub enum SstError {
    /// The object store failed.
    #[error("data file {path}: {source}")]
    Store {
        /// The file.
        path: Path,
        /// What the store says.
        source: object_store::Error,
    },
    /// The bytes are not what was written.
    #[error("data file {path} is damaged at {place}: {reason}")]
    Damaged {
        /// The file.
        path: Path,
        /// Offset and, for pages, column and row group.
        place: String,
        /// What was found.
        reason: String,
    },
    /// The file has another format than this version reads.
    #[error("data file {path} has format '{found}'; this version reads format 1")]
    Format {
        /// The file.
        path: Path,
        /// What its footer says.
        found: String,
    },
    /// A stored column cannot be read as the type that the table has now.
    #[error(
        "data file {path}: column {column} is stored as {stored} and cannot be read as {wanted}: {reason}"
    )]
    Type {
        /// The file.
        path: Path,
        /// Name in the physical schema.
        column: String,
        /// Type in the file.
        stored: DataType,
        /// Type asked for.
        wanted: DataType,
        /// Why not.
        reason: String,
    },
    /// Rows given to the writer are not sorted.
    #[error("rows for data file {path} are not sorted at row {row}")]
    Unsorted {
        /// The file being written.
        path: Path,
        /// Row within the file.
        row: u64,
    },
    /// Batches given to the writer differ in their schema.
    #[error("rows for data file {path} of table {table} change their columns at row {row}")]
    SchemaChange {
        /// The file being written.
        path: Path,
        /// The table.
        table: TableId,
        /// Row within the file.
        row: u64,
    },
    /// Encoding failed.
    #[error("encoding data file {path}: {source}")]
    Encode {
        /// The file being written.
        path: Path,
        /// What the encoder says.
        source: ParquetError,
    },
    /// The blocking pool is gone: the process is stopping.
    #[error("encoding data file {path} was interrupted: {reason}")]
    Interrupted {
        /// The file being written.
        path: Path,
        /// Why.
        reason: String,
    },
    /// Rows that break the physical schema, or a failed Arrow kernel.
    #[error(transparent)]
    Rows(#[from] MergeError),
}

impl SstError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Damaged { .. } | Self::Format { .. } | Self::Type { .. } => ErrorKind::Corrupt,
            Self::Rows(e) => e.kind(),
            Self::Store { source, .. } if crate::error::store_is_full(source) => ErrorKind::DiskFull,
            Self::Store { .. } | Self::Unsorted { .. } | Self::SchemaChange { .. } | Self::Encode { .. } => {
                ErrorKind::Internal
            }
            Self::Interrupted { .. } => ErrorKind::ShuttingDown,
        }
    }

    pub(super) fn store(path: &Path, source: object_store::Error) -> Self {
        Self::Store { path: path.clone(), source }
    }

    pub(super) fn damaged(path: &Path, place: impl Into<String>, reason: impl ToString) -> Self {
        Self::Damaged { path: path.clone(), place: place.into(), reason: reason.to_string() }
    }

    pub(super) fn encode(path: &Path, source: ParquetError) -> Self {
        Self::Encode { path: path.clone(), source }
    }
}
