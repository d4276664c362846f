//! Signatures of functions: `<s-nn?:s>`. They check arguments, put the context in the place of one that is missing,
//! and make arrays of single values where arrays are wanted.

use std::rc::Rc;

use regex::Regex;

use crate::error::EvalError;
use crate::value::{Array, Function, Value};

#[derive(Clone, Debug)]
pub(crate) struct Signature {
    parameters: Vec<Parameter>,
    /// Over one letter for each argument.
    pattern: Regex,
}

#[derive(Clone, Debug)]
struct Parameter {
    /// The letters that it takes.
    types: Vec<char>,
    is_array: bool,
    /// Of an array's elements, where it matters.
    subtype: Option<char>,
    /// Whether the context takes its place.
    context: bool,
    /// `?`, `+` or nothing.
    times: Option<char>,
}

impl Signature {
    /// Reads a signature without its brackets.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut chars = text.chars();
        let plain = |types: &str| Parameter {
            types: types.chars().collect(),
            is_array: false,
            subtype: None,
            context: false,
            times: None,
        };
        while let Some(c) = chars.next() {
            match c {
                ':' => break,
                's' | 'n' | 'b' | 'l' | 'o' => parameters.push(plain(&format!("{c}m"))),
                'a' => parameters.push(Parameter { is_array: true, ..plain("asnblfom") }),
                'f' => parameters.push(plain("f")),
                'j' => parameters.push(plain("asnblom")),
                'x' => parameters.push(plain("asnblfom")),
                '-' => parameters.last_mut()?.context = true,
                '?' | '+' => parameters.last_mut()?.times = Some(c),
                '(' => {
                    let choice: String = chars.by_ref().take_while(|c| *c != ')').collect();
                    if !choice.chars().all(|c| "snblfoa".contains(c)) || choice.is_empty() {
                        return None;
                    }
                    parameters.push(plain(&format!("{choice}m")));
                }
                '<' => {
                    let (mut open, mut inner) = (1, String::new());
                    for c in chars.by_ref() {
                        open += i32::from(c == '<') - i32::from(c == '>');
                        if open == 0 {
                            break;
                        }
                        inner.push(c);
                    }
                    let last = parameters.last_mut()?;
                    if open != 0 || !(last.is_array || last.types == ['f']) {
                        return None;
                    }
                    last.subtype = inner.chars().next().filter(|_| last.is_array);
                }
                _ => return None,
            }
        }
        let mut pattern = String::from("^");
        for parameter in &parameters {
            let types: String = parameter.types.iter().collect();
            let times = if parameter.context { "?" } else { "" };
            pattern.push_str(&format!("([{types}]{times}"));
            pattern.extend(parameter.times);
            pattern.push(')');
        }
        pattern.push('$');
        Some(Self { parameters, pattern: Regex::new(&pattern).ok()? })
    }

    /// How many arguments a caller may count on.
    pub(crate) fn arity(&self) -> usize {
        self.parameters.iter().filter(|p| p.times != Some('?')).count()
    }

    /// The arguments as the function wants them.
    pub(crate) fn check<'e>(
        &self,
        given: Vec<Value<'e>>,
        context: &Value<'e>,
    ) -> Result<Vec<Value<'e>>, EvalError> {
        let letters: String = given.iter().map(letter).collect();
        let matched = self.pattern.captures(&letters);
        let matched = matched.ok_or_else(|| {
            EvalError::new(
                "T0410",
                format!("the arguments ({letters}) do not match the function's signature"),
            )
        })?;
        let mut rest = given.into_iter();
        let mut out = Vec::new();
        for (at, parameter) in self.parameters.iter().enumerate() {
            let part = matched.get(at + 1).map_or("", |found| found.as_str());
            if part.is_empty() {
                if parameter.context {
                    let context = match context {
                        Value::Array(array) if array.outer => array.items.first().unwrap_or(context),
                        other => other,
                    };
                    if !parameter.types.contains(&letter(context)) {
                        return Err(EvalError::new("T0411", "the context does not suit the function"));
                    }
                    out.push(context.clone());
                } else {
                    out.push(rest.next().unwrap_or(Value::Undefined));
                }
                continue;
            }
            for _ in part.chars() {
                let value = rest.next().unwrap_or(Value::Undefined);
                out.push(if parameter.is_array { as_array(value, parameter.subtype)? } else { value });
            }
        }
        Ok(out)
    }
}

fn as_array<'e>(value: Value<'e>, subtype: Option<char>) -> Result<Value<'e>, EvalError> {
    let suits = match (&value, subtype) {
        (Value::Undefined, _) | (_, None) => true,
        (Value::Array(array), Some(subtype)) => array.items.iter().all(|item| letter(item) == subtype),
        (other, Some(subtype)) => letter(other) == subtype,
    };
    if !suits {
        return Err(EvalError::new("T0412", "an array has elements of another type than the function takes"));
    }
    Ok(match value {
        Value::Undefined | Value::Array(_) => value,
        single => Value::Array(Rc::new(Array::plain(vec![single]))),
    })
}

fn letter(value: &Value<'_>) -> char {
    match value {
        Value::Undefined => 'm',
        Value::Null => 'l',
        Value::Bool(_) => 'b',
        Value::Number(_) | Value::Exact(_) => 'n',
        Value::Str(_) => 's',
        Value::Array(_) => 'a',
        Value::Object(_) => 'o',
        Value::Function(function) => match **function {
            Function::Regex(_)
            | Function::Native(_)
            | Function::Lambda(_)
            | Function::Partial { .. }
            | Function::Chain(..) => 'f',
        },
    }
}
