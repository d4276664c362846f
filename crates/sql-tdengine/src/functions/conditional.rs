//! IF, IFNULL, NVL, NVL2, NULLIF, COALESCE, ISNULL, ISNOTNULL. Results have the common type of what may be chosen.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Case;
use datafusion::prelude::{Expr, lit};
use triglot_parse_tdengine::ast::BinaryOp;

use super::args::Args;
use super::casts::{common_type, convert, uniform};
use super::convert::is_null;
use super::operators::{binary, condition};
use crate::typed::{FunctionEnv, Typed};
use crate::{TaosError, TaosType};

/// The call of a function of this family.
pub(super) fn call(name: &str, args: &Args<'_>, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
    Ok(Some(match name {
        "if" => {
            let [test, then, otherwise] = args.exactly()?;
            choice(vec![(condition(test)?.expr, then)], otherwise, env)?
        }
        "ifnull" | "nvl" => {
            let [value, otherwise] = args.exactly()?;
            choice(vec![(value.expr.clone().is_not_null(), value)], otherwise, env)?
        }
        "nvl2" => {
            let [value, then, otherwise] = args.exactly()?;
            choice(vec![(value.expr.is_not_null(), then)], otherwise, env)?
        }
        "nullif" => {
            let [value, other] = args.exactly()?;
            let differs = binary(BinaryOp::Eq, value.clone(), other, env)?.expr.is_not_true();
            let null = Typed::fixed(lit(ScalarValue::Boolean(None)), TaosType::Bool);
            choice(vec![(differs, value)], null, env)?
        }
        "coalesce" => {
            let mut values = args.at_least(1)?;
            let last = values.pop().ok_or_else(|| args.wrong_number())?;
            let tested = values.into_iter().map(|v| (v.expr.clone().is_not_null(), v));
            choice(tested.collect(), last, env)?
        }
        "isnull" => super::is_null(args.one()?, false),
        "isnotnull" => super::is_null(args.one()?, true),
        _ => return Ok(None),
    }))
}

/// The value of the first branch whose condition holds.
fn choice(branches: Vec<(Expr, Typed)>, otherwise: Typed, env: &FunctionEnv) -> Result<Typed, TaosError> {
    let values = branches.iter().map(|(_, value)| value).chain([&otherwise]);
    let Some(ty) = common_type(values.filter(|v| !is_null(v))) else { return Ok(otherwise) };
    let mut length = 0;
    let mut value = |value: Typed| -> Result<Box<Expr>, TaosError> {
        let value = convert(value, ty, None, env)?;
        length = value.length.max(length);
        Ok(Box::new(uniform(value, env)))
    };
    let mut lowered = Vec::with_capacity(branches.len());
    for (when, then) in branches {
        lowered.push((Box::new(when), value(then)?));
    }
    let otherwise = value(otherwise)?;
    let expr = Expr::Case(Case::new(None, lowered, Some(otherwise)));
    Ok(Typed::new(expr, ty, ty.fixed_length().unwrap_or(length)))
}
