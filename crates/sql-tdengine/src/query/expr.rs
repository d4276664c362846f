//! Expressions: the tree is walked here, what each node means is decided by `functions`.

use triglot_parse_tdengine::ast::{Call, Expr, ExprKind};

use super::errors;
use super::kinds::{self, FunctionKind};
use super::scope::Scope;
use crate::TaosError;
use crate::functions;
use crate::typed::{FunctionEnv, Typed};

/// What columns and calls mean where an expression stands.
pub(super) trait Resolver {
    /// The meaning of `expr` as a whole. `None`: it means what its parts mean. Asked for each node from the
    /// outermost on; columns and calls of other than scalar functions must be answered.
    ///
    /// # Errors
    /// The expression may not stand here.
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError>;
}

/// The expression over the plan that `resolver` speaks of.
///
/// # Errors
/// Those of the resolver, and of functions and operators.
pub(super) fn lower(expr: &Expr, env: &FunctionEnv, resolver: &mut dyn Resolver) -> Result<Typed, TaosError> {
    if let Some(typed) = resolver.resolve(expr, env)? {
        return Ok(typed);
    }
    match &expr.kind {
        ExprKind::Literal(literal) => functions::literal(literal, env),
        ExprKind::Column { name, .. } => Err(errors::no_column(&name.name)),
        ExprKind::Star { .. } => Err(errors::syntax("*")),
        ExprKind::Unary { op, expr } => functions::unary(*op, lower(expr, env, resolver)?),
        ExprKind::Binary { op, left, right } => {
            let left = lower(left, env, resolver)?;
            functions::binary(*op, left, lower(right, env, resolver)?, env)
        }
        ExprKind::IsNull { expr, negated } => Ok(functions::is_null(lower(expr, env, resolver)?, *negated)),
        ExprKind::Between { expr, negated, low, high } => {
            let (expr, low) = (lower(expr, env, resolver)?, lower(low, env, resolver)?);
            functions::between(expr, *negated, low, lower(high, env, resolver)?, env)
        }
        ExprKind::InList { expr, negated, list } => {
            let expr = lower(expr, env, resolver)?;
            let list = list.iter().map(|e| lower(e, env, resolver)).collect::<Result<Vec<_>, _>>()?;
            functions::in_list(expr, *negated, list, env)
        }
        ExprKind::Case { operand, branches, otherwise } => {
            let operand = operand.as_deref().map(|e| lower(e, env, resolver)).transpose()?;
            let mut lowered = Vec::with_capacity(branches.len());
            for (when, then) in branches {
                lowered.push((lower(when, env, resolver)?, lower(then, env, resolver)?));
            }
            let otherwise = otherwise.as_deref().map(|e| lower(e, env, resolver)).transpose()?;
            functions::case(operand, lowered, otherwise, env)
        }
        ExprKind::Cast { expr, to } => functions::cast(lower(expr, env, resolver)?, to, env),
        ExprKind::Call(call) => scalar_call(call, env, resolver),
    }
}

fn scalar_call(call: &Call, env: &FunctionEnv, resolver: &mut dyn Resolver) -> Result<Typed, TaosError> {
    let args = call.args.iter().map(|a| lower(&a.expr, env, resolver));
    let args = args.collect::<Result<Vec<_>, _>>()?;
    match functions::scalar(&call.name.name, args, env)? {
        Some(typed) => Ok(typed),
        None => Err(errors::no_function(&call.name.name)),
    }
}

/// Where an expression over the rows of FROM stands: what is said of an aggregate there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// WHERE, ON, GROUP BY, PARTITION BY and the like: 0x2608.
    Clause,
    /// The argument of an aggregate: 0x2627.
    Argument,
}

/// Columns are those of FROM, and only scalar functions may be called.
pub(super) struct Rows<'s> {
    scope: &'s Scope,
    place: Place,
}

impl<'s> Rows<'s> {
    /// Over the sources of `scope`.
    pub(super) const fn new(scope: &'s Scope, place: Place) -> Self {
        Self { scope, place }
    }
}

impl Resolver for Rows<'_> {
    fn resolve(&mut self, expr: &Expr, _env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        match &expr.kind {
            ExprKind::Column { table, name } => self.scope.column(table.as_ref(), name).map(Some),
            ExprKind::Call(call) => match (kinds::of(&call.name.name), self.place) {
                (FunctionKind::Scalar, _) => Ok(None),
                (FunctionKind::Series | FunctionKind::Rows | FunctionKind::Interp, Place::Clause) => {
                    Err(errors::mixed(&call.name.name))
                }
                (_, Place::Clause) => Err(errors::aggregate_here()),
                (_, Place::Argument) => Err(errors::nested_aggregate()),
            },
            _ => Ok(None),
        }
    }
}

/// Whether any node of `expr` satisfies `wanted`; arguments of calls are looked into.
pub(super) fn any(expr: &Expr, wanted: &mut dyn FnMut(&Expr) -> bool) -> bool {
    if wanted(expr) {
        return true;
    }
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column { .. } | ExprKind::Star { .. } => false,
        ExprKind::Unary { expr, .. } | ExprKind::IsNull { expr, .. } | ExprKind::Cast { expr, .. } => {
            any(expr, wanted)
        }
        ExprKind::Binary { left, right, .. } => any(left, wanted) || any(right, wanted),
        ExprKind::Between { expr, low, high, .. } => {
            any(expr, wanted) || any(low, wanted) || any(high, wanted)
        }
        ExprKind::InList { expr, list, .. } => any(expr, wanted) || list.iter().any(|e| any(e, wanted)),
        ExprKind::Case { operand, branches, otherwise } => {
            operand.as_deref().is_some_and(|e| any(e, wanted))
                || branches.iter().any(|(when, then)| any(when, wanted) || any(then, wanted))
                || otherwise.as_deref().is_some_and(|e| any(e, wanted))
        }
        ExprKind::Call(call) => call.args.iter().any(|a| any(&a.expr, wanted)),
    }
}

/// The calls in `expr` of functions of the given kinds, outermost first; calls in their arguments are not
/// looked for.
pub(super) fn calls<'e>(expr: &'e Expr, kinds_wanted: &[FunctionKind], found: &mut Vec<&'e Call>) {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Column { .. } | ExprKind::Star { .. } => {}
        ExprKind::Unary { expr, .. } | ExprKind::IsNull { expr, .. } | ExprKind::Cast { expr, .. } => {
            calls(expr, kinds_wanted, found);
        }
        ExprKind::Binary { left, right, .. } => {
            calls(left, kinds_wanted, found);
            calls(right, kinds_wanted, found);
        }
        ExprKind::Between { expr, low, high, .. } => {
            for part in [expr, low, high] {
                calls(part, kinds_wanted, found);
            }
        }
        ExprKind::InList { expr, list, .. } => {
            calls(expr, kinds_wanted, found);
            list.iter().for_each(|e| calls(e, kinds_wanted, found));
        }
        ExprKind::Case { operand, branches, otherwise } => {
            for part in operand.as_deref().into_iter().chain(otherwise.as_deref()) {
                calls(part, kinds_wanted, found);
            }
            for (when, then) in branches {
                calls(when, kinds_wanted, found);
                calls(then, kinds_wanted, found);
            }
        }
        ExprKind::Call(call) if kinds_wanted.contains(&kinds::of(&call.name.name)) => found.push(call),
        ExprKind::Call(call) => call.args.iter().for_each(|a| calls(&a.expr, kinds_wanted, found)),
    }
}
