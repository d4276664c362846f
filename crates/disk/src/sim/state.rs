//! The tree of names, its unsynced changes, and the count of I/Os.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::{Duration, SystemTime};

use super::node::{Fate, FileNode, Rng};
use crate::disk::FileMeta;
use crate::error::{DiskError, DiskOp, Result};
use crate::key;

pub(super) type NodeId = u64;

const ROOT: NodeId = 1;

#[derive(Debug, Clone)]
pub(super) struct DirNode {
    pub(super) live: BTreeMap<String, NodeId>,
    durable: BTreeMap<String, NodeId>,
    modified: SystemTime,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    File(FileNode),
    Dir(DirNode),
}

/// An unsynced change of one name in one directory.
#[derive(Debug, Clone)]
struct NameEdit {
    id: u64,
    dir: NodeId,
    name: String,
    target: Option<NodeId>,
    /// The removing half of a rename does not happen by itself: it needs the adding half. (Only a
    /// sync of the source directory alone can part them.)
    needs: Option<u64>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) nodes: BTreeMap<NodeId, Node>,
    next_node: NodeId,
    edits: Vec<NameEdit>,
    next_edit: u64,
    pub(super) rng: Rng,
    pub(super) io_count: u64,
    pub(super) crash_at: Option<u64>,
    pub(super) crashed: bool,
    pub(super) capacity: Option<u64>,
    pub(super) failures: Vec<(DiskOp, io::Error)>,
    pub(super) locks: BTreeSet<String>,
    pub(super) now: SystemTime,
}

/// Proof that an operation was admitted. The operation takes effect, then `finish` reports the
/// crash if this was the I/O during which the machine died.
#[derive(Debug)]
#[must_use]
pub(super) struct Admitted {
    pub(super) dying: Option<DiskError>,
}

impl Admitted {
    pub(super) fn finish(self) -> Result<()> {
        self.dying.map_or(Ok(()), Err)
    }
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let root = DirNode { live: BTreeMap::new(), durable: BTreeMap::new(), modified: now };
        Self {
            nodes: BTreeMap::from([(ROOT, Node::Dir(root))]),
            next_node: ROOT + 1,
            edits: Vec::new(),
            next_edit: 0,
            rng: Rng::new(seed),
            io_count: 0,
            crash_at: None,
            crashed: false,
            capacity: None,
            failures: Vec::new(),
            locks: BTreeSet::new(),
            now,
        }
    }

    /// A disk with this one's content, for the next life of the machine; this one is dead.
    pub(super) fn hand_over(&mut self) -> Self {
        self.crashed = true;
        let seed = self.rng.next();
        Self {
            nodes: std::mem::take(&mut self.nodes),
            edits: std::mem::take(&mut self.edits),
            next_node: self.next_node,
            next_edit: self.next_edit,
            capacity: self.capacity,
            now: self.now,
            ..Self::new(seed)
        }
    }

    /// Admits a read: fails after a crash or if a failure is injected.
    pub(super) fn admit_read(&mut self, op: DiskOp, path: &str) -> Result<()> {
        if self.crashed {
            return Err(self.crash_error(op, path));
        }
        match self.failures.iter().position(|(wanted, _)| *wanted == op) {
            Some(at) => Err(DiskError::io(op, path, self.failures.swap_remove(at).1)),
            None => Ok(()),
        }
    }

    /// Admits and counts a mutating I/O.
    pub(super) fn admit_write(&mut self, op: DiskOp, path: &str) -> Result<Admitted> {
        self.admit_read(op, path)?;
        self.io_count += 1;
        let dying = self.crash_at.is_some_and(|at| self.io_count >= at);
        self.crashed = dying;
        Ok(Admitted { dying: dying.then(|| self.crash_error(op, path)) })
    }

    fn crash_error(&self, op: DiskOp, path: &str) -> DiskError {
        DiskError::SimulatedCrash { path: path.to_owned(), op, io_index: self.io_count }
    }

    // ---- names ----

    pub(super) fn find(&self, op: DiskOp, path: &str) -> Result<NodeId> {
        if self.crashed {
            return Err(self.crash_error(op, path));
        }
        let mut at = ROOT;
        for segment in path.split('/').filter(|s| !s.is_empty()) {
            at = match self.nodes.get(&at) {
                Some(Node::Dir(dir)) => match dir.live.get(segment) {
                    Some(id) => *id,
                    None => return Err(DiskError::io(op, path, io::ErrorKind::NotFound.into())),
                },
                _ => return Err(DiskError::io(op, path, io::ErrorKind::NotADirectory.into())),
            };
        }
        Ok(at)
    }

    pub(super) fn find_dir(&self, op: DiskOp, path: &str) -> Result<NodeId> {
        let id = self.find(op, path)?;
        match self.nodes.get(&id) {
            Some(Node::Dir(_)) => Ok(id),
            _ => Err(DiskError::io(op, path, io::ErrorKind::NotADirectory.into())),
        }
    }

    pub(super) fn find_file(&self, op: DiskOp, path: &str) -> Result<NodeId> {
        let id = self.find(op, path)?;
        match self.nodes.get(&id) {
            Some(Node::File(_)) => Ok(id),
            _ => Err(DiskError::io(op, path, io::ErrorKind::IsADirectory.into())),
        }
    }

    /// The directory of `path`, and who has the name there now.
    pub(super) fn slot(&self, op: DiskOp, path: &str) -> Result<(NodeId, Option<NodeId>)> {
        let (dir, name) = key::split(path);
        let dir = self.find_dir(op, dir).map_err(|e| match e {
            DiskError::Io { source, .. } => DiskError::io(op, path, source),
            other => other,
        })?;
        Ok((dir, self.dir(dir).and_then(|d| d.live.get(name).copied())))
    }

    pub(super) fn dir(&self, id: NodeId) -> Option<&DirNode> {
        match self.nodes.get(&id) {
            Some(Node::Dir(dir)) => Some(dir),
            _ => None,
        }
    }

    pub(super) fn file_mut(&mut self, id: NodeId) -> Option<&mut FileNode> {
        match self.nodes.get_mut(&id) {
            Some(Node::File(file)) => Some(file),
            _ => None,
        }
    }

    pub(super) fn is_dir(&self, id: NodeId) -> bool {
        matches!(self.nodes.get(&id), Some(Node::Dir(_)))
    }

    pub(super) fn add_node(&mut self, is_dir: bool) -> NodeId {
        let id = self.next_node;
        self.next_node += 1;
        let node = if is_dir {
            Node::Dir(DirNode { live: BTreeMap::new(), durable: BTreeMap::new(), modified: self.now })
        } else {
            Node::File(FileNode::new(self.now))
        };
        self.nodes.insert(id, node);
        id
    }

    /// Changes one name, live now and durable after a sync. Returns the edit's id.
    pub(super) fn set_name(
        &mut self,
        path: &str,
        dir: NodeId,
        target: Option<NodeId>,
        needs: Option<u64>,
    ) -> u64 {
        let name = key::split(path).1.to_owned();
        let now = self.now;
        if let Some(Node::Dir(node)) = self.nodes.get_mut(&dir) {
            apply(&mut node.live, &name, target);
            node.modified = now;
        }
        self.next_edit += 1;
        self.edits.push(NameEdit { id: self.next_edit, dir, name, target, needs });
        self.next_edit
    }

    pub(super) fn sync_names(&mut self, dir: NodeId) {
        let (synced, rest) = std::mem::take(&mut self.edits).into_iter().partition(|e| e.dir == dir);
        self.edits = rest;
        for edit in synced {
            self.make_durable(edit);
        }
    }

    fn make_durable(&mut self, edit: NameEdit) {
        if let Some(Node::Dir(node)) = self.nodes.get_mut(&edit.dir) {
            apply(&mut node.durable, &edit.name, edit.target);
        }
    }

    // ---- space, metadata ----

    /// Bytes of all files that have a name.
    pub(super) fn used(&self) -> u64 {
        let mut seen = BTreeSet::new();
        let mut todo = vec![ROOT];
        let mut total = 0;
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.nodes.get(&id) {
                Some(Node::Dir(dir)) => todo.extend(dir.live.values()),
                Some(Node::File(file)) => total += file.len(),
                None => {}
            }
        }
        total
    }

    /// How many bytes a file may still grow.
    pub(super) fn room(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |c| c.saturating_sub(self.used()))
    }

    pub(super) fn meta(&self, id: NodeId) -> FileMeta {
        let (len, is_dir, modified) = match self.nodes.get(&id) {
            Some(Node::File(file)) => (file.len(), false, file.modified),
            Some(Node::Dir(dir)) => (0, true, dir.modified),
            None => (0, false, self.now),
        };
        FileMeta { len, is_dir, modified, file_id: id }
    }

    // ---- power loss ----

    /// Decides for everything unsynced whether it survived, and forgets the rest.
    pub(super) fn power_loss(&mut self) {
        let fate = Fate::draw(&mut self.rng);
        let mut lost = BTreeSet::new();
        let mut lost_names = BTreeSet::new();
        for edit in std::mem::take(&mut self.edits) {
            // A name goes through its states in order: nothing after a lost change of it is kept.
            let name = (edit.dir, edit.name.clone());
            let orphan = edit.needs.is_some_and(|id| lost.contains(&id)) || lost_names.contains(&name);
            if !orphan && fate.keeps(&mut self.rng) {
                self.make_durable(edit);
            } else {
                lost.insert(edit.id);
                lost_names.insert(name);
            }
        }
        for node in self.nodes.values_mut() {
            match node {
                Node::File(file) => file.power_loss(fate, &mut self.rng),
                Node::Dir(dir) => dir.live = dir.durable.clone(),
            }
        }
        self.drop_unreachable();
    }

    fn drop_unreachable(&mut self) {
        let mut reached = BTreeSet::new();
        let mut todo = vec![ROOT];
        while let Some(id) = todo.pop() {
            if reached.insert(id)
                && let Some(dir) = self.dir(id)
            {
                todo.extend(dir.live.values().copied());
            }
        }
        self.nodes.retain(|id, _| reached.contains(id));
    }
}

fn apply(names: &mut BTreeMap<String, NodeId>, name: &str, target: Option<NodeId>) {
    match target {
        Some(id) => names.insert(name.to_owned(), id),
        None => names.remove(name),
    };
}
