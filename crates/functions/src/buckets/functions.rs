use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::{BucketError, Buckets};

/// `bucket_start(time)`: the start of the bucket that holds `time`, in the type of `time` (a timestamp in
/// the buckets' unit, or a 64-bit integer); NULL for NULL.
pub fn bucket_start(buckets: Buckets) -> ScalarUDF {
    BucketFunction { buckets, part: Part::Start, signature: one_time() }.into()
}

/// `bucket_next(time)`: the end of the bucket that holds `time`, which is the start of the next one.
/// Otherwise as [`bucket_start`].
pub fn bucket_next(buckets: Buckets) -> ScalarUDF {
    BucketFunction { buckets, part: Part::Next, signature: one_time() }.into()
}

fn one_time() -> Signature {
    Signature::any(1, Volatility::Immutable)
}

impl From<BucketError> for DataFusionError {
    fn from(error: BucketError) -> Self {
        Self::Execution(error.to_string())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Part {
    Start,
    Next,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BucketFunction {
    buckets: Buckets,
    part: Part,
    signature: Signature,
}

impl BucketFunction {
    fn described(&self, args: &[Expr]) -> String {
        let args: Vec<String> = args.iter().map(|a| a.schema_name().to_string()).collect();
        format!("{}({}, {})", self.name(), args.join(", "), self.buckets)
    }

    fn of(&self, times: &Int64Array) -> Result<Int64Array> {
        // Neighbours mostly share a bucket.
        let known = Cell::new((0_i64, 0_i64));
        times.try_unary(|time| {
            let (mut start, mut next) = known.get();
            if !(start..next).contains(&time) {
                start = self.buckets.start_of(time)?;
                next = match (self.buckets.next(start), self.part) {
                    (Ok(next), _) => next,
                    (Err(error), Part::Next) => return Err(error.into()),
                    (Err(_), Part::Start) => i64::MAX,
                };
                known.set((start, next));
            }
            Ok(if self.part == Part::Start { start } else { next })
        })
    }
}

impl ScalarUDFImpl for BucketFunction {
    fn name(&self) -> &str {
        match self.part {
            Part::Start => "bucket_start",
            Part::Next => "bucket_next",
        }
    }

    /// The buckets are part of the name, so that two of them can stand in one query.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.described(args))
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.described(args))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match args {
            [time @ DataType::Timestamp(unit, _)] if *unit == self.buckets.unit() => Ok(time.clone()),
            [time @ DataType::Int64] => Ok(time.clone()),
            other => {
                plan_err!("{} of {} expects one time of that unit, got {other:?}", self.name(), self.buckets)
            }
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [time] = args.args.as_slice() else { return exec_err!("{} takes one time", self.name()) };
        let is_scalar = matches!(time, ColumnarValue::Scalar(_));
        let array = time.to_array(if is_scalar { 1 } else { args.number_rows })?;
        let times = cast(&array, &DataType::Int64)?;
        let result: ArrayRef = Arc::new(self.of(times.as_primitive::<Int64Type>())?);
        let result = cast(&result, array.data_type())?;
        if is_scalar {
            return Ok(ColumnarValue::Scalar(datafusion::scalar::ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }

    /// Buckets never go back where time does not.
    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        Ok(inputs.first().map_or(SortProperties::Unordered, |time| time.sort_properties))
    }
}
