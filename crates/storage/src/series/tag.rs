use parking_lot::Mutex;
use roaring::RoaringBitmap;

use super::codes::Codes;
use super::dictionary::Dictionary;

/// Tags with more distinct values than this have no bitmaps; their predicates scan the codes.
pub(super) const MAX_BITMAPS: usize = 64 * 1024;

/// About what a small bitmap costs: its header, one container and the smallest allocations of both.
const BYTES_PER_BITMAP: usize = 200;

/// One tag of all series.
#[derive(Debug, Default)]
pub(super) struct TagColumn {
    codes: Codes,
    dictionary: Dictionary,
    bitmaps: Mutex<Option<Bitmaps>>,
}

/// The series of each value, for the series below `covered`. May hold series that were removed
/// since: readers intersect with the live ones.
#[derive(Debug, Default)]
struct Bitmaps {
    covered: u32,
    by_code: Vec<RoaringBitmap>,
    entries: usize,
}

impl TagColumn {
    /// The distinct values ever seen.
    pub(super) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// The codes by sid.
    pub(super) fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The code for a value, new if need be. Nothing refers to it yet.
    pub(super) fn intern(&mut self, value: &str) -> Result<u32, super::SeriesError> {
        self.dictionary.intern(value)
    }

    /// The value of a series.
    pub(super) fn value(&self, sid: u32) -> Option<&[u8]> {
        self.dictionary.values().get(self.codes.get(sid))
    }

    /// Gives a series another value, by code.
    pub(super) fn set(&mut self, sid: u32, code: u32) {
        let old = self.codes.get(sid);
        self.codes.set(sid, code);
        if let Some(bitmaps) = self.bitmaps.get_mut()
            && sid < bitmaps.covered
        {
            bitmaps.resize(self.dictionary.len());
            if let Some(bitmap) = bitmaps.by_code.get_mut(old as usize) {
                bitmap.remove(sid);
            }
            if let Some(bitmap) = bitmaps.by_code.get_mut(code as usize) {
                bitmap.insert(sid);
            }
        }
    }

    /// The live series that have one of these codes.
    pub(super) fn series_with(&self, codes: &[u32], live: &RoaringBitmap, next_sid: u32) -> RoaringBitmap {
        if self.dictionary.len() > MAX_BITMAPS + 1 {
            // Too many values by now: what was built before is only memory.
            *self.bitmaps.lock() = None;
            let mut wanted = codes.to_vec();
            wanted.sort_unstable();
            let found = live.iter().filter(|sid| wanted.binary_search(&self.codes.get(*sid)).is_ok());
            return found.collect();
        }
        let mut found = RoaringBitmap::new();
        let mut guard = self.bitmaps.lock();
        let bitmaps = guard.get_or_insert_default();
        bitmaps.extend(&self.codes, self.dictionary.len(), live, next_sid);
        for code in codes {
            if let Some(bitmap) = bitmaps.by_code.get(*code as usize) {
                found |= bitmap;
            }
        }
        drop(guard);
        found &= live;
        found
    }

    /// Bytes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let bitmaps = self.bitmaps.lock().as_ref().map_or(0, Bitmaps::memory_bytes);
        self.codes.memory_bytes() + self.dictionary.memory_bytes() + bitmaps
    }
}

impl Bitmaps {
    fn resize(&mut self, codes: usize) {
        if self.by_code.len() < codes {
            self.by_code.resize_with(codes, RoaringBitmap::new);
        }
    }

    /// Takes in the series from `covered` on.
    fn extend(&mut self, codes: &Codes, distinct: usize, live: &RoaringBitmap, next_sid: u32) {
        self.resize(distinct);
        if self.covered >= next_sid {
            return;
        }
        for sid in live.range(self.covered..next_sid) {
            if let Some(bitmap) = self.by_code.get_mut(codes.get(sid) as usize) {
                bitmap.insert(sid);
                self.entries += 1;
            }
        }
        self.covered = next_sid;
    }

    /// An estimate; exact figures would need a walk over all bitmaps.
    fn memory_bytes(&self) -> usize {
        self.by_code.len() * BYTES_PER_BITMAP + self.entries * size_of::<u16>()
    }
}
