//! Repairs of one series: times that should be regular, values that are missing or leap.
//!
//! The algorithms are those of Apache IoTDB's UDF library (TimestampRepair, ValueFill, ValueRepair:
//! Screen and LsGreedy). A value that is not known is NaN here and NULL in [`SeriesRepair`].

mod fill;
mod function;
mod options;
mod screen;
mod speed_change;
mod statistics;
mod times;

pub use fill::{FillMethod, fill_values};
pub use function::{RepairError, SeriesRepair, TIME, VALUE};
pub use screen::screen;
pub use speed_change::limit_speed_changes;
pub use times::{Interval, StartMode, TimeRepair, TimesError, repair_times};

use self::statistics::distance;

/// A series: as many values as times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Nanoseconds, ascending.
    pub times: Vec<i64>,
    /// NaN: not known.
    pub values: Vec<f64>,
}

/// Too few values to know a direction from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("At least two non-NaN values are needed")]
pub struct TooFewValues;

/// Replaces NaN by values on the line through the two known neighbours (at the ends: the nearest two).
pub(crate) fn interpolated(series: &Series) -> Result<Vec<f64>, TooFewValues> {
    let points = series.times.iter().zip(&series.values).filter(|(_, v)| !v.is_nan());
    let known: Vec<(i64, f64)> = points.map(|(t, v)| (*t, *v)).collect();
    if known.len() < 2 {
        return Err(TooFewValues);
    }
    let value = |(time, value): (&i64, &f64)| {
        if !value.is_nan() {
            return *value;
        }
        let after = known.partition_point(|(t, _)| t < time).clamp(1, known.len() - 1);
        match known.get(after - 1..=after) {
            Some([(t0, v0), (t1, v1)]) if t0 < t1 => {
                v0 + (v1 - v0) * (distance(*t0, *time) / distance(*t0, *t1))
            }
            Some([(_, v0), _]) => *v0,
            _ => f64::NAN,
        }
    };
    Ok(series.times.iter().zip(&series.values).map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_values_come_to_lie_on_lines() {
        let nan = f64::NAN;
        let series = Series { times: vec![0, 1, 2, 4, 5], values: vec![nan, 1.0, nan, 7.0, nan] };
        assert_eq!(interpolated(&series).unwrap(), [-1.0, 1.0, 3.0, 7.0, 9.0]);
        let series = Series { times: vec![0, 1], values: vec![nan, 1.0] };
        assert_eq!(interpolated(&series), Err(TooFewValues));
    }
}
