//! Everything triglot puts on disk goes through this crate.
//!
//! - [`Disk`] / [`DiskFile`]: a small synchronous file interface with explicit durability
//!   (`sync_data`, `sync_all`, `sync_dir`). Keys are relative paths with `/`.
//! - [`RealDisk`]: a directory of the machine. The only place in triglot that calls `std::fs`.
//! - [`SimDisk`]: a deterministic disk in memory that loses what was not synced; crash tests of
//!   every crate run on it.
//! - [`outside`]: the few calls about files that are not triglot's.
//! - [`DiskStore`]: an [`object_store::ObjectStore`] over any [`Disk`] whose writes are durable
//!   when they return (M-1). object_store's own `LocalFileSystem` never fsyncs.

#[cfg(not(unix))]
compile_error!("triglot-disk needs positioned reads, directory fsync and flock: Unix only");

mod disk;
mod error;
mod key;
pub mod outside;
mod real;
mod sim;
mod store;

pub use disk::{DirEntry, Disk, DiskFile, DiskLock, FileMeta, OpenMode};
pub use error::{DiskError, DiskOp, Result};
pub use key::validate_key;
pub use real::RealDisk;
pub use sim::SimDisk;
pub use store::{DiskStore, DiskStoreOptions};
