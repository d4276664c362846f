//! `Disk` for `SimDisk`. Every mutating call is one I/O, except that `create_dir_all` and
//! `remove_dir_all` are as many as the calls they stand for.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::SimDisk;
use super::node::FileNode;
use super::state::{Node, NodeId, State};
use crate::disk::{DirEntry, Disk, DiskFile, DiskLock, FileMeta, OpenMode};
use crate::error::{DiskError, DiskOp, Result};
use crate::key;

impl Disk for SimDisk {
    fn open(&self, path: &str, mode: OpenMode) -> Result<Box<dyn DiskFile>> {
        key::validate_key(path)?;
        let mut state = self.state.lock();
        let node = match mode {
            OpenMode::Read | OpenMode::ReadWrite => {
                state.admit_read(DiskOp::Open, path)?;
                state.find_file(DiskOp::Open, path)?
            }
            OpenMode::CreateNew => create(&mut state, path)?,
            OpenMode::CreateOrTruncate => match state.slot(DiskOp::Create, path)?.1 {
                None => create(&mut state, path)?,
                Some(_) => truncate(&mut state, path)?,
            },
        };
        let writable = mode != OpenMode::Read;
        Ok(Box::new(SimFile { state: Arc::clone(&self.state), node, path: path.to_owned(), writable }))
    }

    fn metadata(&self, path: &str) -> Result<FileMeta> {
        key::validate_dir(path)?;
        let mut state = self.state.lock();
        state.admit_read(DiskOp::Metadata, path)?;
        let id = state.find(DiskOp::Metadata, path)?;
        Ok(state.meta(id))
    }

    fn list(&self, dir: &str) -> Result<Vec<DirEntry>> {
        key::validate_dir(dir)?;
        let mut state = self.state.lock();
        state.admit_read(DiskOp::List, dir)?;
        let id = state.find_dir(DiskOp::List, dir)?;
        let names = state.dir(id).map(|d| d.live.iter()).into_iter().flatten();
        Ok(names.map(|(name, id)| DirEntry { name: name.clone(), meta: state.meta(*id) }).collect())
    }

    fn create_dir_all(&self, dir: &str) -> Result<()> {
        key::validate_dir(dir)?;
        for part in key::ancestors_and_self(dir) {
            let parent = {
                let mut state = self.state.lock();
                let (parent, found) = state.slot(DiskOp::CreateDir, part)?;
                if let Some(id) = found {
                    if !state.is_dir(id) {
                        return Err(DiskError::io(
                            DiskOp::CreateDir,
                            part,
                            io::ErrorKind::AlreadyExists.into(),
                        ));
                    }
                    continue;
                }
                let admitted = state.admit_write(DiskOp::CreateDir, part)?;
                let id = state.add_node(true);
                state.set_name(part, parent, Some(id), None);
                admitted.finish()?;
                key::split(part).0
            };
            self.sync_dir(parent)?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        key::validate_key(from)?;
        key::validate_key(to)?;
        let mut state = self.state.lock();
        let node = state.find(DiskOp::Rename, from)?;
        let (from_dir, _) = state.slot(DiskOp::Rename, from)?;
        let (to_dir, taken) = state.slot(DiskOp::Rename, to)?;
        if taken.is_some_and(|id| state.is_dir(id)) {
            return Err(DiskError::io(DiskOp::Rename, to, io::ErrorKind::AlreadyExists.into()));
        }
        let admitted = state.admit_write(DiskOp::Rename, &format!("{from} -> {to}"))?;
        // POSIX: if both names are the same file already, nothing happens.
        if taken != Some(node) {
            let added = state.set_name(to, to_dir, Some(node), None);
            state.set_name(from, from_dir, None, Some(added));
        }
        admitted.finish()
    }

    fn hard_link_new(&self, from: &str, to: &str) -> Result<()> {
        key::validate_key(from)?;
        key::validate_key(to)?;
        let mut state = self.state.lock();
        let node = state.find_file(DiskOp::HardLink, from)?;
        let (dir, taken) = state.slot(DiskOp::HardLink, to)?;
        if taken.is_some() {
            return Err(DiskError::io(DiskOp::HardLink, to, io::ErrorKind::AlreadyExists.into()));
        }
        let admitted = state.admit_write(DiskOp::HardLink, &format!("{from} -> {to}"))?;
        state.set_name(to, dir, Some(node), None);
        admitted.finish()
    }

    fn remove_file(&self, path: &str) -> Result<()> {
        key::validate_key(path)?;
        remove_file(&mut self.state.lock(), path)
    }

    fn remove_dir_all(&self, dir: &str) -> Result<()> {
        key::validate_key(dir)?;
        remove_tree(&mut self.state.lock(), dir)
    }

    fn sync_dir(&self, dir: &str) -> Result<()> {
        key::validate_dir(dir)?;
        let mut state = self.state.lock();
        let id = state.find_dir(DiskOp::SyncDir, dir)?;
        state.admit_write(DiskOp::SyncDir, dir)?.finish()?;
        state.sync_names(id);
        Ok(())
    }

    fn lock(&self, path: &str) -> Result<Box<dyn DiskLock>> {
        key::validate_key(path)?;
        let mut state = self.state.lock();
        state.admit_read(DiskOp::Lock, path)?;
        if state.slot(DiskOp::Lock, path)?.1.is_none() {
            create(&mut state, path)?;
        }
        if !state.locks.insert(path.to_owned()) {
            return Err(DiskError::Locked { path: path.to_owned() });
        }
        Ok(Box::new(SimLock { state: Arc::clone(&self.state), path: path.to_owned() }))
    }

    fn available_bytes(&self) -> Result<Option<u64>> {
        let mut state = self.state.lock();
        state.admit_read(DiskOp::Space, "")?;
        Ok(state.capacity.map(|_| state.room()))
    }
}

fn create(state: &mut State, path: &str) -> Result<NodeId> {
    let (dir, taken) = state.slot(DiskOp::Create, path)?;
    if taken.is_some() {
        return Err(DiskError::io(DiskOp::Create, path, io::ErrorKind::AlreadyExists.into()));
    }
    let admitted = state.admit_write(DiskOp::Create, path)?;
    let id = state.add_node(false);
    state.set_name(path, dir, Some(id), None);
    admitted.finish()?;
    Ok(id)
}

fn truncate(state: &mut State, path: &str) -> Result<NodeId> {
    let id = state.find_file(DiskOp::Create, path)?;
    let admitted = state.admit_write(DiskOp::Create, path)?;
    let now = state.now;
    if let Some(file) = state.file_mut(id) {
        file.set_len(0);
        file.modified = now;
    }
    admitted.finish()?;
    Ok(id)
}

fn remove_file(state: &mut State, path: &str) -> Result<()> {
    state.find_file(DiskOp::RemoveFile, path)?;
    let (dir, _) = state.slot(DiskOp::RemoveFile, path)?;
    let admitted = state.admit_write(DiskOp::RemoveFile, path)?;
    state.set_name(path, dir, None, None);
    admitted.finish()
}

fn remove_tree(state: &mut State, path: &str) -> Result<()> {
    let id = state.find_dir(DiskOp::RemoveDir, path)?;
    let names: Vec<(String, NodeId)> =
        state.dir(id).map(|d| d.live.clone().into_iter().collect()).unwrap_or_default();
    for (name, child) in names {
        let child_path = key::join(path, &name);
        if state.is_dir(child) {
            remove_tree(state, &child_path)?;
        } else {
            remove_file(state, &child_path)?;
        }
    }
    let (parent, _) = state.slot(DiskOp::RemoveDir, path)?;
    let admitted = state.admit_write(DiskOp::RemoveDir, path)?;
    state.set_name(path, parent, None, None);
    admitted.finish()
}

/// Released when dropped; a restarted disk has no locks anyway.
#[derive(Debug)]
struct SimLock {
    state: Arc<Mutex<State>>,
    path: String,
}

impl DiskLock for SimLock {
    fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.state.lock().locks.remove(&self.path);
    }
}

#[derive(Debug)]
struct SimFile {
    state: Arc<Mutex<State>>,
    node: NodeId,
    path: String,
    writable: bool,
}

impl SimFile {
    fn err(&self, op: DiskOp, kind: io::ErrorKind) -> DiskError {
        DiskError::io(op, &self.path, kind.into())
    }

    fn check_writable(&self, op: DiskOp) -> Result<()> {
        if self.writable { Ok(()) } else { Err(self.err(op, io::ErrorKind::PermissionDenied)) }
    }

    /// One mutating I/O that may grow the file up to `end`. `change` gets the file and the length it
    /// may have; less than `end` means that the disk is full.
    fn grow(&self, op: DiskOp, end: u64, change: impl FnOnce(&mut FileNode, u64)) -> Result<()> {
        self.check_writable(op)?;
        let mut state = self.state.lock();
        let admitted = state.admit_write(op, &self.path)?;
        let (room, now) = (state.room(), state.now);
        let Some(file) = state.file_mut(self.node) else {
            return Err(self.err(op, io::ErrorKind::NotFound));
        };
        let allowed = end.min(file.len().saturating_add(room));
        change(file, allowed);
        file.modified = now;
        admitted.finish()?;
        if allowed < end { Err(self.err(op, io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn sync(&self, op: DiskOp) -> Result<()> {
        let mut state = self.state.lock();
        // A sync during which the machine dies: nothing is promised, the crash decides.
        state.admit_write(op, &self.path)?.finish()?;
        if let Some(file) = state.file_mut(self.node) {
            file.sync();
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut state = self.state.lock();
        state.admit_read(DiskOp::Read, &self.path)?;
        let Some(Node::File(file)) = state.nodes.get(&self.node) else {
            return Err(self.err(DiskOp::Read, io::ErrorKind::NotFound));
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = file.live().get(start..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        if let (Some(target), Some(source)) = (buf.get_mut(..n), rest.get(..n)) {
            target.copy_from_slice(source);
        }
        Ok(n)
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let n = self.read_at(offset, buf)?;
        if n == buf.len() { Ok(()) } else { Err(self.err(DiskOp::Read, io::ErrorKind::UnexpectedEof)) }
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> Result<()> {
        let end = offset.saturating_add(data.len() as u64);
        self.grow(DiskOp::Write, end, |file, allowed| {
            let fits = usize::try_from(allowed.saturating_sub(offset)).unwrap_or(usize::MAX);
            file.write(offset, data.get(..fits).unwrap_or(data));
        })
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.grow(DiskOp::SetLen, len, |file, allowed| {
            if allowed == len {
                file.set_len(len);
            }
        })
    }

    fn preallocate(&self, len: u64) -> Result<()> {
        self.grow(DiskOp::Preallocate, len, |file, allowed| {
            let missing = allowed.saturating_sub(file.len());
            file.write(file.len(), &vec![0; usize::try_from(missing).unwrap_or(0)]);
        })?;
        self.sync(DiskOp::SyncAll)
    }

    fn sync_data(&self) -> Result<()> {
        self.sync(DiskOp::SyncData)
    }

    fn sync_all(&self) -> Result<()> {
        self.sync(DiskOp::SyncAll)
    }

    fn metadata(&self) -> Result<FileMeta> {
        let mut state = self.state.lock();
        state.admit_read(DiskOp::Metadata, &self.path)?;
        Ok(state.meta(self.node))
    }
}
