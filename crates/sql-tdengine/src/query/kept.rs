//! Queries over one table whose plans are kept for other times and tag values (`triglot_query`'s plan cache).
//!
//! A [`Shape`] is what of a statement decides its plan: the text without the constants that conjuncts of WHERE
//! compare time and tags with, the zone, and what the table is. The database, the table's version and its precision
//! are those of its definition, which the cache compares by itself. All else that planning reads of a request
//! ([`Request`](crate::typed::Request)) tells that the plan is that request's alone, and so do bounds of time that
//! get into a plan (`FILL`, `_qstart`).

use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use triglot_engine::Engine;
use triglot_engine::query::{Plannable, PlannedQuery, QueryError, QuerySession, ShapedQuery};
use triglot_model::{ErrorKind, Precision};
use triglot_parse_tdengine::ast::{self, BinaryOp, Expr, ExprKind, Query, SetExpr, Span};

use super::expr::{self, Place, Resolver, Rows};
use super::scope::{Role, Scope, SourceKind};
use super::{Planned, Planner, plan};
use crate::typed::{FunctionEnv, Typed};
use crate::{ColumnMeta, Context, TaosError, functions};

/// Plans of longer statements are not kept: their planning is not what their time goes into, and planning them once
/// more where a kept plan does not fit could take more stack than a query's thread has.
const MAX_TEXT: usize = 4 << 10;

/// A query that can be run.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Its plan, or the promise of a kept one.
    pub(crate) planned: PlannedQuery,
    /// What the client is told.
    pub(crate) told: Arc<Told>,
}

/// What the client is told of a query's result.
#[derive(Debug)]
pub(crate) struct Told {
    /// The columns.
    pub(crate) columns: Arc<[ColumnMeta]>,
    /// The unit of timestamps.
    pub(crate) precision: Precision,
}

impl Planned {
    /// What the client is told, and the plan.
    fn split(self) -> (LogicalPlan, Arc<Told>) {
        (self.plan, Arc::new(Told { columns: self.columns.into(), precision: self.precision }))
    }

    /// A query that is planned for one request.
    pub(crate) fn once(self) -> Ready {
        let (plan, told) = self.split();
        Ready { planned: PlannedQuery::once(plan), told }
    }
}

/// A query with its plan, or with the promise of one that was kept; `text` is the statement.
///
/// # Errors
/// Those of [`plan`].
pub(crate) fn prepare(
    engine: &Engine,
    context: &Context,
    query: Query,
    text: &str,
) -> Result<Ready, TaosError> {
    let mut planner = Planner::new(engine, context, text);
    let Some(Shape { shaped, constants }) = Shape::of(&planner, &query) else {
        return Ok(planner.query(&query)?.into_planned().once());
    };
    if let Some(told) = shaped.note::<Told>(&engine.query_session(&context.session)) {
        let again = Again { engine: engine.clone(), context: context.clone(), query, text: text.to_owned() };
        let planned = PlannedQuery::known(shaped, Arc::clone(&told) as _, Arc::new(again));
        return Ok(Ready { planned, told });
    }
    planner.constants = constants;
    let planned = planner.query(&query)?.into_planned();
    if planner.request.was_read() {
        return Ok(planned.once());
    }
    let (plan, told) = planned.split();
    Ok(Ready { planned: PlannedQuery::of_shape(plan, shaped, Arc::clone(&told) as _), told })
}

/// A query of a known shape as a whole.
#[derive(Debug)]
struct Again {
    engine: Engine,
    context: Context,
    query: Query,
    text: String,
}

impl Plannable for Again {
    fn plan(&self, _session: &QuerySession) -> Result<LogicalPlan, QueryError> {
        let planned = plan(&self.engine, &self.context, &self.query, &self.text);
        planned.map(|p| p.plan).map_err(|error| QueryError::refused(ErrorKind::Plan, error))
    }
}

/// A query as a shape and the constants that are not part of it.
struct Shape {
    shaped: ShapedQuery,
    /// Where these constants stand.
    constants: Vec<Span>,
}

impl Shape {
    /// `None` where plans are not kept, and where anything is wrong with the query: planning says what.
    fn of(planner: &Planner<'_>, query: &Query) -> Option<Self> {
        let SetExpr::Select(select) = &query.body else { return None };
        let Some(ast::Source::Table { name, alias }) = &select.from else { return None };
        if planner.text.len() > MAX_TEXT {
            return None;
        }
        let (table, source, precision) = planner.series_of(name, alias.as_ref())?;
        let is_super = source.kind == SourceKind::Super;
        let scope = Scope { sources: vec![source], ..Scope::default() };
        let env = planner.env(precision);
        let mut conditions = Conditions { scope, env, filters: Vec::new(), constants: Vec::new() };
        if let Some(condition) = &select.filter {
            conditions.take(condition)?;
        }
        let Conditions { filters, mut constants, .. } = conditions;
        constants.sort_by_key(|span| span.start);
        let key = key(planner, is_super, &constants)?;
        Some(Self { shaped: ShapedQuery::of_text(key, table, filters), constants })
    }
}

/// All that decides the plan but the table's definition: what the table is to the statement, the zone, and the text
/// without `constants`, with the places where they are missing.
fn key(planner: &Planner<'_>, is_super: bool, constants: &[Span]) -> Option<String> {
    let (mut text, mut from) = (String::with_capacity(planner.text.len()), 0);
    let mut key = String::with_capacity(planner.text.len() + 64);
    write!(key, "{is_super} {}", planner.context.zone.name()).ok()?;
    for span in constants {
        text.push_str(planner.text.get(from..span.start as usize)?);
        from = span.end as usize;
        write!(key, " {}", text.len()).ok()?;
    }
    text.push_str(planner.text.get(from..)?);
    key.push('\n');
    key.push_str(&text);
    Some(key)
}

/// Goes through the conjuncts of a WHERE.
struct Conditions {
    scope: Scope,
    env: FunctionEnv,
    /// Those that mention nothing but time and tags.
    filters: Vec<PlanExpr>,
    /// Constants of these.
    constants: Vec<Span>,
}

impl Conditions {
    /// `None`: the plan is one for these conditions alone.
    fn take(&mut self, condition: &Expr) -> Option<()> {
        if let ExprKind::Binary { op: BinaryOp::And, left, right } = &condition.kind {
            self.take(left)?;
            return self.take(right);
        }
        // What mentions values is left to a filter by the planner, so its constants stay in the plan.
        if self.mentions_values(condition) {
            return Some(());
        }
        let constants = constants_of(condition);
        let request = Rc::clone(&self.env.request);
        let lower = || {
            let lowered = expr::lower(condition, &self.env, &mut Rows::new(&self.scope, Place::Clause));
            functions::condition(lowered.ok()?).ok()
        };
        let lowered = if constants.is_empty() { lower() } else { request.uncounted(lower) };
        if request.was_read() {
            return None;
        }
        self.filters.push(lowered?.expr);
        self.constants.extend(constants);
        Some(())
    }

    fn mentions_values(&self, condition: &Expr) -> bool {
        let columns = self.scope.single().map(|s| s.columns.as_slice()).unwrap_or_default();
        expr::any(condition, &mut |e| {
            let ExprKind::Column { name, .. } = &e.kind else { return false };
            columns.iter().any(|c| matches!(c.role, Role::Value | Role::Key) && c.name == name.name)
        })
    }
}

/// The constants that a column is compared with: `c op e`, `e op c`, `c BETWEEN e AND e`, `c IN (e, …)`.
fn constants_of(condition: &Expr) -> Vec<Span> {
    use BinaryOp::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    let is_column = |e: &Expr| matches!(e.kind, ExprKind::Column { .. });
    match &condition.kind {
        ExprKind::Binary { op: Eq | NotEq | Lt | LtEq | Gt | GtEq, left, right } => {
            if is_column(left) && is_constant(right) {
                vec![right.span]
            } else if is_column(right) && is_constant(left) {
                vec![left.span]
            } else {
                Vec::new()
            }
        }
        ExprKind::Between { expr, low, high, .. } if is_column(expr) => {
            if is_constant(low) && is_constant(high) { vec![low.span, high.span] } else { Vec::new() }
        }
        ExprKind::InList { expr, list, .. } if is_column(expr) && list.iter().all(is_constant) => {
            match (list.first(), list.last()) {
                (Some(first), Some(last)) => vec![Span { start: first.span.start, end: last.span.end }],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// Whether `e` mentions no column.
fn is_constant(e: &Expr) -> bool {
    !expr::any(e, &mut |e| matches!(e.kind, ExprKind::Column { .. } | ExprKind::Star { .. }))
}

/// The rows of FROM. What `constants` read of the request does not count: they are no part of the shape.
pub(super) struct RowsOfShape<'s> {
    /// The rows.
    pub(super) rows: Rows<'s>,
    /// Where these constants stand.
    pub(super) constants: &'s [Span],
}

impl Resolver for RowsOfShape<'_> {
    fn resolve(&mut self, expr: &Expr, env: &FunctionEnv) -> Result<Option<Typed>, TaosError> {
        let within = |c: &Span| c.start <= expr.span.start && expr.span.end <= c.end;
        if self.constants.iter().any(within) {
            return env.request.uncounted(|| expr::lower(expr, env, &mut self.rows)).map(Some);
        }
        self.rows.resolve(expr, env)
    }
}
