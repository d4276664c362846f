use super::statistics::{distance, median, median_deviation, speeds};
use super::{Series, TooFewValues, interpolated};

/// Moves values that change too fast to the nearest ones that do not (SCREEN, Song et al. 2015).
///
/// `min_speed` and `max_speed` bound the change of value for each nanosecond; where none is given it is
/// the median speed minus or plus three median deviations. Unknown values are interpolated first. A
/// point is judged by those that follow within five median intervals.
///
/// # Errors
/// [`TooFewValues`].
pub fn screen(
    series: &Series,
    min_speed: Option<f64>,
    max_speed: Option<f64>,
) -> Result<Vec<f64>, TooFewValues> {
    let times = &series.times;
    let values = interpolated(series)?;
    let speed = speeds(times, &values);
    let (middle, deviation) = (median(&speed), median_deviation(&speed));
    let slowest = min_speed.unwrap_or(middle - 3.0 * deviation);
    let fastest = max_speed.unwrap_or(middle + 3.0 * deviation);
    let gaps: Vec<f64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| distance(*a, *b)).collect();
    let window = 5.0 * median(&gaps);

    let mut before: Option<(i64, f64)> = None;
    let points = times.iter().copied().zip(values.iter().copied());
    let mut repaired = Vec::with_capacity(values.len());
    for (place, (time, value)) in points.enumerate() {
        // Where the followers put this point, if they are right and move as fast as allowed.
        let mut candidates = vec![value];
        let later = times.get(place + 1..).unwrap_or_default();
        let followers = later.iter().zip(values.get(place + 1..).unwrap_or_default());
        for (t, v) in followers.take_while(|(t, _)| distance(time, **t) <= window) {
            let back = distance(time, *t);
            candidates.extend([v - slowest * back, v - fastest * back]);
        }
        let mut middle = median(&candidates);
        if let Some((earlier, last)) = before {
            let step = distance(earlier, time);
            middle = middle.min(last + fastest * step).max(last + slowest * step);
        }
        before = Some((time, middle));
        repaired.push(middle);
    }
    Ok(repaired)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_is_pulled_back_and_the_rest_stays() {
        let series = Series { times: (0..6).collect(), values: vec![0.0, 1.0, 10.0, 3.0, 4.0, 5.0] };
        // With speeds in [0, 2]. Point 0: candidates 0; 1, -1; 10, 6; 3, -3; 4, -4; 5, -5 -> median 1.
        // Point 1 (1; 10, 8; 3, -1; 4, -2; 5, -3): median 3, at most 1 + 2.
        // Point 2 (10; 3, 1; 4, 0; 5, -1): 3, in [3, 5]. Point 3 (3; 4, 2; 5, 1): 3, in [3, 5].
        // Point 4 (4; 5, 3): 4. Point 5: 5.
        assert_eq!(screen(&series, Some(0.0), Some(2.0)).unwrap(), [1.0, 3.0, 3.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn a_steady_series_stays_as_it_is() {
        let series = Series { times: vec![0, 10, 20, 30], values: vec![1.0, f64::NAN, 3.0, 4.0] };
        assert_eq!(screen(&series, None, None).unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert!(screen(&Series { times: vec![1], values: vec![1.0] }, None, None).is_err());
    }
}
