/// How unknown values are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FillMethod {
    /// The mean of all known values.
    Mean,
    /// The last known value; unknown values at the start stay.
    Previous,
    /// On the line between the known neighbours, by their places in the series, not by time; unknown
    /// values at both ends stay.
    Linear,
    /// First-order autoregression without a constant term plus the mean error, forwards.
    Autoregression,
    /// The mean of the known values among the five places around it.
    MovingAverage,
}

/// Places of a moving average.
const WINDOW: usize = 5;

/// `values` with unknown ones (NaN) filled as far as the method can.
pub fn fill_values(values: &[f64], method: FillMethod) -> Vec<f64> {
    match method {
        FillMethod::Mean => {
            let mean = mean(values.iter().copied());
            values.iter().map(|v| if v.is_nan() { mean } else { *v }).collect()
        }
        FillMethod::Previous => values
            .iter()
            .scan(f64::NAN, |last, v| {
                if !v.is_nan() {
                    *last = *v;
                }
                Some(*last)
            })
            .collect(),
        FillMethod::Linear => linear(values),
        FillMethod::Autoregression => autoregression(values),
        FillMethod::MovingAverage => {
            let average = |(place, value): (usize, &f64)| {
                if !value.is_nan() {
                    return *value;
                }
                let around = values.iter().skip(place.saturating_sub(WINDOW / 2));
                mean(around.take(WINDOW.min(place + WINDOW / 2 + 1)).copied())
            };
            values.iter().enumerate().map(average).collect()
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.filter(|v| !v.is_nan()).fold((0.0, 0.0), |(s, n), v| (s + v, n + 1.0));
    sum / count
}

fn linear(values: &[f64]) -> Vec<f64> {
    let mut filled = Vec::with_capacity(values.len());
    let mut known: Option<(usize, f64)> = None;
    for (place, value) in values.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
        match known {
            Some((before, start)) => {
                let step = (value - start) / (place - before) as f64;
                filled.extend((1..place - before).map(|n| start + step * n as f64));
            }
            None => filled.resize(place, f64::NAN),
        }
        filled.push(*value);
        known = Some((place, *value));
    }
    filled.resize(values.len(), f64::NAN);
    filled
}

fn autoregression(values: &[f64]) -> Vec<f64> {
    let pairs = || values.iter().zip(values.iter().skip(1));
    let or_zero = |v: &f64| if v.is_nan() { 0.0 } else { *v };
    let (products, squares) = pairs().fold((0.0, 0.0), |(p, s), (left, right)| {
        let left = or_zero(left);
        (p + left * or_zero(right), s + left * left)
    });
    let theta = products / squares;
    // A process that grows without end fits no such model.
    if theta.is_nan() || theta >= 1.0 {
        return values.to_vec();
    }
    let error = mean(pairs().map(|(left, right)| right - left * theta));
    let fill = |last: &mut f64, v: &f64| {
        *last = if v.is_nan() { *last * theta + error } else { *v };
        Some(*last)
    };
    values.iter().scan(f64::NAN, fill).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAN: f64 = f64::NAN;

    fn filled(values: &[f64], method: FillMethod) -> Vec<Option<f64>> {
        fill_values(values, method).into_iter().map(|v| (!v.is_nan()).then_some(v)).collect()
    }

    #[test]
    fn each_method_by_hand() {
        let values = [NAN, 4.0, NAN, NAN, 1.0, NAN];
        assert_eq!(
            filled(&values, FillMethod::Mean),
            [Some(2.5), Some(4.0), Some(2.5), Some(2.5), Some(1.0), Some(2.5)]
        );
        assert_eq!(
            filled(&values, FillMethod::Previous),
            [None, Some(4.0), Some(4.0), Some(4.0), Some(1.0), Some(1.0)]
        );
        assert_eq!(
            filled(&values, FillMethod::Linear),
            [None, Some(4.0), Some(3.0), Some(2.0), Some(1.0), None]
        );
        // Places 0..=2, 0..=4, 1..=5 and 3..=5.
        assert_eq!(
            filled(&values, FillMethod::MovingAverage),
            [Some(4.0), Some(4.0), Some(2.5), Some(2.5), Some(1.0), Some(1.0)]
        );
    }

    #[test]
    fn autoregression_by_hand() {
        // Pairs (2,1), (1,0), (0,4), (4,2): 2 + 8 = 10 over 4 + 1 + 16 = 21.
        // Errors of known pairs: 1 - 20/21 = 1/21 and 2 - 40/21 = 2/21; their mean is 1/14.
        let [a, b, c, d, e] =
            fill_values(&[2.0, 1.0, NAN, 4.0, 2.0], FillMethod::Autoregression).try_into().unwrap();
        assert_eq!((a, b, d, e), (2.0, 1.0, 4.0, 2.0));
        assert!((c - (10.0 / 21.0 + 1.0 / 14.0)).abs() < 1e-12);
        // Growth fits no model: nothing is filled.
        assert_eq!(filled(&[1.0, 2.0, NAN, 8.0, 16.0], FillMethod::Autoregression)[2], None);
    }

    /// Apache IoTDB's documentation of ValueFill.
    #[test]
    fn the_documented_series() {
        let values =
            [NAN, 101.0, 102.0, 104.0, 126.0, 108.0, NAN, 113.0, 114.0, 116.0, NAN, NAN, 124.0, 126.0, 128.0];
        let linear = fill_values(&values, FillMethod::Linear);
        assert!((linear[10] - 118.7).abs() < 0.05 && (linear[11] - 121.3).abs() < 0.05);
        let previous = fill_values(&values, FillMethod::Previous);
        assert_eq!((previous[6], previous[10], previous[11]), (108.0, 116.0, 116.0));
    }
}
