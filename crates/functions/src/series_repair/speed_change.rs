use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::statistics::{distance, median_deviation, speeds};
use super::{Series, TooFewValues, interpolated};

/// A change of speed below this is none.
const LEAST: f64 = 1e-12;
/// Repairs of each point, at most: the process converges, but rounding may keep it at work.
const MAX_ROUNDS: usize = 1_000;

/// Moves the value with the most unlikely change of speed, again and again, until all changes lie
/// within three `sigma` of `center` (LsGreedy, Zhang et al. 2016).
///
/// A change of speed is the difference of the speeds after and before a point, in values for each
/// nanosecond. The default of `center` is 0, of `sigma` the median deviation of all changes.
///
/// # Errors
/// [`TooFewValues`].
pub fn limit_speed_changes(
    series: &Series,
    center: Option<f64>,
    sigma: Option<f64>,
) -> Result<Vec<f64>, TooFewValues> {
    let mut values = interpolated(series)?;
    let speed = speeds(&series.times, &values);
    let changes: Vec<f64> = speed.windows(2).filter_map(|s| Some(s.get(1)? - s.first()?)).collect();
    let limits = Limits { center: center.unwrap_or(0.0), sigma: sigma.unwrap_or(median_deviation(&changes)) };
    let mut heap = BinaryHeap::new();
    // An entry counts only while it is the newest of its place.
    let mut versions = vec![0_usize; values.len()];
    for place in 1..values.len().saturating_sub(1) {
        heap.extend(limits.unlikely(&series.times, &values, place, 0));
    }
    let mut rounds = MAX_ROUNDS.saturating_mul(values.len());
    while let Some(worst) = heap.pop() {
        if versions.get(worst.place) != Some(&worst.version) {
            continue;
        }
        if rounds == 0 {
            break;
        }
        rounds -= 1;
        let Some(value) = values.get_mut(worst.place) else { break };
        *value += limits.correction(&series.times, &worst);
        for place in worst.place.saturating_sub(1).max(1)..=worst.place + 1 {
            if place + 1 < values.len()
                && let Some(version) = versions.get_mut(place)
            {
                *version += 1;
                heap.extend(limits.unlikely(&series.times, &values, place, *version));
            }
        }
    }
    Ok(values)
}

struct Limits {
    center: f64,
    sigma: f64,
}

/// A point whose speed changes too much.
struct Unlikely {
    place: usize,
    version: usize,
    change: f64,
    distance: f64,
}

impl Limits {
    fn unlikely(&self, times: &[i64], values: &[f64], place: usize, version: usize) -> Option<Unlikely> {
        let around = place.checked_sub(1)?..=place + 1;
        let speed = speeds(times.get(around.clone())?, values.get(around)?);
        let change = speed.get(1)? - speed.first()?;
        let distance = (change - self.center).abs();
        let is_unlikely = distance > 3.0 * self.sigma && distance >= LEAST.max(3.0 * self.sigma);
        is_unlikely.then_some(Unlikely { place, version, change, distance })
    }

    /// What brings the change of speed nearer to the center.
    fn correction(&self, times: &[i64], point: &Unlikely) -> f64 {
        let size = if self.sigma < LEAST { point.distance } else { self.sigma.max(point.distance / 3.0) };
        let around = point.place.checked_sub(1).and_then(|first| times.get(first..=point.place + 1));
        let Some([before, at, after]) = around else { return 0.0 };
        let span = distance(*at, *after) * distance(*before, *at) / distance(*before, *after);
        if point.change > self.center { size * span } else { -size * span }
    }
}

impl Ord for Unlikely {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance.total_cmp(&other.distance).then(other.place.cmp(&self.place))
    }
}

impl PartialOrd for Unlikely {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Unlikely {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Unlikely {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_is_brought_within_three_sigma() {
        let series = Series { times: (0..5).collect(), values: vec![0.0, 1.0, 10.0, 3.0, 4.0] };
        // With sigma 1. Changes at 1, 2, 3: 8, -16, 8. Place 2 by 16/3 * 1/2: 10 - 8/3 = 22/3.
        let repaired = limit_speed_changes(&series, Some(0.0), Some(1.0)).unwrap();
        let changes: Vec<f64> = repaired.windows(3).map(|v| v[2] - 2.0 * v[1] + v[0]).collect();
        assert!(changes.iter().all(|c| c.abs() <= 3.0 + 1e-9), "{repaired:?}");
        assert_eq!((repaired[0], repaired[4]), (0.0, 4.0));
    }

    #[test]
    fn without_deviation_the_line_is_restored() {
        // Changes of speed: 0, 0, 9, -18, 9, 0, 0, 0: their median deviation is 0.
        let mut values: Vec<f64> = (0..10).map(f64::from).collect();
        values[4] = 13.0;
        let series = Series { times: (0..10).collect(), values };
        let repaired = limit_speed_changes(&series, None, None).unwrap();
        for (place, value) in repaired.iter().enumerate() {
            assert!((value - place as f64).abs() < 1e-9, "{repaired:?}");
        }
    }
}
