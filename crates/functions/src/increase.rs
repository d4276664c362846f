//! The growth of a counter.

use arrow::datatypes::{ArrowPrimitiveType, DataType, FieldRef, Float64Type, Int64Type, UInt64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use crate::args::{argument, time_type};
use crate::points::{AllPoints, Fold, GroupedPoints, Point, check_order, state_fields};

/// `increase(time, value [ORDER BY time])`: by how much a counter grew from its earliest to its latest
/// value. Where a value is smaller than the one before, the counter was reset to 0 in between. The type
/// is that of the value: bigint, bigint unsigned or double. Rows with a NULL do not count; without rows
/// it is NULL, with one row 0.
pub fn increase() -> AggregateUDF {
    AggregateUDF::from(Increase { signature: Signature::user_defined(Volatility::Immutable) })
}

const NAME: &str = "increase";

#[derive(Debug, PartialEq, Eq, Hash)]
struct Increase {
    signature: Signature,
}

impl AggregateUDFImpl for Increase {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, value] = types else {
            return plan_err!("{NAME} takes a time and a value, got {} arguments", types.len());
        };
        let value = match value {
            value if value.is_signed_integer() => DataType::Int64,
            value if value.is_unsigned_integer() => DataType::UInt64,
            value if value.is_numeric() || value.is_null() => DataType::Float64,
            other => return plan_err!("{NAME} expects a number, got {other}"),
        };
        Ok(vec![time_type(NAME, time)?, value])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(argument(types, 1)?.clone())
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(match args.return_type() {
            DataType::Int64 => state_fields::<Int64Type>(&args),
            DataType::UInt64 => state_fields::<UInt64Type>(&args),
            _ => state_fields::<Float64Type>(&args),
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        check_order(NAME, &args)?;
        Ok(match args.return_type() {
            DataType::Int64 => Box::new(AllPoints::<Int64Type>::new(INTEGERS)),
            DataType::UInt64 => Box::new(AllPoints::<UInt64Type>::new(UNSIGNED)),
            _ => Box::new(AllPoints::<Float64Type>::new(DOUBLES)),
        })
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        check_order(NAME, &args)?;
        Ok(match args.return_type() {
            DataType::Int64 => Box::new(GroupedPoints::<Int64Type>::new(INTEGERS)),
            DataType::UInt64 => Box::new(GroupedPoints::<UInt64Type>::new(UNSIGNED)),
            _ => Box::new(GroupedPoints::<Float64Type>::new(DOUBLES)),
        })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

const INTEGERS: Fold<Int64Type> = |points| {
    growth::<Int64Type>(points, |total, from, to| {
        total.checked_add(if to < from { to } else { to.checked_sub(from)? })
    })
};
const UNSIGNED: Fold<UInt64Type> = |points| {
    growth::<UInt64Type>(points, |total, from, to| total.checked_add(to.checked_sub(from).unwrap_or(to)))
};
const DOUBLES: Fold<Float64Type> = |points| {
    growth::<Float64Type>(points, |total, from, to| Some(total + if to < from { to } else { to - from }))
};

/// Adds up what `step(total, from, to)` makes of each two neighbours; None is an overflow.
fn growth<T: ArrowPrimitiveType>(
    points: &[Point<T>],
    step: impl Fn(T::Native, T::Native, T::Native) -> Option<T::Native>,
) -> Result<Option<T::Native>> {
    let Some((first, rest)) = points.split_first() else { return Ok(None) };
    let (mut total, mut from) = (T::Native::default(), first.1);
    for (_, to) in rest {
        total = step(total, from, *to)
            .ok_or_else(|| exec_datafusion_err!("{NAME}: the sum does not fit into {}", T::DATA_TYPE))?;
        from = *to;
    }
    Ok(Some(total))
}
