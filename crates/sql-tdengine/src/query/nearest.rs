//! ASOF and window joins.

use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{Expr, Operator};
use triglot_engine::query::operators::{Comparison, TimeJoin, TimeMatch};
use triglot_parse_tdengine::ast::{Join, JoinKind};

use super::scope::Scope;
use super::source::Relation;
use super::{Planner, constants, errors};
use crate::TaosError;
use crate::typed::FunctionEnv;

/// The most rows that `JLIMIT` lets match.
const MAX_MATCHES: i64 = 1024;

impl Planner<'_> {
    /// The rows of an ASOF or WINDOW join, which is on `on`.
    ///
    /// # Errors
    /// 0x2667 for conditions that such joins do not take.
    pub(super) fn nearest(
        &self,
        join: &Join,
        left: Relation,
        right: Relation,
        scope: Scope,
        on: Option<Expr>,
    ) -> Result<Relation, TaosError> {
        let precision = left.precision;
        let env = self.env(precision);
        let is_left = matches!(join.kind, JoinKind::LeftAsof | JoinKind::LeftWindow);
        let (kept, other) = if is_left { (left, right) } else { (right, left) };
        let sides = Sides::new(&kept.scope, &other.scope)?;
        let (mut keys, mut comparison) = (Vec::new(), None);
        for condition in on.map(split_conjunction_owned).unwrap_or_default() {
            match sides.condition(condition)? {
                Condition::Time(op) if comparison.is_none() => comparison = Some(op),
                Condition::Time(_) => {
                    return Err(errors::expression("several conditions on the primary timestamp"));
                }
                Condition::Keys(pair) => keys.push(*pair),
            }
        }
        let is_window = matches!(join.kind, JoinKind::LeftWindow | JoinKind::RightWindow);
        let matching = match (is_window, comparison) {
            (true, Some(_)) => return Err(errors::expression("a condition on the primary timestamp")),
            (true, None) => window(join, &env)?,
            (false, comparison) => TimeMatch::Nearest(comparison.unwrap_or(Comparison::GtEq)),
        };
        let limit = match join.limit {
            Some(limit) if !(1..=MAX_MATCHES).contains(&limit) => {
                return Err(errors::syntax(&limit.to_string()));
            }
            Some(limit) => Some(limit.unsigned_abs()),
            None => (!is_window).then_some(1),
        };
        let operator = TimeJoin {
            on: keys,
            times: (sides.kept.clone(), sides.other.clone()),
            matching,
            limit,
            outer: true,
            left_row: is_window.then(|| LEFT_ROW.to_owned()),
        };
        let plan = operator.over(kept.plan, other.plan).map_err(errors::planner)?;
        let scope = Scope { row_of_window_join: is_window, ..scope };
        Ok(Relation { plan, scope, precision })
    }
}

/// The column that numbers the rows of the side of a window join that is kept.
pub(super) const LEFT_ROW: &str = "__left_row";

fn window(join: &Join, env: &FunctionEnv) -> Result<TimeMatch, TaosError> {
    let window = join.window.ok_or_else(|| errors::syntax("window_offset"))?;
    let units = |d| constants::fixed_units(d, env.precision).ok_or_else(errors::interval_too_small);
    let (start, end) = (units(window.start)?, units(window.end)?);
    Ok(TimeMatch::Between { from: start.min(end), to: start.max(end) })
}

/// A condition of an ASOF join.
enum Condition {
    /// Which way from the kept row's time its matches lie.
    Time(Comparison),
    /// An equality of columns, the kept side's first.
    Keys(Box<(Expr, Expr)>),
}

/// The columns of both sides.
struct Sides<'s> {
    kept: Expr,
    other: Expr,
    kept_scope: &'s Scope,
}

impl<'s> Sides<'s> {
    fn new(kept: &'s Scope, other: &Scope) -> Result<Self, TaosError> {
        let time = |scope: &Scope| scope.time().map(|t| t.expr.clone()).ok_or_else(errors::join_without_time);
        Ok(Self { kept: time(kept)?, other: time(other)?, kept_scope: kept })
    }

    fn condition(&self, condition: Expr) -> Result<Condition, TaosError> {
        let refused =
            || errors::expression("a join condition that is neither on the timestamps nor an equality");
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return Err(refused()) };
        let of_times = if *left == self.kept && *right == self.other {
            Some(op)
        } else if *left == self.other && *right == self.kept {
            op.swap()
        } else {
            None
        };
        if let Some(op) = of_times {
            return Ok(Condition::Time(match op {
                Operator::GtEq => Comparison::GtEq,
                Operator::Gt => Comparison::Gt,
                Operator::Eq => Comparison::Eq,
                Operator::LtEq => Comparison::LtEq,
                Operator::Lt => Comparison::Lt,
                _ => return Err(refused()),
            }));
        }
        if op != Operator::Eq {
            return Err(refused());
        }
        match (self.is_kept(&left), self.is_kept(&right)) {
            (true, false) => Ok(Condition::Keys(Box::new((*left, *right)))),
            (false, true) => Ok(Condition::Keys(Box::new((*right, *left)))),
            _ => Err(refused()),
        }
    }

    /// Whether an expression is over the kept side.
    fn is_kept(&self, expr: &Expr) -> bool {
        expr.column_refs().into_iter().all(|c| {
            self.kept_scope.sources.iter().any(|s| {
                let columns = s.columns.iter().map(|c| &c.value).chain(&s.child);
                columns.into_iter().any(|v| v.expr.column_refs().contains(c))
            })
        })
    }
}
