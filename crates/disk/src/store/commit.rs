//! Durable writes: temp file, fsync, name, fsync of the directory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::path::Path;
use object_store::{CopyMode, PutPayload, PutResult};
use parking_lot::{Condvar, Mutex};

use super::{read, store_error};
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{DiskError, DiskOp, Result};
use crate::key;

/// Where unfinished files live. Reserved: no object has a key here.
pub(super) const TMP: &str = "tmp";

/// Copies go through a buffer of this size.
const COPY_BLOCK: u64 = 1 << 20;

/// The state that all clones of a store share. All methods block.
#[derive(Debug)]
pub(super) struct Committer {
    pub(super) disk: Arc<dyn Disk>,
    next_temp: AtomicU64,
    /// Directories whose own names and whose content were made durable by this process. What a
    /// killed predecessor left may be visible without being durable: it is synced once before use.
    settled: Mutex<BTreeSet<String>>,
    /// Keys that are being committed; true while nobody may see them, because they are new.
    in_commit: Mutex<BTreeMap<String, bool>>,
    commit_done: Condvar,
}

/// A file in `tmp/`. Dropping it removes it; a failure to do so is left to the next sweep.
#[derive(Debug)]
pub(super) struct TempFile {
    disk: Arc<dyn Disk>,
    pub(super) file: Box<dyn DiskFile>,
    path: String,
    renamed: bool,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = self.disk.remove_file(&self.path);
        }
    }
}

/// The exclusive right to give a key a new content.
struct CommitTurn<'a> {
    owner: &'a Committer,
    key: &'a str,
}

impl Drop for CommitTurn<'_> {
    fn drop(&mut self) {
        self.owner.in_commit.lock().remove(self.key);
        self.owner.commit_done.notify_all();
    }
}

impl Committer {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            disk,
            next_temp: AtomicU64::new(0),
            settled: Mutex::default(),
            in_commit: Mutex::default(),
            commit_done: Condvar::new(),
        }
    }

    pub(super) fn sweep_tmp(&self) -> Result<usize> {
        self.disk.create_dir_all(TMP)?;
        let left = self.disk.list(TMP)?;
        for entry in &left {
            let path = key::join(TMP, &entry.name);
            if entry.meta.is_dir {
                self.disk.remove_dir_all(&path)?;
            } else {
                self.disk.remove_file(&path)?;
            }
        }
        Ok(left.len())
    }

    pub(super) fn temp(&self) -> Result<TempFile> {
        loop {
            let n = self.next_temp.fetch_add(1, Ordering::Relaxed);
            let path = format!("{TMP}/{n:016x}");
            match self.disk.open(&path, OpenMode::CreateNew) {
                Ok(file) => {
                    return Ok(TempFile { disk: Arc::clone(&self.disk), file, path, renamed: false });
                }
                // Another store on this disk (tests of fencing) counts too: take the next number.
                Err(e) if e.is_already_exists() => {}
                Err(e) => return Err(e),
            }
        }
    }

    pub(super) fn put(
        &self,
        key: &str,
        payload: &PutPayload,
        mode: CopyMode,
    ) -> object_store::Result<PutResult> {
        check_key(key)?;
        let work = || {
            let temp = self.temp()?;
            let mut offset = 0;
            for piece in payload {
                temp.file.write_at(offset, piece)?;
                offset += piece.len() as u64;
            }
            self.commit(temp, key, mode)
        };
        work().map_err(|e| store_error(key, e))
    }

    pub(super) fn copy(&self, from: &str, to: &str, mode: CopyMode) -> object_store::Result<()> {
        check_key(to)?;
        let source = read::open(self, from)?;
        let work = || {
            let temp = self.temp()?;
            let (mut offset, len) = (0, source.len()?);
            while offset < len {
                let mut block = vec![0; usize::try_from(COPY_BLOCK.min(len - offset)).unwrap_or(1)];
                source.read_exact_at(offset, &mut block)?;
                temp.file.write_at(offset, &block)?;
                offset += block.len() as u64;
            }
            self.commit(temp, to, mode)
        };
        work().map(drop).map_err(|e| store_error(to, e))
    }

    /// Makes `temp` the durable content of `key` (M-1).
    pub(super) fn commit(&self, mut temp: TempFile, key: &str, mode: CopyMode) -> Result<PutResult> {
        temp.file.sync_all()?;
        let result = PutResult { e_tag: Some(read::e_tag(&temp.file.metadata()?)), version: None };
        let dir = key::split(key).0;
        self.settle(dir, true)?;
        let _turn = self.take_turn(key)?;
        match self.give_name(&mut temp, key, mode) {
            // Somebody removed the directory since it was settled (DROP): make it again, once.
            Err(e) if e.is_not_found() => {
                self.unsettle(dir);
                self.settle(dir, true)?;
                self.give_name(&mut temp, key, mode)?;
            }
            other => other?,
        }
        // After a failed sync nobody knows what is durable: the next user of the directory syncs again.
        self.disk.sync_dir(dir).inspect_err(|_| self.unsettle(dir))?;
        Ok(result)
    }

    fn give_name(&self, temp: &mut TempFile, key: &str, mode: CopyMode) -> Result<()> {
        match mode {
            CopyMode::Create => self.disk.hard_link_new(&temp.path, key),
            CopyMode::Overwrite => {
                self.disk.rename(&temp.path, key)?;
                temp.renamed = true;
                Ok(())
            }
        }
    }

    fn take_turn<'a>(&'a self, key: &'a str) -> Result<CommitTurn<'a>> {
        let mut in_commit = self.in_commit.lock();
        while in_commit.contains_key(key) {
            self.commit_done.wait(&mut in_commit);
        }
        let is_new = !self.disk.exists(key)?;
        in_commit.insert(key.to_owned(), is_new);
        Ok(CommitTurn { owner: self, key })
    }

    /// Whether the key has a name already that is not durable yet.
    pub(super) fn is_hidden(&self, key: &str) -> bool {
        self.in_commit.lock().get(key).copied().unwrap_or(false)
    }

    /// Makes sure that `dir` and all that is in it is durable, once per process; makes it if asked
    /// to. Returns whether it exists.
    pub(super) fn settle(&self, dir: &str, create: bool) -> Result<bool> {
        let mut settled = self.settled.lock();
        if settled.contains(dir) {
            return Ok(true);
        }
        if create {
            self.disk.create_dir_all(dir)?;
        } else {
            match self.disk.metadata(dir) {
                Ok(meta) if meta.is_dir => {}
                Ok(_) => return Ok(false),
                Err(e) if is_absent(&e) => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        for part in std::iter::once("").chain(key::ancestors_and_self(dir)) {
            if !settled.contains(part) {
                self.disk.sync_dir(part)?;
                settled.insert(part.to_owned());
            }
        }
        Ok(true)
    }

    /// Forgets what is known of `dir` and of the directories above and below it.
    fn unsettle(&self, dir: &str) {
        let below = format!("{dir}/");
        self.settled.lock().retain(|d| {
            let above =
                d.is_empty() || dir == d || dir.strip_prefix(d.as_str()).is_some_and(|r| r.starts_with('/'));
            !above && !d.starts_with(&below)
        });
    }

    /// Removes a group of keys, with one sync for each directory concerned.
    pub(super) fn delete(&self, group: Vec<object_store::Result<Path>>) -> Vec<object_store::Result<Path>> {
        let mut dirs = BTreeSet::new();
        let mut results = Vec::with_capacity(group.len());
        for location in group {
            let removed = location.and_then(|location| {
                let key = location.as_ref();
                check_key(key)?;
                self.disk.remove_file(key).map_err(|e| store_error(key, e))?;
                dirs.insert(key::split(key).0.to_owned());
                Ok(location)
            });
            results.push(removed);
        }
        for dir in dirs {
            if let Err(error) = self.disk.sync_dir(&dir) {
                fail_all_in(&dir, error, &mut results);
            }
        }
        results
    }
}

/// The removals in `dir` are not durable: the first one carries the error, the others its text.
fn fail_all_in(dir: &str, error: DiskError, results: &mut [object_store::Result<Path>]) {
    let text = error.to_string();
    let mut first = Some(error);
    for result in results {
        if let Ok(location) = result
            && key::split(location.as_ref()).0 == dir
        {
            let repeated = || DiskError::io(DiskOp::SyncDir, dir, std::io::Error::other(text.clone()));
            let error = first.take().unwrap_or_else(repeated);
            *result = Err(super::generic(error));
        }
    }
}

/// Nothing is there, or what is there is no directory.
pub(super) fn is_absent(error: &DiskError) -> bool {
    match error {
        DiskError::Io { source, .. } => matches!(
            source.kind(),
            std::io::ErrorKind::NotFound
                | std::io::ErrorKind::NotADirectory
                | std::io::ErrorKind::IsADirectory
        ),
        _ => false,
    }
}

/// Refuses keys that cannot be objects: the root, and all below `tmp/`.
pub(super) fn check_key(key: &str) -> object_store::Result<()> {
    key::validate_key(key).map_err(|e| store_error(key, e))?;
    if is_reserved(key) {
        let reason = "keys below 'tmp/' are reserved for unfinished writes";
        return Err(store_error(key, DiskError::InvalidPath { path: key.to_owned(), reason }));
    }
    Ok(())
}

pub(super) fn is_reserved(key: &str) -> bool {
    key == TMP || key.strip_prefix(TMP).is_some_and(|rest| rest.starts_with('/'))
}
