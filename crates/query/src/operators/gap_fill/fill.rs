use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray, UInt32Array};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::internal_err;
use datafusion::error::Result;

use super::FillMode;
use super::segment::OutputRow;

/// Whether values of this type can be interpolated.
pub(super) fn is_number(ty: &DataType) -> bool {
    ty.is_integer() || matches!(ty, DataType::Float32 | DataType::Float64)
}

/// One column of values of a segment.
pub(super) struct Filler {
    values: ArrayRef,
    kind: Kind,
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
    Linear {
        previous: Vec<Option<u32>>,
        next: Vec<Option<u32>>,
        times: Int64Array,
    },
}

impl Filler {
    /// For `values` of rows at `times`, in groups that end at `ends`.
    pub(super) fn new(values: ArrayRef, mode: &FillMode, times: &Int64Array, ends: &[u32]) -> Result<Self> {
        let kind = match mode {
            FillMode::Null => Kind::Null,
            FillMode::Previous => Kind::Previous(known_before(&values, ends)),
            FillMode::Next => Kind::Next(known_after(&values, ends)),
            FillMode::Linear => Kind::Linear {
                previous: known_before(&values, ends),
                next: known_after(&values, ends),
                times: times.clone(),
            },
            FillMode::Value(value) => {
                let at = ends.last().copied().unwrap_or(0);
                let value = value.to_array_of_size(1)?;
                return Ok(Self {
                    values: concat(&[values.as_ref(), value.as_ref()])?,
                    kind: Kind::Value { at },
                });
            }
        };
        Ok(Self { values, kind })
    }

    /// The column's values in `rows`.
    pub(super) fn values(&self, rows: &[OutputRow]) -> Result<ArrayRef> {
        let gather = |index: &dyn Fn(&OutputRow) -> Option<u32>| -> Result<ArrayRef> {
            Ok(take(&self.values, &UInt32Array::from_iter(rows.iter().map(index)), None)?)
        };
        match &self.kind {
            Kind::Null => gather(&|r| r.row),
            Kind::Value { at } => gather(&|r| r.row.or(Some(*at))),
            Kind::Previous(known) => gather(&|r| before(r, known)),
            Kind::Next(known) => gather(&|r| after(r, known)),
            Kind::Linear { previous, next, times } => {
                let neighbours = Neighbours { previous, next, times };
                let ty = self.values.data_type();
                let line = match ty {
                    DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                        neighbours.line::<UInt64Type>(&cast(&self.values, &DataType::UInt64)?, rows, integer)
                    }
                    ty if ty.is_integer() => {
                        neighbours.line::<Int64Type>(&cast(&self.values, &DataType::Int64)?, rows, integer)
                    }
                    DataType::Float32 | DataType::Float64 => {
                        neighbours.line::<Float64Type>(&cast(&self.values, &DataType::Float64)?, rows, float)
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

fn known_before(values: &ArrayRef, ends: &[u32]) -> Vec<Option<u32>> {
    let mut known = Vec::with_capacity(values.len());
    let mut start = 0;
    for end in ends {
        let mut last = None;
        for row in start..*end {
            if values.is_valid(row as usize) {
                last = Some(row);
            }
            known.push(last);
        }
        start = *end;
    }
    known
}

fn known_after(values: &ArrayRef, ends: &[u32]) -> Vec<Option<u32>> {
    let mut known = Vec::with_capacity(values.len());
    let mut end = ends.last().copied().unwrap_or(0);
    for start in ends.iter().rev().skip(1).copied().chain([0]) {
        let mut next = None;
        for row in (start..end).rev() {
            if values.is_valid(row as usize) {
                next = Some(row);
            }
            known.push(next);
        }
        end = start;
    }
    known.reverse();
    known
}

struct Neighbours<'a> {
    previous: &'a [Option<u32>],
    next: &'a [Option<u32>],
    times: &'a Int64Array,
}

impl Neighbours<'_> {
    /// Known values, and between two of them `between(earlier, later, time since the earlier, time
    /// between the two)`.
    fn line<T: ArrowPrimitiveType>(
        &self,
        values: &ArrayRef,
        rows: &[OutputRow],
        between: fn(T::Native, T::Native, i128, i128) -> T::Native,
    ) -> ArrayRef {
        let values: &PrimitiveArray<T> = values.as_primitive();
        let point = |row: u32| (self.times.value(row as usize), values.value(row as usize));
        let value = |row: &OutputRow| {
            let (earlier, later) = (before(row, self.previous)?, after(row, self.next)?);
            let ((t0, v0), (t1, v1)) = (point(earlier), point(later));
            if earlier == later || t0 == t1 {
                return Some(v0);
            }
            let since = |t: i64| i128::from(t) - i128::from(t0);
            Some(between(v0, v1, since(row.time), since(t1)))
        };
        Arc::new(rows.iter().map(value).collect::<PrimitiveArray<T>>())
    }
}

/// Cut towards the earlier value, so that it is exact for all 64-bit integers.
fn integer<T: Copy + Into<i128> + TryFrom<i128>>(v0: T, v1: T, since: i128, between: i128) -> T {
    let difference = v1.into() - v0.into();
    let step = match difference.checked_mul(since) {
        Some(product) => product / between,
        // Only for differences and times that both span nearly all of 64 bits.
        None => (difference as f64 * (since as f64 / between as f64)) as i128,
    };
    // Between two values of a type lie only values of it.
    T::try_from(v0.into() + step).unwrap_or(v0)
}

fn float(v0: f64, v1: f64, since: i128, between: i128) -> f64 {
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
        assert_eq!(integer(1_i64, 4, 1, 2), 2);
        assert_eq!(integer(4_i64, 1, 1, 2), 3);
        assert_eq!(integer(i64::MIN, i64::MAX, 1, 1), i64::MAX);
        assert_eq!(integer(0_u64, u64::MAX, 1, 3), u64::MAX / 3);
        assert_eq!(integer(9_007_199_254_740_993_i64, 9_007_199_254_740_995, 1, 2), 9_007_199_254_740_994);
        assert_eq!(float(1.0, 2.0, 1, 4), 1.25);
        assert!(float(f64::MIN, f64::MAX, 1, 2).is_finite());
    }

    #[test]
    fn known_values_stay_within_their_group() {
        let values: ArrayRef =
            Arc::new(Float64Array::from(vec![None, Some(1.0), None, None, Some(2.0), None]));
        assert_eq!(known_before(&values, &[3, 6]), [None, Some(1), Some(1), None, Some(4), Some(4)]);
        assert_eq!(known_after(&values, &[3, 6]), [Some(1), Some(1), None, Some(4), Some(4), None]);
    }
}
