use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values of known sizes, bounded in bytes; the least recently used go first.
#[derive(Debug)]
pub(super) struct Lru<K, V> {
    limit: usize,
    entries: HashMap<K, Entry<V>>,
    by_use: BTreeMap<u64, K>,
    clock: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Lru<K, V> {
    /// Of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, entries: HashMap::new(), by_use: BTreeMap::new(), clock: 0, bytes: 0 }
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        if let Some(key) = self.by_use.remove(&entry.used) {
            self.by_use.insert(self.clock, key);
        }
        entry.used = self.clock;
        Some(&entry.value)
    }

    /// Keeps a value of about `bytes` bytes, unless it is larger than the whole cache.
    pub(super) fn put(&mut self, key: K, value: V, bytes: usize) {
        if bytes > self.limit {
            return;
        }
        self.remove(&key);
        while self.bytes + bytes > self.limit {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.remove(&oldest);
        }
        self.clock += 1;
        self.bytes += bytes;
        self.by_use.insert(self.clock, key.clone());
        self.entries.insert(key, Entry { value, bytes, used: self.clock });
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_first() {
        let mut lru = Lru::new(10);
        let held =
            |lru: &mut Lru<&'static str, u8>| ["a", "b", "c", "huge"].map(|key| lru.get(&key).copied());
        lru.put("a", 1, 4);
        lru.put("b", 2, 4);
        assert_eq!(lru.get(&"a"), Some(&1));
        lru.put("c", 3, 4);
        assert_eq!(held(&mut lru), [Some(1), None, Some(3), None]);
        lru.put("huge", 4, 11);
        lru.put("a", 5, 6);
        assert_eq!(held(&mut lru), [Some(5), None, Some(3), None]);
        lru.remove(&"a");
        assert_eq!(lru.bytes(), 4);
    }
}
