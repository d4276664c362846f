//! Objects and values of any type.

use super::{Result, Row, Value, arg, text};
use crate::error::EvalError;
use crate::eval::Evaluator;
use crate::value::Object;

pub(super) const FUNCTIONS: &[Row] = &[
    ("keys", "x-:a<s>", keys),
    ("lookup", "x-s:x", |_, given| Ok(lookup(arg(given, 0), text(given, 1).unwrap_or_default()))),
    ("spread", "x-:a<o>", spread),
    ("merge", "a<o>:o", merge),
    ("type", "x:s", |_, given| Ok(arg(given, 0).type_name().map_or(Value::Undefined, Value::text))),
    ("error", "s?:x", |_, given| {
        Err(EvalError::new("D3137", text(given, 0).unwrap_or("$error() function evaluated")))
    }),
    ("assert", "bs?:x", |_, given| match arg(given, 0) {
        Value::Bool(true) => Ok(Value::Undefined),
        _ => Err(EvalError::new("D3141", text(given, 1).unwrap_or("$assert() statement failed"))),
    }),
];

/// A member, or those of all elements of a list.
pub(crate) fn lookup<'e>(of: &Value<'e>, name: &str) -> Value<'e> {
    match of {
        Value::Object(object) => object.get(name).cloned().unwrap_or(Value::Undefined),
        Value::Array(array) => {
            let mut out = Vec::new();
            for item in &array.items {
                match lookup(item, name) {
                    Value::Undefined => {}
                    Value::Array(found) => out.extend_from_slice(&found.items),
                    found => out.push(found),
                }
            }
            Value::sequence(out)
        }
        _ => Value::Undefined,
    }
}

fn keys<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let mut found = Object::default();
    for item in arg(given, 0).items() {
        if let Value::Object(object) = item {
            for (name, _) in object.iter() {
                found.insert(name.clone(), Value::Null);
            }
        }
    }
    Ok(Value::sequence(found.iter().map(|(name, _)| Value::Str(name.clone())).collect()))
}

fn spread<'e>(_: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    let value = arg(given, 0);
    let mut out = Vec::new();
    for item in value.items() {
        let Value::Object(object) = item else {
            if !matches!(value, Value::Array(_)) {
                return Ok(value.clone());
            }
            out.push(item.clone());
            continue;
        };
        for (name, member) in object.iter() {
            let mut one = Object::default();
            one.insert(name.clone(), member.clone());
            out.push(Value::object(one));
        }
    }
    Ok(Value::sequence(out))
}

fn merge<'e>(ev: &mut Evaluator<'e>, given: &[Value<'e>]) -> Result<Value<'e>> {
    if arg(given, 0).is_undefined() {
        return Ok(Value::Undefined);
    }
    let mut out = Object::default();
    for item in arg(given, 0).items() {
        if let Value::Object(object) = item {
            ev.step(object.len())?;
            for (name, value) in object.iter() {
                out.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(Value::object(out))
}
