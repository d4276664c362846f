//! Times of records that share one and are still different.

use std::collections::HashMap;

/// The times that the records of a request have taken, by table and series.
#[derive(Debug, Default)]
pub(super) struct TakenTimes(HashMap<(u32, u32), OfSeries>);

/// For each time that is taken a later one from which to look for a free one; none: there is none. Ways that were gone
/// are shortened, so that a thousand records of one time are not a thousand times a thousand steps.
type OfSeries = HashMap<i64, Option<i64>>;

impl TakenTimes {
    /// The first free time from `time` on; none: there is no further one.
    pub(super) fn take(&mut self, series: (u32, u32), time: i64) -> Option<i64> {
        let later = self.0.entry(series).or_default();
        let (mut free, mut gone) = (time, Vec::new());
        while let Some(next) = later.get(&free) {
            gone.push(free);
            free = (*next)?;
        }
        for taken in gone.into_iter().chain([free]) {
            later.insert(taken, free.checked_add(1));
        }
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
    fn runs_of_taken_times_are_passed_at_once() {
        let mut times = TakenTimes::default();
        let count = 200_000;
        let first: Vec<_> = (0..count).filter_map(|_| times.take((0, 0), 0)).collect();
        // Each of these begins at a time of its own, all of which are taken.
        let second: Vec<_> = (0..count).filter_map(|time| times.take((0, 0), time)).collect();
        assert!(first.into_iter().chain(second).eq(0..2 * count));
    }

    #[test]
    fn the_last_time_is_taken_once() {
        let mut times = TakenTimes::default();
        assert_eq!(times.take((0, 0), i64::MAX - 1), Some(i64::MAX - 1));
        assert_eq!(times.take((0, 0), i64::MAX - 1), Some(i64::MAX));
        assert_eq!(times.take((0, 0), i64::MAX), None);
    }
}
