//! The evaluator: one pass over the tree with bounds of steps, levels and memory.

mod operators;
mod path;

use std::rc::Rc;

use crate::ast::{Kind, Node};
use crate::error::EvalError;
use crate::functions;
use crate::json;
use crate::value::{Array, Closure, Function, Object, Value, append};
use crate::{MAX_DEPTH, MAX_FRAMES, MAX_LEVELS, MIN_STEPS, STEPS_PER_BYTE};

type Evaluated<'e> = Result<Value<'e>, EvalError>;

/// One evaluation.
pub(crate) struct Evaluator<'e> {
    /// Frames of names; those of calls go as the calls end, unless a function that outlives the call was made there.
    frames: Vec<Frame<'e>>,
    /// How many steps are left.
    steps: u64,
    levels: usize,
    pub(crate) now_ms: i64,
}

#[derive(Debug, Default)]
struct Frame<'e> {
    parent: Option<usize>,
    names: Vec<(&'e str, Value<'e>)>,
    /// A function was made here or below.
    captured: bool,
}

/// Evaluates an expression over a JSON text; none = undefined.
pub(crate) fn run(root: &Node, input: &str, now_ms: i64) -> Result<Option<String>, EvalError> {
    let steps = STEPS_PER_BYTE.saturating_mul(input.len() as u64).saturating_add(MIN_STEPS);
    let input = json::read(input)?;
    let global = Frame { names: vec![("$", input.clone())], ..Frame::default() };
    let mut evaluator = Evaluator { frames: vec![global], steps, levels: 0, now_ms };
    let context = match input {
        Value::Array(array) => {
            let around = Array { outer: true, ..Array::sequence(vec![Value::Array(array)]) };
            Value::Array(Rc::new(around))
        }
        other => other,
    };
    let value = evaluator.eval(root, &context, 0)?;
    if value.is_undefined() {
        return Ok(None);
    }
    let mut out = String::new();
    json::write(&mut out, &value);
    Ok(Some(out))
}

impl<'e> Evaluator<'e> {
    /// Evaluates a part in a context, with the names of a frame.
    pub(crate) fn eval(&mut self, node: &'e Node, context: &Value<'e>, frame: usize) -> Evaluated<'e> {
        self.step(1)?;
        if self.levels == MAX_LEVELS {
            return Err(EvalError::Limit("levels"));
        }
        self.levels += 1;
        let mut value = self.kind(node, context, frame)?;
        for predicate in &node.predicates {
            value = self.filter(predicate, value, frame)?;
        }
        if let (Some(group), false) = (&node.group, matches!(node.kind, Kind::Path { .. })) {
            value = self.grouped(group, &value, frame)?;
        }
        if node.keep_array
            && let Value::Array(array) = &mut value
            && array.sequence
        {
            Rc::make_mut(array).keep_singleton = true;
        }
        self.levels -= 1;
        if value.depth() > MAX_DEPTH {
            return Err(EvalError::Limit("nested values"));
        }
        Ok(value.collapsed())
    }

    /// Counts work.
    pub(crate) fn step(&mut self, steps: usize) -> Result<(), EvalError> {
        self.steps = self.steps.checked_sub(steps as u64).ok_or(EvalError::Limit("steps"))?;
        Ok(())
    }

    fn kind(&mut self, node: &'e Node, context: &Value<'e>, frame: usize) -> Evaluated<'e> {
        match &node.kind {
            Kind::Path { steps, keep_singleton } => self.path(node, steps, *keep_singleton, context, frame),
            Kind::Name(name) => Ok(functions::lookup(context, name)),
            Kind::Text(text) => Ok(Value::text(text)),
            Kind::Number(value) => Ok(Value::Number(*value)),
            Kind::Bool(value) => Ok(Value::Bool(*value)),
            Kind::Null => Ok(Value::Null),
            Kind::Regex(regex) => Ok(Value::Function(Rc::new(Function::Regex(regex)))),
            Kind::Wildcard => self.wildcard(context),
            Kind::Descendant => self.descendants(context),
            Kind::Variable(name) => Ok(self.variable(name, context, frame)),
            Kind::Binary(operator, sides) => self.binary(*operator, &sides.0, &sides.1, context, frame),
            Kind::Negate(of) => match self.eval(of, context, frame)? {
                Value::Undefined => Ok(Value::Undefined),
                other => match other.as_number() {
                    Some(value) => Ok(Value::Number(-value)),
                    None => Err(EvalError::new("D1002", "a value that is no number is negated")),
                },
            },
            Kind::Array(items) => self.array(node, items, context, frame),
            Kind::Object(pairs) => self.grouped(pairs, context, frame),
            // A step of paths only.
            Kind::Sort(_) => Ok(Value::Undefined),
            Kind::Bind(name, of) => {
                let value = self.eval(of, context, frame)?;
                self.bind(frame, name, value.clone());
                Ok(value)
            }
            Kind::Condition { test, then, other } => {
                if self.eval(test, context, frame)?.truth() {
                    self.eval(then, context, frame)
                } else {
                    other.as_ref().map_or(Ok(Value::Undefined), |other| self.eval(other, context, frame))
                }
            }
            Kind::Block(parts) => {
                let inner = self.enter(frame)?;
                let mut value = Value::Undefined;
                for part in parts {
                    value = self.eval(part, context, inner)?;
                }
                self.leave(inner);
                Ok(value)
            }
            Kind::Call { procedure, arguments } => self.invoke(procedure, arguments, None, context, frame),
            Kind::Partial { procedure, arguments } => {
                let function = self.eval(procedure, context, frame)?;
                if !matches!(function, Value::Function(_)) {
                    return Err(EvalError::new("T1008", "a value that is no function is applied partially"));
                }
                let given = arguments.iter().map(|argument| {
                    argument.as_ref().map(|argument| self.eval(argument, context, frame)).transpose()
                });
                let arguments = given.collect::<Result<_, _>>()?;
                Ok(Value::Function(Rc::new(Function::Partial { function, arguments })))
            }
            Kind::Lambda(lambda) => {
                self.capture(frame);
                let closure = Closure { lambda, frame, context: context.clone() };
                Ok(Value::Function(Rc::new(Function::Lambda(closure))))
            }
            Kind::Apply(sides) => self.apply(&sides.0, &sides.1, context, frame),
        }
    }

    fn array(&mut self, node: &Node, items: &'e [Node], context: &Value<'e>, frame: usize) -> Evaluated<'e> {
        let mut out = Vec::new();
        for item in items {
            let value = self.eval(item, context, frame)?;
            match (&item.kind, &value) {
                (_, Value::Undefined) => {}
                (Kind::Array(_), _) => out.push(value),
                (_, Value::Array(array)) => {
                    self.step(array.items.len())?;
                    out.extend_from_slice(&array.items);
                }
                _ => out.push(value),
            }
        }
        let cons = node.cons_array;
        Ok(Value::Array(Rc::new(Array { cons, ..Array::plain(out) })))
    }

    /// `{…}`: an object whose names and values come from the members of a list, or from the context.
    fn grouped(&mut self, pairs: &'e [(Node, Node)], context: &Value<'e>, frame: usize) -> Evaluated<'e> {
        /// The items of a name, and which pair gave it.
        struct Group<'e> {
            name: crate::ast::Text,
            items: Value<'e>,
            pair: usize,
        }
        let items = match context.items() {
            [] => &[Value::Undefined],
            items => items,
        };
        let mut groups: Vec<Group<'e>> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for item in items {
            for (pair, (name, _)) in pairs.iter().enumerate() {
                let name = match self.eval(name, item, frame)? {
                    Value::Undefined => continue,
                    Value::Str(name) => name,
                    _ => return Err(EvalError::new("T1003", "the name of a member must be a text")),
                };
                let next = groups.len();
                let place = *places.entry(name.clone()).or_insert(next);
                match groups.get_mut(place) {
                    None => groups.push(Group { name, items: item.clone(), pair }),
                    Some(group) if group.pair == pair => {
                        let before = std::mem::replace(&mut group.items, Value::Undefined);
                        group.items = append(before, item.clone());
                    }
                    Some(_) => {
                        return Err(EvalError::new("D1009", format!("two members are called {name:?}")));
                    }
                }
            }
        }
        let mut object = Object::default();
        for group in groups {
            let Some((_, value)) = pairs.get(group.pair) else { continue };
            let value = self.eval(value, &group.items, frame)?;
            if !value.is_undefined() {
                object.insert(group.name, value);
            }
        }
        Ok(Value::object(object))
    }

    // Names.

    fn enter(&mut self, parent: usize) -> Result<usize, EvalError> {
        if self.frames.len() == MAX_FRAMES {
            return Err(EvalError::Limit("functions that are kept"));
        }
        self.frames.push(Frame { parent: Some(parent), ..Frame::default() });
        Ok(self.frames.len() - 1)
    }

    /// Forgets a frame and those above it, as far as nothing may still ask for their names.
    fn leave(&mut self, frame: usize) {
        while self.frames.len() > frame && self.frames.pop_if(|last| !last.captured).is_some() {}
    }

    fn capture(&mut self, frame: usize) {
        let mut next = Some(frame);
        while let Some(frame) = next.and_then(|at| self.frames.get_mut(at)).filter(|f| !f.captured) {
            frame.captured = true;
            next = frame.parent;
        }
    }

    fn bind(&mut self, frame: usize, name: &'e str, value: Value<'e>) {
        let Some(frame) = self.frames.get_mut(frame) else { return };
        match frame.names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => frame.names.push((name, value)),
        }
    }

    fn variable(&self, name: &str, context: &Value<'e>, frame: usize) -> Value<'e> {
        if name.is_empty() {
            return match context {
                Value::Array(array) if array.outer => {
                    array.items.first().cloned().unwrap_or(Value::Undefined)
                }
                other => other.clone(),
            };
        }
        let mut next = Some(frame);
        while let Some(frame) = next.and_then(|at| self.frames.get(at)) {
            if let Some((_, value)) = frame.names.iter().find(|(known, _)| *known == name) {
                return value.clone();
            }
            next = frame.parent;
        }
        functions::native(name).map_or(Value::Undefined, |f| Value::Function(Rc::new(Function::Native(f))))
    }

    // Functions.

    fn invoke(
        &mut self,
        procedure: &'e Node,
        arguments: &'e [Node],
        first: Option<Value<'e>>,
        context: &Value<'e>,
        frame: usize,
    ) -> Evaluated<'e> {
        let function = self.eval(procedure, context, frame)?;
        let mut given: Vec<Value<'e>> = first.into_iter().collect();
        for argument in arguments {
            given.push(self.eval(argument, context, frame)?);
        }
        self.call(&function, given, context)
    }

    /// `left ~> right`
    fn apply(&mut self, left: &'e Node, right: &'e Node, context: &Value<'e>, frame: usize) -> Evaluated<'e> {
        let value = self.eval(left, context, frame)?;
        if let Kind::Call { procedure, arguments } = &right.kind {
            let mut value = self.invoke(procedure, arguments, Some(value), context, frame)?;
            if right.keep_array
                && let Value::Array(array) = &mut value
            {
                Rc::make_mut(array).keep_singleton = true;
            }
            return Ok(value);
        }
        let function = self.eval(right, context, frame)?;
        if !matches!(function, Value::Function(_)) {
            return Err(EvalError::new("T2006", "there is no function on the right of ~>"));
        }
        if matches!(value, Value::Function(_)) {
            return Ok(Value::Function(Rc::new(Function::Chain(value, function))));
        }
        self.call(&function, vec![value], &Value::Undefined)
    }

    /// Calls a function with arguments.
    pub(crate) fn call(
        &mut self,
        function: &Value<'e>,
        arguments: Vec<Value<'e>>,
        context: &Value<'e>,
    ) -> Evaluated<'e> {
        let Value::Function(function) = function else {
            return Err(EvalError::new("T1006", "a value that is no function is called"));
        };
        self.step(1)?;
        if self.levels == MAX_LEVELS {
            return Err(EvalError::Limit("levels"));
        }
        self.levels += 1;
        let value = match &**function {
            Function::Native(native) => {
                let arguments = native.signature().check(arguments, context)?;
                (native.call)(self, &arguments)?
            }
            Function::Lambda(closure) => {
                let arguments = match &closure.lambda.signature {
                    Some(signature) => signature.check(arguments, &closure.context)?,
                    None => arguments,
                };
                let frame = self.enter(closure.frame)?;
                let given = arguments.into_iter().chain(std::iter::repeat(Value::Undefined));
                for (name, value) in closure.lambda.parameters.iter().zip(given) {
                    self.bind(frame, name, value);
                }
                let value = self.eval(&closure.lambda.body, &closure.context, frame)?;
                self.leave(frame);
                value
            }
            Function::Partial { function, arguments: fixed } => {
                let mut given = arguments.into_iter();
                let mut all: Vec<_> = fixed
                    .iter()
                    .map(|fixed| fixed.clone().or_else(|| given.next()).unwrap_or(Value::Undefined))
                    .collect();
                all.extend(given);
                self.call(function, all, context)?
            }
            Function::Chain(first, second) => {
                let value = self.call(first, arguments, context)?;
                self.call(second, vec![value], context)?
            }
            Function::Regex(regex) => functions::first_match(regex, arguments.first()),
        };
        self.levels -= 1;
        if value.depth() > MAX_DEPTH {
            return Err(EvalError::Limit("nested values"));
        }
        Ok(value)
    }

    /// Calls what is given to a function over a list: with as many of element, place and list as it takes.
    pub(crate) fn call_for(
        &mut self,
        function: &Value<'e>,
        item: &Value<'e>,
        second: impl FnOnce() -> Value<'e>,
        all: &Value<'e>,
    ) -> Evaluated<'e> {
        let arity = arity(function);
        let mut given = vec![item.clone()];
        if arity >= 2 {
            given.push(second());
        }
        if arity >= 3 {
            given.push(all.clone());
        }
        self.call(function, given, &Value::Undefined).map(Value::collapsed)
    }
}

/// How many arguments a function takes.
pub(crate) fn arity(function: &Value<'_>) -> usize {
    let Value::Function(function) = function else { return 0 };
    match &**function {
        Function::Native(native) => native.arity,
        Function::Lambda(closure) => closure.lambda.parameters.len(),
        Function::Partial { arguments, .. } => arguments.iter().filter(|a| a.is_none()).count(),
        Function::Chain(..) | Function::Regex(_) => 1,
    }
}
