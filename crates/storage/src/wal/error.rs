use triglot_disk::DiskError;
use triglot_model::ErrorKind;

use super::codec::CodecError;

/// What can go wrong in the WAL. Damage names the file and the offset.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    /// The disk refused something that leaves the log as it was (no space for a new segment,
    /// a failed read …). The records of this call are not stored; the log stays usable.
    #[error("WAL: {0}")]
    Disk(#[from] DiskError),
    /// A write or an fsync failed. What the disk holds is unknown and a later fsync that succeeds
    /// would prove nothing (the kernel drops the failed pages), so the log takes no more records
    /// until it is opened again.
    #[error("WAL: {action} failed, no more writes are taken until the server is restarted: {source}")]
    Failed {
        /// What was being done.
        action: &'static str,
        /// The disk's error.
        source: DiskError,
    },
    /// An earlier write or fsync failed, see [`WalError::Failed`].
    #[error("WAL takes no writes until the server is restarted, because earlier {reason}")]
    Poisoned {
        /// The earlier failure.
        reason: String,
    },
    /// Damage that a crash does not explain: records that had been durable are gone.
    #[error("WAL file '{file}' is damaged at offset {offset}: {reason}; see `triglot repair`")]
    Corrupt {
        /// Key of the segment.
        file: String,
        /// Byte offset of the damage.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// A record whose checksum is right and whose payload is not.
    #[error("WAL file '{file}', record {seq} at offset {offset}: {source}; see `triglot repair`")]
    Payload {
        /// Key of the segment.
        file: String,
        /// Byte offset of the record.
        offset: u64,
        /// Its sequence number.
        seq: u64,
        /// What is wrong.
        source: CodecError,
    },
    /// A record of a kind that this version does not know and that may not be skipped (M-5).
    #[error(
        "WAL file '{file}', record {seq} at offset {offset} is of unknown kind {kind}: it was written by a newer version of triglot"
    )]
    UnknownKind {
        /// Key of the segment.
        file: String,
        /// Byte offset of the record.
        offset: u64,
        /// Its sequence number.
        seq: u64,
        /// The kind's code.
        kind: u8,
    },
    /// A segment in a format that this version does not know (M-5).
    #[error("WAL file '{file}' has format version {version}: it was written by a newer version of triglot")]
    UnknownVersion {
        /// Key of the segment.
        file: String,
        /// The version in its header.
        version: u16,
    },
    /// A payload that the WAL has no encoding for: a fault of the caller.
    #[error("WAL record {seq}: {source}")]
    Encode {
        /// The record.
        seq: u64,
        /// What is wrong.
        source: CodecError,
    },
    /// Sequence numbers must grow: a fault of the caller.
    #[error("WAL record {given} does not follow record {last}")]
    Sequence {
        /// The number given.
        given: u64,
        /// The last number of the log.
        last: u64,
    },
    /// A record or a group beyond what a segment may hold.
    #[error("WAL group of {bytes} bytes is larger than {limit}")]
    TooLarge {
        /// Bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// `Replay::finish` after the replay had returned an error.
    #[error("WAL replay failed before, the log cannot be used")]
    ReplayFailed,
}

impl WalError {
    /// The stable kind.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Disk(e) | Self::Failed { source: e, .. } if e.is_full() => ErrorKind::DiskFull,
            Self::Corrupt { .. }
            | Self::Payload { .. }
            | Self::UnknownKind { .. }
            | Self::UnknownVersion { .. } => ErrorKind::Corrupt,
            Self::TooLarge { .. } => ErrorKind::LimitReached,
            Self::Disk(_)
            | Self::Failed { .. }
            | Self::Poisoned { .. }
            | Self::Encode { .. }
            | Self::Sequence { .. }
            | Self::ReplayFailed => ErrorKind::Internal,
        }
    }

    /// Whether the log still takes writes after this error.
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Poisoned { .. })
    }
}
