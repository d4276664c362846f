//! What the aggregates over (time, value) have in common: argument types and reading of times.

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNano, TimeUnit};
use datafusion::common::{Result, exec_datafusion_err, plan_err};
use datafusion::scalar::ScalarValue;

/// The type in which `function` reads its argument `ty` of time: timestamps as they are, text and NULL
/// as nanoseconds.
///
/// # Errors
/// It is no time.
pub(crate) fn time_type(function: &str, ty: &DataType) -> Result<DataType> {
    match ty {
        DataType::Timestamp(..) => Ok(ty.clone()),
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => {
            Ok(DataType::Timestamp(TimeUnit::Nanosecond, None))
        }
        other => plan_err!("{function} expects a timestamp as its first argument, got {other}"),
    }
}

/// Double for each numeric type.
///
/// # Errors
/// It is no number.
pub(crate) fn double_type(function: &str, ty: &DataType) -> Result<DataType> {
    if ty.is_numeric() || ty.is_null() {
        return Ok(DataType::Float64);
    }
    plan_err!("{function} expects a number, got {ty}")
}

/// The times as integers in their own unit.
pub(crate) fn times(array: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// A time of this type; NULL for none.
pub(crate) fn time_scalar(ty: &DataType, time: Option<i64>) -> Result<ScalarValue> {
    ScalarValue::Int64(time).cast_to(ty)
}

/// How many units of a timestamp type make a second.
pub(crate) fn per_second(ty: &DataType) -> Result<i64> {
    match ty {
        DataType::Timestamp(TimeUnit::Second, _) => Ok(1),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Ok(1_000),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(1_000_000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Ok(1_000_000_000),
        other => Err(exec_datafusion_err!("expected a timestamp, got {other}")),
    }
}

/// The argument at `at`.
///
/// # Errors
/// There is none: a fault of the caller, since signatures fix the number.
pub(crate) fn argument<T>(values: &[T], at: usize) -> Result<&T> {
    values.get(at).ok_or_else(|| exec_datafusion_err!("argument {at} is missing"))
}

/// A span of time as an interval of days and nanoseconds. `span` counts units of which `per_second`
/// make a second.
///
/// # Errors
/// More days than an interval holds.
pub(crate) fn interval(span: i128, per_second: i64) -> Result<IntervalMonthDayNano> {
    const DAY: i128 = 86_400 * 1_000_000_000;
    let nanoseconds = span * (1_000_000_000 / i128::from(per_second));
    let days = i32::try_from(nanoseconds / DAY);
    let rest = i64::try_from(nanoseconds % DAY);
    match (days, rest) {
        (Ok(days), Ok(rest)) => Ok(IntervalMonthDayNano::new(0, days, rest)),
        _ => Err(exec_datafusion_err!("a span of {nanoseconds} ns does not fit into an interval")),
    }
}
