//! Mathematical functions. NULL in gives NULL; what has no value (`sqrt(-1)`) is NULL.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float64Array};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::{Result as DfResult, ScalarValue};
use datafusion::prelude::{Expr, cast, lit};

use super::args::Args;
use super::convert::{as_double, as_integer, constant_integer};
use super::udf;
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
    let double = |expr| Typed::fixed(expr, TaosType::Double);
    Ok(Some(match name {
        "abs" | "ceil" | "floor" | "sign" => {
            let [value] = args.exactly()?;
            rounding(name, args.number(value)?, lit(0_i64), env)
        }
        "round" => {
            let (value, digits) = args.one_or_two()?;
            let digits = digits.map(|d| args.number(d).map(as_integer)).transpose()?;
            rounding(name, args.number(value)?, digits.unwrap_or_else(|| lit(0_i64)), env)
        }
        "truncate" | "trunc" => {
            let [value, digits] = args.exactly()?;
            rounding("truncate", args.number(value)?, as_integer(args.number(digits)?), env)
        }
        "pi" => {
            let [] = args.exactly()?;
            double(lit(std::f64::consts::PI))
        }
        "rand" => rand(args)?,
        "log" => {
            let (value, base) = args.one_or_two()?;
            let value = as_double(args.number(value)?);
            match base {
                None => double(udf::of_double("ln", value, ln)),
                Some(base) => {
                    let base = as_double(args.number(base)?);
                    double(udf::of_doubles("log", [value, base], |v, b| finite(ln(v)? / ln(b)?)))
                }
            }
        }
        "pow" | "power" => {
            let [base, exponent] = args.exactly()?;
            let sides = [as_double(args.number(base)?), as_double(args.number(exponent)?)];
            double(udf::of_doubles("pow", sides, |b, e| finite(b.powf(e))))
        }
        "mod" => {
            let [a, b] = args.exactly()?;
            let sides = [as_double(args.number(a)?), as_double(args.number(b)?)];
            double(udf::of_doubles("remainder", sides, |a, b| (b != 0.0).then(|| a % b)))
        }
        "crc32" => {
            let [value] = args.exactly()?;
            let text = super::casts::to_text(value);
            let sums = udf::integer_of_text("crc32", text, |text| Some(i64::from(crc32(text.as_bytes()))));
            Typed::fixed(cast(sums, DataType::UInt32), TaosType::UInt)
        }
        "greatest" | "least" => return extreme(name == "greatest", args, env).map(Some),
        _ => {
            let Some((name, function)) = of_one_double(name) else { return Ok(None) };
            let [value] = args.exactly()?;
            double(udf::of_double(name, as_double(args.number(value)?), function))
        }
    }))
}

/// A function of a double; None is NULL.
type OfDouble = fn(f64) -> Option<f64>;

/// Functions of one double.
fn of_one_double(name: &str) -> Option<(&'static str, OfDouble)> {
    Some(match name {
        "acos" => ("acos", |v| finite(v.acos())),
        "asin" => ("asin", |v| finite(v.asin())),
        "atan" => ("atan", |v| finite(v.atan())),
        "cos" => ("cos", |v| finite(v.cos())),
        "sin" => ("sin", |v| finite(v.sin())),
        "tan" => ("tan", |v| finite(v.tan())),
        "sqrt" => ("sqrt", |v| finite(v.sqrt())),
        "exp" => ("exp", |v| finite(v.exp())),
        "ln" => ("ln", ln),
        "degrees" => ("degrees", |v| finite(v.to_degrees())),
        "radians" => ("radians", |v| finite(v.to_radians())),
        _ => return None,
    })
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn ln(value: f64) -> Option<f64> {
    if value > 0.0 { finite(value.ln()) } else { None }
}

/// The checksum of zip and Ethernet.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    };
    !bytes.iter().fold(u32::MAX, step)
}

/// ABS, CEIL, FLOOR, SIGN, ROUND, TRUNCATE: of the type of their argument.
fn rounding(name: &str, value: Typed, digits: Expr, env: &FunctionEnv) -> Typed {
    let (ty, length) = (value.ty, value.length);
    let (double_name, decimal_name, function): (_, _, fn(f64, i64) -> f64) = match name {
        "abs" => ("abs_double", "abs_decimal", |v, _| v.abs()),
        "ceil" => ("ceil_double", "ceil_decimal", |v, _| v.ceil()),
        "floor" => ("floor_double", "floor_decimal", |v, _| v.floor()),
        "sign" => ("sign_double", "sign_decimal", |v, _| if v == 0.0 { 0.0 } else { v.signum() }),
        "round" => ("round_double", "round_decimal", |v, n| at_digit(v, n, f64::round)),
        _ => ("truncate_double", "truncate_decimal", |v, n| at_digit(v, n, f64::trunc)),
    };
    let expr = if let TaosType::Decimal { scale, .. } = ty {
        let mode = decimal_name;
        let output = ty.arrow(env.precision);
        let args = vec![cast(value.expr, output.clone()), digits];
        udf::call(decimal_name, output.clone(), args, move |args| decimals(mode, scale, &output, args))
    } else if ty.is_integer() && matches!(name, "ceil" | "floor") {
        value.expr
    } else if ty.is_integer() {
        let output = ty.arrow(env.precision);
        let wide = cast(value.expr, DataType::Decimal128(20, 0));
        let wide_output = DataType::Decimal128(38, 0);
        let args = vec![cast(wide, wide_output.clone()), digits];
        let mode = decimal_name;
        let computed = udf::call(decimal_name, wide_output.clone(), args, move |args| {
            decimals(mode, 0, &wide_output, args)
        });
        cast(computed, output)
    } else {
        let computed =
            udf::call(double_name, DataType::Float64, vec![as_double(value), digits], move |args| {
                let rows = udf::doubles(args, 0)?.iter().zip(udf::integers(args, 1)?);
                let values = rows.map(|(v, n)| finite(function(v?, n?)));
                Ok(Arc::new(values.collect::<Float64Array>()))
            });
        if ty == TaosType::Float { cast(computed, DataType::Float32) } else { computed }
    };
    let ty = if ty == TaosType::Bool { TaosType::Double } else { ty };
    Typed::new(expr, ty, ty.fixed_length().unwrap_or(length))
}

/// `function` at the digit `n` behind the point, before it if negative.
fn at_digit(value: f64, n: i64, function: fn(f64) -> f64) -> f64 {
    let n = i32::try_from(n.clamp(-400, 400)).unwrap_or(0);
    if n >= 0 {
        let power = 10_f64.powi(n);
        let scaled = value * power;
        // So many digits that the value has none to lose.
        if !power.is_finite() || !scaled.is_finite() || scaled.abs() > 9e15 {
            return value;
        }
        // What has no more digits is not computed, so that it stays what it is.
        let digits = value.to_string().split_once('.').map_or(0, |(_, fraction)| fraction.len());
        if digits <= usize::try_from(n).unwrap_or(usize::MAX) { value } else { function(scaled) / power }
    } else {
        let power = 10_f64.powi(-n);
        if power.is_finite() { function(value / power) * power } else { 0.0 }
    }
}

/// The same of decimals, which are whole numbers of `10^-scale`.
fn decimals(mode: &str, scale: i8, output: &DataType, args: &[ArrayRef]) -> DfResult<ArrayRef> {
    let values = udf::primitives::<Decimal128Type>(args, 0)?.iter().zip(udf::integers(args, 1)?);
    let unit = 10_i128.pow(u32::try_from(scale).unwrap_or(0));
    let computed = values.map(|(value, digits)| {
        let (value, digits) = (value?, digits?);
        let dropped = i64::from(scale).saturating_sub(digits);
        let step = || 10_i128.checked_pow(u32::try_from(dropped.max(0)).ok()?);
        Some(match mode {
            "abs_decimal" => value.abs(),
            "sign_decimal" => value.signum() * unit,
            "floor_decimal" => value.div_euclid(unit) * unit,
            "ceil_decimal" => -(-value).div_euclid(unit) * unit,
            "round_decimal" => step().map_or(0, |step| {
                let half = step / 2 * value.signum();
                value.saturating_add(half) / step * step
            }),
            _ => step().map_or(0, |step| value / step * step),
        })
    });
    let array = computed.collect::<Decimal128Array>();
    let array = match output {
        DataType::Decimal128(precision, scale) => array.with_precision_and_scale(*precision, *scale)?,
        _ => array,
    };
    Ok(Arc::new(array))
}

/// `RAND([seed])`: from 0 to 1. With a seed all rows get the same value.
fn rand(args: &Args<'_>) -> Result<Typed, TaosError> {
    let Some(seed) = args.between(0, 1)?.pop() else {
        return Ok(Typed::fixed(udf::random(), TaosType::Double));
    };
    let seed = constant_integer(&seed).ok_or_else(|| args.wrong_value())?.cast_unsigned();
    let value = udf::uniform(seed);
    Ok(Typed::fixed(lit(value), TaosType::Double))
}

/// GREATEST and LEAST: numbers among each other, else as texts.
fn extreme(greatest: bool, args: &Args<'_>, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let values = args.at_least(2)?;
    if values.iter().any(super::convert::is_null) {
        return Ok(Typed::fixed(lit(ScalarValue::Boolean(None)), TaosType::Bool));
    }
    let ty = super::casts::common_type(values.iter()).ok_or_else(|| args.wrong_number())?;
    let length = values.iter().map(|v| v.length).max().unwrap_or(0);
    let exprs = values
        .into_iter()
        .map(|v| super::casts::convert(v, ty, None, env).map(|v| cast(v.expr, ty.arrow(env.precision))))
        .collect::<Result<Vec<_>, _>>()?;
    let output = ty.arrow(env.precision);
    let name = if greatest { "greatest" } else { "least" };
    let expr = udf::call(name, output, exprs, move |args| pick(greatest, args));
    Ok(Typed::new(expr, ty, ty.fixed_length().unwrap_or(length)))
}

/// The largest or smallest of each row; NULL if one is NULL.
fn pick(greatest: bool, args: &[ArrayRef]) -> DfResult<ArrayRef> {
    use arrow::compute::kernels::{cmp, zip};
    use arrow::compute::{is_null, nullif};
    let mut columns = args.iter();
    let mut best = match columns.next() {
        Some(first) => Arc::clone(first),
        None => return datafusion::common::exec_err!("an argument is missing"),
    };
    for column in columns {
        let better = if greatest { cmp::gt(column, &best)? } else { cmp::lt(column, &best)? };
        let missing = is_null(column)?;
        best = nullif(&zip::zip(&better, column, &best)?, &missing)?;
    }
    Ok(best)
}
