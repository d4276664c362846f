use arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use super::Measure;
use crate::args::{double_type, time_type};
use crate::points::{AllPoints, Fold, GroupedPoints, Point, check_order, state_fields};

/// `completeness(time, value)` and so on: the measure as a double from 0 to 1. Rows with a NULL are no
/// points; NaN and infinities are points without a value. It fails on fewer than two values.
pub fn quality(measure: Measure) -> AggregateUDF {
    AggregateUDF::from(Quality { measure, signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quality {
    measure: Measure,
    signature: Signature,
}

impl Quality {
    fn fold(&self) -> Fold<Float64Type> {
        match self.measure {
            Measure::Completeness => |points| of(Measure::Completeness, points),
            Measure::Consistency => |points| of(Measure::Consistency, points),
            Measure::Timeliness => |points| of(Measure::Timeliness, points),
            Measure::Validity => |points| of(Measure::Validity, points),
        }
    }
}

fn of(measure: Measure, points: &[Point<Float64Type>]) -> Result<Option<f64>> {
    measure.of(points).map(Some).map_err(|e| exec_datafusion_err!("{e}"))
}

impl AggregateUDFImpl for Quality {
    fn name(&self) -> &str {
        self.measure.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [time, value] = types else {
            return plan_err!("{} takes a time and a value, got {} arguments", self.name(), types.len());
        };
        Ok(vec![time_type(self.name(), time)?, double_type(self.name(), value)?])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        Ok(state_fields::<Float64Type>(&args))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        check_order(self.name(), &args)?;
        Ok(Box::new(AllPoints::<Float64Type>::new(self.fold())))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        check_order(self.name(), &args)?;
        Ok(Box::new(GroupedPoints::<Float64Type>::new(self.fold())))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
