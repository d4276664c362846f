//! Values: JSON's, nothing at all, and functions.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use crate::ast::{Lambda, Text};
use crate::functions::Native;

/// A value while an expression is evaluated. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Value<'e> {
    /// Nothing: a member that is not there.
    Undefined,
    Null,
    Bool(bool),
    Number(f64),
    /// A number of the input that no double is equal to; it counts as the nearest one, and is written as it was.
    Exact(Rc<Exact>),
    Str(Text),
    Array(Rc<Array<'e>>),
    Object(Rc<Object<'e>>),
    Function(Rc<Function<'e>>),
}

#[derive(Debug)]
pub(crate) struct Exact {
    pub(crate) text: Box<str>,
    pub(crate) nearest: f64,
}

/// Elements with what JSONata remembers of where they come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Array<'e> {
    pub(crate) items: Vec<Value<'e>>,
    /// The result of a step: one of one element is the element.
    pub(crate) sequence: bool,
    /// `[]`: not even then.
    pub(crate) keep_singleton: bool,
    /// Made by an array constructor at an end of a path: it is not flattened.
    pub(crate) cons: bool,
    /// Around an input that is an array.
    pub(crate) outer: bool,
    /// Of what is inside, and one more.
    pub(crate) depth: u16,
}

impl<'e> Array<'e> {
    pub(crate) fn plain(items: Vec<Value<'e>>) -> Self {
        let mut array = Self { items, ..Self::default() };
        array.measure();
        array
    }

    pub(crate) fn sequence(items: Vec<Value<'e>>) -> Self {
        Self { sequence: true, ..Self::plain(items) }
    }

    pub(crate) fn push(&mut self, item: Value<'e>) {
        self.depth = self.depth.max(item.depth().saturating_add(1));
        self.items.push(item);
    }

    fn measure(&mut self) {
        let deepest = self.items.iter().map(Value::depth).max().unwrap_or(0);
        self.depth = deepest.saturating_add(1);
    }
}

/// Members in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'e> {
    entries: Vec<(Text, Value<'e>)>,
    /// Places by name, from [`INDEXED`] members on.
    index: HashMap<Text, usize>,
    depth: u16,
}

/// From so many members on a table is faster than looking at each.
const INDEXED: usize = 16;

impl<'e> Object<'e> {
    pub(crate) fn get(&self, name: &str) -> Option<&Value<'e>> {
        self.entries.get(self.place(name)?).map(|(_, value)| value)
    }

    fn place(&self, name: &str) -> Option<usize> {
        if self.entries.len() < INDEXED {
            return self.entries.iter().position(|(key, _)| &**key == name);
        }
        self.index.get(name).copied()
    }

    /// Sets a member; one of the same name keeps its place.
    pub(crate) fn insert(&mut self, name: Text, value: Value<'e>) {
        self.depth = self.depth.max(value.depth().saturating_add(1));
        if let Some((_, old)) = self.place(&name).and_then(|at| self.entries.get_mut(at)) {
            *old = value;
            return;
        }
        self.entries.push((name.clone(), value));
        match self.entries.len() {
            INDEXED => {
                let places = self.entries.iter().enumerate().map(|(at, (key, _))| (key.clone(), at));
                self.index = places.collect();
            }
            many if many > INDEXED => {
                self.index.insert(name, many - 1);
            }
            _ => {}
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Text, Value<'e>)> {
        self.entries.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[derive(Debug)]
pub(crate) enum Function<'e> {
    Native(&'static Native),
    Lambda(Closure<'e>),
    Partial {
        function: Value<'e>,
        /// None = a place that is left open.
        arguments: Vec<Option<Value<'e>>>,
    },
    /// The first, then the second.
    Chain(Value<'e>, Value<'e>),
    Regex(&'e regex::Regex),
}

/// A lambda where it was written.
#[derive(Debug)]
pub(crate) struct Closure<'e> {
    pub(crate) lambda: &'e Lambda,
    /// The frame of its names.
    pub(crate) frame: usize,
    pub(crate) context: Value<'e>,
}

impl<'e> Value<'e> {
    pub(crate) fn text(text: &str) -> Self {
        Self::Str(text.into())
    }

    pub(crate) fn array(items: Vec<Value<'e>>) -> Self {
        Self::Array(Rc::new(Array::plain(items)))
    }

    pub(crate) fn sequence(items: Vec<Value<'e>>) -> Self {
        Self::Array(Rc::new(Array::sequence(items)))
    }

    pub(crate) fn object(object: Object<'e>) -> Self {
        Self::Object(Rc::new(object))
    }

    pub(crate) fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined)
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Exact(exact) => Some(exact.nearest),
            _ => None,
        }
    }

    /// How many arrays and objects are inside each other.
    pub(crate) fn depth(&self) -> u16 {
        match self {
            Self::Array(array) => array.depth,
            Self::Object(object) => object.depth,
            _ => 0,
        }
    }

    /// Elements of an array, the value itself as the only one otherwise, none if it is undefined.
    pub(crate) fn items(&self) -> &[Value<'e>] {
        match self {
            Self::Array(array) => &array.items,
            Self::Undefined => &[],
            single => std::slice::from_ref(single),
        }
    }

    /// A sequence of one is its element, one of none is nothing.
    pub(crate) fn collapsed(self) -> Self {
        match &self {
            Self::Array(array) if array.sequence => match array.items.as_slice() {
                [] => Self::Undefined,
                [single] if !array.keep_singleton => single.clone(),
                _ => self,
            },
            _ => self,
        }
    }

    /// What counts as true.
    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Undefined | Self::Null | Self::Function(_) => false,
            Self::Bool(value) => *value,
            Self::Number(_) | Self::Exact(_) => self.as_number().is_some_and(|n| n != 0.0),
            Self::Str(text) => !text.is_empty(),
            Self::Array(array) => match array.items.as_slice() {
                [single] => single.truth(),
                items => items.iter().any(Value::truth),
            },
            Self::Object(object) => object.len() > 0,
        }
    }

    /// Equality of all parts.
    pub(crate) fn equals(&self, other: &Value<'e>) -> bool {
        match (self, other) {
            (Self::Undefined, Self::Undefined) | (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Exact(a), Self::Exact(b)) => a.text == b.text || a.nearest == b.nearest,
            (Self::Array(a), Self::Array(b)) => {
                a.items.len() == b.items.len() && a.items.iter().zip(&b.items).all(|(a, b)| a.equals(b))
            }
            (Self::Object(a), Self::Object(b)) => {
                let same = |(name, value): &(Text, Value<'e>)| b.get(name).is_some_and(|v| value.equals(v));
                a.len() == b.len() && a.iter().all(same)
            }
            (Self::Function(a), Self::Function(b)) => Rc::ptr_eq(a, b),
            _ => match (self.as_number(), other.as_number()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }

    /// The order of two numbers or two texts.
    pub(crate) fn order(&self, other: &Value<'e>) -> Option<Ordering> {
        match (self, other) {
            // By UTF-16 units, as JavaScript does.
            (Self::Str(a), Self::Str(b)) => Some(a.encode_utf16().cmp(b.encode_utf16())),
            _ => self.as_number()?.partial_cmp(&other.as_number()?),
        }
    }

    /// The name of its type.
    pub(crate) fn type_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Undefined => return None,
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) | Self::Exact(_) => "number",
            Self::Str(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Function(_) => "function",
        })
    }
}

/// One list of two values, as `$append` makes it.
pub(crate) fn append<'e>(first: Value<'e>, second: Value<'e>) -> Value<'e> {
    if first.is_undefined() {
        return second;
    }
    if second.is_undefined() {
        return first;
    }
    let mut items = match first {
        Value::Array(array) => Rc::try_unwrap(array).map_or_else(|a| a.items.clone(), |a| a.items),
        single => vec![single],
    };
    items.extend_from_slice(second.items());
    Value::array(items)
}
