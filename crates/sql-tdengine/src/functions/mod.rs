//! TDengine's scalar functions and operators over [`Typed`] expressions (fact sheet `tdengine-sql.md` sections 7
//! and 10): names, arity and types are checked here, values are computed by DataFusion functions.

mod args;
mod casts;
mod convert;
mod geometry;
pub(crate) mod json;
mod math;
mod operators;
mod patterns;
mod string;
mod system;
#[cfg(test)]
mod tests;
mod time;
pub(crate) mod udf;

use triglot_parse_tdengine::ast::{BinaryOp, Literal, TypeName, UnaryOp};

use crate::TaosError;
use crate::typed::{FunctionEnv, Typed};

/// The call of a scalar function; `Ok(None)` if no scalar function has this name (it may be an aggregate,
/// a selection or a series function, or unknown). `name` is lower case.
///
/// # Errors
/// 0x2801 wrong number of arguments, 0x2802 wrong type, 0x2803 constant out of range or not constant.
pub(crate) fn scalar(name: &str, args: Vec<Typed>, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
    let args = args::Args::new(name, args);
    if let Some(found) = math::call(name, &args, env)? {
        return Ok(Some(found));
    }
    if let Some(found) = string::call(name, &args)? {
        return Ok(Some(found));
    }
    if let Some(found) = time::call(name, &args, env)? {
        return Ok(Some(found));
    }
    if let Some(found) = conversion(name, &args)? {
        return Ok(Some(found));
    }
    if let Some(found) = geometry::call(name, &args)? {
        return Ok(Some(found));
    }
    system::call(name, &args, env)
}

/// `TO_JSON(s)`: the text, as a JSON tag has it.
fn conversion(name: &str, args: &args::Args<'_>) -> Result<Option<Typed>, TaosError> {
    if name != "to_json" {
        return Ok(None);
    }
    let [text] = args.exactly()?;
    Ok(Some(Typed::fixed(args.text(text)?, crate::TaosType::Json)))
}

/// A constant. `NOW` and `TODAY` are those of `env`.
///
/// # Errors
/// 0x2635 for text after `TIMESTAMP` that is no time; 0x2615-class durations finer than the precision.
pub(crate) fn literal(value: &Literal, env: &FunctionEnv) -> Result<Typed, TaosError> {
    operators::literal(value, env)
}

/// `-e`, `+e`, `NOT e`.
///
/// # Errors
/// 0x2605 and 0x2802 for operands it cannot have.
pub(crate) fn unary(op: UnaryOp, operand: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let _ = env;
    operators::unary(op, operand)
}

/// `a op b`: arithmetic (DOUBLE), bits, comparison with the sheet's conversions, patterns, logic, `->`, `CONTAINS`.
///
/// # Errors
/// 0x2605, 0x2635 (text compared with a time that is no time), 0x2802 for operands it cannot have.
pub(crate) fn binary(op: BinaryOp, left: Typed, right: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    operators::binary(op, left, right, env)
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
    operators::between(operand, negated, low, high, env)
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
    operators::in_list(operand, negated, list, env)
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
    casts::case(operand, branches, otherwise, env)
}

/// `CAST(e AS type)`.
///
/// # Errors
/// 0x2802 for types that cannot be cast to.
pub(crate) fn cast(operand: Typed, to: &TypeName, env: &FunctionEnv) -> Result<Typed, TaosError> {
    casts::cast(operand, to, env)
}

/// `e` as a condition (of WHERE, HAVING, ON, START WITH …): numbers are true if they are not 0.
///
/// # Errors
/// 0x2605 for what is neither BOOL nor a number.
pub(crate) fn condition(operand: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let _ = env;
    operators::condition(operand)
}
