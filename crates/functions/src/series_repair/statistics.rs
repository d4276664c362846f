//! Robust measures of small samples.

/// The middle value, or the mean of the two in the middle; NaN of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle.saturating_sub(1)), sorted.get(middle)) {
        (0, Some(low), Some(high)) => (low + high) / 2.0,
        (_, _, Some(value)) => *value,
        _ => f64::NAN,
    }
}

/// The median distance from the median, scaled to a standard deviation where values are normal.
pub(super) fn median_deviation(values: &[f64]) -> f64 {
    let middle = median(values);
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    1.4826 * median(&distances)
}

/// From one time to another.
pub(super) fn distance(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64
}

/// Changes of value for each unit of time, from one point to the next.
pub(super) fn speeds(times: &[i64], values: &[f64]) -> Vec<f64> {
    let steps = times.windows(2).zip(values.windows(2));
    steps
        .filter_map(|(t, v)| match (t, v) {
            ([t0, t1], [v0, v1]) => Some((v1 - v0) / distance(*t0, *t1)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_of_known_samples() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
        // Distances from 2.5: 1.5, 0.5, 0.5, 1.5.
        assert_eq!(median_deviation(&[1.0, 2.0, 3.0, 4.0]), 1.4826);
        assert_eq!(speeds(&[0, 2, 3], &[1.0, 5.0, 4.0]), [2.0, -1.0]);
    }
}
