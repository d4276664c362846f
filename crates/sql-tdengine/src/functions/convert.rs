//! Conversions between types: what operators, casts and arguments need.

use std::sync::Arc;

use arrow::array::{BinaryArray, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::prelude::{Expr, cast, lit};
use triglot_model::Precision;

use super::udf;
use crate::TaosType;
use crate::time_text::parse_time;
use crate::typed::{FunctionEnv, Typed};

/// The value of a constant.
pub(super) fn constant(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// The text of a constant.
pub(super) fn constant_text(typed: &Typed) -> Option<&str> {
    constant(&typed.expr)?.try_as_str().flatten()
}

/// The whole number of a constant that is no duration.
pub(super) fn constant_integer(typed: &Typed) -> Option<i64> {
    if typed.duration.is_some() {
        return None;
    }
    match constant(&typed.expr)? {
        ScalarValue::Int64(value) => *value,
        ScalarValue::UInt64(value) => value.and_then(|value| i64::try_from(value).ok()),
        _ => None,
    }
}

/// Whether it is the constant NULL.
pub(super) fn is_null(typed: &Typed) -> bool {
    constant(&typed.expr).is_some_and(ScalarValue::is_null)
}

/// The number that a text begins with, else 0.
pub(super) fn number_prefix(text: &str) -> f64 {
    numeric_prefix(text).parse().unwrap_or(0.0)
}

/// The longest beginning of a text that is a number, else `0`.
pub(super) fn numeric_prefix(text: &str) -> &str {
    let text = text.trim_start();
    let bytes = text.as_bytes();
    let at = |pos: usize| bytes.get(pos).copied().unwrap_or(0);
    let digits = |mut pos: usize| {
        while at(pos).is_ascii_digit() {
            pos += 1;
        }
        pos
    };
    let start = usize::from(matches!(at(0), b'+' | b'-'));
    let whole = digits(start);
    let mut end = whole;
    let mut count = whole - start;
    if at(whole) == b'.' {
        end = digits(whole + 1);
        count += end - whole - 1;
    }
    if count == 0 {
        return "0";
    }
    if matches!(at(end), b'e' | b'E') {
        let exponent = end + 1 + usize::from(matches!(at(end + 1), b'+' | b'-'));
        if digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    text.get(..end).unwrap_or("0")
}

/// The longest beginning of a text that is a whole number, else 0; what needs more than 64 bits is cut to them.
pub(super) fn integer_prefix(text: &str) -> i128 {
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0_i128, |value, digit| value.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
    if negative { -value } else { value }
}

/// As `Utf8`, whatever form texts have.
pub(super) fn as_text(typed: Typed) -> Expr {
    match typed.expr {
        Expr::Literal(ScalarValue::Utf8(_), _) => typed.expr,
        expr => cast(expr, DataType::Utf8),
    }
}

/// As a double: texts by their beginning, BOOL as 0 and 1, times as counts.
pub(super) fn as_double(typed: Typed) -> Expr {
    if is_null(&typed) {
        return lit(ScalarValue::Float64(None));
    }
    match typed.ty {
        TaosType::Double => typed.expr,
        TaosType::Varchar | TaosType::Nchar => match constant_text(&typed) {
            Some(text) => lit(number_prefix(text)),
            None => udf::double_of_text("text_to_double", as_text(typed), |text| Some(number_prefix(text))),
        },
        TaosType::Json => udf::double_of_text("json_to_double", as_text(typed), super::json::number),
        TaosType::Bool | TaosType::Timestamp => cast(cast(typed.expr, DataType::Int64), DataType::Float64),
        _ => match constant(&typed.expr).map(|value| value.cast_to(&DataType::Float64)) {
            Some(Ok(value)) => lit(value),
            _ => cast(typed.expr, DataType::Float64),
        },
    }
}

/// As a BIGINT; fractions are cut off.
pub(super) fn as_integer(typed: Typed) -> Expr {
    if is_null(&typed) {
        return lit(ScalarValue::Int64(None));
    }
    match typed.ty {
        TaosType::BigInt => typed.expr,
        TaosType::Float | TaosType::Double | TaosType::Decimal { .. } | TaosType::Json => {
            udf::call("double_to_bigint", DataType::Int64, vec![as_double(typed)], |args| {
                let values = udf::doubles(args, 0)?.iter();
                Ok(Arc::new(values.map(|v| v.map(|v| v as i64)).collect::<Int64Array>()))
            })
        }
        TaosType::Varchar | TaosType::Nchar => {
            udf::integer_of_text("text_to_bigint", as_text(typed), |text| {
                Some(saturated(integer_prefix(text)))
            })
        }
        TaosType::UBigInt => udf::call("unsigned_to_bigint", DataType::Int64, vec![typed.expr], |args| {
            let values = udf::primitives::<arrow::datatypes::UInt64Type>(args, 0)?.iter();
            Ok(Arc::new(values.map(|v| v.map(u64::cast_signed)).collect::<Int64Array>()))
        }),
        _ => cast(typed.expr, DataType::Int64),
    }
}

fn saturated(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(if value < 0 { i64::MIN } else { i64::MAX })
}

/// A constant time.
pub(super) fn time_constant(value: Option<i64>, precision: Precision) -> Expr {
    lit(match precision {
        Precision::Milli => ScalarValue::TimestampMillisecond(value, None),
        Precision::Micro => ScalarValue::TimestampMicrosecond(value, None),
        Precision::Nano => ScalarValue::TimestampNanosecond(value, None),
    })
}

/// The count of a constant time.
pub(super) fn constant_time(typed: &Typed) -> Option<i64> {
    match constant(&typed.expr)? {
        ScalarValue::TimestampMillisecond(value, _)
        | ScalarValue::TimestampMicrosecond(value, _)
        | ScalarValue::TimestampNanosecond(value, _) => *value,
        _ => None,
    }
}

/// A count of the precision's units as a time.
pub(super) fn count_as_time(expr: Expr, precision: Precision) -> Expr {
    match constant(&expr) {
        Some(ScalarValue::Int64(value)) => time_constant(*value, precision),
        _ => cast(expr, DataType::Timestamp(precision.arrow(), None)),
    }
}

/// As a time: numbers are counts, texts are parsed; what is no time is NULL.
pub(super) fn as_time(typed: Typed, env: &FunctionEnv) -> Expr {
    if is_null(&typed) {
        return time_constant(None, env.precision);
    }
    if typed.ty == TaosType::Timestamp {
        return typed.expr;
    }
    if !typed.ty.is_text() {
        return count_as_time(as_integer(typed), env.precision);
    }
    if let Some(text) = constant_text(&typed) {
        return time_constant(parse_time(text, env.zone, env.precision), env.precision);
    }
    let (zone, precision) = (env.zone.name(), env.precision.to_string());
    let args = vec![as_text(typed), lit(zone), lit(precision)];
    let count = udf::call("text_to_time", DataType::Int64, args, |args| {
        let (values, zones, precisions) = (udf::texts(args, 0)?, udf::texts(args, 1)?, udf::texts(args, 2)?);
        let rows = values.iter().zip(zones).zip(precisions);
        Ok(Arc::new(
            rows.map(|((text, zone), precision)| {
                parse_time(text?, zone?.parse().ok()?, precision?.parse().ok()?)
            })
            .collect::<Int64Array>(),
        ))
    });
    count_as_time(count, env.precision)
}

/// The bytes that a text means for VARBINARY: after `\x` hexadecimal digits, else its own.
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix("\\x").or_else(|| text.strip_prefix("\\X")) else {
        return Some(text.as_bytes().to_vec());
    };
    if digits.len() % 2 != 0 || !digits.is_ascii() {
        return None;
    }
    (0..digits.len() / 2).map(|at| u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()).collect()
}

/// As bytes.
pub(super) fn as_bytes(typed: Typed) -> Expr {
    if is_null(&typed) {
        return lit(ScalarValue::Binary(None));
    }
    if !typed.ty.is_text() {
        return cast(typed.expr, DataType::Binary);
    }
    if let Some(text) = constant_text(&typed) {
        return lit(ScalarValue::Binary(bytes_of(text)));
    }
    udf::call("text_to_bytes", DataType::Binary, vec![as_text(typed)], |args| {
        Ok(Arc::new(udf::texts(args, 0)?.iter().map(|v| bytes_of(v?)).collect::<BinaryArray>()))
    })
}
