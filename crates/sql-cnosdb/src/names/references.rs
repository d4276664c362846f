//! Quoted references to names of unaliased expressions.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Query, VisitMut, VisitorMut, visit_expressions, visit_expressions_mut,
};

/// Sub-queries that are planned for their names, at most: each costs about as much as the query itself.
const MAX_QUERIES: usize = 32;

/// A query that may refer to columns by the vendor's names, as it was written.
///
/// DataFusion 55 knows such a column under its own name. When the query does not plan, [`References::resolved`] plans its
/// sub-queries from the innermost outwards, learns what each of their columns is called in both versions, and gives the
/// query with the references replaced.
#[derive(Debug)]
pub(crate) struct References {
    query: Box<Query>,
}

impl References {
    /// A copy of `query` if it quotes what could be such a name, which few queries do.
    pub(crate) fn of(query: &Query) -> Option<Self> {
        let found = visit_expressions(query, |expr| match expr {
            _ if idents(expr).iter().any(is_expression_name) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        found.is_break().then(|| Self { query: Box::new(query.clone()) })
    }

    /// The query with DataFusion 55's names, if it refers to any. `plan` plans a query.
    pub(crate) fn resolved(self, plan: impl Fn(Query) -> Option<LogicalPlan>) -> Option<Query> {
        let mut query = self.query;
        let mut resolver = Resolver { plan, names: HashMap::new(), left: MAX_QUERIES, replaced: false };
        let _ = VisitMut::visit(query.as_mut(), &mut resolver);
        // ORDER BY of the query itself, which was planned without.
        resolver.replace(&mut query);
        resolver.replaced.then_some(*query)
    }
}

struct Resolver<P> {
    plan: P,
    /// DataFusion 55's name by the vendor's.
    names: HashMap<String, String>,
    left: usize,
    replaced: bool,
}

impl<P: Fn(Query) -> Option<LogicalPlan>> Resolver<P> {
    fn replace(&mut self, query: &mut Query) {
        let (names, replaced) = (&self.names, &mut self.replaced);
        let _ = visit_expressions_mut(query, |expr| {
            for ident in idents_mut(expr) {
                if let Some(name) = names.get(&ident.value) {
                    ident.value.clone_from(name);
                    *replaced = true;
                }
            }
            ControlFlow::<()>::Continue(())
        });
    }
}

impl<P: Fn(Query) -> Option<LogicalPlan>> VisitorMut for Resolver<P> {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(left) = self.left.checked_sub(1) else { return ControlFlow::Break(()) };
        self.left = left;
        self.replace(query);
        let mut bare = query.clone();
        bare.order_by = None;
        if let Some(plan) = (self.plan)(bare) {
            self.names.extend(super::differing(&plan).into_iter().map(|(ours, theirs)| (theirs, ours)));
        }
        ControlFlow::Continue(())
    }
}

fn idents(expr: &Expr) -> &[Ident] {
    match expr {
        Expr::Identifier(ident) => std::slice::from_ref(ident),
        Expr::CompoundIdentifier(parts) => parts,
        _ => &[],
    }
}

fn idents_mut(expr: &mut Expr) -> &mut [Ident] {
    match expr {
        Expr::Identifier(ident) => std::slice::from_mut(ident),
        Expr::CompoundIdentifier(parts) => parts,
        _ => &mut [],
    }
}

fn is_expression_name(ident: &Ident) -> bool {
    ident.quote_style.is_some() && ident.value.contains(['(', ' ', '['])
}
