//! Paths: steps over sequences, predicates, order.

use std::cmp::Ordering;
use std::rc::Rc;

use super::{Evaluated, Evaluator};
use crate::ast::{Kind, Node, Term};
use crate::error::EvalError;
use crate::functions;
use crate::value::{Array, Value, append};

impl<'e> Evaluator<'e> {
    pub(super) fn path(
        &mut self,
        node: &'e Node,
        steps: &'e [Node],
        keep_singleton: bool,
        context: &Value<'e>,
        frame: usize,
    ) -> Evaluated<'e> {
        let is_absolute = matches!(steps.first(), Some(Node { kind: Kind::Variable(_), .. }));
        let mut input = match context {
            Value::Array(_) if !is_absolute => context.clone(),
            other => Value::sequence(vec![other.clone()]),
        };
        for (at, step) in steps.iter().enumerate() {
            input = if at == 0 && step.cons_array {
                self.eval(step, &input, frame)?
            } else {
                self.path_step(step, &input, frame, at + 1 == steps.len())?
            };
            if input.items().is_empty() {
                break;
            }
        }
        if keep_singleton {
            match &mut input {
                Value::Array(array) => {
                    if array.cons && !array.sequence {
                        input = Value::sequence(vec![input.clone()]);
                    }
                    if let Value::Array(array) = &mut input {
                        Rc::make_mut(array).keep_singleton = true;
                    }
                }
                Value::Undefined => {}
                single => {
                    let one = Array::sequence(vec![single.clone()]);
                    input = Value::Array(Rc::new(Array { keep_singleton: true, ..one }));
                }
            }
        }
        match &node.group {
            Some(group) => self.grouped(group, &input, frame),
            None => Ok(input),
        }
    }

    fn path_step(&mut self, step: &'e Node, input: &Value<'e>, frame: usize, is_last: bool) -> Evaluated<'e> {
        if let Kind::Sort(terms) = &step.kind {
            let mut sorted = self.ordered(terms, input, frame)?;
            for stage in &step.stages {
                sorted = self.filter(stage, sorted, frame)?;
            }
            return Ok(sorted);
        }
        let mut results = Vec::new();
        for item in input.items() {
            let mut value = self.eval(step, item, frame)?;
            for stage in &step.stages {
                value = self.filter(stage, value, frame)?;
            }
            if !value.is_undefined() {
                results.push(value);
            }
        }
        if is_last
            && let [Value::Array(only)] = results.as_slice()
            && !only.sequence
        {
            return Ok(Value::Array(Rc::clone(only)));
        }
        let mut out = Vec::with_capacity(results.len());
        for value in results {
            match &value {
                Value::Array(array) if !array.cons => {
                    self.step(array.items.len())?;
                    out.extend_from_slice(&array.items);
                }
                _ => out.push(value),
            }
        }
        Ok(Value::sequence(out))
    }

    /// `[predicate]`: positions by numbers, else what makes it true.
    pub(super) fn filter(&mut self, predicate: &'e Node, input: Value<'e>, frame: usize) -> Evaluated<'e> {
        let items = input.items();
        if let (Kind::Number(value), true) = (&predicate.kind, predicate.predicates.is_empty()) {
            return Ok(match position(*value, items.len()).and_then(|at| items.get(at)) {
                Some(Value::Array(array)) => Value::Array(Rc::clone(array)),
                Some(item) => Value::sequence(vec![item.clone()]),
                None => Value::sequence(Vec::new()),
            });
        }
        let mut out = Array::sequence(Vec::new());
        for (at, item) in items.iter().enumerate() {
            let found = self.eval(predicate, item, frame)?;
            let numbers = match &found {
                Value::Array(array) => array.items.as_slice(),
                single => std::slice::from_ref(single),
            };
            if !numbers.is_empty() && numbers.iter().all(|n| n.as_number().is_some()) {
                self.step(numbers.len())?;
                let meant = numbers.iter().filter_map(|n| position(n.as_number()?, items.len()));
                for _ in meant.filter(|place| *place == at) {
                    out.push(item.clone());
                }
            } else if found.truth() {
                out.push(item.clone());
            }
        }
        Ok(Value::Array(Rc::new(out)))
    }

    pub(super) fn wildcard(&mut self, context: &Value<'e>) -> Evaluated<'e> {
        let context = match context {
            Value::Array(array) if array.outer => array.items.first().cloned().unwrap_or(Value::Undefined),
            other => other.clone(),
        };
        let members: Vec<Value<'e>> = match &context {
            Value::Array(array) => array.items.clone(),
            Value::Object(object) => object.iter().map(|(_, value)| value.clone()).collect(),
            _ => Vec::new(),
        };
        let (mut out, mut is_sequence) = (Vec::new(), true);
        for member in members {
            if matches!(member, Value::Array(_)) {
                is_sequence = false;
                self.flatten(&member, &mut out)?;
            } else {
                out.push(member);
            }
        }
        Ok(if is_sequence { Value::sequence(out) } else { Value::array(out) })
    }

    fn flatten(&mut self, value: &Value<'e>, out: &mut Vec<Value<'e>>) -> Result<(), EvalError> {
        self.step(1)?;
        match value {
            Value::Array(array) => array.items.iter().try_for_each(|item| self.flatten(item, out)),
            other => {
                out.push(other.clone());
                Ok(())
            }
        }
    }

    pub(super) fn descendants(&mut self, context: &Value<'e>) -> Evaluated<'e> {
        if context.is_undefined() {
            return Ok(Value::Undefined);
        }
        let mut out = Vec::new();
        self.descend(context, &mut out)?;
        Ok(Value::sequence(out))
    }

    fn descend(&mut self, value: &Value<'e>, out: &mut Vec<Value<'e>>) -> Result<(), EvalError> {
        self.step(1)?;
        match value {
            Value::Array(array) => array.items.iter().try_for_each(|item| self.descend(item, out)),
            other => {
                out.push(other.clone());
                match other {
                    Value::Object(object) => {
                        object.iter().try_for_each(|(_, member)| self.descend(member, out))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn ordered(&mut self, terms: &'e [Term], input: &Value<'e>, frame: usize) -> Evaluated<'e> {
        let mut keyed = Vec::with_capacity(input.items().len());
        for item in input.items() {
            let keys: Result<Vec<_>, _> =
                terms.iter().map(|term| self.eval(&term.expression, item, frame)).collect();
            keyed.push((keys?, item.clone()));
        }
        let sorted = functions::merge_sort(keyed, &mut |(a, _), (b, _)| {
            self.step(1)?;
            for ((a, b), term) in a.iter().zip(b).zip(terms) {
                let order = compared(a, b)?;
                // What is not there comes last in both directions.
                let turns = term.descending && !a.is_undefined() && !b.is_undefined();
                match if turns { order.reverse() } else { order } {
                    Ordering::Equal => {}
                    order => return Ok(order == Ordering::Greater),
                }
            }
            Ok(false)
        })?;
        let items: Vec<_> = sorted.into_iter().map(|(_, item)| item).collect();
        // A list of one stays the sequence that it was.
        Ok(match input {
            Value::Array(array) if array.sequence && items.len() <= 1 => Value::sequence(items),
            _ => append(Value::array(Vec::new()), Value::array(items)),
        })
    }
}

fn compared(a: &Value<'_>, b: &Value<'_>) -> Result<Ordering, EvalError> {
    let is_key = |v: &Value<'_>| matches!(v, Value::Str(_)) || v.as_number().is_some();
    match (a, b) {
        (Value::Undefined, Value::Undefined) => Ok(Ordering::Equal),
        (Value::Undefined, _) => Ok(Ordering::Greater),
        (_, Value::Undefined) => Ok(Ordering::Less),
        _ if !is_key(a) || !is_key(b) => {
            Err(EvalError::new("T2008", "rows are ordered by numbers or texts only"))
        }
        _ => a.order(b).ok_or_else(|| EvalError::new("T2007", "numbers and texts have no order")),
    }
}

/// A place by its number; negative ones count from the end.
fn position(number: f64, length: usize) -> Option<usize> {
    let at = number.floor();
    let at = if at < 0.0 { at + length as f64 } else { at };
    (at >= 0.0 && at < length as f64).then_some(at as usize)
}
