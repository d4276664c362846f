//! Remembers which series a raw key means, so that a known series costs one hash and one look-up
//! instead of parsing its tags.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use triglot_model::{DatabaseId, ShardId, Sid, TableId};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Independent segments, so that requests rarely wait for each other.
const SEGMENTS: usize = 16;

/// The hash of (database, reading, raw key). Seeded per process with a random number, so that clients cannot
/// make keys that collide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawKey(u128);

impl RawKey {
    pub(super) fn bits(self) -> u128 {
        self.0
    }
}

/// A series as it was when its key was last written. It may be gone since: who writes to it is told
/// ([`crate::EngineError::StaleSeries`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownSeries {
    pub(super) table: TableId,
    pub(super) shard: ShardId,
    pub(super) sid: Sid,
    /// The series are renumbered or changed when this changes.
    pub(super) epoch: u64,
}

impl KnownSeries {
    /// The table that it belongs to.
    pub fn table(&self) -> TableId {
        self.table
    }
}

/// A series with the key under which it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recalled {
    /// The key.
    pub key: RawKey,
    /// The series.
    pub series: KnownSeries,
}

/// Room for looking up many series at once, used again for the next ones.
#[derive(Debug, Default)]
pub struct RecallRoom {
    keys: Vec<RawKey>,
    by_segment: [Vec<usize>; SEGMENTS],
    found: Vec<Option<Recalled>>,
}

/// A bounded map from raw keys to series.
#[derive(Debug)]
pub(crate) struct SeriesCache {
    seed: u64,
    segments: Vec<Mutex<HashMap<RawKey, KnownSeries, PassThrough>>>,
    per_segment: usize,
}

impl SeriesCache {
    /// A cache of about `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        // 48 bytes an entry at the load factor that a hash map has on average.
        let entries = usize::try_from(bytes / 64).unwrap_or(usize::MAX);
        Self {
            seed: RandomState::new().hash_one(0u8),
            segments: (0..SEGMENTS).map(|_| Mutex::default()).collect(),
            per_segment: (entries / SEGMENTS).max(1024),
        }
    }

    /// `reading` tells apart rules by which equal bytes mean different series.
    pub(crate) fn key(&self, database: DatabaseId, reading: u64, raw: &[u8]) -> RawKey {
        let database = u64::from(database.0).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        RawKey(xxh3_128_with_seed(raw, self.seed ^ database ^ reading))
    }

    pub(crate) fn get(&self, key: RawKey) -> Option<KnownSeries> {
        self.segment(key)?.lock().get(&key).copied()
    }

    /// Many at once: each segment is locked once, and look-ups without a lock between them wait for memory together.
    pub(crate) fn get_all<'r>(
        &self,
        keys: impl Iterator<Item = RawKey>,
        room: &'r mut RecallRoom,
    ) -> &'r [Option<Recalled>] {
        let RecallRoom { keys: all, by_segment, found } = room;
        all.clear();
        all.extend(keys);
        by_segment.iter_mut().for_each(Vec::clear);
        for (at, key) in all.iter().enumerate() {
            if let Some(places) = by_segment.get_mut(segment_of(*key)) {
                places.push(at);
            }
        }
        found.clear();
        found.resize(all.len(), None);
        for (segment, places) in self.segments.iter().zip(by_segment) {
            if places.is_empty() {
                continue;
            }
            let segment = segment.lock();
            for at in places {
                if let (Some(slot), Some(key)) = (found.get_mut(*at), all.get(*at)) {
                    *slot = segment.get(key).map(|series| Recalled { key: *key, series: *series });
                }
            }
        }
        found
    }

    pub(super) fn put(&self, key: RawKey, series: KnownSeries) {
        let Some(segment) = self.segment(key) else { return };
        let mut segment = segment.lock();
        if segment.len() >= self.per_segment {
            // Rare, cheap on average, and needs no bookkeeping on hits: start over.
            segment.clear();
        }
        segment.insert(key, series);
    }

    /// Forgets all.
    #[cfg(test)]
    pub(crate) fn clear(&self) {
        self.segments.iter().for_each(|segment| segment.lock().clear());
    }

    fn segment(&self, key: RawKey) -> Option<&Mutex<HashMap<RawKey, KnownSeries, PassThrough>>> {
        self.segments.get(segment_of(key))
    }
}

/// By the topmost bits; the maps use the lower ones.
fn segment_of(key: RawKey) -> usize {
    (key.0 >> 124) as usize % SEGMENTS
}

/// The key is a hash already, or an id.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PassThrough;

/// Takes the low half of a 128-bit hash as it is, and multiplies ids.
#[derive(Debug, Default)]
pub(super) struct PassThroughHasher(u64);

impl BuildHasher for PassThrough {
    type Hasher = PassThroughHasher;

    fn build_hasher(&self) -> PassThroughHasher {
        PassThroughHasher(0)
    }
}

impl std::hash::Hasher for PassThroughHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u32(&mut self, id: u32) {
        // Ids that follow each other, spread over all bits.
        self.0 = u64::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_u128(&mut self, hash: u128) {
        // Truncation is meant: any 64 bits of a good hash will do.
        self.0 = hash as u64;
    }
}
