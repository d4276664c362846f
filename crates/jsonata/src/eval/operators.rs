//! Operators between two values.

use std::cmp::Ordering;

use super::{Evaluated, Evaluator};
use crate::ast::{Node, Operator};
use crate::error::EvalError;
use crate::functions;
use crate::value::Value;
use crate::{MAX_RANGE, MAX_TEXT};

impl<'e> Evaluator<'e> {
    pub(super) fn binary(
        &mut self,
        operator: Operator,
        left: &'e Node,
        right: &'e Node,
        context: &Value<'e>,
        frame: usize,
    ) -> Evaluated<'e> {
        let first = self.eval(left, context, frame)?;
        match operator {
            Operator::And if !first.truth() => return Ok(Value::Bool(false)),
            Operator::Or if first.truth() => return Ok(Value::Bool(true)),
            Operator::Elvis if first.truth() => return Ok(first),
            Operator::Coalesce if !first.is_undefined() => return Ok(first),
            _ => {}
        }
        let second = self.eval(right, context, frame)?;
        match operator {
            Operator::And | Operator::Or => Ok(Value::Bool(second.truth())),
            Operator::Elvis | Operator::Coalesce => Ok(second),
            Operator::Equal => Ok(Value::Bool(!first.is_undefined() && first.equals(&second))),
            Operator::NotEqual => {
                let both = !first.is_undefined() && !second.is_undefined();
                Ok(Value::Bool(both && !first.equals(&second)))
            }
            Operator::Less | Operator::LessEqual | Operator::Greater | Operator::GreaterEqual => {
                ordering(operator, &first, &second)
            }
            Operator::Concat => {
                let mut text = functions::text_of(&first)?;
                text.push_str(&functions::text_of(&second)?);
                if text.len() > MAX_TEXT {
                    return Err(EvalError::Limit("text"));
                }
                Ok(Value::text(&text))
            }
            Operator::In => {
                self.step(second.items().len())?;
                let found = second.items().iter().any(|item| item.equals(&first));
                Ok(Value::Bool(!first.is_undefined() && found))
            }
            Operator::Range => self.range(&first, &second),
            _ => arithmetic(operator, &first, &second),
        }
    }

    fn range(&mut self, first: &Value<'e>, second: &Value<'e>) -> Evaluated<'e> {
        let whole = |value: &Value<'_>, code| match value {
            Value::Undefined => Ok(None),
            other => match other.as_number().filter(|n| n.fract() == 0.0) {
                Some(number) => Ok(Some(number)),
                None => Err(EvalError::new(code, "the bounds of a range must be whole numbers")),
            },
        };
        let (Some(from), Some(to)) = (whole(first, "T2003")?, whole(second, "T2004")?) else {
            return Ok(Value::Undefined);
        };
        if from > to {
            return Ok(Value::Undefined);
        }
        let count = to - from + 1.0;
        if count > MAX_RANGE as f64 {
            return Err(EvalError::Limit("elements of a range"));
        }
        self.step(count as usize)?;
        Ok(Value::sequence((0..count as u64).map(|n| Value::Number(from + n as f64)).collect()))
    }
}

fn ordering<'e>(operator: Operator, first: &Value<'e>, second: &Value<'e>) -> Evaluated<'e> {
    let suits = |v: &Value<'_>| v.is_undefined() || matches!(v, Value::Str(_)) || v.as_number().is_some();
    if !suits(first) || !suits(second) {
        return Err(EvalError::new("T2010", "only numbers and texts have an order"));
    }
    if first.is_undefined() || second.is_undefined() {
        return Ok(Value::Undefined);
    }
    let order = first.order(second);
    let order = order.ok_or_else(|| EvalError::new("T2009", "a number and a text have no order"))?;
    Ok(Value::Bool(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }))
}

fn arithmetic<'e>(operator: Operator, first: &Value<'e>, second: &Value<'e>) -> Evaluated<'e> {
    let number = |value: &Value<'_>, code| match value {
        Value::Undefined => Ok(None),
        other => match other.as_number() {
            Some(number) if number.is_finite() => Ok(Some(number)),
            Some(_) => Err(EvalError::new("D1001", "a number is out of range")),
            None => Err(EvalError::new(code, "arithmetic takes numbers only")),
        },
    };
    let (first, second) = (number(first, "T2001")?, number(second, "T2002")?);
    let (Some(a), Some(b)) = (first, second) else { return Ok(Value::Undefined) };
    let value = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    };
    if value.is_finite() {
        Ok(Value::Number(value))
    } else {
        Err(EvalError::new("D1001", "a number is out of range"))
    }
}
