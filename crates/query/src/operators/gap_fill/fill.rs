use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray, UInt32Array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type, UInt64Type};
use datafusion::common::internal_err;
use datafusion::error::Result;

use super::exec::FillInput;
use super::segment::OutputRow;
use super::{FillMode, Nulls, Rounding};

/// Whether values of this type can be interpolated.
pub(in crate::operators) fn is_number(ty: &DataType) -> bool {
    ty.is_integer() || matches!(ty, DataType::Float32 | DataType::Float64 | DataType::Decimal128(..))
}

/// One column of values of a segment.
pub(super) struct Filler {
    values: ArrayRef,
    kind: Kind,
    /// Whether rows of the input keep what they hold.
    keeps: bool,
}

enum Kind {
    Null,
    /// Row by row the last known value at or before it.
    Previous(Vec<Option<u32>>),
    /// Row by row the first known value at or after it.
    Next(Vec<Option<u32>>),
    /// `values` has this value behind the segment's rows.
    Value {
        at: u32,
    },
    Near(Neighbours),
    Linear(Neighbours, Rounding),
}

impl Filler {
    /// For `values` of rows at `times`, in groups that end at `ends`.
    pub(super) fn new(values: ArrayRef, fill: &FillInput, times: &Int64Array, ends: &[u32]) -> Result<Self> {
        let keeps = fill.nulls != Nulls::Gaps;
        let is_known = |row: u32| fill.nulls == Nulls::Known || values.is_valid(row as usize);
        let neighbours = || Neighbours {
            previous: known_before(is_known, ends),
            next: known_after(is_known, ends),
            times: times.clone(),
        };
        let kind = match &fill.mode {
            FillMode::Null => Kind::Null,
            FillMode::Previous => Kind::Previous(known_before(is_known, ends)),
            FillMode::Next => Kind::Next(known_after(is_known, ends)),
            FillMode::Near => Kind::Near(neighbours()),
            FillMode::Linear(rounding) => Kind::Linear(neighbours(), *rounding),
            FillMode::Value(value) => {
                let at = ends.last().copied().unwrap_or(0);
                let value = value.to_array_of_size(1)?;
                let values = concat(&[values.as_ref(), value.as_ref()])?;
                return Ok(Self { values, kind: Kind::Value { at }, keeps });
            }
        };
        Ok(Self { values, kind, keeps })
    }

    /// The column's values in `rows`.
    pub(super) fn values(&self, rows: &[OutputRow]) -> Result<ArrayRef> {
        let gather = |index: &dyn Fn(&OutputRow) -> Option<u32>| -> Result<ArrayRef> {
            let index =
                |row: &OutputRow| match row.row.filter(|r| self.keeps || self.values.is_valid(*r as usize)) {
                    Some(own) => Some(own),
                    None => index(row),
                };
            Ok(take(&self.values, &UInt32Array::from_iter(rows.iter().map(index)), None)?)
        };
        match &self.kind {
            Kind::Null => gather(&|_| None),
            Kind::Value { at } => gather(&|_| Some(*at)),
            Kind::Previous(known) => gather(&|r| before(r, known)),
            Kind::Next(known) => gather(&|r| after(r, known)),
            Kind::Near(neighbours) => gather(&|r| neighbours.nearer(r)),
            Kind::Linear(neighbours, rounding) => {
                let line = |values: &ArrayRef, ty: &DataType| cast(values, ty);
                let ty = self.values.data_type();
                let keeps = self.keeps;
                let line = match ty {
                    DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                        let values = line(&self.values, &DataType::UInt64)?;
                        neighbours.line::<UInt64Type>(&values, rows, keeps, |a, b, s, t| {
                            integer(a, b, s, t, *rounding)
                        })
                    }
                    ty if ty.is_integer() => {
                        let values = line(&self.values, &DataType::Int64)?;
                        neighbours.line::<Int64Type>(&values, rows, keeps, |a, b, s, t| {
                            integer(a, b, s, t, *rounding)
                        })
                    }
                    DataType::Float32 | DataType::Float64 => {
                        let values = line(&self.values, &DataType::Float64)?;
                        neighbours.line::<Float64Type>(&values, rows, keeps, float)
                    }
                    DataType::Decimal128(..) => {
                        let line =
                            neighbours.line::<Decimal128Type>(&self.values, rows, keeps, |a, b, s, t| {
                                integer(a, b, s, t, *rounding)
                            });
                        let digits: &PrimitiveArray<Decimal128Type> = line.as_primitive();
                        return Ok(Arc::new(digits.clone().with_data_type(ty.clone())));
                    }
                    other => return internal_err!("interpolation of {other}"),
                };
                Ok(cast(&line, ty)?)
            }
        }
    }
}

/// The last known value at or before an output row.
fn before(row: &OutputRow, known: &[Option<u32>]) -> Option<u32> {
    let last = match row.row {
        Some(row) => row,
        None => row.last?,
    };
    known.get(last as usize).copied().flatten()
}

/// The first known value at or after an output row, in its group.
fn after(row: &OutputRow, known: &[Option<u32>]) -> Option<u32> {
    known.get(row.row.or(row.next)? as usize).copied().flatten()
}

fn known_before(is_known: impl Fn(u32) -> bool, ends: &[u32]) -> Vec<Option<u32>> {
    let mut known = Vec::with_capacity(ends.last().copied().unwrap_or(0) as usize);
    let mut start = 0;
    for end in ends {
        let mut last = None;
        for row in start..*end {
            if is_known(row) {
                last = Some(row);
            }
            known.push(last);
        }
        start = *end;
    }
    known
}

fn known_after(is_known: impl Fn(u32) -> bool, ends: &[u32]) -> Vec<Option<u32>> {
    let mut known = Vec::with_capacity(ends.last().copied().unwrap_or(0) as usize);
    let mut end = ends.last().copied().unwrap_or(0);
    for start in ends.iter().rev().skip(1).copied().chain([0]) {
        let mut next = None;
        for row in (start..end).rev() {
            if is_known(row) {
                next = Some(row);
            }
            known.push(next);
        }
        end = start;
    }
    known.reverse();
    known
}

struct Neighbours {
    previous: Vec<Option<u32>>,
    next: Vec<Option<u32>>,
    times: Int64Array,
}

impl Neighbours {
    fn nearer(&self, row: &OutputRow) -> Option<u32> {
        let distance = |other: u32| row.time.abs_diff(self.times.value(other as usize));
        match (before(row, &self.previous), after(row, &self.next)) {
            (Some(earlier), Some(later)) if distance(later) < distance(earlier) => Some(later),
            (earlier, later) => earlier.or(later),
        }
    }

    /// Known values, and between two of them `between(earlier, later, time since the earlier, time
    /// between the two)`. Rows of the input keep what they hold if `keeps`.
    fn line<T: ArrowPrimitiveType>(
        &self,
        values: &ArrayRef,
        rows: &[OutputRow],
        keeps: bool,
        between: impl Fn(T::Native, T::Native, i128, i128) -> T::Native,
    ) -> ArrayRef {
        let values: &PrimitiveArray<T> = values.as_primitive();
        let known = |row: u32| values.is_valid(row as usize).then(|| values.value(row as usize));
        let point = |row: u32| Some((self.times.value(row as usize), known(row)?));
        let value = |row: &OutputRow| {
            if let Some(own) = row.row.filter(|own| keeps || values.is_valid(*own as usize)) {
                return known(own);
            }
            let (earlier, later) = (before(row, &self.previous)?, after(row, &self.next)?);
            let ((t0, v0), (t1, v1)) = (point(earlier)?, point(later)?);
            if earlier == later || t0 == t1 {
                return Some(v0);
            }
            let since = |t: i64| i128::from(t) - i128::from(t0);
            Some(between(v0, v1, since(row.time), since(t1)))
        };
        Arc::new(rows.iter().map(value).collect::<PrimitiveArray<T>>())
    }
}

/// A point on the line between two integers, exact for all of 64 bits.
pub(in crate::operators) fn integer<T: Copy + Into<i128> + TryFrom<i128>>(
    v0: T,
    v1: T,
    since: i128,
    between: i128,
    rounding: Rounding,
) -> T {
    let difference = v1.into() - v0.into();
    let value = match difference.checked_mul(since) {
        Some(product) => match rounding {
            Rounding::TowardsEarlier => v0.into() + product / between,
            // The point is `floor + rest / between`, with a rest from 0 on.
            Rounding::TowardsZero | Rounding::Nearest => {
                let (floor, rest) = (v0.into() + product.div_euclid(between), product.rem_euclid(between));
                let up = match rounding {
                    Rounding::Nearest if floor < 0 => rest > between - rest,
                    Rounding::Nearest => rest >= between - rest,
                    _ => floor < 0 && rest > 0,
                };
                floor + i128::from(up)
            }
        },
        // Only for differences and times that both span nearly all of 64 bits.
        None => v0.into() + (difference as f64 * (since as f64 / between as f64)) as i128,
    };
    // Between two values of a type lie only values of it.
    T::try_from(value).unwrap_or(v0)
}

/// A point on the line between two numbers.
pub(in crate::operators) fn float(v0: f64, v1: f64, since: i128, between: i128) -> f64 {
    let value = v0 + (v1 - v0) * since as f64 / between as f64;
    if value.is_finite() {
        return value;
    }
    // The difference or the product was too large for what lies between two finite numbers.
    let share = since as f64 / between as f64;
    v0 * (1.0 - share) + v1 * share
}

#[cfg(test)]
mod tests {
    use arrow::array::Float64Array;

    use super::*;

    #[test]
    fn integers_are_exact_and_cut_towards_the_earlier_value() {
        let earlier = Rounding::TowardsEarlier;
        assert_eq!(integer(1_i64, 4, 1, 2, earlier), 2);
        assert_eq!(integer(4_i64, 1, 1, 2, earlier), 3);
        assert_eq!(integer(i64::MIN, i64::MAX, 1, 1, earlier), i64::MAX);
        assert_eq!(integer(0_u64, u64::MAX, 1, 3, earlier), u64::MAX / 3);
        let (low, high) = (9_007_199_254_740_993_i64, 9_007_199_254_740_995);
        assert_eq!(integer(low, high, 1, 2, earlier), 9_007_199_254_740_994);
        for (v0, v1, zero, nearest) in
            [(4, 1, 2, 3), (1, 4, 2, 3), (-4, -1, -2, -3), (-1, 2, 0, 1), (1, -2, 0, -1)]
        {
            assert_eq!(integer(v0, v1, 1, 2, Rounding::TowardsZero), zero, "{v0} {v1}");
            assert_eq!(integer(v0, v1, 1, 2, Rounding::Nearest), nearest, "{v0} {v1}");
        }
        assert_eq!(integer(0_i64, -10, 1, 3, Rounding::Nearest), -3);
        assert_eq!(integer(0_i64, -10, 1, 3, Rounding::TowardsZero), -3);
        assert_eq!(float(1.0, 2.0, 1, 4), 1.25);
        assert!(float(f64::MIN, f64::MAX, 1, 2).is_finite());
    }

    #[test]
    fn known_values_stay_within_their_group() {
        let values: ArrayRef =
            Arc::new(Float64Array::from(vec![None, Some(1.0), None, None, Some(2.0), None]));
        assert_eq!(
            known_before(|row| values.is_valid(row as usize), &[3, 6]),
            [None, Some(1), Some(1), None, Some(4), Some(4)]
        );
        assert_eq!(
            known_after(|row| values.is_valid(row as usize), &[3, 6]),
            [Some(1), Some(1), None, Some(4), Some(4), None]
        );
    }
}
