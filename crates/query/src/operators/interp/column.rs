use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::scalar::ScalarValue;

use super::super::gap_fill::{FillMode, Rounding, float, integer};
use super::kernel::Grid;

/// An [`super::InterpColumn`] that runs.
#[derive(Clone, Debug)]
pub(super) struct PlannedColumn {
    pub(super) input: Arc<dyn PhysicalExpr>,
    pub(super) mode: FillMode,
    pub(super) skip_nulls: bool,
    pub(super) within: Option<(i64, ScalarValue)>,
    /// NULL of its type.
    pub(super) null: ScalarValue,
}

/// A row that points may be near to.
type Known = (i64, ScalarValue);

/// Consecutive points, up to one (exclusive), with the same neighbours.
#[derive(Debug)]
struct Stretch {
    upto: u64,
    between: Between,
}

#[derive(Debug)]
enum Between {
    /// One point at the time of a row.
    At(Known),
    Rows(Option<Known>, Option<Known>),
}

/// What a column has for a point.
pub(super) struct Found {
    pub(super) value: ScalarValue,
    /// The row that it is from.
    pub(super) origin: Option<i64>,
    /// Whether that row has the point's time.
    pub(super) exact: bool,
}

/// A column of one series: the stretches of points whose neighbours are known, in order.
#[derive(Debug, Default)]
pub(super) struct ColumnPoints {
    stretches: VecDeque<Stretch>,
    /// The first point that waits for a row.
    pub(super) waiting: u64,
    last: Option<Known>,
}

impl ColumnPoints {
    /// Takes the rows of a series that follow; `values` and `times` are of a whole batch.
    pub(super) fn rows(
        &mut self,
        column: &PlannedColumn,
        grid: &Grid,
        values: &ArrayRef,
        times: &Int64Array,
        rows: Range<usize>,
    ) -> Result<()> {
        let counts = |row: &usize| !column.skip_nulls || values.is_valid(*row);
        let mut row = rows.start;
        while let Some(point) = grid.time(self.waiting) {
            let rest = times.values().get(row..rows.end).unwrap_or_default();
            let reached = row + rest.partition_point(|time| *time < point);
            // Of the rows before the point only the last matters.
            if let Some(before) = (row..reached).rev().find(counts) {
                self.last = Some((times.value(before), ScalarValue::try_from_array(values, before)?));
            }
            let Some(next) = (reached..rows.end).find(counts) else { return Ok(()) };
            let known = (times.value(next), ScalarValue::try_from_array(values, next)?);
            let (before, at) = grid.around(known.0);
            if before > self.waiting {
                let between = Between::Rows(self.last.clone(), Some(known.clone()));
                self.stretches.push_back(Stretch { upto: before, between });
                self.waiting = before;
            }
            if at && before == self.waiting {
                self.waiting += 1;
                self.stretches.push_back(Stretch { upto: self.waiting, between: Between::At(known.clone()) });
            }
            self.last = Some(known);
            row = next + 1;
        }
        Ok(())
    }

    /// There are no more rows in the series.
    pub(super) fn end(&mut self, grid: &Grid) {
        if self.waiting < grid.count {
            let between = Between::Rows(self.last.take(), None);
            self.stretches.push_back(Stretch { upto: grid.count, between });
            self.waiting = grid.count;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.stretches.len() * size_of::<Stretch>()
    }

    /// Goes on to `point`; if no point has anything up to another one, that one.
    pub(super) fn empty_until(&mut self, point: u64, column: &PlannedColumn) -> Option<u64> {
        while self.stretches.front().is_some_and(|s| s.upto <= point) {
            self.stretches.pop_front();
        }
        let stretch = self.stretches.front()?;
        let Between::Rows(previous, next) = &stretch.between else { return None };
        let has_something = column.within.is_some()
            || match &column.mode {
                FillMode::Null | FillMode::Value(_) => true,
                FillMode::Previous => previous.is_some(),
                FillMode::Next => next.is_some(),
                FillMode::Near => previous.is_some() || next.is_some(),
                FillMode::Linear(_) => previous.is_some() && next.is_some(),
            };
        (!has_something).then_some(stretch.upto)
    }

    /// What the column has for the point that was gone on to, at `time`.
    pub(super) fn found(&self, column: &PlannedColumn, time: i64) -> Result<Option<Found>> {
        let Some(stretch) = self.stretches.front() else { return Ok(None) };
        let (previous, next) = match &stretch.between {
            Between::At((time, value)) => {
                return Ok(Some(Found { value: value.clone(), origin: Some(*time), exact: true }));
            }
            Between::Rows(previous, next) => (previous.as_ref(), next.as_ref()),
        };
        let distance = |known: &&Known| time.abs_diff(known.0);
        let neighbour = match &column.mode {
            FillMode::Null => return Ok(Some(Found::made(column.null.clone()))),
            FillMode::Value(value) => return Ok(Some(Found::made(value.clone()))),
            FillMode::Linear(rounding) => {
                let Some((previous, next)) = previous.zip(next) else { return Ok(None) };
                return line(previous, next, time, *rounding, &column.null).map(|v| Some(Found::made(v)));
            }
            FillMode::Previous => previous,
            FillMode::Next => next,
            FillMode::Near => match (previous, next) {
                (Some(earlier), Some(later)) if distance(&later) < distance(&earlier) => Some(later),
                (earlier, later) => earlier.or(later),
            },
        };
        let Some((limit, otherwise)) = &column.within else { return Ok(neighbour.map(Found::row)) };
        let near = neighbour.filter(|known| i128::from(distance(known)) <= i128::from(*limit));
        Ok(Some(near.map_or_else(|| Found::made(otherwise.clone()), Found::row)))
    }
}

impl Found {
    fn made(value: ScalarValue) -> Self {
        Self { value, origin: None, exact: false }
    }

    fn row(known: &Known) -> Self {
        Self { value: known.1.clone(), origin: Some(known.0), exact: false }
    }
}

/// The value at `time` on the line between two rows.
fn line(
    (t0, v0): &Known,
    (t1, v1): &Known,
    time: i64,
    rounding: Rounding,
    null: &ScalarValue,
) -> Result<ScalarValue> {
    if v0.is_null() || v1.is_null() {
        return Ok(null.clone());
    }
    let (since, between) = (i128::from(time) - i128::from(*t0), i128::from(*t1) - i128::from(*t0));
    let ty = null.data_type();
    let wide = match &ty {
        ty if ty.is_unsigned_integer() => DataType::UInt64,
        ty if ty.is_integer() => DataType::Int64,
        _ => DataType::Float64,
    };
    let value = match (v0.cast_to(&wide)?, v1.cast_to(&wide)?) {
        (ScalarValue::UInt64(Some(a)), ScalarValue::UInt64(Some(b))) => {
            ScalarValue::UInt64(Some(integer(a, b, since, between, rounding)))
        }
        (ScalarValue::Int64(Some(a)), ScalarValue::Int64(Some(b))) => {
            ScalarValue::Int64(Some(integer(a, b, since, between, rounding)))
        }
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => {
            ScalarValue::Float64(Some(float(a, b, since, between)))
        }
        _ => return Ok(null.clone()),
    };
    value.cast_to(&ty)
}
