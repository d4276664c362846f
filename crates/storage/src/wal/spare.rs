use std::sync::Arc;

use parking_lot::Mutex;
use triglot_disk::{Disk, OpenMode};

use super::error::WalError;
use super::segment::join;

const PREFIX: &str = "spare-";

/// Whether `name` is that of a spare file.
pub(super) fn is_spare(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The files that wait for being used as segments. Clones share them, so a background job can make
/// spares while the writer appends.
#[derive(Clone, Debug)]
pub struct Spares {
    disk: Arc<dyn Disk>,
    dir: Arc<str>,
    segment_bytes: u64,
    max: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    ready: Vec<String>,
    next: u64,
    making: bool,
    /// Bytes that the segment being written still takes.
    room: u64,
}

impl Spares {
    pub(super) fn new(disk: Arc<dyn Disk>, dir: &str, segment_bytes: u64, max: usize) -> Self {
        Self { disk, dir: dir.into(), segment_bytes, max, state: Arc::default() }
    }

    /// Makes a spare segment if none is ready and the segment being written is half full; answers whether it did.
    /// Blocks (64 MiB are written and synced): call it from a background job.
    ///
    /// # Errors
    /// What the disk says, mostly that it is full. The log is not affected.
    pub fn prepare(&self) -> Result<bool, WalError> {
        {
            let mut state = self.state.lock();
            if !state.ready.is_empty() || state.making || state.room > self.segment_bytes / 2 {
                return Ok(false);
            }
            state.making = true;
        }
        let made = self.make(self.segment_bytes);
        let mut state = self.state.lock();
        state.making = false;
        state.ready.push(made?);
        Ok(true)
    }

    /// Takes note of how many bytes the segment being written still takes.
    pub(super) fn note_room(&self, bytes: u64) {
        self.state.lock().room = bytes;
    }

    /// Number of files that wait.
    pub fn ready(&self) -> usize {
        self.state.lock().ready.len()
    }

    /// A file of `bytes` bytes to write a segment into: a ready one, or a new one.
    pub(super) fn take(&self, bytes: u64) -> Result<String, WalError> {
        let ready = if bytes == self.segment_bytes { self.state.lock().ready.pop() } else { None };
        ready.map_or_else(|| self.make(bytes), Ok)
    }

    /// Adds a file whose spare name is durable.
    pub(super) fn put(&self, path: String) {
        self.state.lock().ready.push(path);
    }

    /// Whether a file of `bytes` bytes is worth keeping.
    pub(super) fn wants(&self, bytes: u64) -> bool {
        bytes == self.segment_bytes && self.ready() < self.max
    }

    /// A path that no file has.
    pub(super) fn new_path(&self) -> String {
        let mut state = self.state.lock();
        state.next += 1;
        join(&self.dir, &format!("{PREFIX}{:020}", state.next))
    }

    /// Takes note of a file that is there already, so that its name is not given again.
    pub(super) fn note(&self, name: &str) {
        let number = name.strip_prefix(PREFIX).and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut state = self.state.lock();
        state.next = state.next.max(number);
    }

    fn make(&self, bytes: u64) -> Result<String, WalError> {
        let path = self.new_path();
        let made = self.disk.open(&path, OpenMode::CreateNew).and_then(|file| file.preallocate(bytes));
        if let Err(e) = made {
            // What is left would be removed at the next start; a full disk wants it back now.
            self.disk.remove_file(&path).ok();
            return Err(e.into());
        }
        Ok(path)
    }
}
