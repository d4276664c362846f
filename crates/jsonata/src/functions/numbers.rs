//! Numbers and truth.

use std::sync::LazyLock;

use regex::Regex;

use super::{Result, Row, Value, arg, number};
use crate::error::EvalError;
use crate::eval::Evaluator;

pub(super) const FUNCTIONS: &[Row] = &[
    ("sum", "a<n>:n", |_, given| Ok(of_list(given, |n| n.iter().sum()))),
    ("max", "a<n>:n", |_, given| Ok(of_some(given, |n| n.iter().copied().fold(f64::NEG_INFINITY, f64::max)))),
    ("min", "a<n>:n", |_, given| Ok(of_some(given, |n| n.iter().copied().fold(f64::INFINITY, f64::min)))),
    ("average", "a<n>:n", |_, given| Ok(of_some(given, |n| n.iter().sum::<f64>() / n.len() as f64))),
    ("number", "(nsb)-:n", to_number),
    ("abs", "n-:n", |_, given| finite(number(given, 0).map(f64::abs))),
    ("floor", "n-:n", |_, given| finite(number(given, 0).map(f64::floor))),
    ("ceil", "n-:n", |_, given| finite(number(given, 0).map(f64::ceil))),
    ("round", "n-n?:n", round),
    ("power", "n-n:n", |_, given| {
        let value = number(given, 0).map(|base| base.powf(number(given, 1).unwrap_or(f64::NAN)));
        checked(value, "D3061")
    }),
    ("sqrt", "n-:n", |_, given| checked(number(given, 0).map(f64::sqrt), "D3060")),
    ("formatBase", "n-n?:s", format_base),
    ("boolean", "x-:b", |_, given| Ok(truth(arg(given, 0), true))),
    ("not", "x-:b", |_, given| Ok(truth(arg(given, 0), false))),
    ("exists", "x:b", |_, given| Ok(Value::Bool(!arg(given, 0).is_undefined()))),
];

fn truth<'e>(value: &Value<'e>, wanted: bool) -> Value<'e> {
    if value.is_undefined() { Value::Undefined } else { Value::Bool(value.truth() == wanted) }
}

fn numbers(given: &[Value<'_>]) -> Option<Vec<f64>> {
    match arg(given, 0) {
        Value::Undefined => None,
        list => Some(list.items().iter().filter_map(Value::as_number).collect()),
    }
}

fn of_list<'e>(given: &[Value<'e>], of: impl FnOnce(&[f64]) -> f64) -> Value<'e> {
    numbers(given).map_or(Value::Undefined, |numbers| Value::Number(of(&numbers)))
}

/// The same of lists that are not empty.
fn of_some<'e>(given: &[Value<'e>], of: impl FnOnce(&[f64]) -> f64) -> Value<'e> {
    let numbers = numbers(given).filter(|numbers| !numbers.is_empty());
    numbers.map_or(Value::Undefined, |numbers| Value::Number(of(&numbers)))
}

fn finite<'e>(value: Option<f64>) -> Result<Value<'e>> {
    checked(value, "D1001")
}

fn checked<'e>(value: Option<f64>, code: &'static str) -> Result<Value<'e>> {
    match value {
        None => Ok(Value::Undefined),
        Some(value) if value.is_finite() => Ok(Value::Number(value)),
        Some(_) => Err(EvalError::new(code, "the result is no finite number")),
    }
}

fn to_number<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    match arg(given, 0) {
        Value::Bool(value) => Ok(Value::Number(f64::from(u8::from(*value)))),
        Value::Str(text) => match of_text(text) {
            Some(value) => Ok(Value::Number(value)),
            None => Err(EvalError::new("D3030", format!("{text:?} is no number"))),
        },
        // Numbers as they are, and what is not there.
        other => Ok(other.clone()),
    }
}

/// A number as JSON has it, or with the prefix of another base.
fn of_text(text: &str) -> Option<f64> {
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let is_digits = digits.chars().all(|c| c.is_digit(radix));
            return u64::from_str_radix(digits, radix).ok().filter(|_| is_digits).map(|n| n as f64);
        }
    }
    static FORM: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("^-?[0-9]+(?:\\.[0-9]+)?(?:[Ee][-+]?[0-9]+)?$").ok());
    let is_number = FORM.as_ref().is_some_and(|form| form.is_match(text));
    text.parse().ok().filter(|value: &f64| is_number && value.is_finite())
}

/// Half goes to the even neighbour.
fn round<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let Some(value) = number(given, 0) else { return Ok(Value::Undefined) };
    let places = number(given, 1).unwrap_or(0.0);
    if places == 0.0 {
        return finite(Some(value.round_ties_even()));
    }
    // Shifted in decimal, where 4.525 is what it says.
    let shifted = |value: f64, by: f64| {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let exponent = exponent.parse::<f64>().ok()? + by;
        format!("{mantissa}e{exponent}").parse::<f64>().ok()
    };
    let places = places.trunc();
    finite(shifted(value, places).and_then(|value| shifted(value.round_ties_even(), -places)))
}

fn format_base<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let Some(value) = number(given, 0) else { return Ok(Value::Undefined) };
    let radix = number(given, 1).unwrap_or(10.0).round_ties_even();
    if !(2.0..=36.0).contains(&radix) {
        return Err(EvalError::new("D3100", "a base is between 2 and 36"));
    }
    let (mut rest, radix) = (value.round_ties_even().abs() as u64, radix as u32);
    let mut digits = Vec::new();
    while rest > 0 || digits.is_empty() {
        digits.extend(char::from_digit((rest % u64::from(radix)) as u32, radix));
        rest /= u64::from(radix);
    }
    if value.round_ties_even() < 0.0 {
        digits.push('-');
    }
    Ok(Value::text(&digits.iter().rev().collect::<String>()))
}
