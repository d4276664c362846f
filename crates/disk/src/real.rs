use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::disk::{DirEntry, Disk, DiskFile, DiskLock, FileMeta, OpenMode};
use crate::error::{DiskError, DiskOp, Result};
use crate::key;

/// Zeros are written in pieces of this size by `preallocate`.
const ZERO_BLOCK: usize = 1 << 20;

/// A directory of the machine's file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Opens `root`, making it (and its parents, durably) if it is absent.
    ///
    /// # Errors
    /// If the directory cannot be made or is not a directory.
    pub fn open(root: &Path) -> Result<Self> {
        let shown = root.display().to_string();
        make_root(root).map_err(|e| DiskError::io(DiskOp::CreateDir, &shown, e))?;
        let root = fs::canonicalize(root).map_err(|e| DiskError::io(DiskOp::Open, &shown, e))?;
        if !root.is_dir() {
            return Err(DiskError::io(DiskOp::Open, &shown, io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root })
    }

    /// The absolute path of the root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn file_path(&self, path: &str) -> Result<PathBuf> {
        key::validate_key(path)?;
        Ok(self.root.join(path))
    }

    fn dir_path(&self, dir: &str) -> Result<PathBuf> {
        key::validate_dir(dir)?;
        Ok(if dir.is_empty() { self.root.clone() } else { self.root.join(dir) })
    }
}

/// `mkdir -p` that syncs the parent of every directory it makes.
fn make_root(root: &Path) -> io::Result<()> {
    if root.as_os_str().is_empty() || root.is_dir() {
        return Ok(());
    }
    let parent = root.parent().unwrap_or(Path::new("/"));
    make_root(parent)?;
    match fs::create_dir(root) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ if parent.as_os_str().is_empty() => sync_path(Path::new(".")),
        _ => sync_path(parent),
    }
}

fn sync_path(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn meta_of(meta: &fs::Metadata) -> FileMeta {
    FileMeta {
        len: if meta.is_dir() { 0 } else { meta.len() },
        is_dir: meta.is_dir(),
        modified: meta.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        file_id: meta.ino(),
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn DiskFile>> {
        let full = self.file_path(path)?;
        let mut options = OpenOptions::new();
        options.read(true);
        let op = match mode {
            OpenMode::Read => DiskOp::Open,
            OpenMode::ReadWrite => {
                options.write(true);
                DiskOp::Open
            }
            OpenMode::CreateNew => {
                options.write(true).create_new(true);
                DiskOp::Create
            }
            OpenMode::CreateOrTruncate => {
                options.write(true).create(true).truncate(true);
                DiskOp::Create
            }
        };
        let file = options.open(full).map_err(|e| DiskError::io(op, path, e))?;
        // Opening a directory for reading succeeds on Unix; it is not a file here.
        let meta = file.metadata().map_err(|e| DiskError::io(op, path, e))?;
        if meta.is_dir() {
            return Err(DiskError::io(op, path, io::ErrorKind::IsADirectory.into()));
        }
        Ok(Box::new(RealFile { file, path: path.to_owned() }))
    }

    fn metadata(&self, path: &str) -> Result<FileMeta> {
        let full = self.dir_path(path)?;
        let meta = fs::metadata(full).map_err(|e| DiskError::io(DiskOp::Metadata, path, e))?;
        Ok(meta_of(&meta))
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>> {
        let full = self.dir_path(dir)?;
        let failed = |e| DiskError::io(DiskOp::List, dir, e);
        let mut entries = Vec::new();
        for entry in fs::read_dir(full).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue; // not ours: all our keys are UTF-8
            };
            match entry.metadata() {
                Ok(meta) => entries.push(DirEntry { name, meta: meta_of(&meta) }),
                // Removed between the listing and the stat.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Err(e) => return Err(failed(e)),
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &str) -> Result<()> {
        key::validate_dir(dir)?;
        for part in key::ancestors_and_self(dir) {
            let full = self.root.join(part);
            let failed = |e| DiskError::io(DiskOp::CreateDir, part, e);
            if full.is_dir() {
                continue;
            }
            match fs::create_dir(&full) {
                Ok(()) => {}
                // Another thread made it just now and may not have synced it yet: sync it here too.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && full.is_dir() => {}
                Err(e) => return Err(failed(e)),
            }
            self.sync_dir(key::split(part).0)?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.file_path(from)?, self.file_path(to)?);
        fs::rename(source, target).map_err(|e| DiskError::io(DiskOp::Rename, &format!("{from} -> {to}"), e))
    }

    fn hard_link_new(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.file_path(from)?, self.file_path(to)?);
        fs::hard_link(source, target)
            .map_err(|e| DiskError::io(DiskOp::HardLink, &format!("{from} -> {to}"), e))
    }

    fn remove_file(&self, path: &str) -> Result<()> {
        let full = self.file_path(path)?;
        fs::remove_file(full).map_err(|e| DiskError::io(DiskOp::RemoveFile, path, e))
    }

    fn remove_dir_all(&self, dir: &str) -> Result<()> {
        let full = self.file_path(dir)?;
        fs::remove_dir_all(full).map_err(|e| DiskError::io(DiskOp::RemoveDir, dir, e))
    }

    fn sync_dir(&self, dir: &str) -> Result<()> {
        let full = self.dir_path(dir)?;
        sync_path(&full).map_err(|e| DiskError::io(DiskOp::SyncDir, dir, e))
    }

    fn lock(&self, path: &str) -> Result<Box<dyn DiskLock>> {
        let full = self.file_path(path)?;
        let failed = |e| DiskError::io(DiskOp::Lock, path, e);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(full).map_err(failed)?;
        // Named in full: std has got a `try_lock` of its own with another result type.
        if fs4::fs_std::FileExt::try_lock_exclusive(&file).map_err(failed)? {
            Ok(Box::new(RealLock { _file: file, path: path.to_owned() }))
        } else {
            Err(DiskError::Locked { path: path.to_owned() })
        }
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        fs4::available_space(&self.root).map(Some).map_err(|e| DiskError::io(DiskOp::Space, "", e))
    }
}

/// The lock is an `flock` on the open file: closing it (also by the death of the process) releases it.
#[derive(Debug)]
struct RealLock {
    _file: File,
    path: String,
}

impl DiskLock for RealLock {
    fn path(&self) -> &str {
        &self.path
    }
}

#[derive(Debug)]
struct RealFile {
    file: File,
    path: String,
}

impl RealFile {
    fn err(&self, op: DiskOp) -> impl FnOnce(io::Error) -> DiskError + '_ {
        move |e| DiskError::io(op, &self.path, e)
    }
}

impl DiskFile for RealFile {
    fn read_at(&self, offset: u64, mut buf: &mut [u8]) -> Result<usize> {
        let (mut at, mut total) = (offset, 0);
        while !buf.is_empty() {
            match self.file.read_at(buf, at) {
                Ok(0) => break,
                Ok(n) => {
                    buf = buf.get_mut(n..).unwrap_or_default();
                    at += n as u64;
                    total += n;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(DiskError::io(DiskOp::Read, &self.path, e)),
            }
        }
        Ok(total)
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(buf, offset).map_err(self.err(DiskOp::Read))
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.file.write_all_at(data, offset).map_err(self.err(DiskOp::Write))
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(self.err(DiskOp::SetLen))
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        let mut at = self.len()?;
        let zeros = vec![0_u8; ZERO_BLOCK.min(usize::try_from(len.saturating_sub(at)).unwrap_or(ZERO_BLOCK))];
        while at < len {
            let n = zeros.len().min(usize::try_from(len - at).unwrap_or(zeros.len()));
            let piece = zeros.get(..n).unwrap_or(&zeros);
            self.file.write_all_at(piece, at).map_err(self.err(DiskOp::Preallocate))?;
            at += n as u64;
        }
        // `sync_all`, not `sync_data`: the new length and the block map are the point.
        self.file.sync_all().map_err(self.err(DiskOp::Preallocate))
    }

    fn sync_data(&self) -> Result<()> {
        self.file.sync_data().map_err(self.err(DiskOp::SyncData))
    }

    fn sync_all(&self) -> Result<()> {
        self.file.sync_all().map_err(self.err(DiskOp::SyncAll))
    }

    fn metadata(&self) -> Result<FileMeta> {
        Ok(meta_of(&self.file.metadata().map_err(self.err(DiskOp::Metadata))?))
    }
}
