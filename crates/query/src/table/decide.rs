//! Which rows a predicate over time and tags holds for, as ranges of time and sets of series.

use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, Operator};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use roaring::RoaringBitmap;
use triglot_model::ShardId;
use triglot_storage::TimeRange;

use super::SeriesTable;
use super::filter::{Pushdown, classify};
use super::tags;
use crate::source::{SeriesSource, SidSet};
use crate::{QueryError, QuerySession};

/// Rows of a table: those in the time range of the series; None = of all series.
pub type RowsPart = (TimeRange, Option<Vec<(ShardId, RoaringBitmap)>>);

/// What [`decide_rows`] found.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The predicate holds exactly for the rows of these parts, which may overlap.
    Rows(Vec<RowsPart>),
    /// This part of the predicate is not decided by time and tags.
    Undecided(String),
}

/// The rows of `table` for which `predicate` holds, as ranges of time and sets of series: what DELETE
/// makes tombstones of.
///
/// # Errors
/// Those of the planner, when the predicate means nothing.
pub async fn decide_rows(
    session: &QuerySession,
    table: SeriesTable,
    predicate: Expr,
) -> Result<Decision, QueryError> {
    let source = table.source().as_ref();
    let schema = Arc::new(DFSchema::try_from(TableProvider::schema(&table))?);
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(&schema))
        .with_config_options(Arc::clone(session.config().options()))
        .with_query_execution_start_time(session.props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let predicate = simplifier.coerce(unnormalize_col(predicate), &schema)?;
    let predicate = simplifier.simplify(predicate)?;
    Ok(match decide(&predicate, source, session)? {
        Ok(mut parts) => {
            if let Some((shard, sid)) = table.only() {
                let series = vec![(shard, RoaringBitmap::from_iter([sid.0]))];
                parts = both(&parts, &[(TimeRange::ALL, Some(series))]);
            }
            Decision::Rows(parts.into_iter().filter(|(time, _)| !time.is_empty()).collect())
        }
        Err(part) => Decision::Undecided(part),
    })
}

/// The parts of `expr`, or the text of what is in the way.
type Parts = Result<Vec<RowsPart>, String>;

fn decide(expr: &Expr, source: &dyn SeriesSource, session: &QuerySession) -> Result<Parts> {
    match expr {
        Expr::Literal(ScalarValue::Boolean(Some(true)), _) => return Ok(Ok(vec![(TimeRange::ALL, None)])),
        Expr::Literal(value, _) if value.is_null() || value == &ScalarValue::Boolean(Some(false)) => {
            return Ok(Ok(Vec::new()));
        }
        _ => {}
    }
    match classify(expr, source.table()) {
        Pushdown::Time { range, exact: true } => return Ok(Ok(vec![(range, None)])),
        Pushdown::Tags => {
            let selected = tags::select(source, &[expr], session)?;
            let sids = selected.shards.into_iter().map(|(shard, sids)| match sids {
                SidSet::All => (shard, source.all_series(shard)),
                SidSet::Some(sids) => (shard, Arc::unwrap_or_clone(sids)),
            });
            return Ok(Ok(vec![(TimeRange::ALL, Some(sids.collect()))]));
        }
        _ => {}
    }
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (decide(left, source, session)?, decide(right, source, session)?);
            Ok(match (left, right) {
                (Ok(left), Ok(right)) if *op == Operator::And => Ok(both(&left, &right)),
                (Ok(left), Ok(right)) => Ok([left, right].concat()),
                (Err(part), _) | (_, Err(part)) => Err(part),
            })
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::NotEq, right }) => {
            let side = |op| Expr::BinaryExpr(BinaryExpr { left: left.clone(), op, right: right.clone() });
            let (below, above) = (side(Operator::Lt), side(Operator::Gt));
            match (classify(&below, source.table()), classify(&above, source.table())) {
                (Pushdown::Time { range: a, exact: true }, Pushdown::Time { range: b, exact: true }) => {
                    Ok(Ok(vec![(a, None), (b, None)]))
                }
                _ => Ok(Err(expr.to_string())),
            }
        }
        Expr::InList(InList { expr: inner, list, negated: false }) => {
            let mut parts = Vec::new();
            for item in list {
                let (left, right) = (inner.clone(), Box::new(item.clone()));
                match decide(
                    &Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }),
                    source,
                    session,
                )? {
                    Ok(found) => parts.extend(found),
                    Err(_) => return Ok(Err(expr.to_string())),
                }
            }
            Ok(Ok(parts))
        }
        _ => Ok(Err(expr.to_string())),
    }
}

/// The rows that are in one of `left` and in one of `right`.
fn both(left: &[RowsPart], right: &[RowsPart]) -> Vec<RowsPart> {
    let mut parts = Vec::new();
    for (left_time, left_series) in left {
        for (right_time, right_series) in right {
            let series = match (left_series, right_series) {
                (None, other) | (other, None) => other.clone(),
                (Some(left), Some(right)) => Some(
                    left.iter()
                        .filter_map(|(shard, sids)| {
                            let (_, others) = right.iter().find(|(s, _)| s == shard)?;
                            Some((*shard, sids & others))
                        })
                        .collect(),
                ),
            };
            parts.push((left_time.intersect(right_time), series));
        }
    }
    parts
}
