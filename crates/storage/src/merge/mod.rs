//! Sorting, folding and merging of rows in the physical schema ([`crate::physical`]).
//!
//! * [`sort_part`] / [`sort_parts`] bring memtable parts into (sid, time[, composite key]) order;
//! * [`fold`] applies the row operations of equal keys to each other;
//! * [`MergeStream`] merges sorted inputs, oldest first, and folds across them;
//! * [`apply_tombstones`] drops deleted rows of one input before it is merged.
//!
//! Folding semantics, oldest row to newest, over `state: Option<Row>`:
//!
//! | operation | no row yet | a row exists |
//! |---|---|---|
//! | `Merge` | the row itself | per column: the new value if non-null or its set bit is given, else the old one |
//! | `Replace` | the row itself | the row itself |
//! | `Delete` | no row | no row |
//! | `InsertIfAbsent` | the row itself | the old row |
//!
//! [`FoldMode::Partial`] composes operations without knowing what older data says: every chain of
//! operations is equal to one operation, or to `InsertIfAbsent` followed by `Merge`, so a key keeps
//! at most two rows.

mod build;
mod core;
mod fold;
mod key;
mod rows;
mod set;
mod sort;
mod stream;
mod tombstone;

#[cfg(test)]
mod tests;

pub use fold::{FoldMode, fold};
pub use rows::Layout;
pub(crate) use rows::{composite_rows, key_slices};
pub use set::{put_bit, set_bit};
pub use sort::{SortedParts, sort_part, sort_parts, sort_parts_in_batches};
pub use stream::{MergeOptions, MergeStream, concat_folded};
pub use tombstone::{Tombstone, apply_tombstones};

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use triglot_model::ErrorKind;

/// Why rows could not be sorted, folded or merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A batch lacks a column that the physical schema demands, or has it with another type or NULLs.
    #[error("column {column} of a row batch {problem}")]
    Column {
        /// Name in the physical schema.
        column: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Two versions of a column have types of which neither widens to the other.
    #[error("column {column} is stored as {one} and as {other}, and neither widens to the other")]
    Types {
        /// Name in the physical schema.
        column: String,
        /// One of the types.
        one: DataType,
        /// The other type.
        other: DataType,
    },
    /// A merge input goes backwards.
    #[error(
        "merge input {input} is not sorted by (series, time): row {row} of a batch is below the row before it"
    )]
    Unsorted {
        /// Position of the input, oldest = 0.
        input: usize,
        /// Row within the batch.
        row: usize,
    },
    /// A row has an operation code that no version of triglot writes.
    #[error("row {row} has the unknown row operation {code}")]
    UnknownOp {
        /// Row within the batch.
        row: usize,
        /// The code found.
        code: u8,
    },
    /// Rows with operations came into a partial merge whose output has no control columns.
    #[error("rows carry operations, but the merge was opened without control columns")]
    UnexpectedControl,
    /// More rows than 32-bit row numbers can name.
    #[error("{rows} rows are more than one sort can take")]
    TooManyRows {
        /// Rows given.
        rows: usize,
    },
    /// An Arrow kernel failed.
    #[error("merging rows: {0}")]
    Arrow(#[from] ArrowError),
}

impl MergeError {
    /// The kind of the failure: rows that break the physical schema are damaged data.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Column { .. } | Self::Types { .. } | Self::Unsorted { .. } | Self::UnknownOp { .. } => {
                ErrorKind::Corrupt
            }
            Self::TooManyRows { .. } => ErrorKind::LimitReached,
            Self::UnexpectedControl | Self::Arrow(_) => ErrorKind::Internal,
        }
    }
}

impl From<MergeError> for ArrowError {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Arrow(error) => error,
            other => Self::ExternalError(Box::new(other)),
        }
    }
}
