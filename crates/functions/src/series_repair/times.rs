use std::collections::BTreeMap;

use super::statistics::median;
use super::{Series, TooFewValues};

/// The distance that neighbouring times should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interval {
    /// The median distance.
    Median,
    /// The most frequent distance; of several the smallest.
    Mode,
    /// The mean of the largest of three clusters of distances.
    Cluster,
    /// This many nanoseconds, above zero.
    Fixed(i64),
}

/// Where regular times start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StartMode {
    /// Where the line through all points with the slope of the interval starts.
    Linear,
    /// At the most frequent remainder of times divided by the interval.
    Mode,
}

/// How times are repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeRepair {
    /// The distance of times.
    pub interval: Interval,
    /// The first time.
    pub start: StartMode,
}

/// Cells of the table of costs, at most: one byte each.
const MAX_CELLS: usize = 1 << 28;
/// What it costs to add or to leave out a point, against moving it by one millisecond.
const ADD_COST: f64 = 100_000.0;
const NS_IN_MS: f64 = 1e6;

/// Why times were not repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimesError {
    /// Nothing to measure an interval with.
    #[error(transparent)]
    TooFewValues(#[from] TooFewValues),
    /// The distances give no interval above zero.
    #[error("the interval between times is {0} ns, it must be above zero")]
    Interval(i64),
    /// The work grows with points times regular points.
    #[error("{points} points over {regular} intervals are too many to repair at once")]
    TooLarge {
        /// Points of the series.
        points: usize,
        /// Points of the regular series.
        regular: i64,
    },
}

/// `series` at regular times: points are moved, left out or added (with an unknown value) so that the
/// cost of all changes is least.
///
/// # Errors
/// See [`TimesError`].
pub fn repair_times(series: &Series, repair: TimeRepair) -> Result<Series, TimesError> {
    let times = &series.times;
    let (Some(first), Some(last), true) = (times.first(), times.last(), times.len() > 1) else {
        return Err(TooFewValues.into());
    };
    let interval = interval(times, repair.interval);
    if interval <= 0 {
        return Err(TimesError::Interval(interval));
    }
    if times.len() == 2 {
        return Ok(series.clone());
    }
    let start = match repair.start {
        StartMode::Linear => linear_start(times, interval),
        StartMode::Mode => frequent_start(times, interval, *first),
    };
    // Times of a repair lie near those of the series, so the numbers stay within i64.
    let span = (i128::from(*last) - i128::from(start)).max(0);
    let intervals = (span + i128::from(interval) / 2) / i128::from(interval);
    let regular = i64::try_from(intervals + 1).unwrap_or(i64::MAX);
    let too_large = TimesError::TooLarge { points: times.len(), regular };
    let steps = usize::try_from(regular).map_err(|_| too_large)?;
    if (steps + 1).checked_mul(times.len() + 1).is_none_or(|cells| cells > MAX_CELLS) {
        return Err(too_large);
    }
    let grid: Vec<i64> = (0..regular).map_while(|n| start.checked_add(interval.checked_mul(n)?)).collect();
    Ok(aligned(series, grid))
}

#[derive(Clone, Copy)]
enum Step {
    /// The point moves to the grid's time.
    Move,
    /// The grid's time has no point.
    Add,
    /// The point has no time of the grid.
    Leave,
}

/// The cheapest way to bring the points of `series` to the times of `grid`, by dynamic programming.
fn aligned(series: &Series, grid: Vec<i64>) -> Series {
    let width = series.times.len() + 1;
    let mut steps: Vec<Step> = Vec::with_capacity((grid.len() + 1) * width);
    steps.extend(std::iter::repeat_n(Step::Leave, width));
    let mut above: Vec<f64> = (0..width).map(|points| ADD_COST * points as f64).collect();
    for (row, to) in grid.iter().enumerate() {
        let mut costs = Vec::with_capacity(width);
        let mut left = ADD_COST * (row + 1) as f64;
        costs.push(left);
        steps.push(Step::Add);
        for (time, corner) in series.times.iter().zip(above.windows(2)) {
            let [diagonal, up] = corner else { continue };
            let distance = (i128::from(*time) - i128::from(*to)).unsigned_abs() as f64 / NS_IN_MS;
            let (mut cost, mut step) =
                if *up < left { (up + ADD_COST, Step::Add) } else { (left + ADD_COST, Step::Leave) };
            if distance == 0.0 || diagonal + distance < cost {
                (cost, step) = (diagonal + distance, Step::Move);
            }
            costs.push(cost);
            steps.push(step);
            left = cost;
        }
        above = costs;
    }
    let mut values = vec![f64::NAN; grid.len()];
    let (mut row, mut column) = (grid.len(), series.times.len());
    while row > 0 && column > 0 {
        match steps.get(row * width + column) {
            Some(Step::Move) => {
                (row, column) = (row - 1, column - 1);
                if let (Some(to), Some(from)) = (values.get_mut(row), series.values.get(column)) {
                    *to = *from;
                }
            }
            Some(Step::Leave) => column -= 1,
            Some(Step::Add) | None => row -= 1,
        }
    }
    Series { times: grid, values }
}

fn interval(times: &[i64], interval: Interval) -> i64 {
    let gaps = || times.iter().zip(times.iter().skip(1)).map(|(a, b)| b.saturating_sub(*a));
    match interval {
        Interval::Fixed(ns) => ns,
        Interval::Median => median(&gaps().map(|g| g as f64).collect::<Vec<_>>()) as i64,
        Interval::Mode => most_frequent(gaps()),
        Interval::Cluster => largest_cluster(&gaps().map(|g| g as f64).collect::<Vec<_>>()),
    }
}

/// The most frequent number, of several the smallest; 0 of nothing.
fn most_frequent(numbers: impl Iterator<Item = i64>) -> i64 {
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(0, |(number, _)| number)
}

/// The mean of the largest of three clusters (k-means from evenly spread centers).
fn largest_cluster(gaps: &[f64]) -> i64 {
    let (low, high) =
        gaps.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), g| (l.min(*g), h.max(*g)));
    let mut centers = [1.0, 2.0, 3.0].map(|n| low + n * (high - low) / 4.0);
    let mut sizes = [0_usize; 3];
    // Means of one dimension settle fast; the bound is for rounding that does not.
    for _ in 0..100 {
        let mut sums = [(0.0, 0_usize); 3];
        for gap in gaps {
            let distance = |center: &f64| (gap - center).abs();
            let nearest =
                centers.iter().zip(&mut sums).min_by(|a, b| distance(a.0).total_cmp(&distance(b.0)));
            if let Some((_, sum)) = nearest {
                *sum = (sum.0 + gap, sum.1 + 1);
            }
        }
        let mut next = centers;
        for (center, (sum, size)) in next.iter_mut().zip(sums) {
            if size > 0 {
                *center = sum / size as f64;
            }
        }
        sizes = sums.map(|(_, size)| size);
        if next == centers {
            break;
        }
        centers = next;
    }
    let largest = centers.iter().zip(sizes).rev().max_by_key(|(_, size)| *size);
    largest.map_or(0, |(center, _)| center.round() as i64)
}

fn linear_start(times: &[i64], interval: i64) -> i64 {
    let offsets = times.iter().zip(0_i128..).map(|(t, n)| i128::from(*t) - i128::from(interval) * n);
    let mean = offsets.sum::<i128>().div_euclid(times.len().max(1) as i128);
    i64::try_from(mean).unwrap_or_else(|_| times.first().copied().unwrap_or(0))
}

/// The first time at or before `first` plus less than an interval that has the most frequent remainder.
fn frequent_start(times: &[i64], interval: i64, first: i64) -> i64 {
    let rest = most_frequent(times.iter().map(|t| t.rem_euclid(interval)));
    let start = times.iter().find(|t| t.rem_euclid(interval) == rest).copied().unwrap_or(first);
    // Back by whole intervals, to the first time or just before it.
    let back = (i128::from(start) - i128::from(first) + i128::from(interval) - 1) / i128::from(interval);
    i64::try_from(i128::from(start) - back * i128::from(interval)).unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const S: i64 = 1_000 * MS;

    fn seconds(times: &[i64]) -> Vec<i64> {
        times.iter().map(|t| t * S).collect()
    }

    /// Apache IoTDB's documentation of TimestampRepair.
    fn documented() -> Series {
        Series {
            times: seconds(&[0, 10, 19, 30, 40, 50, 61, 71, 81, 91]),
            values: (1..=10).map(f64::from).collect(),
        }
    }

    #[test]
    fn the_documented_series() {
        for interval in [Interval::Median, Interval::Mode, Interval::Cluster, Interval::Fixed(10 * S)] {
            let repaired =
                repair_times(&documented(), TimeRepair { interval, start: StartMode::Mode }).unwrap();
            assert_eq!(repaired.times, seconds(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90]), "{interval:?}");
            assert_eq!(repaired.values, documented().values);
        }
        // The mean distance to the line from 0: (0 + 0 - 1 + 0 + 0 + 0 + 1 + 1 + 1 + 1) s / 10.
        let linear = TimeRepair { interval: Interval::Median, start: StartMode::Linear };
        let repaired = repair_times(&documented(), linear).unwrap();
        assert_eq!(repaired.times.first(), Some(&(300 * MS)));
        assert_eq!(repaired.values, documented().values);
    }

    #[test]
    fn points_are_added_and_left_out() {
        let repair = TimeRepair { interval: Interval::Fixed(1000 * S), start: StartMode::Mode };
        // 4000 is missing; 5500 is 500 s from any regular time, and leaving it out costs 100 s.
        let series = Series {
            times: seconds(&[0, 1000, 2000, 3000, 5000, 5500, 6000]),
            values: vec![0.0, 1.0, 2.0, 3.0, 5.0, 5.5, 6.0],
        };
        let repaired = repair_times(&series, repair).unwrap();
        assert_eq!(repaired.times, seconds(&[0, 1000, 2000, 3000, 4000, 5000, 6000]));
        assert!(repaired.values[4].is_nan());
        assert_eq!((repaired.values[3], repaired.values[5], repaired.values[6]), (3.0, 5.0, 6.0));
    }

    #[test]
    fn what_cannot_be_repaired() {
        let median = TimeRepair { interval: Interval::Median, start: StartMode::Linear };
        let same = Series { times: vec![5, 5, 5], values: vec![1.0; 3] };
        assert_eq!(repair_times(&same, median), Err(TimesError::Interval(0)));
        assert!(repair_times(&Series { times: vec![5], values: vec![1.0] }, median).is_err());
        let far = Series { times: vec![0, 1, 2, i64::MAX], values: vec![1.0; 4] };
        assert!(matches!(repair_times(&far, median), Err(TimesError::TooLarge { .. })));
        let two = Series { times: vec![1, 5], values: vec![1.0, 2.0] };
        assert_eq!(repair_times(&two, median).unwrap(), two);
    }
}
