//! From text to tree: operators by precedence, paths made flat as the reference implementation makes them.

use std::sync::Arc;

use crate::ast::{Kind, Lambda, Node, Operator, Term};
use crate::error::{CompileError, CompileErrorKind};
use crate::functions;
use crate::lexer::{Lexer, Token};
use crate::signature::Signature;
use crate::{MAX_NESTING, MAX_OPERATORS};

/// Reads a whole expression.
pub(crate) fn parse(text: &str) -> Result<Node, CompileError> {
    let mut lexer = Lexer::new(text);
    let (offset, token) = lexer.next(true)?;
    let mut parser = Parser { lexer, token, offset, depth: 0 };
    let node = parser.expression(0)?;
    match parser.token {
        Token::End => Ok(node),
        _ => Err(parser.expected("the end")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token that is read next, and its offset.
    token: Token,
    offset: usize,
    depth: usize,
}

/// Infix operators by how strongly they bind.
fn power(token: &Token) -> u8 {
    match token {
        Token::Symbol(symbol) => match *symbol {
            "[" | "(" | "@" | "#" => 80,
            "." => 75,
            "{" => 70,
            "*" | "/" | "%" => 60,
            "+" | "-" | "&" => 50,
            "=" | "!=" | "<" | "<=" | ">" | ">=" | "^" | "~>" | "?:" | "??" => 40,
            "?" => 20,
            ":=" => 10,
            _ => 0,
        },
        Token::Name(name) => match name.as_str() {
            "in" => 40,
            "and" => 30,
            "or" => 25,
            _ => 0,
        },
        _ => 0,
    }
}

fn operator(symbol: &str) -> Option<Operator> {
    Some(match symbol {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "%" => Operator::Modulo,
        "=" => Operator::Equal,
        "!=" => Operator::NotEqual,
        "<" => Operator::Less,
        "<=" => Operator::LessEqual,
        ">" => Operator::Greater,
        ">=" => Operator::GreaterEqual,
        "&" => Operator::Concat,
        "and" => Operator::And,
        "or" => Operator::Or,
        "in" => Operator::In,
        "?:" => Operator::Elvis,
        "??" => Operator::Coalesce,
        _ => return None,
    })
}

impl Parser<'_> {
    fn expected(&self, what: &'static str) -> CompileError {
        self.fault(CompileErrorKind::Expected(what))
    }

    fn fault(&self, kind: CompileErrorKind) -> CompileError {
        CompileError { offset: self.offset, kind }
    }

    fn unsupported(&self, what: &str) -> CompileError {
        self.fault(CompileErrorKind::Unsupported(what.to_owned()))
    }

    /// Takes the token.
    fn take(&mut self) -> Result<Token, CompileError> {
        let operand = match &self.token {
            Token::Symbol(symbol) => !matches!(*symbol, ")" | "]" | "}"),
            Token::Name(name) => matches!(name.as_str(), "and" | "or" | "in"),
            _ => false,
        };
        let (offset, next) = self.lexer.next(operand)?;
        self.offset = offset;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.token, Token::Symbol(found) if found == symbol)
    }

    /// Takes a symbol if it is the next token.
    fn accept(&mut self, symbol: &str) -> Result<bool, CompileError> {
        let found = self.is(symbol);
        if found {
            self.take()?;
        }
        Ok(found)
    }

    fn demand(&mut self, symbol: &'static str) -> Result<(), CompileError> {
        if self.accept(symbol)? { Ok(()) } else { Err(self.expected(symbol)) }
    }

    fn expression(&mut self, right: u8) -> Result<Node, CompileError> {
        if self.depth == MAX_NESTING {
            return Err(self.fault(CompileErrorKind::Depth));
        }
        self.depth += 1;
        let mut left = self.prefix()?;
        let mut operators = 0;
        while right < power(&self.token) {
            // Each is around what is left of it.
            operators += 1;
            if operators > MAX_OPERATORS {
                return Err(self.fault(CompileErrorKind::Depth));
            }
            left = self.infix(left)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn prefix(&mut self) -> Result<Node, CompileError> {
        let at = self.offset;
        let token = self.take()?;
        Ok(Node::new(match token {
            Token::Name(name) => match name.as_str() {
                "true" => Kind::Bool(true),
                "false" => Kind::Bool(false),
                "null" => Kind::Null,
                _ => return Ok(name_path(&name)),
            },
            Token::Quoted(name) => return Ok(name_path(&name)),
            Token::Variable(name) => {
                if functions::is_left_out(&name) {
                    let kind = CompileErrorKind::Unsupported(format!("function ${name}"));
                    return Err(CompileError { offset: at, kind });
                }
                Kind::Variable(name.into())
            }
            Token::Text(text) => Kind::Text(text.into()),
            Token::Number(value) => Kind::Number(value),
            Token::Regex(regex) => Kind::Regex(Arc::new(*regex)),
            Token::Symbol(symbol) => return self.prefix_symbol(symbol, at),
            Token::End => {
                return Err(CompileError { offset: at, kind: CompileErrorKind::Expected("an expression") });
            }
        }))
    }

    fn prefix_symbol(&mut self, symbol: &str, at: usize) -> Result<Node, CompileError> {
        let fault = |kind| Err(CompileError { offset: at, kind });
        Ok(match symbol {
            "*" => Node::new(Kind::Wildcard),
            "**" => Node::new(Kind::Descendant),
            "-" => {
                let operand = self.expression(70)?;
                match operand.kind {
                    Kind::Number(value) => Node { kind: Kind::Number(-value), ..operand },
                    _ => Node::new(Kind::Negate(Box::new(operand))),
                }
            }
            "(" => {
                let mut parts = Vec::new();
                while !self.is(")") {
                    parts.push(self.expression(0)?);
                    if !self.accept(";")? {
                        break;
                    }
                }
                self.demand(")")?;
                let is_cons = |part: &Node| {
                    let first = match &part.kind {
                        Kind::Path { steps, .. } => steps.first(),
                        _ => None,
                    };
                    part.cons_array || first.is_some_and(|step| step.cons_array)
                };
                let cons_array = parts.iter().any(is_cons);
                Node { cons_array, ..Node::new(Kind::Block(parts)) }
            }
            "[" => Node::new(Kind::Array(self.elements()?)),
            "{" => Node::new(Kind::Object(self.pairs()?)),
            "|" => return fault(CompileErrorKind::Unsupported("the transform operator |…|".to_owned())),
            "%" => return fault(CompileErrorKind::Unsupported("the parent operator %".to_owned())),
            _ => return fault(CompileErrorKind::Expected("an expression")),
        })
    }

    /// The inside of `[…]` as a constructor.
    fn elements(&mut self) -> Result<Vec<Node>, CompileError> {
        let mut out = Vec::new();
        while !self.is("]") {
            let mut item = self.expression(0)?;
            if self.accept("..")? {
                let end = self.expression(0)?;
                item = Node::new(Kind::Binary(Operator::Range, Box::new((item, end))));
            }
            out.push(item);
            if !self.accept(",")? {
                break;
            }
        }
        self.demand("]")?;
        Ok(out)
    }

    /// The inside of `{…}`.
    fn pairs(&mut self) -> Result<Vec<(Node, Node)>, CompileError> {
        let mut out = Vec::new();
        while !self.is("}") {
            let name = self.expression(0)?;
            self.demand(":")?;
            out.push((name, self.expression(0)?));
            if !self.accept(",")? {
                break;
            }
        }
        self.demand("}")?;
        Ok(out)
    }

    fn infix(&mut self, left: Node) -> Result<Node, CompileError> {
        let binds = power(&self.token);
        let at = self.offset;
        let symbol = match self.take()? {
            Token::Symbol(symbol) => symbol.to_owned(),
            Token::Name(name) => name,
            _ => return Err(self.expected("an operator")),
        };
        let misplaced = |text| Err(CompileError { offset: at, kind: CompileErrorKind::Misplaced(text) });
        match symbol.as_str() {
            "." => {
                let rest = self.expression(binds)?;
                path(left, rest).map_or_else(|| misplaced("a literal is no step of a path"), Ok)
            }
            "[" => {
                if self.accept("]")? {
                    return Ok(kept(left));
                }
                if left.group.is_some() && !matches!(left.kind, Kind::Path { .. }) {
                    return misplaced("a predicate cannot follow a grouping");
                }
                let predicate = self.expression(0)?;
                self.demand("]")?;
                Ok(filtered(left, predicate))
            }
            "{" => {
                let group = self.pairs()?;
                if left.group.is_some() {
                    return misplaced("a step can be grouped only once");
                }
                Ok(Node { group: Some(group), ..left })
            }
            "^" => self.order(left),
            "(" => self.call(left),
            "?" => {
                let then = Box::new(self.expression(0)?);
                let other = if self.accept(":")? { Some(Box::new(self.expression(0)?)) } else { None };
                Ok(Node::new(Kind::Condition { test: Box::new(left), then, other }))
            }
            ":=" => match left.kind {
                Kind::Variable(name) if left.predicates.is_empty() => {
                    let value = self.expression(binds - 1)?;
                    Ok(Node::new(Kind::Bind(name, Box::new(value))))
                }
                _ => misplaced("a variable stands before :="),
            },
            "~>" => {
                let right = self.expression(binds)?;
                let keep_array = left.keep_array || right.keep_array;
                Ok(Node { keep_array, ..Node::new(Kind::Apply(Box::new((left, right)))) })
            }
            "@" => Err(self.unsupported("the binding of a context with @")),
            "#" => Err(self.unsupported("the binding of a position with #")),
            other => match operator(other) {
                Some(operator) => {
                    let right = self.expression(binds)?;
                    Ok(Node::new(Kind::Binary(operator, Box::new((left, right)))))
                }
                None => Err(self.expected("an operator")),
            },
        }
    }

    /// `^(>a, b)`
    fn order(&mut self, left: Node) -> Result<Node, CompileError> {
        self.demand("(")?;
        let mut terms = Vec::new();
        loop {
            let descending = self.accept(">")?;
            if !descending {
                self.accept("<")?;
            }
            terms.push(Term { expression: self.expression(0)?, descending });
            if !self.accept(",")? {
                break;
            }
        }
        self.demand(")")?;
        let mut path = into_path(left);
        if let Kind::Path { steps, .. } = &mut path.kind {
            steps.push(Node::new(Kind::Sort(terms)));
        }
        Ok(path)
    }

    /// The arguments of a function, or a function's definition.
    fn call(&mut self, procedure: Node) -> Result<Node, CompileError> {
        let mut arguments = Vec::new();
        while !self.is(")") {
            arguments.push(if self.accept("?")? { None } else { Some(self.expression(0)?) });
            if !self.accept(",")? {
                break;
            }
        }
        self.demand(")")?;
        if matches!(only_name(&procedure), Some("function" | "λ")) {
            return self.lambda(arguments);
        }
        let procedure = Box::new(procedure);
        if arguments.iter().any(Option::is_none) {
            return Ok(Node::new(Kind::Partial { procedure, arguments }));
        }
        Ok(Node::new(Kind::Call { procedure, arguments: arguments.into_iter().flatten().collect() }))
    }

    fn lambda(&mut self, arguments: Vec<Option<Node>>) -> Result<Node, CompileError> {
        let mut parameters = Vec::new();
        for argument in arguments {
            match argument.map(|node| node.kind) {
                Some(Kind::Variable(name)) => parameters.push(name),
                _ => return Err(self.fault(CompileErrorKind::Misplaced("parameters are variables"))),
            }
        }
        let signature = if self.is("<") {
            let text = self.lexer.signature()?;
            self.take()?;
            let signature = Signature::new(&text);
            Some(signature.ok_or_else(|| self.fault(CompileErrorKind::Signature(text)))?)
        } else {
            None
        };
        self.demand("{")?;
        let body = self.expression(0)?;
        self.demand("}")?;
        Ok(Node::new(Kind::Lambda(Box::new(Lambda { parameters, signature, body }))))
    }
}

fn name_path(name: &str) -> Node {
    let steps = vec![Node::new(Kind::Name(name.into()))];
    Node::new(Kind::Path { steps, keep_singleton: false })
}

/// The name that is all of a path.
fn only_name(node: &Node) -> Option<&str> {
    let Kind::Path { steps, .. } = &node.kind else { return None };
    match steps.as_slice() {
        [Node { kind: Kind::Name(name), .. }] if node.group.is_none() => Some(name),
        _ => None,
    }
}

fn into_path(node: Node) -> Node {
    match node.kind {
        Kind::Path { .. } => node,
        _ => Node::new(Kind::Path { steps: vec![node], keep_singleton: false }),
    }
}

/// `left.rest` as one path; none if there is a literal in it.
fn path(left: Node, rest: Node) -> Option<Node> {
    let mut whole = into_path(left);
    let Kind::Path { steps, keep_singleton } = &mut whole.kind else { return None };
    match rest.kind {
        Kind::Path { steps: more, keep_singleton: keeps } => {
            steps.extend(more);
            *keep_singleton |= keeps;
        }
        _ => {
            let mut step = rest;
            step.stages.append(&mut step.predicates);
            steps.push(step);
        }
    }
    for step in steps.iter_mut() {
        match &mut step.kind {
            Kind::Number(_) | Kind::Bool(_) | Kind::Null => return None,
            Kind::Text(text) => step.kind = Kind::Name(std::mem::take(text)),
            _ => {}
        }
    }
    *keep_singleton |= steps.iter().any(|step| step.keep_array);
    let last = steps.len().saturating_sub(1);
    for at in [0, last] {
        if let Some(step) = steps.get_mut(at).filter(|step| matches!(step.kind, Kind::Array(_))) {
            step.cons_array = true;
        }
    }
    Some(whole)
}

/// `left[]`
fn kept(mut left: Node) -> Node {
    if only_name(&left).is_some()
        && let Kind::Path { steps, keep_singleton } = &mut left.kind
    {
        *keep_singleton = true;
        if let Some(step) = steps.first_mut() {
            step.keep_array = true;
        }
    }
    left.keep_array = true;
    left
}

/// `left[predicate]`
fn filtered(mut left: Node, predicate: Node) -> Node {
    match &mut left.kind {
        Kind::Path { steps, .. } => {
            if let Some(step) = steps.last_mut() {
                step.stages.push(predicate);
            }
        }
        _ => left.predicates.push(predicate),
    }
    left
}
