//! A sorted map whose copies share what has not changed.

use std::cmp::Ordering;
use std::sync::Arc;

/// Entries per chunk. A change copies one chunk and the list of chunks; with 100,000 entries that
/// is 128 entries and about 1,000 pointers.
const CHUNK: usize = 128;

type Chunk<K, V> = Arc<Vec<(K, V)>>;

/// Sorted by key. `clone` is one reference count; after it, a change of either copy costs
/// O(chunk + number of chunks), not O(entries). Look-ups take an ordering of a stored key against
/// the wanted one, so that no owned key has to be built.
#[derive(Debug)]
pub(crate) struct PMap<K, V> {
    /// No chunk is empty; all keys of a chunk are below those of the next one.
    chunks: Arc<Vec<Chunk<K, V>>>,
    len: usize,
}

impl<K, V> Clone for PMap<K, V> {
    fn clone(&self) -> Self {
        Self { chunks: Arc::clone(&self.chunks), len: self.len }
    }
}

impl<K, V> Default for PMap<K, V> {
    fn default() -> Self {
        Self { chunks: Arc::new(Vec::new()), len: 0 }
    }
}

impl<K, V> PMap<K, V> {
    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The value of the key for which `cmp(key)` is `Equal`.
    pub(crate) fn get_by(&self, cmp: impl Fn(&K) -> Ordering) -> Option<&V> {
        let chunk = self.chunks.get(self.chunk_of(&cmp))?;
        let at = chunk.binary_search_by(|(k, _)| cmp(k)).ok()?;
        chunk.get(at).map(|(_, v)| v)
    }

    /// All entries in order of key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter().map(|(k, v)| (k, v)))
    }

    /// The entries from the first key for which `cmp(key)` is not `Less`.
    pub(crate) fn iter_from(&self, cmp: impl Fn(&K) -> Ordering) -> impl Iterator<Item = (&K, &V)> {
        let first = self.chunk_of(&cmp);
        let skip = self.chunks.get(first).map_or(0, |c| c.partition_point(|(k, _)| cmp(k) == Ordering::Less));
        self.chunks.iter().skip(first).flat_map(|c| c.iter().map(|(k, v)| (k, v))).skip(skip)
    }

    /// The last chunk whose first key is not above the wanted one (0 if there is none).
    fn chunk_of(&self, cmp: &impl Fn(&K) -> Ordering) -> usize {
        self.chunks
            .partition_point(|c| c.first().is_some_and(|(k, _)| cmp(k) != Ordering::Greater))
            .saturating_sub(1)
    }
}

impl<K: Ord + Clone, V: Clone> PMap<K, V> {
    /// The value of `key`.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.get_by(|k| k.cmp(key))
    }

    /// Sets the value of `key` and returns the former one.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let index = self.chunk_of(&|k: &K| k.cmp(&key));
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(index) else {
            chunks.push(Arc::new(vec![(key, value)]));
            self.len += 1;
            return None;
        };
        let entries = Arc::make_mut(chunk);
        match entries.binary_search_by(|(k, _)| k.cmp(&key)) {
            Ok(at) => entries.get_mut(at).map(|(_, v)| std::mem::replace(v, value)),
            Err(at) => {
                entries.insert(at, (key, value));
                if entries.len() > CHUNK {
                    // Keys often grow (ids): then a full left half would stay half empty for ever.
                    let cut = if at == CHUNK { CHUNK } else { CHUNK / 2 };
                    let upper = entries.split_off(cut);
                    chunks.insert(index + 1, Arc::new(upper));
                }
                self.len += 1;
                None
            }
        }
    }

    /// Removes `key` and returns its value.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let index = self.chunk_of(&|k: &K| k.cmp(key));
        let at = self.chunks.get(index)?.binary_search_by(|(k, _)| k.cmp(key)).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(chunks.get_mut(index)?);
        let (_, value) = entries.remove(at);
        if entries.is_empty() {
            chunks.remove(index);
        }
        self.len -= 1;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_btreemap(ops in prop::collection::vec((0u32..600, prop::option::of(any::<u8>())), 0..1500)) {
            let mut map = PMap::default();
            let mut model = BTreeMap::new();
            let mut old = Vec::new();
            for (i, (key, value)) in ops.iter().enumerate() {
                match value {
                    Some(v) => prop_assert_eq!(map.insert(*key, *v), model.insert(*key, *v)),
                    None => prop_assert_eq!(map.remove(key), model.remove(key)),
                }
                prop_assert_eq!(map.len(), model.len());
                if i % 100 == 0 {
                    old.push((map.clone(), model.clone()));
                }
            }
            old.push((map, model));
            for (map, model) in old {
                prop_assert!(map.iter().eq(model.iter()));
                prop_assert!(map.iter_from(|k| k.cmp(&300)).eq(model.range(300..)));
                prop_assert!((0..600).all(|k| map.get(&k) == model.get(&k)));
            }
        }
    }

    #[test]
    fn a_change_copies_one_chunk() {
        let mut map = PMap::default();
        for key in 0..10_000u32 {
            map.insert(key, key);
        }
        let before = map.clone();
        map.insert(5_000, 1);
        let shared = map.chunks.iter().zip(before.chunks.iter()).filter(|(a, b)| Arc::ptr_eq(a, b)).count();
        assert_eq!(shared, map.chunks.len() - 1);
        assert_eq!(before.get(&5_000), Some(&5_000));
    }
}
