use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};
use arrow::compute::{and, concat, filter, is_not_null};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

use super::timeline::{Form, Timeline};
use crate::args::{argument, time_type, times};
use crate::lists::{list_of, list_type, rows_of};

/// `state_agg(time, state)`: a summary of all periods, for [`duration_in`](super::duration_in) and
/// [`state_at`](super::state_at). States are of any type that has an order. Rows with a NULL do not
/// count; without rows it is NULL.
pub fn state_agg() -> AggregateUDF {
    AggregateUDF::from(StateAgg::new("state_agg", Form::Full))
}

/// `compact_state_agg(time, state)`: a summary of how long each state lasted, without when.
pub fn compact_state_agg() -> AggregateUDF {
    AggregateUDF::from(StateAgg::new("compact_state_agg", Form::Compact))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StateAgg {
    name: &'static str,
    form: Form,
    signature: Signature,
}

impl StateAgg {
    fn new(name: &'static str, form: Form) -> Self {
        Self { name, form, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for StateAgg {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, state] = types else {
            return plan_err!("{} takes a time and a state, got {} arguments", self.name, types.len());
        };
        Ok(vec![time_type(self.name, time)?, state.clone()])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.form.fields(argument(types, 0)?, argument(types, 1)?)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state = argument(args.input_fields, 1)?.data_type();
        Ok([("times", &DataType::Int64), ("states", state)]
            .map(|(name, ty)| Arc::new(Field::new(format!("{}[{name}]", args.name), list_type(ty), true)))
            .to_vec())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(States {
            form: self.form,
            time: argument(args.expr_fields, 0)?.data_type().clone(),
            state: argument(args.expr_fields, 1)?.data_type().clone(),
            result: args.return_type().clone(),
            times: Vec::new(),
            states: Vec::new(),
        }))
    }
}

/// All rows: states of one group may lie scattered over partitions.
#[derive(Debug)]
struct States {
    form: Form,
    time: DataType,
    state: DataType,
    result: DataType,
    times: Vec<Int64Array>,
    states: Vec<ArrayRef>,
}

impl States {
    fn push(&mut self, times: &Int64Array, states: &ArrayRef) -> Result<()> {
        let known = and(&is_not_null(times)?, &is_not_null(states)?)?;
        if known.true_count() > 0 {
            let times: ArrayRef = filter(times, &known)?;
            self.times.push(crate::args::times(&times)?);
            self.states.push(filter(states, &known)?);
        }
        Ok(())
    }
}

impl Accumulator for States {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.push(&times(argument(values, 0)?)?, argument(values, 1)?)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists = rows_of(argument(states, 0)?)?.zip(rows_of(argument(states, 1)?)?);
        for (times, states) in lists {
            if let (Some(times), Some(states)) = (times, states) {
                self.push(&crate::args::times(&times)?, &states)?;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let times: Int64Array = self.times.iter().flat_map(|t| t.values().iter().copied()).collect();
        let states = if self.states.is_empty() {
            arrow::array::new_empty_array(&self.state)
        } else {
            concat(&self.states.iter().map(AsRef::as_ref).collect::<Vec<&dyn Array>>())?
        };
        Ok(vec![list_of(Arc::new(times)), list_of(states)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match Timeline::new(&self.times, &self.states)? {
            Some(timeline) => timeline.summary(self.form, &self.time),
            None => ScalarValue::try_from(&self.result),
        }
    }

    fn size(&self) -> usize {
        let times: usize = self.times.iter().map(Array::get_array_memory_size).sum();
        let states: usize = self.states.iter().map(|s| s.get_array_memory_size()).sum();
        size_of_val(self) + times + states
    }
}
