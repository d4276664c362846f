use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use object_store::path::Path;
use parking_lot::Mutex;

use super::footer::Footer;

/// Parsed footers (with page indexes and run indexes) of recently opened files, bounded in bytes;
/// the least recently used go first. A file's footer may stay cached after the file is deleted:
/// file numbers are never reused, so it is never mistaken for another's.
#[derive(Debug)]
pub struct MetaCache {
    limit: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Path, Entry>,
    by_use: BTreeMap<u64, Path>,
    clock: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    footer: Arc<Footer>,
    bytes: usize,
    used: u64,
}

impl MetaCache {
    /// A cache of at most `bytes` bytes.
    pub fn new(bytes: usize) -> Self {
        Self { limit: bytes, state: Mutex::default() }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Forgets a file, if it is there.
    pub fn remove(&self, path: &Path) {
        self.state.lock().remove(path);
    }

    pub(super) fn get(&self, path: &Path) -> Option<Arc<Footer>> {
        let mut state = self.state.lock();
        state.clock += 1;
        let State { entries, by_use, clock, .. } = &mut *state;
        let entry = entries.get_mut(path)?;
        if let Some(path) = by_use.remove(&entry.used) {
            by_use.insert(*clock, path);
        }
        entry.used = *clock;
        Some(Arc::clone(&entry.footer))
    }

    pub(super) fn put(&self, path: &Path, footer: &Arc<Footer>) {
        let bytes = footer.memory_size();
        if bytes > self.limit {
            return;
        }
        let mut state = self.state.lock();
        state.remove(path);
        while state.bytes + bytes > self.limit {
            let Some((_, oldest)) = state.by_use.pop_first() else { break };
            state.remove(&oldest);
        }
        state.clock += 1;
        let used = state.clock;
        state.bytes += bytes;
        state.by_use.insert(used, path.clone());
        state.entries.insert(path.clone(), Entry { footer: Arc::clone(footer), bytes, used });
    }
}

impl State {
    fn remove(&mut self, path: &Path) {
        if let Some(entry) = self.entries.remove(path) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}
