//! A numbered log with checkpoints on an object store: the metadata of the catalog and of each
//! shard's manifest.
//!
//! ```text
//! <prefix>/log/00000000000000000042.rec           one record per file, created if absent (CAS)
//! <prefix>/checkpoint/00000000000000000032.ckp    the whole state after record 32
//! <prefix>/damaged/…                              what salvage set aside
//! ```
//!
//! [`MetaLog::open`] answers the newest checkpoint and the records after it; [`MetaLog::append`]
//! creates record N+1 and is fenced ([`MetaLogError::Conflict`]) if somebody else did (M-7);
//! [`MetaLog::checkpoint`] bounds the log. Anything missing or damaged is an error that names the
//! file, the offset and what was expected; nothing is skipped silently. [`salvage`] is the repair.
//!
//! The store must be durable when a put returns: on local disks that is `triglot_disk::DiskStore`.

mod error;
mod format;
mod layout;
mod log;
mod salvage;

pub use error::MetaLogError;
pub use format::{HEADER_LEN, MAX_PAYLOAD, Record, RecordFlags};
pub use log::{Checkpoint, MetaLog, MetaLogOptions, Replay};
pub use salvage::{LostFile, SalvageReport, salvage};

/// Result of a log operation.
pub type Result<T, E = MetaLogError> = std::result::Result<T, E>;
