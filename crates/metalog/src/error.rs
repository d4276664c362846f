use object_store::path::Path;
use triglot_disk::DiskError;
use triglot_model::ErrorKind;

/// Why a metadata log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetaLogError {
    /// Record `number` was taken by another writer (or by an append of ours whose outcome was
    /// unknown). Nothing was written: reload, then decide again, or refuse (M-7).
    #[error("metadata log '{prefix}': record {number} was already written by another owner")]
    Conflict {
        /// The log.
        prefix: Path,
        /// The number that this writer wanted.
        number: u64,
    },
    /// A file is not what its name and checksum promise.
    #[error("damaged metadata file '{key}' at offset {offset}: expected {expected}, found {found}{hint}")]
    Damaged {
        /// The file.
        key: Path,
        /// Where in the file, in bytes.
        offset: u64,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
        /// What can be done; empty or starts with "; ".
        hint: String,
    },
    /// The file was written by a newer triglot.
    #[error("metadata file '{key}' at offset {offset}: {what} is not known to this version of triglot")]
    Unsupported {
        /// The file.
        key: Path,
        /// Where in the file, in bytes.
        offset: u64,
        /// The unknown thing.
        what: String,
    },
    /// Records are missing in the middle or at the start.
    #[error(
        "metadata log '{prefix}': record {expected} is missing, the next one found is {found}; run `triglot repair`"
    )]
    Gap {
        /// The log.
        prefix: Path,
        /// First missing number.
        expected: u64,
        /// The next number that is there.
        found: u64,
    },
    /// A file whose name is not one of ours lies among the log's files.
    #[error("'{key}' does not belong into a metadata log; move it away or run `triglot repair`")]
    UnexpectedFile {
        /// The file.
        key: Path,
    },
    /// A payload above [`MAX_PAYLOAD`](crate::MAX_PAYLOAD). Nothing was written.
    #[error("metadata log '{prefix}': a payload of {len} bytes is above the limit of {max}")]
    TooLarge {
        /// The log.
        prefix: Path,
        /// Bytes given.
        len: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The store failed. After a failed append the record may or may not exist; the next append
    /// finds out (it succeeds, or answers `Conflict`).
    #[error("cannot {op} metadata file '{key}': {source}")]
    Store {
        /// File or directory.
        key: Path,
        /// What was being done.
        op: &'static str,
        /// The store's error.
        source: object_store::Error,
    },
}

impl MetaLogError {
    pub(crate) fn store(op: &'static str, key: &Path) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::Store { key: key.clone(), op, source }
    }

    /// The disk below has no space left.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Store { source: object_store::Error::Generic { source, .. }, .. } => {
                source.downcast_ref::<DiskError>().is_some_and(DiskError::is_full)
            }
            _ => false,
        }
    }

    /// The content of the store is wrong (as opposed to: could not be reached).
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::Unsupported { .. } | Self::Gap { .. } | Self::UnexpectedFile { .. }
        )
    }

    /// The stable kind that dialects map to their own codes.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Conflict { .. } => ErrorKind::Busy,
            Self::Damaged { .. }
            | Self::Unsupported { .. }
            | Self::Gap { .. }
            | Self::UnexpectedFile { .. } => ErrorKind::Corrupt,
            Self::TooLarge { .. } => ErrorKind::LimitReached,
            Self::Store { .. } if self.is_full() => ErrorKind::DiskFull,
            Self::Store { .. } => ErrorKind::Internal,
        }
    }

    pub(crate) fn with_hint(self, text: String) -> Self {
        match self {
            Self::Damaged { key, offset, expected, found, .. } => {
                Self::Damaged { key, offset, expected, found, hint: text }
            }
            other => other,
        }
    }
}
