//! Functions over lists, and those that take functions.

use super::{Result, Row, Value, arg};
use crate::error::EvalError;
use crate::eval::{Evaluator, arity};
use crate::value::{Object, append};

pub(super) const FUNCTIONS: &[Row] = &[
    ("count", "a:n", count),
    ("append", "xx:a", |_, given| Ok(append(arg(given, 0).clone(), arg(given, 1).clone()))),
    ("reverse", "a:a", reverse),
    ("distinct", "x:x", distinct),
    ("zip", "a+", zip),
    ("sort", "af?:a", sort),
    ("map", "af", map),
    ("filter", "af", filter),
    ("single", "af?", single),
    ("reduce", "afj?:j", reduce),
    ("each", "o-f:a", each),
    ("sift", "o-f?:o", sift),
];

fn count<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    Ok(Value::Number(arg(given, 0).items().len() as f64))
}

fn reverse<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let list = arg(given, 0);
    if list.items().len() <= 1 {
        return Ok(list.clone());
    }
    ev.step(list.items().len())?;
    Ok(Value::array(list.items().iter().rev().cloned().collect()))
}

fn distinct<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let list = arg(given, 0);
    let Value::Array(array) = list else { return Ok(list.clone()) };
    if array.items.len() <= 1 {
        return Ok(list.clone());
    }
    let mut out: Vec<Value<'e>> = Vec::new();
    for item in &array.items {
        ev.step(out.len())?;
        if !out.iter().any(|known| known.equals(item)) {
            out.push(item.clone());
        }
    }
    Ok(if array.sequence { Value::sequence(out) } else { Value::array(out) })
}

fn zip<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let rows = given.iter().map(|list| list.items().len()).min().unwrap_or(0);
    ev.step(rows * given.len())?;
    let row =
        |at: usize| Value::array(given.iter().filter_map(|list| list.items().get(at).cloned()).collect());
    Ok(Value::array((0..rows).map(row).collect()))
}

/// Sorts stably; `after` tells whether the first belongs behind the second.
pub(crate) fn merge_sort<T>(
    mut items: Vec<T>,
    after: &mut dyn FnMut(&T, &T) -> Result<bool>,
) -> Result<Vec<T>> {
    if items.len() <= 1 {
        return Ok(items);
    }
    let right = items.split_off(items.len() / 2);
    let mut left = merge_sort(items, after)?.into_iter().peekable();
    let mut right = merge_sort(right, after)?.into_iter().peekable();
    let mut out = Vec::with_capacity(left.len() + right.len());
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if after(a, b)? { right.next() } else { left.next() };
        out.extend(next);
    }
    out.extend(left);
    out.extend(right);
    Ok(out)
}

fn sort<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let (list, by) = (arg(given, 0), arg(given, 1));
    if list.items().len() <= 1 {
        return Ok(list.clone());
    }
    let items = list.items().to_vec();
    let sorted = if by.is_undefined() {
        let are_numbers = items.iter().all(|v| v.as_number().is_some());
        let are_texts = items.iter().all(|v| matches!(v, Value::Str(_)));
        if !are_numbers && !are_texts {
            return Err(EvalError::new("D3070", "$sort without a function takes numbers or texts only"));
        }
        merge_sort(items, &mut |a, b| {
            ev.step(1)?;
            Ok(a.order(b).is_some_and(std::cmp::Ordering::is_gt))
        })?
    } else {
        merge_sort(items, &mut |a, b| {
            Ok(ev.call(by, vec![a.clone(), b.clone()], &Value::Undefined)?.collapsed().truth())
        })?
    };
    Ok(Value::array(sorted))
}

fn map<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let (list, function) = (arg(given, 0), arg(given, 1));
    if list.is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut out = Vec::new();
    for (at, item) in list.items().iter().enumerate() {
        let found = ev.call_for(function, item, || Value::Number(at as f64), list)?;
        if !found.is_undefined() {
            out.push(found);
        }
    }
    Ok(Value::sequence(out))
}

/// The elements for which a function is true.
fn chosen<'e>(ev: &mut Evaluator<'e>, list: &Value<'e>, function: &Value<'e>) -> Result<Vec<Value<'e>>> {
    let mut out = Vec::new();
    for (at, item) in list.items().iter().enumerate() {
        let is_chosen = function.is_undefined()
            || ev.call_for(function, item, || Value::Number(at as f64), list)?.truth();
        if is_chosen {
            out.push(item.clone());
        }
    }
    Ok(out)
}

fn filter<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let list = arg(given, 0);
    if list.is_undefined() {
        return Ok(Value::Undefined);
    }
    chosen(ev, list, arg(given, 1)).map(Value::sequence)
}

fn single<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let list = arg(given, 0);
    if list.is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut found = chosen(ev, list, arg(given, 1))?;
    match (found.pop(), found.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(EvalError::new("D3138", "$single found more than one element")),
        (None, _) => Err(EvalError::new("D3139", "$single found no element")),
    }
}

fn reduce<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let (list, function, first) = (arg(given, 0), arg(given, 1), arg(given, 2));
    if list.is_undefined() {
        return Ok(Value::Undefined);
    }
    let arity = arity(function);
    if arity < 2 {
        return Err(EvalError::new("D3050", "the function of $reduce takes at least two arguments"));
    }
    let mut items = list.items().iter().enumerate();
    let mut result = match first {
        Value::Undefined => items.next().map_or(Value::Undefined, |(_, item)| item.clone()),
        given => given.clone(),
    };
    for (at, item) in items {
        let mut arguments = vec![result, item.clone()];
        if arity >= 3 {
            arguments.push(Value::Number(at as f64));
        }
        if arity >= 4 {
            arguments.push(list.clone());
        }
        result = ev.call(function, arguments, &Value::Undefined)?.collapsed();
    }
    Ok(result)
}

fn each<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let (object, function) = (arg(given, 0), arg(given, 1));
    let Value::Object(members) = object else { return Ok(Value::Undefined) };
    let mut out = Vec::new();
    for (name, value) in members.iter() {
        let found = ev.call_for(function, value, || Value::Str(name.clone()), object)?;
        if !found.is_undefined() {
            out.push(found);
        }
    }
    Ok(Value::sequence(out))
}

fn sift<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let (object, function) = (arg(given, 0), arg(given, 1));
    let Value::Object(members) = object else { return Ok(Value::Undefined) };
    let mut out = Object::default();
    for (name, value) in members.iter() {
        if ev.call_for(function, value, || Value::Str(name.clone()), object)?.truth() {
            out.insert(name.clone(), value.clone());
        }
    }
    Ok(if out.len() == 0 { Value::Undefined } else { Value::object(out) })
}
