//! Joins on the primary timestamp.

use datafusion::common::{Column, JoinType};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, Operator, lit};
use triglot_parse_tdengine::ast::{Join, JoinKind, Source};

use super::expr::{self, Place, Rows};
use super::scope::Scope;
use super::source::Relation;
use super::{Planner, errors};
use crate::{TaosError, functions};

/// Which rows are kept beside the matching ones, seen from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Outer(JoinType),
    Semi,
    Anti,
}

impl Planner<'_> {
    /// The rows of a join, and the names of both sides.
    pub(super) fn join(&self, join: &Join) -> Result<Relation, TaosError> {
        if is_chained(join) {
            return Err(errors::chained_join());
        }
        let (left, right) = (self.source(&join.left)?, self.source(&join.right)?);
        let precision = left.precision;
        let scope = both(&left.scope, &right.scope)?;
        let env = self.env(precision);
        let Some(on) = &join.on else {
            if join.kind != JoinKind::Inner {
                return self.join_without_condition(join, left, right, scope);
            }
            // `a, b`: the condition is in WHERE, where `check_condition` looks for it.
            let plan = LogicalPlanBuilder::from(left.plan).cross_join(right.plan);
            let plan = plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)?;
            return Ok(Relation { plan, scope: Scope { waits_for_condition: true, ..scope }, precision });
        };
        let on = expr::lower(on, &env, &mut Rows::new(&scope, Place::Clause))?;
        let on = functions::condition(on)?.expr;
        let (swap, keep) = match join.kind {
            JoinKind::Inner => (false, Keep::Outer(JoinType::Inner)),
            JoinKind::Left => (false, Keep::Outer(JoinType::Left)),
            JoinKind::Right => (false, Keep::Outer(JoinType::Right)),
            JoinKind::Full => (false, Keep::Outer(JoinType::Full)),
            JoinKind::LeftSemi => (false, Keep::Semi),
            JoinKind::RightSemi => (true, Keep::Semi),
            JoinKind::LeftAnti => (false, Keep::Anti),
            JoinKind::RightAnti => (true, Keep::Anti),
            JoinKind::LeftAsof | JoinKind::RightAsof | JoinKind::LeftWindow | JoinKind::RightWindow => {
                return self.nearest(join, left, right, scope, Some(on));
            }
        };
        check_condition(&on, &scope)?;
        let (kept, other) = if swap { (right.plan, left.plan) } else { (left.plan, right.plan) };
        let plan = match keep {
            Keep::Outer(kind) => joined(kept, other, kind, on)?,
            Keep::Semi => semi(kept, other, on)?,
            Keep::Anti => anti(kept, other, on)?,
        };
        Ok(Relation { plan, scope, precision })
    }

    fn join_without_condition(
        &self,
        join: &Join,
        left: Relation,
        right: Relation,
        scope: Scope,
    ) -> Result<Relation, TaosError> {
        match join.kind {
            JoinKind::LeftAsof | JoinKind::RightAsof | JoinKind::LeftWindow | JoinKind::RightWindow => {
                self.nearest(join, left, right, scope, None)
            }
            _ => Err(errors::cross_join()),
        }
    }
}

/// Whether a join other than an inner one has a join for a side; a subquery around it would make it good.
fn is_chained(join: &Join) -> bool {
    let other = |kind: JoinKind| kind != JoinKind::Inner;
    let is_bad = |side: &Source| match side {
        Source::Join(inner) => other(join.kind) || other(inner.kind),
        Source::Table { .. } | Source::Query { .. } => false,
    };
    is_bad(&join.left) || is_bad(&join.right)
}

/// The names of both sides.
fn both(left: &Scope, right: &Scope) -> Result<Scope, TaosError> {
    let mut sources = left.sources.clone();
    for source in &right.sources {
        if let Some(name) = &source.name
            && sources.iter().any(|s| s.name.as_ref() == Some(name))
        {
            return Err(errors::alias_taken(name));
        }
        sources.push(source.clone());
    }
    if sources.iter().any(|s| s.time().is_none()) {
        return Err(errors::join_without_time());
    }
    let waits_for_condition = left.waits_for_condition || right.waits_for_condition;
    Ok(Scope { sources, waits_for_condition, ..Scope::default() })
}

/// A join needs the equality of the primary timestamps of two sources among its conditions.
///
/// # Errors
/// 0x2701.
pub(super) fn check_condition(condition: &Expr, scope: &Scope) -> Result<(), TaosError> {
    let times: Vec<&Expr> = scope.sources.iter().filter_map(|s| s.time()).map(|t| &t.expr).collect();
    let of_time = |e: &Expr| {
        times.iter().position(|t| {
            **t == *e || matches!(e, Expr::ScalarFunction(call) if call.args.iter().any(|a| a == *t))
        })
    };
    let equates = |e: &&Expr| match e {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            matches!((of_time(left), of_time(right)), (Some(a), Some(b)) if a != b)
        }
        _ => false,
    };
    let found = split_conjunction(condition).iter().filter(|e| equates(e)).count();
    if found == 0 { Err(errors::join_time_equality()) } else { Ok(()) }
}

fn joined(left: LogicalPlan, right: LogicalPlan, kind: JoinType, on: Expr) -> Result<LogicalPlan, TaosError> {
    let plan = LogicalPlanBuilder::from(left).join_on(right, kind, [on]);
    plan.and_then(LogicalPlanBuilder::build).map_err(errors::planner)
}

/// Each row of `kept` that has a match, once, with the columns of one match.
fn semi(kept: LogicalPlan, other: LogicalPlan, on: Expr) -> Result<LogicalPlan, TaosError> {
    let plan = || {
        let columns =
            |plan: &LogicalPlan| plan.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
        let row = Expr::Column(Column::new_unqualified("__left_row"));
        let number = Expr::Column(Column::new_unqualified("__match"));
        let kept = LogicalPlanBuilder::from(kept).window(vec![row_number().alias("__left_row")])?.build()?;
        let both = LogicalPlanBuilder::from(kept).join_on(other, JoinType::Inner, [on])?.build()?;
        let mut wanted = columns(&both);
        wanted.retain(|c| *c != row);
        let matches = row_number().partition_by(vec![row]).build()?.alias("__match");
        LogicalPlanBuilder::from(both)
            .window(vec![matches])?
            .filter(number.eq(lit(1_u64)))?
            .project(wanted)?
            .build()
    };
    plan().map_err(errors::planner)
}

/// The rows of `kept` without a match; the columns of `other` are NULL.
fn anti(kept: LogicalPlan, other: LogicalPlan, on: Expr) -> Result<LogicalPlan, TaosError> {
    let plan = || {
        let mark = Expr::Column(Column::new_unqualified("__matched"));
        let mut marked: Vec<Expr> = other.schema().columns().into_iter().map(Expr::Column).collect();
        marked.push(lit(true).alias("__matched"));
        let other = LogicalPlanBuilder::from(other).project(marked)?.build()?;
        let both = LogicalPlanBuilder::from(kept).join_on(other, JoinType::Left, [on])?.build()?;
        let mut wanted: Vec<Expr> = both.schema().columns().into_iter().map(Expr::Column).collect();
        wanted.retain(|c| *c != mark);
        LogicalPlanBuilder::from(both).filter(mark.is_null())?.project(wanted)?.build()
    };
    plan().map_err(errors::planner)
}
