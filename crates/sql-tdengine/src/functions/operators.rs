//! Operators (sheet section 7, "Expressions"): arithmetic is DOUBLE unless a DECIMAL or a time takes part, comparisons
//! convert one side to the other's type.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Operator};
use datafusion::prelude::{Expr, cast, lit};
use triglot_parse_tdengine::ast::{BinaryOp, Duration, Literal, UnaryOp};
use triglot_parse_tdengine::limits;

use super::convert::{
    as_bytes, as_double, as_integer, as_text, as_time, constant, constant_text, constant_time, count_as_time,
    is_null, time_constant,
};
use super::{decimals, json, udf};
use crate::time_text::{midnight_of, months_later, parse_time};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// 0x2605: an operand of a type that the operator does not take.
pub(super) fn invalid_type() -> TaosError {
    TaosError::new(0x2605, "Invalid value type")
}

/// 0x2635: a text that is compared with a time and is none.
fn invalid_time(text: &str) -> TaosError {
    TaosError::new(0x2635, format!("Incorrect TIMESTAMP value: {text}"))
}

fn boolean(expr: Expr) -> Typed {
    Typed::fixed(expr, TaosType::Bool)
}

/// NULL as a DOUBLE.
pub(super) fn null_double() -> Typed {
    Typed::fixed(lit(ScalarValue::Float64(None)), TaosType::Double)
}

/// NULL as a VARCHAR.
pub(super) fn null_text() -> Typed {
    Typed::new(lit(ScalarValue::Utf8(None)), TaosType::Varchar, 0)
}

fn unknown() -> Typed {
    boolean(lit(ScalarValue::Boolean(None)))
}

/// A constant. `NOW` and `TODAY` are those of `env`.
///
/// # Errors
/// 0x2635 for text after `TIMESTAMP` that is no time; 0x2615-class durations finer than the precision.
pub(crate) fn literal(value: &Literal, env: &FunctionEnv) -> Result<Typed, TaosError> {
    Ok(match value {
        Literal::Null => unknown(),
        Literal::Bool(value) => boolean(lit(*value)),
        Literal::Int(value) => Typed::fixed(lit(*value), TaosType::BigInt),
        Literal::UInt(value) => Typed::fixed(lit(*value), TaosType::UBigInt),
        Literal::Float(value) => Typed::fixed(lit(*value), TaosType::Double),
        Literal::Text(value) => {
            Typed::new(lit(value.as_str()), TaosType::Varchar, u32::try_from(value.len()).unwrap_or(u32::MAX))
        }
        Literal::Timestamp(text) => match parse_time(text, env.zone, env.precision) {
            Some(count) => Typed::fixed(time_constant(Some(count), env.precision), TaosType::Timestamp),
            None => return Err(invalid_time(text)),
        },
        Literal::Duration(duration) => {
            let count = match duration.unit.nanoseconds() {
                Some(length) => {
                    i128::from(duration.count) * i128::from(length) / i128::from(env.precision.ns())
                }
                None => i128::from(duration.count),
            };
            let count = i64::try_from(count).map_err(|_| invalid_type())?;
            Typed { duration: Some(*duration), ..Typed::fixed(lit(count), TaosType::BigInt) }
        }
        Literal::Now => now(env),
        Literal::Today => today(env),
    })
}

/// `NOW` of the statement.
pub(super) fn now(env: &FunctionEnv) -> Typed {
    let count = env.precision.from_ns(env.request.now_ns());
    Typed::fixed(time_constant(Some(count), env.precision), TaosType::Timestamp)
}

/// The last midnight on the session's clocks.
pub(super) fn today(env: &FunctionEnv) -> Typed {
    let count =
        midnight_of(env.request.now_ns(), env.zone).and_then(|s| s.checked_mul(env.precision.per_second()));
    Typed::fixed(time_constant(count, env.precision), TaosType::Timestamp)
}

/// `-e`, `+e`, `NOT e`.
///
/// # Errors
/// 0x2605 and 0x2802 for operands it cannot have.
pub(crate) fn unary(op: UnaryOp, operand: Typed) -> Result<Typed, TaosError> {
    match op {
        UnaryOp::Plus => Ok(operand),
        UnaryOp::Not => Ok(boolean(Expr::Not(Box::new(condition(operand)?.expr)))),
        UnaryOp::Minus => Ok(match constant(&operand.expr) {
            // Signs belong to constants: `-5` is a BIGINT as 5 is.
            Some(ScalarValue::Int64(Some(value))) => Typed {
                expr: lit(value.checked_neg().ok_or_else(invalid_type)?),
                duration: operand.duration.map(|d| Duration { count: d.count.saturating_neg(), ..d }),
                ..operand
            },
            Some(ScalarValue::Float64(Some(value))) => Typed { expr: lit(-value), ..operand },
            Some(ScalarValue::UInt64(Some(value))) if *value == 1 << 63 => {
                Typed::fixed(lit(i64::MIN), TaosType::BigInt)
            }
            _ if matches!(operand.ty, TaosType::Decimal { .. }) => {
                Typed { expr: Expr::Negative(Box::new(operand.expr)), ..operand }
            }
            _ => {
                check_arithmetic(&operand)?;
                Typed::fixed(Expr::Negative(Box::new(as_double(operand))), TaosType::Double)
            }
        }),
    }
}

/// `e` as a condition (of WHERE, HAVING, ON, START WITH …): numbers are true if they are not 0.
///
/// # Errors
/// 0x2605 for what is neither BOOL nor a number.
pub(crate) fn condition(operand: Typed) -> Result<Typed, TaosError> {
    if is_null(&operand) {
        return Ok(unknown());
    }
    match operand.ty {
        TaosType::Bool => Ok(operand),
        TaosType::Json => Ok(boolean(udf::bool_of_text("json_truth", as_text(operand), |value| {
            json::boolean(value).or_else(|| Some(json::number(value)? != 0.0))
        }))),
        ty if ty.is_number() || ty.is_text() => Ok(boolean(as_double(operand).not_eq(lit(0.0)))),
        _ => Err(invalid_type()),
    }
}

/// `a op b`: arithmetic (DOUBLE), bits, comparison with the sheet's conversions, patterns, logic, `->`, `CONTAINS`.
///
/// # Errors
/// 0x2605, 0x2635 (text compared with a time that is no time), 0x2802 for operands it cannot have.
pub(crate) fn binary(op: BinaryOp, left: Typed, right: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    use BinaryOp::*;
    match op {
        And => Ok(boolean(condition(left)?.expr.and(condition(right)?.expr))),
        Or => Ok(boolean(condition(left)?.expr.or(condition(right)?.expr))),
        Add | Sub if left.ty == TaosType::Timestamp || right.ty == TaosType::Timestamp => {
            time_arithmetic(op, left, right, env)
        }
        Add | Sub | Mul | Div | Rem => arithmetic(op, left, right),
        BitAnd | BitOr => {
            check_arithmetic(&left)?;
            check_arithmetic(&right)?;
            let op = if op == BitAnd { Operator::BitwiseAnd } else { Operator::BitwiseOr };
            Ok(Typed::fixed(operation(as_integer(left), op, as_integer(right)), TaosType::BigInt))
        }
        Like | NotLike => {
            let (left, right) = pattern_operands(left, right)?;
            Ok(boolean(if op == Like { left.like(right) } else { left.not_like(right) }))
        }
        Match | NotMatch => {
            check_regex(&right)?;
            let (left, right) = pattern_operands(left, right)?;
            let op = if op == Match { Operator::RegexMatch } else { Operator::RegexNotMatch };
            Ok(boolean(operation(left, op, right)))
        }
        Arrow => json::arrow(left, &right),
        Contains => json::contains(left, &right),
        Eq => compare(left, Operator::Eq, right, env),
        NotEq => compare(left, Operator::NotEq, right, env),
        Lt => compare(left, Operator::Lt, right, env),
        LtEq => compare(left, Operator::LtEq, right, env),
        Gt => compare(left, Operator::Gt, right, env),
        GtEq => compare(left, Operator::GtEq, right, env),
    }
}

fn operation(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

/// Texts of LIKE and MATCH; JSON strings count as texts.
fn pattern_operands(left: Typed, right: Typed) -> Result<(Expr, Expr), TaosError> {
    let text = |typed: Typed| {
        if is_null(&typed) {
            return Ok(lit(ScalarValue::Utf8(None)));
        }
        match typed.ty {
            TaosType::Json => Ok(json_text(typed)),
            // As it is: conditions on columns and tags are pushed to the scan.
            ty if ty.is_text() => Ok(typed.expr),
            _ => Err(invalid_type()),
        }
    };
    Ok((text(left)?, text(right)?))
}

/// A constant pattern of MATCH: what the expression is made of is told before any row is read.
fn check_regex(pattern: &Typed) -> Result<(), TaosError> {
    let Some(text) = constant_text(pattern) else { return Ok(()) };
    let wrong = |why: &str| TaosError::new(0x267B, format!("Regular expression error: {why}"));
    if text.len() > limits::REGEX_PATTERN {
        return Err(wrong("the pattern is too long"));
    }
    match regex::Regex::new(text) {
        Ok(_) => Ok(()),
        Err(regex::Error::CompiledTooBig(_)) => Err(wrong("the pattern is too large")),
        // The last line says what is wrong, those before it show where.
        Err(error) => {
            let text = error.to_string();
            let what = text.lines().last().unwrap_or_default();
            Err(wrong(what.strip_prefix("error: ").unwrap_or(what)))
        }
    }
}

fn json_text(typed: Typed) -> Expr {
    udf::of_text("json_to_text", as_text(typed), json::text)
}

fn check_arithmetic(operand: &Typed) -> Result<(), TaosError> {
    let ty = operand.ty;
    let fits = ty.is_number() || ty.is_text() || matches!(ty, TaosType::Bool | TaosType::Timestamp);
    if fits { Ok(()) } else { Err(invalid_type()) }
}

fn arithmetic(op: BinaryOp, left: Typed, right: Typed) -> Result<Typed, TaosError> {
    check_arithmetic(&left)?;
    check_arithmetic(&right)?;
    if let Some(TaosType::Decimal { precision, scale }) = decimals::result_type(op, left.ty, right.ty) {
        return Ok(decimals::arithmetic(op, left, right, (precision, scale)));
    }
    let (left, right) = (as_double(left), as_double(right));
    let expr = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => udf::of_doubles("quotient", [left, right], |a, b| (b != 0.0).then(|| a / b)),
        _ => udf::of_doubles("remainder", [left, right], |a, b| (b != 0.0).then(|| a % b)),
    };
    Ok(Typed::fixed(expr, TaosType::Double))
}

/// `ts ± duration`, `duration + ts`, `ts ± n`, `ts − ts`.
fn time_arithmetic(op: BinaryOp, left: Typed, right: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let subtract = op == BinaryOp::Sub;
    let (time, amount) = match (left.ty == TaosType::Timestamp, right.ty == TaosType::Timestamp) {
        (true, true) if subtract => {
            let count = |typed: Typed| cast(typed.expr, DataType::Int64);
            return Ok(Typed::fixed(count(left) - count(right), TaosType::BigInt));
        }
        (true, false) => (left, right),
        (false, true) if !subtract => (right, left),
        _ => return Err(invalid_type()),
    };
    if is_null(&amount) || is_null(&time) {
        return Ok(Typed::fixed(time_constant(None, env.precision), TaosType::Timestamp));
    }
    if !(amount.ty.is_integer() || amount.ty == TaosType::Bool) {
        return Err(invalid_type());
    }
    if let Some(duration) = amount.duration {
        match (duration.unit.months(), duration.unit.nanoseconds()) {
            (Some(months), _) => {
                let months = duration.count.checked_mul(months).ok_or_else(invalid_type)?;
                return Ok(add_months(time, if subtract { months.saturating_neg() } else { months }, env));
            }
            (_, Some(length)) => {
                let length = i128::from(length) * i128::from(duration.count);
                if length % i128::from(env.precision.ns()) != 0 {
                    return Err(invalid_type());
                }
            }
            _ => {}
        }
    }
    let sum = match (constant_time(&time), constant(&amount.expr)) {
        (Some(time), Some(ScalarValue::Int64(Some(count)))) => {
            let sum = if subtract { time.checked_sub(*count) } else { time.checked_add(*count) };
            lit(sum.ok_or_else(|| TaosError::new(0x0224, "Value out of range"))?)
        }
        _ => {
            let (time, count) = (cast(time.expr, DataType::Int64), as_integer(amount));
            if subtract { time - count } else { time + count }
        }
    };
    Ok(Typed::fixed(count_as_time(sum, env.precision), TaosType::Timestamp))
}

/// The time so many months later on the session's clocks; the 31st becomes the month's last day.
fn add_months(time: Typed, months: i64, env: &FunctionEnv) -> Typed {
    let per_second = env.precision.per_second();
    if let Some(count) = constant_time(&time) {
        let moved = months_later(count, months, per_second, env.zone);
        return Typed::fixed(time_constant(moved, env.precision), TaosType::Timestamp);
    }
    let args = vec![cast(time.expr, DataType::Int64), lit(months), lit(per_second), lit(env.zone.name())];
    let count = udf::call("add_months", DataType::Int64, args, |args| {
        let (times, months) = (udf::integers(args, 0)?, udf::integers(args, 1)?);
        let (units, zones) = (udf::integers(args, 2)?, udf::texts(args, 3)?);
        let rows = times.iter().zip(months).zip(units).zip(zones);
        let moved = rows
            .map(|(((time, months), units), zone)| months_later(time?, months?, units?, zone?.parse().ok()?));
        Ok(Arc::new(moved.collect::<Int64Array>()))
    });
    Typed::fixed(count_as_time(count, env.precision), TaosType::Timestamp)
}

/// A comparison, one side converted to the other's type.
fn compare(left: Typed, op: Operator, right: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    if is_null(&left) || is_null(&right) {
        return Ok(unknown());
    }
    let (left, right) = comparable(left, right, env)?;
    Ok(boolean(operation(left, op, right)))
}

/// Both sides as expressions that compare as the sheet says. Columns stay as they are where that is
/// possible, so that the scan can use the comparison.
fn comparable(left: Typed, right: Typed, env: &FunctionEnv) -> Result<(Expr, Expr), TaosError> {
    use TaosType::{Bool, Json, Timestamp, Varbinary};
    let either = |ty| left.ty == ty || right.ty == ty;
    if either(Json) {
        return Ok(comparable_json(left, right));
    }
    if either(Timestamp) {
        return Ok((comparable_time(left, env)?, comparable_time(right, env)?));
    }
    if left.ty.is_text() && right.ty.is_text() || (left.ty == Bool && right.ty == Bool) {
        return Ok((left.expr, right.expr));
    }
    if either(Varbinary) || either(TaosType::Geometry) || either(TaosType::Blob) {
        let fits = |ty: TaosType| ty.is_text() || matches!(ty, Varbinary | TaosType::Geometry);
        return if fits(left.ty) && fits(right.ty) {
            Ok((comparable_bytes(left), comparable_bytes(right)))
        } else {
            Err(invalid_type())
        };
    }
    let (left_ty, right_ty) = (left.ty, right.ty);
    Ok((comparable_number(left, right_ty), comparable_number(right, left_ty)))
}

fn comparable_bytes(typed: Typed) -> Expr {
    if typed.ty.is_text() { as_bytes(typed) } else { typed.expr }
}

fn comparable_time(typed: Typed, env: &FunctionEnv) -> Result<Expr, TaosError> {
    if let Some(text) = constant_text(&typed)
        && parse_time(text, env.zone, env.precision).is_none()
    {
        return Err(invalid_time(text));
    }
    match typed.ty {
        TaosType::Varbinary | TaosType::Geometry | TaosType::Blob => Err(invalid_type()),
        _ => Ok(as_time(typed, env)),
    }
}

/// A side of a comparison of numbers with numbers, BOOL or texts of numbers.
fn comparable_number(typed: Typed, other: TaosType) -> Expr {
    if typed.ty == TaosType::Bool {
        return match constant(&typed.expr) {
            Some(ScalarValue::Boolean(Some(value))) => lit(i64::from(*value)),
            _ => cast(typed.expr, DataType::Int64),
        };
    }
    if typed.ty.is_text() {
        // A whole number compares exactly with whole numbers.
        if let Some(value) = constant_text(&typed).and_then(|text| text.trim().parse::<i64>().ok())
            && (other.is_integer() || other == TaosType::Bool)
        {
            return lit(value);
        }
        let truth =
            constant_text(&typed).and_then(|text| text.trim().to_ascii_lowercase().parse::<bool>().ok());
        if let (Some(value), TaosType::Bool) = (truth, other) {
            return lit(i64::from(value));
        }
        return as_double(typed);
    }
    match constant(&typed.expr) {
        // `f = 3.14` is true of a FLOAT that was written as 3.14.
        Some(ScalarValue::Float64(Some(value))) if other == TaosType::Float => lit(*value as f32),
        _ => typed.expr,
    }
}

/// JSON with texts, truth values and numbers; values of other kinds are NULL.
fn comparable_json(left: Typed, right: Typed) -> (Expr, Expr) {
    let of = |typed: Typed, other: TaosType| match (typed.ty, other) {
        (TaosType::Json, TaosType::Json) => as_text(typed),
        (TaosType::Json, ty) if ty.is_text() => json_text(typed),
        (TaosType::Json, TaosType::Bool) => udf::bool_of_text("json_to_bool", as_text(typed), json::boolean),
        (ty, _) if ty.is_text() || ty == TaosType::Bool => typed.expr,
        _ => as_double(typed),
    };
    let (left_ty, right_ty) = (left.ty, right.ty);
    (of(left, right_ty), of(right, left_ty))
}

/// `e [NOT] BETWEEN low AND high`.
///
/// # Errors
/// As [`binary`].
pub(crate) fn between(
    operand: Typed,
    negated: bool,
    low: Typed,
    high: Typed,
    env: &FunctionEnv,
) -> Result<Typed, TaosError> {
    let low = compare(operand.clone(), Operator::GtEq, low, env)?;
    let high = compare(operand, Operator::LtEq, high, env)?;
    let both = low.expr.and(high.expr);
    Ok(boolean(if negated { Expr::Not(Box::new(both)) } else { both }))
}

/// `e [NOT] IN (…)`.
///
/// # Errors
/// As [`binary`].
pub(crate) fn in_list(
    operand: Typed,
    negated: bool,
    list: Vec<Typed>,
    env: &FunctionEnv,
) -> Result<Typed, TaosError> {
    if is_null(&operand) {
        return Ok(unknown());
    }
    let mut left = None;
    let mut items = Vec::with_capacity(list.len());
    for item in list {
        if is_null(&item) {
            items.push(None);
            continue;
        }
        let (side, item) = comparable(operand.clone(), item, env)?;
        items.push(Some((side.clone(), item)));
        left.get_or_insert(side);
    }
    let Some(left) = left else { return Ok(unknown()) };
    // One list where all items compare with the same form of the operand, else one comparison each.
    if items.iter().flatten().all(|(side, item)| *side == left && constant(item).is_some()) {
        let null = items
            .iter()
            .flatten()
            .next()
            .and_then(|(_, item)| ScalarValue::try_from(&constant(item)?.data_type()).ok());
        let exprs = items.into_iter().filter_map(|item| match item {
            Some((_, item)) => Some(item),
            None => null.clone().map(lit),
        });
        return Ok(boolean(left.in_list(exprs.collect(), negated)));
    }
    let each = items.into_iter().map(|item| match item {
        Some((side, item)) => operation(side, Operator::Eq, item),
        None => lit(ScalarValue::Boolean(None)),
    });
    let any = balanced_or(each.collect());
    Ok(boolean(if negated { Expr::Not(Box::new(any)) } else { any }))
}

/// `a OR b OR …` without deep nesting.
fn balanced_or(mut terms: Vec<Expr>) -> Expr {
    while terms.len() > 1 {
        let mut rest = terms.into_iter();
        let mut pairs = Vec::new();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => left.or(right),
                None => left,
            });
        }
        terms = pairs;
    }
    terms.pop().unwrap_or_else(|| lit(false))
}
