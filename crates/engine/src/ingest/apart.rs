//! Times of records that share one and are still different.

use std::collections::{HashMap, HashSet};

/// The times that the records of a request have taken, by table and series.
#[derive(Debug, Default)]
pub(super) struct TakenTimes(HashMap<(u32, u32), OfSeries>);

#[derive(Debug, Default)]
struct OfSeries {
    taken: HashSet<i64>,
    /// From which time on to look for the next record of this one: a thousand records of one time are not a thousand
    /// times a thousand steps.
    next: HashMap<i64, i64>,
}

impl TakenTimes {
    /// The first free time from `time` on; none: there is no further one.
    pub(super) fn take(&mut self, series: (u32, u32), time: i64) -> Option<i64> {
        let OfSeries { taken, next } = self.0.entry(series).or_default();
        if taken.insert(time) {
            return Some(time);
        }
        let mut free = next.get(&time).copied().unwrap_or(time);
        while !taken.insert(free) {
            free = free.checked_add(1)?;
        }
        next.insert(time, free);
        Some(free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_of_one_time_take_the_next_ones() {
        let mut times = TakenTimes::default();
        let given: Vec<_> =
            [5, 5, 6, 5, 9, 6].into_iter().filter_map(|time| times.take((0, 0), time)).collect();
        assert_eq!(given, [5, 6, 7, 8, 9, 10]);
        assert_eq!(times.take((0, 1), 5), Some(5), "another series");
    }

    #[test]
    fn the_last_time_is_taken_once() {
        let mut times = TakenTimes::default();
        assert_eq!(times.take((0, 0), i64::MAX - 1), Some(i64::MAX - 1));
        assert_eq!(times.take((0, 0), i64::MAX - 1), Some(i64::MAX));
        assert_eq!(times.take((0, 0), i64::MAX), None);
    }
}
