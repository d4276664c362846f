//! TDengine's scalar functions and operators over [`Typed`] expressions (fact sheet `tdengine-sql.md` sections 7
//! and 10): names, arity and types are checked here, values are computed by DataFusion functions.

mod args;
mod casts;
mod conditional;
mod convert;
mod decimals;
mod digests;
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

pub(crate) use casts::{case, cast};
pub(crate) use decimals::DecimalFault;
pub(crate) use operators::{between, binary, condition, in_list, literal, unary};

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
    if let Some(found) = digests::call(name, &args)? {
        return Ok(Some(found));
    }
    if let Some(found) = time::call(name, &args, env)? {
        return Ok(Some(found));
    }
    if let Some(found) = conditional::call(name, &args, env)? {
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

/// `e IS [NOT] NULL`.
pub(crate) fn is_null(operand: Typed, negated: bool) -> Typed {
    let expr = if negated { operand.expr.is_not_null() } else { operand.expr.is_null() };
    Typed::fixed(expr, crate::TaosType::Bool)
}
