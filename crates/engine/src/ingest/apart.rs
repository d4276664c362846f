//! Records that share a time and are still different, as lines of logs are: each gets an instant of its own, the next
//! free one of its series. What the latest records of all requests took is remembered, so that none replaces another
//! request's, and a request that is sent again gets the instants that it got before.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;
use xxhash_rust::xxh3::{Xxh3Builder, xxh3_128_with_seed};

use super::series_cache::{PassThrough, RawKey};

/// Entries of each half of [`RecentTimes`], about 6 MiB. A record makes two.
const HALF: usize = 1 << 17;

/// What tells a record from others of its series and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'r> {
    /// Its name: it replaces what has the same.
    Named(&'r str),
    /// What it says. The same thing twice in a request is two records; in another request it is the first one's again.
    Saying(&'r [&'r str]),
}

/// What an entry is about, so that different things never make one key.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
enum About {
    /// An instant that is taken.
    Taken,
    Name,
    Text,
    /// The same text once more.
    Repeated,
}

/// The instants of the latest records of all requests: a bounded map from hashes to times. It forgets the older half
/// of what was not asked for, and everything when the process ends.
#[derive(Debug)]
pub(crate) struct RecentTimes {
    /// A random number, so that clients cannot make keys that collide.
    seed: u64,
    halves: Mutex<Halves>,
}

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<u128, i64, PassThrough>,
    old: HashMap<u128, i64, PassThrough>,
}

impl Default for RecentTimes {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(1u8), halves: Mutex::default() }
    }
}

impl RecentTimes {
    fn key(&self, about: About, series: RawKey, time: i64, parts: &[&[u8]]) -> u128 {
        if parts.is_empty() {
            let mut whole = [0; 25];
            let (about_bytes, rest) = whole.split_at_mut(1);
            let (series_bytes, time_bytes) = rest.split_at_mut(16);
            about_bytes.copy_from_slice(&[about as u8]);
            series_bytes.copy_from_slice(&series.bits().to_le_bytes());
            time_bytes.copy_from_slice(&time.to_le_bytes());
            return xxh3_128_with_seed(&whole, self.seed);
        }
        let mut hash = Xxh3Builder::new().with_seed(self.seed).build();
        hash.update(&[about as u8]);
        hash.update(&series.bits().to_le_bytes());
        hash.update(&time.to_le_bytes());
        for part in parts {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.digest128()
    }
}

impl Halves {
    fn get(&mut self, key: u128) -> Option<i64> {
        if let Some(found) = self.young.get(&key) {
            return Some(*found);
        }
        let found = self.old.remove(&key)?;
        self.put(key, found);
        Some(found)
    }

    fn put(&mut self, key: u128, time: i64) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, time);
    }

    fn remove(&mut self, key: u128) {
        self.young.remove(&key);
        self.old.remove(&key);
    }
}

/// The instants that one request takes. Unless they are kept, they are free again when it ends.
#[derive(Debug)]
pub(super) struct Apart {
    recent: Arc<RecentTimes>,
    /// As in `recent`, whatever is forgotten there meanwhile.
    taken: HashMap<u128, i64, PassThrough>,
    /// How often the request said the same.
    said: HashMap<u128, u64, PassThrough>,
    /// What to forget.
    made: Vec<u128>,
}

impl Apart {
    pub(super) fn new(recent: Arc<RecentTimes>) -> Self {
        Self { recent, taken: HashMap::default(), said: HashMap::default(), made: Vec::new() }
    }

    /// The instant of a record of this time, in any unit; none: there is no free one up to the last.
    pub(super) fn take(&mut self, series: RawKey, time: i64, record: Record<'_>) -> Option<i64> {
        let identity = self.identity(series, time, record);
        let recent = Arc::clone(&self.recent);
        let taken = |time| recent.key(About::Taken, series, time, &[]);
        let mut halves = recent.halves.lock();
        if let Some(known) = halves.get(identity) {
            self.taken.entry(taken(known)).or_insert(known.saturating_add(1));
            return Some(known);
        }
        // For each instant that is taken stands a later one from which to look on. Ways that were gone are shortened,
        // so that a thousand records of one time are not a thousand times a thousand steps.
        let (mut free, mut gone) = (time, Vec::new());
        let key = loop {
            let key = taken(free);
            match halves.get(key).or_else(|| self.taken.get(&key).copied()) {
                None => break key,
                Some(later) if later == free => return None,
                Some(later) => {
                    gone.push(key);
                    free = later;
                }
            }
        };
        for key in gone.into_iter().chain([key]) {
            halves.put(key, free.saturating_add(1));
            self.taken.insert(key, free.saturating_add(1));
        }
        halves.put(identity, free);
        self.made.extend([key, identity]);
        Some(free)
    }

    fn identity(&mut self, series: RawKey, time: i64, record: Record<'_>) -> u128 {
        match record {
            Record::Named(name) => self.recent.key(About::Name, series, time, &[name.as_bytes()]),
            Record::Saying(texts) => {
                let parts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
                let text = self.recent.key(About::Text, series, time, &parts);
                let before = self.said.entry(text).or_default();
                let repeated = *before;
                *before += 1;
                if repeated == 0 {
                    return text;
                }
                let parts = [&text.to_le_bytes()[..], &repeated.to_le_bytes()];
                self.recent.key(About::Repeated, series, time, &parts)
            }
        }
    }

    /// The records are about to be stored.
    pub(super) fn keep(&mut self) {
        self.made.clear();
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if !self.made.is_empty() {
            let mut halves = self.recent.halves.lock();
            self.made.iter().for_each(|key| halves.remove(*key));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::ingest::SeriesCache;
    use triglot_model::DatabaseId;

    fn series(name: &str) -> RawKey {
        // Keys of one cache only are alike.
        thread_local!(static CACHE: SeriesCache = SeriesCache::new(0));
        CACHE.with(|cache| cache.key(DatabaseId(1), 0, name.as_bytes()))
    }

    fn request(recent: &Arc<RecentTimes>, records: &[(i64, Record<'_>)], is_kept: bool) -> Vec<Option<i64>> {
        let mut apart = Apart::new(Arc::clone(recent));
        let given = records.iter().map(|(time, record)| apart.take(series("a"), *time, *record)).collect();
        if is_kept {
            apart.keep();
        }
        given
    }

    fn said<'t>(text: &'t [&'t str]) -> Record<'t> {
        Record::Saying(text)
    }

    #[test]
    fn records_of_one_time_take_the_next_instants_and_again_the_same() {
        let recent = Arc::new(RecentTimes::default());
        let first =
            [(5, said(&["a"])), (5, said(&["b"])), (6, said(&["c"])), (5, said(&["a"])), (9, said(&["d"]))];
        let wanted = [Some(5), Some(6), Some(7), Some(8), Some(9)];
        assert_eq!(request(&recent, &first, true), wanted);
        // Another request finds them taken, and each gets its own again.
        let other = [(5, said(&["x"])), (9, said(&["y"]))];
        assert_eq!(request(&recent, &other, true), [Some(10), Some(11)]);
        assert_eq!(request(&recent, &first, true), wanted);
        assert_eq!(request(&recent, &other, true), [Some(10), Some(11)]);
        let mut of_others = Apart::new(recent);
        assert_eq!(of_others.take(series("b"), 5, said(&["a"])), Some(5), "another series");
    }

    #[test]
    fn parts_and_names_tell_records_apart() {
        let recent = Arc::new(RecentTimes::default());
        let records = [
            (1, said(&["ab", "c"])),
            (1, said(&["a", "bc"])),
            (1, Record::Named("a")),
            (1, Record::Named("b")),
            (1, Record::Named("a")),
        ];
        assert_eq!(request(&recent, &records, true), [Some(1), Some(2), Some(3), Some(4), Some(3)]);
    }

    #[test]
    fn ways_that_were_gone_are_short() {
        // Without shortening the second half would be 20,000 walks of 20,000 steps.
        let recent = Arc::new(RecentTimes::default());
        let texts: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
        let mut apart = Apart::new(Arc::clone(&recent));
        for (time, text) in (0..).zip(&texts) {
            assert_eq!(apart.take(series("a"), time, Record::Saying(&[text])), Some(time));
        }
        for (time, text) in (0..).zip(&texts) {
            let given = apart.take(series("a"), time, Record::Saying(&[text, "again"]));
            assert_eq!(given, Some(20_000 + time));
        }
    }

    #[test]
    fn what_was_not_kept_is_free_again() {
        let recent = Arc::new(RecentTimes::default());
        assert_eq!(request(&recent, &[(5, said(&["a"])), (5, said(&["b"]))], false), [Some(5), Some(6)]);
        assert_eq!(request(&recent, &[(5, said(&["c"]))], true), [Some(5)]);
    }

    #[test]
    fn the_last_instant_is_taken_once() {
        let recent = Arc::new(RecentTimes::default());
        let last = i64::MAX;
        let records = [
            (last - 1, said(&["a"])),
            (last - 1, said(&["b"])),
            (last - 1, said(&["c"])),
            (last, said(&["d"])),
        ];
        assert_eq!(request(&recent, &records, true), [Some(last - 1), Some(last), None, None]);
    }

    #[test]
    fn a_request_longer_than_what_is_remembered_keeps_its_records_apart() {
        let recent = Arc::new(RecentTimes::default());
        let mut apart = Apart::new(Arc::clone(&recent));
        let texts: Vec<String> = (0..HALF + 10).map(|n| n.to_string()).collect();
        let mut given = HashSet::new();
        for text in &texts {
            assert!(given.insert(apart.take(series("a"), 7, Record::Saying(&[text])).unwrap()));
        }
        let halves = recent.halves.lock();
        assert!(halves.young.len() <= HALF && halves.old.len() <= HALF);
        drop(halves);
        apart.keep();
    }
}
