use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef};
use object_store::path::Path;
use parking_lot::Mutex;

use super::footer::Footer;
use super::lru::Lru;

/// What is kept of data files, bounded in bytes: parsed footers (with page indexes and run indexes) and
/// decoded columns of few rows. A file's parts may stay cached after the file is deleted: file numbers
/// are never reused, so it is never mistaken for another's.
#[derive(Debug)]
pub struct MetaCache {
    footers: Mutex<Lru<Path, (Arc<Footer>, FileKey)>>,
    blocks: Arc<BlockCache>,
    next_key: AtomicU64,
}

/// Names a footer that was loaded, hence a file, for as long as the process lives.
pub(super) type FileKey = u64;

impl MetaCache {
    /// A cache of at most `bytes` bytes, half of it for footers.
    pub fn new(bytes: usize) -> Self {
        Self {
            footers: Mutex::new(Lru::new(bytes / 2)),
            blocks: Arc::new(BlockCache(Mutex::new(Lru::new(bytes / 2)))),
            next_key: AtomicU64::new(0),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.footers.lock().bytes() + self.blocks.0.lock().bytes()
    }

    /// Forgets a file's footer, if it is there. Its decoded columns are not found any more, and make
    /// room for others in time.
    pub fn remove(&self, path: &Path) {
        self.footers.lock().remove(path);
    }

    pub(super) fn get(&self, path: &Path) -> Option<(Arc<Footer>, FileKey)> {
        self.footers.lock().get(path).cloned()
    }

    pub(super) fn put(&self, path: &Path, footer: &Arc<Footer>) -> FileKey {
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let bytes = footer.memory_size();
        self.footers.lock().put(path.clone(), (Arc::clone(footer), key), bytes);
        key
    }

    pub(super) fn blocks(&self) -> Arc<BlockCache> {
        Arc::clone(&self.blocks)
    }
}

/// Some rows of one column of a file: see [`super::blocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct BlockKey {
    pub(super) file: FileKey,
    /// Parquet's number of the column.
    pub(super) column: usize,
    pub(super) block: u64,
}

/// Decoded blocks.
#[derive(Debug)]
pub(super) struct BlockCache(Mutex<Lru<BlockKey, ArrayRef>>);

impl BlockCache {
    /// The blocks that are there.
    pub(super) fn get(&self, keys: &[BlockKey]) -> Vec<Option<ArrayRef>> {
        let mut cache = self.0.lock();
        keys.iter().map(|key| cache.get(key).cloned()).collect()
    }

    pub(super) fn put(&self, blocks: &[(BlockKey, ArrayRef)]) {
        let mut cache = self.0.lock();
        for (key, block) in blocks {
            cache.put(*key, Arc::clone(block), block.get_array_memory_size());
        }
    }
}
