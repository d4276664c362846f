use std::mem;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::{Arguments, Fold};
use crate::args::{argument, double_type, times};
use crate::lists::{list_type, rows_of};

/// The function of a fold.
pub(super) fn udaf<F: Fold>(fold: F) -> AggregateUDF {
    AggregateUDF::from(Folding { fold, signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Folding<F: Fold> {
    fold: F,
    signature: Signature,
}

fn time_type(function: &str, ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Timestamp(..) | DataType::Int64 => Ok(ty.clone()),
        DataType::Null => Ok(DataType::Int64),
        other => plan_err!("{function} expects a timestamp, got {other}"),
    }
}

impl<F: Fold> AggregateUDFImpl for Folding<F> {
    fn name(&self) -> &str {
        self.fold.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.fold.name();
        match (F::ARGUMENTS, types) {
            (Arguments::Value, [value]) => Ok(vec![double_type(name, value)?]),
            (Arguments::Time, [time]) => Ok(vec![time_type(name, time)?]),
            (Arguments::TimeAndValue, [time, value]) => {
                Ok(vec![time_type(name, time)?, double_type(name, value)?])
            }
            _ => plan_err!("{name} does not take {} arguments", types.len()),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let time = types.first().filter(|_| F::ARGUMENTS != Arguments::Value);
        Ok(self.fold.return_type(time))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let parts = [("integers", DataType::Int64), ("numbers", DataType::Float64)];
        let field = |(part, ty): (&str, DataType)| {
            Arc::new(Field::new(format!("{}[{part}]", args.name), list_type(&ty), true))
        };
        Ok(parts.map(field).to_vec())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(Groups::new(self.fold.clone(), args.return_type().clone(), 1))))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups::new(self.fold.clone(), args.return_type().clone(), 0)))
    }
}

/// What is known of all groups.
#[derive(Debug)]
pub(super) struct Groups<F: Fold> {
    fold: F,
    ty: DataType,
    groups: Vec<F::Group>,
    /// Of the groups, beside themselves.
    bytes: usize,
}

impl<F: Fold> Groups<F> {
    pub(super) fn new(fold: F, ty: DataType, groups: usize) -> Self {
        let mut all = Self { fold, ty, groups: Vec::new(), bytes: 0 };
        all.groups.resize_with(groups, F::Group::default);
        all
    }

    /// Changes a group.
    fn change(&mut self, group: usize, change: impl FnOnce(&F, &mut F::Group)) -> Result<()> {
        let Some(known) = self.groups.get_mut(group) else { return exec_err!("there is no group {group}") };
        let before = F::bytes(known);
        change(&self.fold, known);
        self.bytes = (self.bytes + F::bytes(known)).saturating_sub(before);
        Ok(())
    }

    /// Adds the rows that `group_of` gives a group.
    fn add(&mut self, values: &[ArrayRef], group_of: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let numbers = |at: usize| -> Result<Float64Array> {
            Ok(cast(argument(values, at)?, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
        };
        let (times, numbers) = match F::ARGUMENTS {
            Arguments::Value => (None, Some(numbers(0)?)),
            Arguments::Time => (Some(times(argument(values, 0)?)?), None),
            Arguments::TimeAndValue => (Some(times(argument(values, 0)?)?), Some(numbers(1)?)),
        };
        for row in 0..argument(values, 0)?.len() {
            let known = times.as_ref().is_none_or(|t| t.is_valid(row))
                && numbers.as_ref().is_none_or(|n| n.is_valid(row));
            let Some(group) = group_of(row).filter(|_| known) else { continue };
            let time = times.as_ref().map_or(0, |t| t.value(row));
            let number = numbers.as_ref().map_or(0.0, |n| n.value(row));
            self.change(group, |fold, group| fold.add(group, time, number))?;
        }
        Ok(())
    }

    fn join(&mut self, states: &[ArrayRef], group_of: impl Fn(usize) -> Option<usize>) -> Result<()> {
        let (integers, numbers) = (rows_of(argument(states, 0)?)?, rows_of(argument(states, 1)?)?);
        for (row, (integers, numbers)) in integers.zip(numbers).enumerate() {
            let (Some(integers), Some(numbers), Some(group)) = (integers, numbers, group_of(row)) else {
                continue;
            };
            let (integers, numbers) =
                (integers.as_primitive::<Int64Type>(), numbers.as_primitive::<Float64Type>());
            self.change(group, |fold, group| fold.join(group, integers.values(), numbers.values()))?;
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<F::Group> {
        let taken = match emit_to {
            EmitTo::All => mem::take(&mut self.groups),
            EmitTo::First(n) => self.groups.drain(..n.min(self.groups.len())).collect(),
        };
        self.bytes = self.bytes.saturating_sub(taken.iter().map(F::bytes).sum());
        taken
    }

    fn states(&self, groups: &[F::Group]) -> Vec<ArrayRef> {
        let (mut integers, mut numbers) = (Vec::new(), Vec::new());
        let (mut integer_lengths, mut number_lengths) = (Vec::new(), Vec::new());
        for group in groups {
            let before = (integers.len(), numbers.len());
            self.fold.save(group, &mut integers, &mut numbers);
            integer_lengths.push(integers.len() - before.0);
            number_lengths.push(numbers.len() - before.1);
        }
        let list = |elements: ArrayRef, lengths: Vec<usize>| -> ArrayRef {
            let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
            Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), elements, None))
        };
        vec![
            list(Arc::new(Int64Array::from(integers)), integer_lengths),
            list(Arc::new(Float64Array::from(numbers)), number_lengths),
        ]
    }
}

impl<F: Fold> GroupsAccumulator for Groups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups.resize_with(total, F::Group::default);
        self.add(values, |row| {
            let wanted = filter.is_none_or(|f| f.is_valid(row) && f.value(row));
            groups.get(row).copied().filter(|_| wanted)
        })
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups.resize_with(total, F::Group::default);
        self.join(states, |row| groups.get(row).copied())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        self.fold.results(groups, &self.ty)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        Ok(self.states(&groups))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = argument(values, 0)?.len();
        let mut each = Self::new(self.fold.clone(), self.ty.clone(), 0);
        each.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        GroupsAccumulator::state(&mut each, EmitTo::All)
    }

    fn size(&self) -> usize {
        self.bytes + self.groups.capacity() * size_of::<F::Group>()
    }
}

/// Without GROUP BY, and in windows: one group.
#[derive(Debug)]
struct One<F: Fold>(Groups<F>);

impl<F: Fold> Accumulator for One<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.add(values, |_| Some(0))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.join(states, |_| Some(0))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let states = self.0.states(&self.0.groups);
        states.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        // A window asks more than once.
        let state = self.0.states(&self.0.groups);
        let result = GroupsAccumulator::evaluate(&mut self.0, EmitTo::All)?;
        self.0.groups.resize_with(1, F::Group::default);
        self.merge_batch(&state)?;
        ScalarValue::try_from_array(&result, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + GroupsAccumulator::size(&self.0)
    }
}
