//! Arguments that must be constants.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use triglot_model::Precision;
use triglot_parse_tdengine::ast::{self, Duration};

use super::errors;
use super::expr::{self, Place, Rows};
use super::scope::Scope;
use crate::time_text::parse_time;
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

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

/// The constant that an expression is worth, if it is one.
pub(super) fn folded(expr: &Expr) -> Option<ScalarValue> {
    if let Expr::Literal(value, _) = expr {
        return Some(value.clone());
    }
    if !expr.column_refs().is_empty() || expr.is_volatile() {
        return None;
    }
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().build());
    match simplifier.simplify(expr.clone()).ok()? {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// A point in time, in units of the precision: a timestamp, a text that is one, or a count.
///
/// # Errors
/// 0x2635 for texts that are none, 0x265D for what is no constant; those of expressions.
pub(super) fn instant(expr: &ast::Expr, env: &FunctionEnv) -> Result<i64, TaosError> {
    let scope = Scope::default();
    let typed = expr::lower(expr, env, &mut Rows::new(&scope, Place::Clause))?;
    if let Some(text) = text(&typed) {
        let time = parse_time(text, env.zone, env.precision);
        return time.ok_or_else(|| TaosError::new(0x2635, format!("Incorrect TIMESTAMP value: {text}")));
    }
    let value = folded(&typed.expr).ok_or_else(errors::range_clause)?;
    match value.cast_to(&arrow::datatypes::DataType::Int64) {
        Ok(ScalarValue::Int64(Some(time))) if typed.ty == TaosType::Timestamp || typed.ty.is_integer() => {
            Ok(time)
        }
        _ => Err(errors::range_clause()),
    }
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

/// A constant in the type of a column: numbers are cut, text gives the number that it begins with, else 0. `None`
/// for what is no constant, or has no such value.
pub(super) fn converted(typed: &Typed, ty: TaosType, env: &FunctionEnv) -> Option<ScalarValue> {
    let arrow = ty.arrow_view(env.precision);
    let value = literal(typed)?;
    if value.is_null() {
        return ScalarValue::try_from(&arrow).ok();
    }
    let is_number = ty.is_number();
    match text(typed) {
        Some(text) if is_number => ScalarValue::Float64(Some(leading_number(text))).cast_to(&arrow).ok(),
        Some(text) if ty == TaosType::Bool => {
            Some(ScalarValue::Boolean(Some(text.eq_ignore_ascii_case("true"))))
        }
        _ if ty == TaosType::Bool => Some(ScalarValue::Boolean(Some(number(typed)? != 0.0))),
        _ => value.cast_to(&arrow).ok(),
    }
}

/// The number that a text begins with, 0 if it does not.
fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let mut ends = (1..=text.len()).rev().filter(|end| text.is_char_boundary(*end));
    ends.find_map(|end| text.get(..end)?.parse().ok().filter(|v: &f64| v.is_finite())).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_begin_with_numbers() {
        for (text, number) in [("12abc", 12.0), ("abc", 0.0), ("-1.5e1x", -15.0), ("", 0.0), (" 7", 7.0)] {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }
}
