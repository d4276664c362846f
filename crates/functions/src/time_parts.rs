//! Parts of a time and times of numbers, where a dialect's results differ from DataFusion's.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Float64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// `date_part(part, time)` as a double, seconds and smaller parts with their fraction, as in PostgreSQL.
/// `inner` is DataFusion's function, which gives whole numbers.
pub fn date_part_as_double(inner: Arc<ScalarUDF>) -> ScalarUDF {
    ScalarUDF::from(DatePart { inner })
}

/// `to_timestamp(…)` that takes integers as nanoseconds. `inner` is DataFusion's function, which takes
/// them as seconds.
pub fn to_timestamp_of_nanoseconds(inner: Arc<ScalarUDF>) -> ScalarUDF {
    ScalarUDF::from(ToTimestamp { inner })
}

/// Plans `EXTRACT(part FROM time)` as a call of this function.
#[derive(Clone, Debug)]
pub struct ExtractPlanner {
    date_part: Arc<ScalarUDF>,
}

impl ExtractPlanner {
    /// With the function for `date_part`.
    pub const fn new(date_part: Arc<ScalarUDF>) -> Self {
        Self { date_part }
    }
}

impl ExprPlanner for ExtractPlanner {
    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        let call = ScalarFunction::new_udf(Arc::clone(&self.date_part), args);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DatePart {
    inner: Arc<ScalarUDF>,
}

/// How many nanoseconds make one of this part, for the parts that have a fraction.
fn nanoseconds_of(part: &str) -> Option<f64> {
    match part.trim_matches(['\'', '"']).to_ascii_lowercase().as_str() {
        "second" | "seconds" | "sec" | "secs" | "s" => Some(1e9),
        "millisecond" | "milliseconds" | "msec" | "msecs" | "ms" => Some(1e6),
        "microsecond" | "microseconds" | "usec" | "usecs" | "us" => Some(1e3),
        _ => None,
    }
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ColumnarValue::Scalar(part)) = args.args.first_mut() else {
            return exec_err!("date_part expects a constant as its first argument");
        };
        let scale = part.try_as_str().flatten().and_then(nanoseconds_of);
        if scale.is_some() {
            *part = ScalarValue::from("nanosecond").cast_to(&part.data_type())?;
        }
        let number = self.inner.inner().invoke_with_args(args)?.cast_to(&DataType::Float64, None)?;
        let Some(scale) = scale else { return Ok(number) };
        Ok(match number {
            ColumnarValue::Scalar(ScalarValue::Float64(value)) => {
                ColumnarValue::Scalar(ScalarValue::Float64(value.map(|v| v / scale)))
            }
            other => {
                let array = other.to_array(1)?;
                ColumnarValue::Array(Arc::new(
                    array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| v / scale),
                ))
            }
        })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToTimestamp {
    inner: Arc<ScalarUDF>,
}

impl ScalarUDFImpl for ToTimestamp {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [number] if number.data_type().is_integer() => {
                let nanoseconds = number.cast_to(&DataType::Int64, None)?;
                nanoseconds.cast_to(&DataType::Timestamp(TimeUnit::Nanosecond, None), None)
            }
            _ => self.inner.inner().invoke_with_args(args),
        }
    }
}
