use std::collections::VecDeque;

/// What of a series is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// 1 - (missing + without value) / (points + missing).
    Completeness,
    /// 1 - points that follow too closely / points.
    Consistency,
    /// 1 - points that came late / points.
    Timeliness,
    /// 1 - outliers of value, change, speed and change of speed, a quarter each / points.
    Validity,
}

/// Nothing can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("At least two non-NaN values are needed")]
pub struct TooFewValues;

impl Measure {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Completeness, Self::Consistency, Self::Timeliness, Self::Validity];

    /// The name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completeness => "completeness",
            Self::Consistency => "consistency",
            Self::Timeliness => "timeliness",
            Self::Validity => "validity",
        }
    }

    /// The measure of points (time, value) in the order of time.
    ///
    /// # Errors
    /// Fewer than two values are finite.
    pub fn of(self, points: &[(i64, f64)]) -> Result<f64, TooFewValues> {
        let without_value = points.iter().filter(|p| !p.1.is_finite()).count();
        if points.len() - without_value < 2 {
            return Err(TooFewValues);
        }
        let count = points.len() as f64;
        Ok(match self {
            Self::Completeness => {
                let missing = Spacing::of(points).missing;
                1.0 - (missing + without_value as f64) / (count + missing)
            }
            Self::Consistency => 1.0 - Spacing::of(points).redundant / count,
            Self::Timeliness => 1.0 - Spacing::of(points).late / count,
            Self::Validity => 1.0 - outliers(points) as f64 * 0.25 / count,
        })
    }
}

/// Points that are looked at together.
const WINDOW: usize = 10;

/// How often the distance of neighbours is not the usual one.
#[derive(Debug, Default)]
struct Spacing {
    missing: f64,
    late: f64,
    redundant: f64,
}

impl Spacing {
    /// Slides a window over the times. A distance of half the median or less is a redundant point; one
    /// from twice to nine times the median is a gap, which points that lie too close further on in the
    /// window fill (they came late); more is taken for a pause of the source.
    fn of(points: &[(i64, f64)]) -> Self {
        let mut distances: Vec<f64> = points.windows(2).map(distance).collect();
        let usual = median(&mut distances);
        let mut times = points.iter().map(|p| p.0);
        let mut window: VecDeque<i64> = times.by_ref().take(WINDOW).collect();
        let mut found = Self::default();
        while let (Some(first), Some(second)) = (window.front(), window.get(1)) {
            let steps = gap(*first, *second) / usual;
            if steps <= 0.5 {
                window.remove(1);
                found.redundant += 1.0;
            } else if (2.0..=9.0).contains(&steps) {
                let wanted = (steps - 1.0 + 0.5).floor();
                let late = remove_late(&mut window, usual, wanted);
                found.late += late;
                found.missing += wanted - late;
            }
            window.pop_front();
            let free = WINDOW.saturating_sub(window.len());
            window.extend(times.by_ref().take(free));
        }
        found
    }
}

/// Takes up to `wanted` points that follow too closely out of the window, up to the next gap.
fn remove_late(window: &mut VecDeque<i64>, usual: f64, wanted: f64) -> f64 {
    let (mut late, mut at) = (0.0, 2);
    while late != wanted
        && let (Some(before), Some(time)) = (window.get(at - 1), window.get(at))
    {
        let steps = gap(*before, *time) / usual;
        if steps >= 2.0 {
            break;
        }
        if steps <= 0.5 {
            window.remove(at);
            late += 1.0;
        } else {
            at += 1;
        }
    }
    late
}

/// Values, changes, speeds and changes of speed that lie three scaled median deviations off the median.
fn outliers(points: &[(i64, f64)]) -> usize {
    let values = filled(points);
    let changes: Vec<f64> = changes(&values);
    let times = points.windows(2).map(distance);
    let speeds: Vec<f64> = changes.iter().zip(times).map(|(change, time)| change / time).collect();
    let turns = self::changes(&speeds);
    [values, changes, speeds, turns].iter().map(|series| far_off(series)).sum()
}

fn changes(values: &[f64]) -> Vec<f64> {
    values
        .windows(2)
        .map(|w| w.iter().rev().copied().reduce(|later, earlier| later - earlier).unwrap_or(0.0))
        .collect()
}

fn far_off(values: &[f64]) -> usize {
    let middle = median(&mut values.to_vec());
    let mut deviations: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    // 1.4826 makes the median deviation of normal values their standard deviation.
    let limit = 3.0 * 1.4826 * median(&mut deviations);
    values.iter().filter(|v| (*v - middle).abs() > limit).count()
}

/// The values, those that are not finite interpolated between their neighbours in time, at the ends
/// extrapolated.
fn filled(points: &[(i64, f64)]) -> Vec<f64> {
    let known: Vec<(i64, f64)> = points.iter().copied().filter(|p| p.1.is_finite()).collect();
    let mut next = 0_usize;
    let fill = |&(time, value): &(i64, f64)| {
        if value.is_finite() {
            next += 1;
            return value;
        }
        let left = next.saturating_sub(1).min(known.len().saturating_sub(2));
        let (Some(a), Some(b)) = (known.get(left), known.get(left + 1)) else { return value };
        a.1 + (b.1 - a.1) * gap(a.0, time) / gap(a.0, b.0)
    };
    points.iter().map(fill).collect()
}

fn distance(pair: &[(i64, f64)]) -> f64 {
    match pair {
        [a, b] => gap(a.0, b.0),
        _ => 0.0,
    }
}

/// From `a` to `b`, without overflow.
fn gap(a: i64, b: i64) -> f64 {
    (i128::from(b) - i128::from(a)) as f64
}

/// The median of what is a number; NaN of nothing.
fn median(values: &mut Vec<f64>) -> f64 {
    values.retain(|v| !v.is_nan());
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half.wrapping_sub(1)), values.get(half)) {
        (Some(a), Some(b)) if values.len().is_multiple_of(2) => (a + b) / 2.0,
        (_, Some(b)) => *b,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of IoTDB's manual, with its results.
    #[test]
    fn measures_are_those_of_the_manual() {
        let mut points: Vec<(i64, f64)> = [2, 3, 4, 6, 8, 10, 14, 15, 16, 18, 20, 22, 26, 28]
            .map(|second| (second * 1_000, if second == 8 { 126.0 } else { 98.0 + second as f64 }))
            .to_vec();
        points.push((30_000, f64::NAN));
        for (measure, expected) in [
            (Measure::Completeness, 0.875),
            (Measure::Consistency, 0.933_333_333_333_333_3),
            (Measure::Timeliness, 0.933_333_333_333_333_3),
            (Measure::Validity, 0.883_333_333_333_333_3),
        ] {
            let found = measure.of(&points).unwrap();
            assert!((found - expected).abs() < 1e-12, "{}: {found}", measure.name());
        }
    }

    #[test]
    fn two_finite_values_are_needed() {
        for points in [vec![], vec![(1, 1.0)], vec![(1, 1.0), (2, f64::NAN), (3, f64::INFINITY)]] {
            assert_eq!(Measure::Validity.of(&points), Err(TooFewValues));
        }
    }

    #[test]
    fn an_even_series_is_perfect_and_equal_times_do_no_harm() {
        let even: Vec<(i64, f64)> = (0..100).map(|i| (i * 10, 1.0)).collect();
        let equal = vec![(5, 1.0); 20];
        for measure in Measure::ALL {
            assert_eq!(measure.of(&even), Ok(1.0), "{}", measure.name());
            assert!(measure.of(&equal).is_ok());
            assert!(measure.of(&[(i64::MIN, 1.0), (i64::MAX, 2.0)]).is_ok());
        }
    }

    #[test]
    fn missing_values_are_interpolated() {
        let nan = f64::NAN;
        let points = [(0, nan), (1, nan), (2, 2.0), (3, nan), (4, 4.0), (5, nan), (6, nan)];
        assert_eq!(filled(&points), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(filled(&[(0, 1.0), (10, 2.0), (20, nan)]), [1.0, 2.0, 3.0]);
    }
}
