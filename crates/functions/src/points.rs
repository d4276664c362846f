//! Aggregates that need all points of a group in the order of time: the points of a group lie scattered
//! over partitions, so no summary of a part is enough. They cost 16 bytes a row.

use std::fmt::Debug;
use std::mem;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, PrimitiveArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use crate::args::{argument, times};
use crate::lists::{list_of, list_type, rows_of};

/// A point: time in its own unit, value.
pub(crate) type Point<T> = (i64, <T as ArrowPrimitiveType>::Native);

/// Computes the result of a group from its points in the order of time, of which there is at least one
/// unless the query has no group. None is NULL.
pub(crate) type Fold<T> = fn(&[Point<T>]) -> Result<Option<<T as ArrowPrimitiveType>::Native>>;

/// The state of these aggregates: a list of times, a list of values.
pub(crate) fn state_fields<T: ArrowPrimitiveType>(args: &StateFieldsArgs) -> Vec<FieldRef> {
    [("times", DataType::Int64), ("values", T::DATA_TYPE)]
        .map(|(name, ty)| Arc::new(Field::new(format!("{}[{name}]", args.name), list_type(&ty), true)))
        .to_vec()
}

/// Refuses an `ORDER BY` that is not the first argument, ascending: these aggregates sort by themselves.
pub(crate) fn check_order(function: &str, args: &AccumulatorArgs) -> Result<()> {
    match args.order_bys {
        [] => Ok(()),
        [by] if !by.options.descending && args.exprs.first().is_some_and(|time| time.eq(&by.expr)) => Ok(()),
        _ => plan_err!("{function} can only be ordered by its first argument, ascending"),
    }
}

/// The points of one group, or of all rows.
#[derive(Debug)]
struct Points<T: ArrowPrimitiveType> {
    points: Vec<Point<T>>,
    sorted: bool,
}

impl<T: ArrowPrimitiveType> Default for Points<T> {
    fn default() -> Self {
        Self { points: Vec::new(), sorted: true }
    }
}

impl<T: ArrowPrimitiveType> Points<T> {
    fn push(&mut self, point: Point<T>) {
        self.sorted &= self.points.last().is_none_or(|last| last.0 <= point.0);
        self.points.push(point);
    }

    fn in_order(&mut self) -> &[Point<T>] {
        if !self.sorted {
            self.points.sort_by_key(|point| point.0);
            self.sorted = true;
        }
        &self.points
    }

    fn size(&self) -> usize {
        self.points.capacity() * size_of::<Point<T>>()
    }
}

/// Calls `take(row, point)` for each row where neither time nor value is NULL.
fn each_point<T: ArrowPrimitiveType>(
    values: &[ArrayRef],
    mut take: impl FnMut(usize, Point<T>) -> Result<()>,
) -> Result<()> {
    let times = times(argument(values, 0)?)?;
    let Some(values) = argument(values, 1)?.as_primitive_opt::<T>() else {
        return exec_err!("expected values of type {}", T::DATA_TYPE);
    };
    for (row, (time, value)) in times.iter().zip(values).enumerate() {
        if let (Some(time), Some(value)) = (time, value) {
            take(row, (time, value))?;
        }
    }
    Ok(())
}

/// The points of each state.
fn each_state<T: ArrowPrimitiveType>(
    states: &[ArrayRef],
    mut take: impl FnMut(usize, Point<T>) -> Result<()>,
) -> Result<()> {
    let (times, values) = (rows_of(argument(states, 0)?)?, rows_of(argument(states, 1)?)?);
    for (row, (times, values)) in times.zip(values).enumerate() {
        if let (Some(times), Some(values)) = (times, values) {
            each_point::<T>(&[times, values], |_, point| take(row, point))?;
        }
    }
    Ok(())
}

/// Without GROUP BY, and in windows.
#[derive(Debug)]
pub(crate) struct AllPoints<T: ArrowPrimitiveType> {
    points: Points<T>,
    fold: Fold<T>,
}

impl<T: ArrowPrimitiveType> AllPoints<T> {
    pub(crate) fn new(fold: Fold<T>) -> Self {
        Self { points: Points::default(), fold }
    }
}

impl<T: ArrowPrimitiveType + Debug> Accumulator for AllPoints<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each_point::<T>(values, |_, point| {
            self.points.push(point);
            Ok(())
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        each_state::<T>(states, |_, point| {
            self.points.push(point);
            Ok(())
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (times, values): (Vec<i64>, Vec<T::Native>) = self.points.in_order().iter().copied().unzip();
        let times = PrimitiveArray::<Int64Type>::new(times.into(), None);
        Ok(vec![list_of(Arc::new(times)), list_of(Arc::new(PrimitiveArray::<T>::new(values.into(), None)))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let result = (self.fold)(self.points.in_order())?;
        ScalarValue::try_from_array(&PrimitiveArray::<T>::from_iter([result]), 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.points.size()
    }
}

/// For all groups of a GROUP BY.
#[derive(Debug)]
pub(crate) struct GroupedPoints<T: ArrowPrimitiveType> {
    groups: Vec<Points<T>>,
    fold: Fold<T>,
    bytes: usize,
}

impl<T: ArrowPrimitiveType> GroupedPoints<T> {
    pub(crate) fn new(fold: Fold<T>) -> Self {
        Self { groups: Vec::new(), fold, bytes: 0 }
    }

    fn push(&mut self, group: usize, point: Point<T>) -> Result<()> {
        let Some(points) = self.groups.get_mut(group) else {
            return exec_err!("there is no group {group}");
        };
        let before = points.size();
        points.push(point);
        self.bytes += points.size() - before;
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<Points<T>> {
        let taken = match emit_to {
            EmitTo::All => mem::take(&mut self.groups),
            EmitTo::First(n) => self.groups.drain(..n.min(self.groups.len())).collect(),
        };
        self.bytes -= taken.iter().map(Points::size).sum::<usize>();
        taken
    }
}

impl<T: ArrowPrimitiveType + Debug> GroupsAccumulator for GroupedPoints<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups.resize_with(total, Points::default);
        each_point::<T>(values, |row, point| {
            if filter.is_some_and(|f| !(f.is_valid(row) && f.value(row))) {
                return Ok(());
            }
            self.push(*argument(groups, row)?, point)
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups.resize_with(total, Points::default);
        each_state::<T>(states, |row, point| self.push(*argument(groups, row)?, point))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let results = self.take(emit_to).into_iter().map(|mut points| (self.fold)(points.in_order()));
        Ok(Arc::new(results.collect::<Result<PrimitiveArray<T>>>()?))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let mut groups = self.take(emit_to);
        let offsets = OffsetBuffer::from_lengths(groups.iter().map(|g| g.points.len()));
        let all = groups.iter_mut().flat_map(|g| g.in_order().iter().copied());
        let (times, values): (Vec<i64>, Vec<T::Native>) = all.unzip();
        let times = PrimitiveArray::<Int64Type>::new(ScalarBuffer::from(times), None);
        let values = PrimitiveArray::<T>::new(ScalarBuffer::from(values), None);
        let arrays: [ArrayRef; 2] = [Arc::new(times), Arc::new(values)];
        Ok(arrays
            .map(|elements| {
                let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
                Arc::new(ListArray::new(field, offsets.clone(), elements, None)) as ArrayRef
            })
            .to_vec())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = argument(values, 0)?.len();
        let mut each = Self::new(self.fold);
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        GroupsAccumulator::state(&mut each, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<Points<T>>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, TimestampNanosecondArray};

    /// The values in the order of time, as digits.
    const DIGITS: Fold<Int64Type> =
        |points| Ok(points.iter().map(|p| p.1).reduce(|all, next| all * 10 + next));

    fn rows(times: &[i64], values: &[i64]) -> Vec<ArrayRef> {
        vec![
            Arc::new(TimestampNanosecondArray::from(times.to_vec())),
            Arc::new(values.iter().map(|v| (*v != 0).then_some(*v)).collect::<Int64Array>()),
        ]
    }

    fn results(array: &ArrayRef) -> Vec<Option<i64>> {
        array.as_primitive::<Int64Type>().iter().collect()
    }

    #[test]
    fn groups_come_out_in_the_order_of_time_however_they_are_merged() {
        let filter = BooleanArray::from(vec![true, true, true, true, false, true]);
        let batch = rows(&[4, 2, 9, 1, 5, 3], &[4, 2, 7, 1, 8, 0]);
        let groups = [0, 0, 1, 0, 0, 2];
        let expected = [Some(124), Some(7), None];

        let mut direct = GroupedPoints::<Int64Type>::new(DIGITS);
        direct.update_batch(&batch, &groups, Some(&filter), 3).unwrap();
        assert_eq!(results(&direct.evaluate(EmitTo::All).unwrap()), expected);
        assert_eq!(direct.bytes, 0);

        let mut partial = GroupedPoints::<Int64Type>::new(DIGITS);
        partial.update_batch(&batch, &groups, Some(&filter), 3).unwrap();
        let mut merged = GroupedPoints::<Int64Type>::new(DIGITS);
        let first = GroupsAccumulator::state(&mut partial, EmitTo::First(1)).unwrap();
        merged.merge_batch(&first, &[0], 1).unwrap();
        merged
            .merge_batch(&GroupsAccumulator::state(&mut partial, EmitTo::All).unwrap(), &[1, 2], 3)
            .unwrap();
        assert_eq!(results(&merged.evaluate(EmitTo::First(1)).unwrap()), expected[..1]);
        assert_eq!(results(&merged.evaluate(EmitTo::All).unwrap()), expected[1..]);

        let mut skipped = GroupedPoints::<Int64Type>::new(DIGITS);
        let states = direct.convert_to_state(&batch, Some(&filter)).unwrap();
        skipped.merge_batch(&states, &groups, 3).unwrap();
        assert_eq!(results(&skipped.evaluate(EmitTo::All).unwrap()), expected);
    }

    #[test]
    fn all_points_merge_from_states() {
        let mut parts = [AllPoints::<Int64Type>::new(DIGITS), AllPoints::<Int64Type>::new(DIGITS)];
        parts[0].update_batch(&rows(&[3, 1], &[3, 1])).unwrap();
        parts[1].update_batch(&rows(&[2], &[2])).unwrap();
        let mut whole = AllPoints::<Int64Type>::new(DIGITS);
        for part in &mut parts {
            let state = Accumulator::state(part).unwrap();
            let state: Vec<ArrayRef> = state.iter().map(|s| s.to_array().unwrap()).collect();
            whole.merge_batch(&state).unwrap();
        }
        assert_eq!(whole.evaluate().unwrap(), ScalarValue::Int64(Some(123)));
    }
}
