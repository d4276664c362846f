//! The tree of an expression, as the evaluator walks it.

use std::rc::Rc;
use std::sync::Arc;

use crate::signature::Signature;

/// A part of an expression with what is attached to it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// `[…]` behind a part that is no step of a path.
    pub(crate) predicates: Vec<Node>,
    /// `[…]` behind a step of a path.
    pub(crate) stages: Vec<Node>,
    /// `{…}` behind the part.
    pub(crate) group: Option<Vec<(Node, Node)>>,
    /// `[]`: an array of one stays one.
    pub(crate) keep_array: bool,
    /// An array constructor at an end of a path, or a block with one: its result is not flattened.
    pub(crate) cons_array: bool,
}

impl Node {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            predicates: Vec::new(),
            stages: Vec::new(),
            group: None,
            keep_array: false,
            cons_array: false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Path {
        steps: Vec<Node>,
        keep_singleton: bool,
    },
    Name(Box<str>),
    Text(Box<str>),
    Number(f64),
    Bool(bool),
    Null,
    Regex(Arc<regex::Regex>),
    Wildcard,
    Descendant,
    Variable(Box<str>),
    Binary(Operator, Box<(Node, Node)>),
    Negate(Box<Node>),
    Array(Vec<Node>),
    Object(Vec<(Node, Node)>),
    Sort(Vec<Term>),
    Bind(Box<str>, Box<Node>),
    Condition {
        test: Box<Node>,
        then: Box<Node>,
        other: Option<Box<Node>>,
    },
    Block(Vec<Node>),
    Call {
        procedure: Box<Node>,
        arguments: Vec<Node>,
    },
    /// `f(?, 1)`; none = a place that is left open.
    Partial {
        procedure: Box<Node>,
        arguments: Vec<Option<Node>>,
    },
    Lambda(Box<Lambda>),
    Apply(Box<(Node, Node)>),
}

#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    pub(crate) parameters: Vec<Box<str>>,
    pub(crate) signature: Option<Signature>,
    pub(crate) body: Node,
}

/// A term of an order-by.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub(crate) expression: Node,
    pub(crate) descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Concat,
    And,
    Or,
    In,
    Range,
    /// `a ?: b`
    Elvis,
    /// `a ?? b`
    Coalesce,
}

/// Text that values share.
pub(crate) type Text = Rc<str>;
