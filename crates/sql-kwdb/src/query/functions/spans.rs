//! Stretches of time between instants.

use std::sync::Arc;

use arrow::array::{AsArray, IntervalMonthDayNanoArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit, TimestampNanosecondType};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::query::errors::coded;
use crate::query::operators::INTERVAL;

const DAY_NS: i64 = 86_400_000_000_000;

/// `time_between(a, b)`: `a - b` as an interval of days of 24 hours and a rest.
pub(in crate::query) fn time_between() -> ScalarUDF {
    Between { signature: Signature::any(2, Volatility::Immutable) }.into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Between {
    signature: Signature,
}

impl ScalarUDFImpl for Between {
    fn name(&self) -> &str {
        "time_between"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(INTERVAL)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [a, b] = args.args.as_slice() else { return exec_err!("time_between takes two times") };
        let is_scalar = matches!((a, b), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let rows = if is_scalar { 1 } else { args.number_rows };
        // Milliseconds of the year 0 do not fit into nanoseconds: those casts fail, and that is told.
        let ns = |value: &ColumnarValue| -> Result<_> {
            let array = value.to_array(rows)?;
            cast(&array, &DataType::Timestamp(TimeUnit::Nanosecond, None))
                .map_err(|_| coded("22008", "timestamp out of range"))
        };
        let (a, b) = (ns(a)?, ns(b)?);
        let (a, b) =
            (a.as_primitive::<TimestampNanosecondType>(), b.as_primitive::<TimestampNanosecondType>());
        let spans: Result<IntervalMonthDayNanoArray> = a
            .iter()
            .zip(b.iter())
            .map(|pair| {
                let (Some(a), Some(b)) = pair else { return Ok(None) };
                let span = a.checked_sub(b).ok_or_else(|| coded("22008", "interval out of range"))?;
                let days =
                    i32::try_from(span / DAY_NS).map_err(|_| coded("22008", "interval out of range"))?;
                Ok(Some(IntervalMonthDayNano::new(0, days, span % DAY_NS)))
            })
            .collect();
        let spans = spans?;
        if is_scalar && spans.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&spans, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(spans)))
    }
}
