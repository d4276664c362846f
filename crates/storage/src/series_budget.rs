//! The series share of the memory budget: how many series a node may have, and how many bytes their
//! index may take.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::StorageError;
use crate::series::{SeriesIndex, SeriesKey};

/// What a series takes besides the bytes of its tags, rather too much: identity, codes, list entries.
const SERIES_BYTES: u64 = 128;

/// Counts the series of all shards and the bytes of their indexes. These may exceed their share by as
/// much as the last growth of a hash table took.
#[derive(Debug)]
pub(crate) struct SeriesBudget {
    series: AtomicU64,
    bytes: AtomicU64,
    limit: usize,
    share: u64,
}

/// What a [`SeriesBudget`] has counted of one index.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counted {
    series: u64,
    bytes: u64,
}

impl SeriesBudget {
    /// At most `limit` series, whose indexes take at most `share` bytes.
    pub(crate) fn new(limit: usize, share: u64) -> Self {
        Self { series: AtomicU64::new(0), bytes: AtomicU64::new(0), limit, share }
    }

    /// Series of all tables.
    pub(crate) fn series(&self) -> u64 {
        self.series.load(Ordering::Relaxed)
    }

    /// Counts what became of `index` since it was counted last. What is there already is never refused:
    /// a start finds all series that were acknowledged.
    pub(crate) fn settle(&self, index: &mut SeriesIndex) {
        let now = Counted { series: index.len() as u64, bytes: index.memory_bytes() as u64 };
        self.replace(&mut index.counted, now);
    }

    /// Stops counting an index.
    pub(crate) fn forget(&self, index: &mut SeriesIndex) {
        self.replace(&mut index.counted, Counted::default());
    }

    /// Room for a new series of `index`. It is counted at once, its bytes roughly until the index is
    /// settled.
    ///
    /// # Errors
    /// There are as many series as there may be, or their indexes take all of the share.
    pub(crate) fn admit(&self, index: &mut SeriesIndex, key: &SeriesKey) -> Result<(), StorageError> {
        if self.series() >= self.limit as u64 {
            return Err(StorageError::TooManySeries { limit: self.limit });
        }
        let text = |value: &str| value.len() as u64 + size_of::<u32>() as u64;
        let tags: u64 = key.tags.iter().map(|(_, value)| text(value)).sum();
        let bytes = SERIES_BYTES + tags + key.child.as_deref().map_or(0, text);
        if self.is_full(bytes) {
            // Values that the index knew already were counted, too.
            self.settle(index);
        }
        if self.is_full(bytes) {
            let used = self.bytes.load(Ordering::Relaxed);
            return Err(StorageError::SeriesMemory { used, share: self.share });
        }
        let Counted { series, bytes: counted } = index.counted;
        self.replace(&mut index.counted, Counted { series: series + 1, bytes: counted + bytes });
        Ok(())
    }

    fn is_full(&self, more: u64) -> bool {
        self.bytes.load(Ordering::Relaxed).saturating_add(more) > self.share
    }

    fn replace(&self, counted: &mut Counted, now: Counted) {
        let before = std::mem::replace(counted, now);
        change(&self.series, before.series, now.series);
        change(&self.bytes, before.bytes, now.bytes);
    }
}

fn change(total: &AtomicU64, before: u64, now: u64) {
    if now >= before {
        total.fetch_add(now - before, Ordering::Relaxed);
    } else {
        total.fetch_sub(before - now, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use triglot_model::{ColumnId, ErrorKind, IdentityRule};

    use super::*;

    fn key(value: String) -> SeriesKey {
        SeriesKey { child: None, tags: vec![(ColumnId(1), value.into())] }
    }

    #[test]
    fn series_are_admitted_until_their_index_fills_the_share() {
        let share = 256 << 10;
        let budget = SeriesBudget::new(usize::MAX, share);
        let mut index = SeriesIndex::new(IdentityRule::AllTags);
        let mut made = 0;
        let refused = loop {
            let key = key(format!("a value of some length {made}"));
            if let Err(error) = budget.admit(&mut index, &key) {
                break error;
            }
            index.get_or_create(&key).unwrap();
            made += 1;
            assert!(made < 100_000);
        };
        assert_eq!(refused.kind(), ErrorKind::LimitReached, "{refused}");
        assert!(matches!(refused, StorageError::SeriesMemory { share: s, .. } if s == share));
        // The share is used, and not by much more: the tables of the index double.
        let bytes = index.memory_bytes() as u64;
        assert!((share / 2..share + share / 4).contains(&bytes), "{made} series take {bytes}");
        assert_eq!(budget.series(), made);
        budget.forget(&mut index);
        assert_eq!((budget.series(), budget.bytes.load(Ordering::Relaxed)), (0, 0));
    }

    #[test]
    fn known_values_do_not_fill_the_share() {
        let budget = SeriesBudget::new(usize::MAX, 1 << 20);
        let mut index = SeriesIndex::new(IdentityRule::AllTags);
        // The estimate of each is 20 kB; the index holds the text once.
        let long = "x".repeat(20_000);
        for n in 0..500 {
            let tags = vec![(ColumnId(1), long.as_str().into()), (ColumnId(2), format!("{n}").into())];
            let key = SeriesKey { child: None, tags };
            budget.admit(&mut index, &key).unwrap();
            index.get_or_create(&key).unwrap();
        }
        assert_eq!(budget.series(), 500);
    }
}
