use std::fmt;
use std::io;

/// Result of a disk operation.
pub type Result<T, E = DiskError> = std::result::Result<T, E>;

/// The operation that failed, as it reads in messages; also what
/// [`SimDisk::fail_next`](crate::SimDisk::fail_next) selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DiskOp {
    /// Opening an existing file.
    Open,
    /// Making a new file (or truncating one at open).
    Create,
    /// Reading bytes of a file.
    Read,
    /// Writing bytes of a file.
    Write,
    /// Changing the length of a file.
    SetLen,
    /// Allocating zeroed blocks.
    Preallocate,
    /// `fdatasync`.
    SyncData,
    /// `fsync`.
    SyncAll,
    /// Reading length, time and kind of an entry.
    Metadata,
    /// Listing a directory.
    List,
    /// Making a directory.
    CreateDir,
    /// Renaming.
    Rename,
    /// Making a second name for a file.
    HardLink,
    /// Removing a file.
    RemoveFile,
    /// Removing a directory and what is in it.
    RemoveDir,
    /// `fsync` of a directory.
    SyncDir,
    /// Taking an exclusive lock.
    Lock,
    /// Asking for free space.
    Space,
}

impl fmt::Display for DiskOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Create => "create",
            Self::Read => "read",
            Self::Write => "write",
            Self::SetLen => "set length of",
            Self::Preallocate => "preallocate",
            Self::SyncData => "fdatasync",
            Self::SyncAll => "fsync",
            Self::Metadata => "stat",
            Self::List => "list",
            Self::CreateDir => "make directory",
            Self::Rename => "rename",
            Self::HardLink => "link",
            Self::RemoveFile => "remove",
            Self::RemoveDir => "remove directory",
            Self::SyncDir => "fsync directory",
            Self::Lock => "lock",
            Self::Space => "get free space of",
        })
    }
}

/// Why a disk operation failed. Every variant names the key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// The operating system (or the simulation) refused.
    #[error("cannot {op} '{path}': {source}")]
    Io {
        /// Key relative to the disk's root; the root itself is the empty string.
        path: String,
        /// What was being done.
        op: DiskOp,
        /// The system's error.
        source: io::Error,
    },
    /// The key is not a relative path inside the root.
    #[error("invalid path '{path}': {reason}")]
    InvalidPath {
        /// The key as given.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Somebody else holds the exclusive lock (M-6).
    #[error("'{path}' is locked: another process (or another instance in this one) uses this directory")]
    Locked {
        /// Key of the lock file.
        path: String,
    },
    /// [`SimDisk`](crate::SimDisk) has crashed: nothing works until it is restarted.
    #[error("simulated crash at I/O {io_index}: cannot {op} '{path}'")]
    SimulatedCrash {
        /// Key relative to the root.
        path: String,
        /// What was being done.
        op: DiskOp,
        /// Number of mutating I/Os that had been started, this one included.
        io_index: u64,
    },
}

impl DiskError {
    pub(crate) fn io(op: DiskOp, path: &str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), op, source }
    }

    fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// The file or directory is not there.
    pub fn is_not_found(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::NotFound)
    }

    /// A file was to be made, and its name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::AlreadyExists)
    }

    /// No space or no quota is left: trying again helps only after something was removed.
    pub fn is_full(&self) -> bool {
        matches!(self.io_kind(), Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// The operating system does not let this user do it.
    pub fn is_permission_denied(&self) -> bool {
        self.io_kind() == Some(io::ErrorKind::PermissionDenied)
    }

    /// The simulated machine is down (tests only).
    pub fn is_simulated_crash(&self) -> bool {
        matches!(self, Self::SimulatedCrash { .. })
    }
}
