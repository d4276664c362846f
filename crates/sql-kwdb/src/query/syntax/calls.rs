//! Forms of PostgreSQL's grammar as calls of functions: casts, intervals, `EXTRACT`, `AT TIME ZONE`, `IF` and so on.

use sqlparser::ast as sql;

use super::{arg, args_of, call, folded, name_of, order, text};
use crate::KwError;
use crate::query::interval::{self, Unit};

/// Rewrites one expression, whose parts are rewritten already.
///
/// # Errors
/// Intervals that are none, `diff` without OVER.
pub(super) fn rewrite(expr: &mut sql::Expr) -> Result<(), KwError> {
    let new = match expr {
        sql::Expr::Cast { expr: inner, data_type, .. } => {
            call("cast_to", vec![inner.as_ref().clone(), text(data_type.to_string())])
        }
        sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::Number(digits, _), .. })
            if is_beyond_decimals(digits) =>
        {
            call("cast_to", vec![text(digits.clone()), text("FLOAT8".to_owned())])
        }
        sql::Expr::TypedString(typed) => match &typed.value.value {
            sql::Value::SingleQuotedString(value) => {
                call("cast_to", vec![text(value.clone()), text(typed.data_type.to_string())])
            }
            _ => return Ok(()),
        },
        sql::Expr::Interval(found) => interval_literal(found)?,
        sql::Expr::Extract { field, expr: time, .. } => {
            let part = field.to_string();
            call("extract", vec![text(part.trim_matches('\'').to_lowercase()), time.as_ref().clone()])
        }
        sql::Expr::AtTimeZone { timestamp, time_zone } => {
            call("timezone", vec![time_zone.as_ref().clone(), timestamp.as_ref().clone()])
        }
        sql::Expr::Function(function) => {
            return function_call(function).map(|new| {
                if let Some(new) = new {
                    *expr = new;
                }
            });
        }
        _ => return Ok(()),
    };
    *expr = new;
    Ok(())
}

/// Whether a number, like 1e300, has more digits before or behind its point than a decimal; it is a float then.
fn is_beyond_decimals(digits: &str) -> bool {
    const MOST: i64 = 38;
    let Some((mantissa, exponent)) = digits.split_once(['e', 'E']) else { return false };
    let exponent: i64 = exponent.parse().unwrap_or(i64::MAX);
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let whole = mantissa.len() - fraction;
    let len = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    exponent.saturating_add(len(whole)) > MOST || len(fraction).saturating_sub(exponent) > MOST
}

/// A function that is another expression, or is changed in place.
fn function_call(function: &mut sql::Function) -> Result<Option<sql::Expr>, KwError> {
    if let Some(sql::WindowType::WindowSpec(spec)) = &mut function.over {
        order::nulls_smallest(&mut spec.order_by);
    }
    if let sql::FunctionArguments::List(list) = &mut function.args {
        for clause in &mut list.clauses {
            if let sql::FunctionArgumentClause::OrderBy(keys) = clause {
                order::nulls_smallest(keys);
            }
        }
    }
    let Some(name) = name_of(function) else { return Ok(None) };
    match name.as_str() {
        "diff" if function.over.is_none() => {
            Err(KwError::new("42P20", "window function diff() requires an OVER clause"))
        }
        "if" => Ok(choice(function)),
        "interpolate" => {
            mode_as_text(function);
            Ok(None)
        }
        _ => Ok(None),
    }
}

/// `if(condition, then, else)` as CASE.
fn choice(function: &sql::Function) -> Option<sql::Expr> {
    let (condition, then, otherwise) = (arg(function, 0)?, arg(function, 1)?, arg(function, 2)?);
    if args_of(function).len() != 3 {
        return None;
    }
    Some(sql::Expr::Case {
        case_token: sql::helpers::attached_token::AttachedToken::empty(),
        end_token: sql::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![sql::CaseWhen { condition: condition.clone(), result: then.clone() }],
        else_result: Some(Box::new(otherwise.clone())),
    })
}

/// `interpolate(x, PREV)`: the mode is a word.
fn mode_as_text(function: &mut sql::Function) {
    let word = match arg(function, 1) {
        Some(sql::Expr::Identifier(word)) => folded(word),
        Some(sql::Expr::Value(sql::ValueWithSpan { value: sql::Value::Null, .. })) => "null".to_owned(),
        _ => return,
    };
    if let sql::FunctionArguments::List(list) = &mut function.args
        && let Some(mode) = list.args.get_mut(1)
    {
        *mode = sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(text(word)));
    }
}

/// An interval in the words that DataFusion reads.
fn interval_literal(found: &sql::Interval) -> Result<sql::Expr, KwError> {
    let given = match found.value.as_ref() {
        sql::Expr::Value(sql::ValueWithSpan { value, .. }) => match value {
            sql::Value::SingleQuotedString(text) => text.clone(),
            sql::Value::Number(digits, _) => digits.clone(),
            _ => return Err(KwError::unsupported("this form of interval")),
        },
        _ => return Err(KwError::unsupported("an interval of an expression")),
    };
    let unit = match &found.leading_field {
        Some(field) => Unit::of(&field.to_string()),
        None => Unit::of("s"),
    };
    let Some(value) = interval::parse(&given, unit) else {
        return Err(KwError::new("22007", format!("could not parse \"{given}\" as type interval")));
    };
    let words = format!("{} months {} days {} nanoseconds", value.months, value.days, value.nanoseconds);
    Ok(sql::Expr::Interval(sql::Interval {
        value: Box::new(text(words)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}
