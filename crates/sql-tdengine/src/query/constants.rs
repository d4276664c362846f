//! Arguments that must be constants.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use triglot_model::Precision;
use triglot_parse_tdengine::ast::Duration;

use super::errors;
use crate::TaosError;
use crate::typed::Typed;

/// The value of a literal, if `typed` is one.
fn literal(typed: &Typed) -> Option<&ScalarValue> {
    match &typed.expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// A whole number.
pub(super) fn integer(typed: &Typed) -> Option<i64> {
    if typed.duration.is_some() {
        return None;
    }
    match literal(typed)? {
        ScalarValue::Int64(value) => *value,
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::UInt64(value) => value.and_then(|v| i64::try_from(v).ok()),
        _ => None,
    }
}

/// A number of any kind.
pub(super) fn number(typed: &Typed) -> Option<f64> {
    match literal(typed)? {
        ScalarValue::Float64(value) => *value,
        _ => integer(typed).map(|v| v as f64),
    }
}

/// A text.
pub(super) fn text(typed: &Typed) -> Option<&str> {
    match literal(typed)? {
        ScalarValue::Utf8(value) | ScalarValue::Utf8View(value) | ScalarValue::LargeUtf8(value) => {
            value.as_deref()
        }
        _ => None,
    }
}

/// A whole number from `low` to `high`, argument of `function`.
///
/// # Errors
/// 0x2803, also for what is no constant.
pub(super) fn within(function: &str, typed: &Typed, low: i64, high: i64) -> Result<i64, TaosError> {
    let value = integer(typed).filter(|v| (low..=high).contains(v));
    value.ok_or_else(|| errors::argument_value(function))
}

/// A fixed duration in units of `precision`; `None` for calendar units and what does not divide into units.
pub(super) fn fixed_units(duration: Duration, precision: Precision) -> Option<i64> {
    let ns = i128::from(duration.count) * i128::from(duration.unit.nanoseconds()?);
    let unit = i128::from(precision.ns());
    (ns % unit == 0).then(|| i64::try_from(ns / unit).ok()).flatten()
}

/// The unit argument of a function: a duration of one of the fixed units, in units of `precision`.
///
/// # Errors
/// 0x2803.
pub(super) fn time_unit(function: &str, typed: &Typed, precision: Precision) -> Result<i64, TaosError> {
    let units = typed.duration.and_then(|d| fixed_units(d, precision)).filter(|units| *units > 0);
    units.ok_or_else(|| errors::argument_value(function))
}
