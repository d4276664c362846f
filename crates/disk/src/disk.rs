use std::fmt::Debug;
use std::time::SystemTime;

use crate::error::Result;

/// How [`Disk::open`] opens or makes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Must exist; writes fail.
    Read,
    /// Must exist; reads and writes.
    ReadWrite,
    /// Must not exist; reads and writes.
    CreateNew,
    /// Made if absent, emptied if present; reads and writes.
    CreateOrTruncate,
}

/// What the disk knows about a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileMeta {
    /// Bytes; 0 for directories.
    pub len: u64,
    /// True for a directory.
    pub is_dir: bool,
    /// Time of the last change of content.
    pub modified: SystemTime,
    /// Identity of the file behind the name (inode): differs after a replacement by rename.
    pub file_id: u64,
}

/// One entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Last segment of the key.
    pub name: String,
    /// Length, kind, time.
    pub meta: FileMeta,
}

/// A tree of files with explicit durability. Calls block; do not call them on an I/O runtime.
///
/// Keys are relative paths ([`validate_key`](crate::validate_key)); where a directory is asked
/// for, `""` is the root. What survives a power loss:
/// - bytes and length of a file after [`DiskFile::sync_data`] or [`DiskFile::sync_all`];
/// - *names* (create, rename, link, remove) after [`sync_dir`](Disk::sync_dir) of the directory
///   that holds the name. A rename between directories needs the target's directory first.
///
/// Everything else may or may not be there.
pub trait Disk: Debug + Send + Sync + 'static {
    /// Opens or makes a file. The directory must exist. A new name is not durable.
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn DiskFile>>;

    /// Length, kind and time of a file or directory; not-found is an error.
    fn metadata(&self, path: &str) -> Result<FileMeta>;

    /// Whether a file or directory has this name.
    fn exists(&self, path: &str) -> Result<bool> {
        match self.metadata(path) {
            Ok(_) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// Length of a file in bytes.
    fn len(&self, path: &str) -> Result<u64> {
        Ok(self.metadata(path)?.len)
    }

    /// Entries of a directory in order of name; not-found is an error.
    fn list(&self, dir: &str) -> Result<Vec<DirEntry>>;

    /// Makes a directory and its missing parents, and fsyncs the parent of each one it makes.
    /// A directory that is already there is not synced.
    fn create_dir_all(&self, dir: &str) -> Result<()>;

    /// Renames a file or directory, replacing a file of the new name in one step. Neither name is
    /// durable before its directory is synced.
    fn rename(&self, from: &str, to: &str) -> Result<()>;

    /// Gives the file `from` the second name `to`; if that is taken, fails with an error for which
    /// [`is_already_exists`](crate::DiskError::is_already_exists) holds. This is create-if-absent.
    fn hard_link_new(&self, from: &str, to: &str) -> Result<()>;

    /// Removes a name of a file.
    fn remove_file(&self, path: &str) -> Result<()>;

    /// Removes a directory and all that is in it. Absent is an error.
    fn remove_dir_all(&self, dir: &str) -> Result<()>;

    /// Makes the names in `dir` durable.
    fn sync_dir(&self, dir: &str) -> Result<()>;

    /// Takes the exclusive lock at `path`, making the file if needed (M-6). Does not wait:
    /// [`DiskError::Locked`](crate::DiskError::Locked) if it is held, also by this process.
    fn lock(&self, path: &str) -> Result<Box<dyn DiskLock>>;

    /// Bytes that can still be written, where the disk knows.
    fn available_bytes(&self) -> Result<Option<u64>>;
}

/// An open file. Positions are given with each call, so handles can be shared between threads.
#[allow(clippy::len_without_is_empty)] // a file's length is I/O that can fail, not a container's
pub trait DiskFile: Debug + Send + Sync + 'static {
    /// Reads up to `buf.len()` bytes at `offset`; the count is smaller only at the end of the file.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize>;

    /// Reads exactly `buf.len()` bytes; the end of the file before that is an `UnexpectedEof` error.
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<()>;

    /// Writes all of `data` at `offset`, growing the file if needed (a gap reads as zeros).
    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()>;

    /// Cuts or grows the file; grown parts read as zeros and have no blocks yet.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Grows the file to `len` with written, synced zero blocks, so that later overwrites followed
    /// by [`sync_data`](DiskFile::sync_data) change no metadata. What is there stays; a longer file
    /// is left alone. A full disk shows here and not at the later writes.
    fn preallocate(&self, len: u64) -> Result<()>;

    /// Makes bytes and length durable (`fdatasync`).
    fn sync_data(&self) -> Result<()>;

    /// Makes bytes and all metadata of the file durable (`fsync`); its *name* needs
    /// [`Disk::sync_dir`].
    fn sync_all(&self) -> Result<()>;

    /// Length, time and identity of the open file.
    fn metadata(&self) -> Result<FileMeta>;

    /// Length in bytes.
    fn len(&self) -> Result<u64> {
        Ok(self.metadata()?.len)
    }
}

/// Holds an exclusive lock until dropped.
pub trait DiskLock: Debug + Send + Sync + 'static {
    /// Key of the lock file.
    fn path(&self) -> &str;
}
