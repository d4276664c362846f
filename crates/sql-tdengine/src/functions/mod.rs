//! TDengine's scalar functions and operators over [`Typed`] expressions (fact sheet `tdengine-sql.md` sections 7
//! and 10): names, arity and types are checked here, values are computed by DataFusion functions.

use triglot_parse_tdengine::ast::{BinaryOp, Literal, TypeName, UnaryOp};
use datafusion::prelude::*;
use datafusion::common::ScalarValue;
use arrow::datatypes::DataType;
use crate::TaosType;
use triglot_model::Precision;
fn ts(p: Precision, v: i64) -> ScalarValue { match p { Precision::Milli => ScalarValue::TimestampMillisecond(Some(v), None), Precision::Micro => ScalarValue::TimestampMicrosecond(Some(v), None), Precision::Nano => ScalarValue::TimestampNanosecond(Some(v), None) } }
fn ts_text(t: &str, env: &FunctionEnv) -> Option<i64> { use chrono::TimeZone; let t=t.replace('T'," "); let n = if let Some(z)=t.strip_suffix('Z') { chrono::NaiveDateTime::parse_from_str(z, "%Y-%m-%d %H:%M:%S%.f").ok()?.and_utc().timestamp_nanos_opt()? } else { let d = chrono::NaiveDateTime::parse_from_str(&t, "%Y-%m-%d %H:%M:%S%.f").ok().or_else(|| chrono::NaiveDate::parse_from_str(&t, "%Y-%m-%d").ok()?.and_hms_opt(0,0,0))?; env.zone.from_local_datetime(&d).earliest()?.timestamp_nanos_opt()? }; Some(env.precision.from_ns(n)) }
fn num(t: &Typed) -> Expr { datafusion::prelude::cast(if matches!(t.ty, TaosType::Bool|TaosType::Timestamp) { datafusion::prelude::cast(t.expr.clone(), DataType::Int64) } else { t.expr.clone() }, DataType::Float64) }
fn as_ts(t: &Typed, env: &FunctionEnv) -> Result<Expr, TaosError> { if t.ty==TaosType::Timestamp { return Ok(t.expr.clone()); } match &t.expr { Expr::Literal(ScalarValue::Utf8(Some(x)),_) => Ok(lit(ts(env.precision, ts_text(x, env).ok_or_else(|| TaosError::new(0x2635, format!("Incorrect TIMESTAMP value: {x}")))?))), Expr::Literal(ScalarValue::Int64(Some(x)),_) => Ok(lit(ts(env.precision,*x))), e => Ok(datafusion::prelude::cast(e.clone(), DataType::Timestamp(env.precision.arrow(), None))) } }


use crate::TaosError;
use crate::typed::{FunctionEnv, Typed};

/// The call of a scalar function; `Ok(None)` if no scalar function has this name (it may be an aggregate,
/// a selection or a series function, or unknown). `name` is lower case.
///
/// # Errors
/// 0x2801 wrong number of arguments, 0x2802 wrong type, 0x2803 constant out of range or not constant.
pub(crate) fn scalar(name: &str, args: Vec<Typed>, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
    let _ = (name, args, env);
    Ok(None)
}

/// A constant. `NOW` and `TODAY` are those of `env`.
///
/// # Errors
/// 0x2635 for text after `TIMESTAMP` that is no time; 0x2615-class durations finer than the precision.
pub(crate) fn literal(value: &Literal, env: &FunctionEnv) -> Result<Typed, TaosError> {
    Ok(match value {
        Literal::Null => Typed::fixed(lit(ScalarValue::Boolean(None)), TaosType::Bool),
        Literal::Bool(b) => Typed::fixed(lit(*b), TaosType::Bool),
        Literal::Int(i) => Typed::fixed(lit(*i), TaosType::BigInt),
        Literal::UInt(i) => Typed::fixed(lit(*i), TaosType::UBigInt),
        Literal::Float(f) => Typed::fixed(lit(*f), TaosType::Double),
        Literal::Text(t) => Typed::new(lit(t.as_str()), TaosType::Varchar, t.len() as u32),
        Literal::Timestamp(t) => Typed::fixed(lit(ts(env.precision, ts_text(t, env).unwrap_or(0))), TaosType::Timestamp),
        Literal::Duration(d) => { let units = d.unit.nanoseconds().map_or(d.count, |n| d.count * n / env.precision.ns()); Typed { expr: lit(units), ty: TaosType::BigInt, length: 8, duration: Some(*d) } }
        Literal::Now | Literal::Today => Typed::fixed(lit(ts(env.precision, env.precision.from_ns(env.now_ns))), TaosType::Timestamp),
    })
}

/// `-e`, `+e`, `NOT e`.
///
/// # Errors
/// 0x2605 and 0x2802 for operands it cannot have.
pub(crate) fn unary(op: UnaryOp, operand: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let _ = env;
    Ok(match op { UnaryOp::Minus => match &operand.expr { Expr::Literal(ScalarValue::Int64(Some(i)),_) => Typed::fixed(lit(-*i), TaosType::BigInt), Expr::Literal(ScalarValue::Float64(Some(i)),_) => Typed::fixed(lit(-*i), TaosType::Double), _ => Typed::fixed(Expr::Negative(Box::new(operand.expr)), operand.ty) }, UnaryOp::Plus => operand, UnaryOp::Not => Typed::fixed(!operand.expr, TaosType::Bool) })
}

/// `a op b`: arithmetic (DOUBLE), bits, comparison with the sheet's conversions, patterns, logic, `->`, `CONTAINS`.
///
/// # Errors
/// 0x2605, 0x2635 (text compared with a time that is no time), 0x2802 for operands it cannot have.
pub(crate) fn binary(op: BinaryOp, left: Typed, right: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    use BinaryOp as B;
    let b = |e: Expr| Typed::fixed(e, TaosType::Bool);
    Ok(match op {
        B::And => b(left.expr.and(right.expr)), B::Or => b(left.expr.or(right.expr)),
        B::Like => b(left.expr.like(right.expr)), B::NotLike => b(left.expr.not_like(right.expr)),
        B::Add | B::Sub if left.ty == TaosType::Timestamp && right.duration.is_some() => { let i = datafusion::prelude::cast(left.expr, DataType::Int64); let e = if op == B::Add { i + right.expr } else { i - right.expr }; Typed::fixed(datafusion::prelude::cast(e, DataType::Timestamp(env.precision.arrow(), None)), TaosType::Timestamp) }
        B::Add => Typed::fixed(num(&left) + num(&right), TaosType::Double), B::Sub => Typed::fixed(num(&left) - num(&right), TaosType::Double), B::Mul => Typed::fixed(num(&left) * num(&right), TaosType::Double), B::Div => Typed::fixed(num(&left) / num(&right), TaosType::Double), B::Rem => Typed::fixed(num(&left) % num(&right), TaosType::Double),
        _ => { let (l, r) = if left.ty == TaosType::Timestamp || right.ty == TaosType::Timestamp { (as_ts(&left, env)?, as_ts(&right, env)?) } else { (left.expr, right.expr) };
          b(match op { B::Eq => l.eq(r), B::NotEq => l.not_eq(r), B::Lt => l.lt(r), B::LtEq => l.lt_eq(r), B::Gt => l.gt(r), B::GtEq => l.gt_eq(r), _ => return Err(TaosError::unsupported("operators")) }) }
    })
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
    let (o, l, h) = if operand.ty == TaosType::Timestamp { (operand.expr.clone(), as_ts(&low, env)?, as_ts(&high, env)?) } else { (operand.expr.clone(), low.expr, high.expr) };
    Ok(Typed::fixed(if negated { o.not_between(l, h) } else { o.between(l, h) }, TaosType::Bool))
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
    let _ = env;
    Ok(Typed::fixed(operand.expr.in_list(list.into_iter().map(|t| t.expr).collect(), negated), TaosType::Bool))
}

/// `e IS [NOT] NULL`.
pub(crate) fn is_null(operand: Typed, negated: bool) -> Typed {
    let expr = if negated { operand.expr.is_not_null() } else { operand.expr.is_null() };
    Typed::fixed(expr, crate::TaosType::Bool)
}

/// `CASE [v] WHEN … THEN … [ELSE …] END`: of the type of the first THEN that is not NULL.
///
/// # Errors
/// As [`binary`] and [`cast`].
pub(crate) fn case(
    operand: Option<Typed>,
    branches: Vec<(Typed, Typed)>,
    otherwise: Option<Typed>,
    env: &FunctionEnv,
) -> Result<Typed, TaosError> {
    let _ = (operand, branches, otherwise, env);
    Err(TaosError::unsupported("CASE"))
}

/// `CAST(e AS type)`.
///
/// # Errors
/// 0x2802 for types that cannot be cast to.
pub(crate) fn cast(operand: Typed, to: &TypeName, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let _ = (operand, to, env);
    Err(TaosError::unsupported("CAST"))
}

/// `e` as a condition (of WHERE, HAVING, ON, START WITH …): numbers are true if they are not 0.
///
/// # Errors
/// 0x2605 for what is neither BOOL nor a number.
pub(crate) fn condition(operand: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let _ = env;
    Ok(operand)
}
