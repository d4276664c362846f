//! What is changed in a query's syntax tree before it is planned: names of result columns, forms that the planner does
//! not know (as calls of functions that it does), star forms, and rules that concern the text of a query.

mod calls;
mod candidates;
mod extremes;
mod fill;
mod names;
mod order;
mod scope;
mod stars;
mod windows;

use std::ops::ControlFlow;

use sqlparser::ast::{self as sql, VisitMut, VisitorMut};

pub(crate) use candidates::{candidates, joins};
pub(crate) use names::shown;
pub(crate) use scope::Scope;

use crate::KwError;
use crate::parse::PUBLIC;

/// Changes `query` so that DataFusion plans it as KWDB means it.
///
/// # Errors
/// Rules of section 12 that the text alone breaks.
pub(crate) fn prepare(query: &mut sql::Query, scope: &Scope<'_>) -> Result<(), KwError> {
    let mut passes = Passes { scope: scope.of(query) };
    match VisitMut::visit(query, &mut passes) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Passes<'s> {
    scope: Scope<'s>,
}

fn flow(result: Result<(), KwError>) -> ControlFlow<KwError> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

impl VisitorMut for Passes<'_> {
    type Break = KwError;

    fn pre_visit_query(&mut self, query: &mut sql::Query) -> ControlFlow<KwError> {
        let with = query.with.iter().flat_map(|w| &w.cte_tables);
        if with.into_iter().any(|cte| fill::is_in(&cte.query)) {
            return ControlFlow::Break(fill::in_with());
        }
        flow(order::query(query))
    }

    fn pre_visit_relation(&mut self, name: &mut sql::ObjectName) -> ControlFlow<KwError> {
        without_schema(name);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut sql::Select) -> ControlFlow<KwError> {
        flow(self.select(select))
    }

    fn post_visit_expr(&mut self, expr: &mut sql::Expr) -> ControlFlow<KwError> {
        flow(calls::rewrite(expr))
    }
}

impl Passes<'_> {
    fn select(&self, select: &mut sql::Select) -> Result<(), KwError> {
        windows::check(select)?;
        fill::rewrite(select, &self.scope)?;
        stars::expand(select, &self.scope)?;
        extremes::rewrite(select);
        names::name(select);
        Ok(())
    }
}

/// `db.public.t` as `db.t`, and `public.t` as `t`: there is one schema, and databases have one level of tables.
fn without_schema(name: &mut sql::ObjectName) {
    let is_schema = |part: &sql::ObjectNamePart| part.as_ident().is_some_and(|i| folded(i) == PUBLIC);
    let place = name.0.len().checked_sub(2);
    if let Some(place) = place.filter(|at| name.0.get(*at).is_some_and(is_schema)) {
        name.0.remove(place);
    }
}

/// The name of a function, in small letters; none for qualified ones.
pub(super) fn name_of(function: &sql::Function) -> Option<String> {
    match function.name.0.as_slice() {
        [sql::ObjectNamePart::Identifier(name)] => Some(name.value.to_lowercase()),
        _ => None,
    }
}

/// The positional arguments of a call.
pub(super) fn args_of(function: &sql::Function) -> &[sql::FunctionArg] {
    match &function.args {
        sql::FunctionArguments::List(list) => &list.args,
        _ => &[],
    }
}

/// A positional argument that is an expression.
pub(super) fn arg(function: &sql::Function, at: usize) -> Option<&sql::Expr> {
    match args_of(function).get(at)? {
        sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// `name(args)`.
pub(super) fn call(name: &str, args: Vec<sql::Expr>) -> sql::Expr {
    let args = args.into_iter().map(|a| sql::FunctionArg::Unnamed(sql::FunctionArgExpr::Expr(a)));
    sql::Expr::Function(sql::Function {
        name: sql::ObjectName::from(vec![sql::Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: sql::FunctionArguments::None,
        args: sql::FunctionArguments::List(sql::FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// A literal text.
pub(super) fn text(value: impl Into<String>) -> sql::Expr {
    sql::Expr::value(sql::Value::SingleQuotedString(value.into()))
}

/// A name that keeps its case.
pub(super) fn quoted(name: impl Into<String>) -> sql::Ident {
    sql::Ident::with_quote('"', name)
}

/// What a name without quotes means.
pub(super) fn folded(name: &sql::Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}
