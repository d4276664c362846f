//! The value at the earliest or the latest time of a group.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, Sort};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use crate::args::{argument, time_scalar, time_type, times};

/// `first(time, value)`: the value, of any type, at the earliest time; NULL if that value is NULL or if
/// there is no row with a time. Of several values at that time it may be any.
pub fn first() -> AggregateUDF {
    AggregateUDF::from(AtEnd::new("first", End::Earliest))
}

/// `last(time, value)`: the value, of any type, at the latest time. Otherwise as [`first`].
pub fn last() -> AggregateUDF {
    AggregateUDF::from(AtEnd::new("last", End::Latest))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum End {
    Earliest,
    Latest,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AtEnd {
    name: &'static str,
    end: End,
    signature: Signature,
}

impl AtEnd {
    fn new(name: &'static str, end: End) -> Self {
        Self { name, end, signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for AtEnd {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, value] = types else {
            return plan_err!("{} takes a time and a value, got {} arguments", self.name, types.len());
        };
        Ok(vec![time_type(self.name, time)?, value.clone()])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(argument(types, 1)?.clone())
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        let value = argument(fields, 1)?;
        let field = Field::new(self.name, value.data_type().clone(), true);
        Ok(Arc::new(field.with_metadata(value.metadata().clone())))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let time = argument(args.input_fields, 0)?.data_type().clone();
        Ok(vec![
            Arc::new(Field::new(format!("{}[time]", args.name), time, true)),
            Arc::new(Field::new(format!("{}[value]", args.name), args.return_type().clone(), true)),
        ])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Best {
            end: self.end,
            time_type: argument(args.expr_fields, 0)?.data_type().clone(),
            time: None,
            value: ScalarValue::try_from(args.return_type())?,
        }))
    }

    /// Queries run DataFusion's ordered `first_value`, which has an accumulator for all groups at once
    /// and for which the rule that reads only newest rows looks. The accumulator here serves windows.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        let (name, end) = (self.name, self.end);
        Some(Box::new(move |call, info| {
            let AggregateFunctionParams { args, filter, order_by, null_treatment, distinct: _ } = call.params;
            let Ok([time, value]) = <[Expr; 2]>::try_from(args) else {
                return plan_err!("{name} takes a time and a value");
            };
            if !order_by.is_empty() {
                return plan_err!("{name} orders by its first argument and takes no ORDER BY");
            }
            let filter = match (filter, info.nullable(&time)?) {
                (filter, false) => filter,
                (None, true) => Some(Box::new(time.clone().is_not_null())),
                (Some(filter), true) => Some(Box::new(filter.and(time.clone().is_not_null()))),
            };
            let (function, nulls_first) = match end {
                End::Earliest => (first_value_udaf(), false),
                End::Latest => (last_value_udaf(), true),
            };
            let order = vec![Sort::new(time, true, nulls_first)];
            let call =
                AggregateFunction::new_udf(function, vec![value], false, filter, order, null_treatment);
            Ok(Expr::AggregateFunction(call))
        }))
    }
}

#[derive(Debug)]
struct Best {
    end: End,
    time_type: DataType,
    time: Option<i64>,
    value: ScalarValue,
}

impl Accumulator for Best {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (times, values) = (times(argument(values, 0)?)?, argument(values, 1)?);
        let mut best: Option<usize> = None;
        for (row, time) in times.iter().enumerate() {
            let Some(time) = time else { continue };
            let better = self.time.is_none_or(|known| match self.end {
                End::Earliest => time < known,
                End::Latest => time > known,
            });
            if better {
                (self.time, best) = (Some(time), Some(row));
            }
        }
        if let Some(row) = best {
            self.value = ScalarValue::try_from_array(values, row)?;
            self.value.compact();
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![time_scalar(&self.time_type, self.time)?, self.value.clone()])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(self.value.clone())
    }

    fn size(&self) -> usize {
        size_of_val(self) - size_of_val(&self.value) + self.value.size()
    }
}
