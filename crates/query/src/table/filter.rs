//! Which filters a scan decides by itself: bounds on time, and predicates over tags alone.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Between, Cast, Expr, Operator, TableProviderFilterPushDown, TryCast};
use triglot_model::{ColumnKind, TableDef};
use triglot_storage::TimeRange;

use super::tags;

/// What a scan can do with one conjunct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushdown {
    /// It bounds time: rows outside `range` fail it. `exact`: rows inside pass it.
    Time {
        /// In the table's unit.
        range: TimeRange,
        /// Whether the range says all that the conjunct says.
        exact: bool,
    },
    /// It mentions only tags and always gives the same answer for a series.
    Tags,
    /// Left to a filter above the scan.
    No,
}

/// What a scan of `table` can do with `expr`.
pub(crate) fn classify(expr: &Expr, table: &TableDef) -> Pushdown {
    if let Some((range, exact)) = time_bound(expr, table) {
        return Pushdown::Time { range, exact };
    }
    if is_tag_predicate(expr, table) { Pushdown::Tags } else { Pushdown::No }
}

/// What DataFusion is told of each of `filters` by a provider that decides those that `decides` names.
pub(crate) fn answers(
    filters: &[&Expr],
    table: &TableDef,
    decides: impl Fn(&Pushdown) -> bool,
) -> Vec<TableProviderFilterPushDown> {
    let answer = |filter: &&Expr| match classify(filter, table) {
        pushdown if !decides(&pushdown) => TableProviderFilterPushDown::Unsupported,
        Pushdown::Time { exact: true, .. } | Pushdown::Tags => TableProviderFilterPushDown::Exact,
        Pushdown::Time { exact: false, .. } => TableProviderFilterPushDown::Inexact,
        Pushdown::No => TableProviderFilterPushDown::Unsupported,
    };
    filters.iter().map(answer).collect()
}

/// Whether `expr` can be decided once per series.
fn is_tag_predicate(expr: &Expr, table: &TableDef) -> bool {
    let columns = expr.column_refs();
    if columns.is_empty() || !columns.iter().all(|c| tags::series_value(table, &c.name).is_some()) {
        return false;
    }
    let bound_to_rows = expr.exists(|e| {
        Ok(matches!(
            e,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Placeholder(_)
        ))
    });
    matches!(bound_to_rows, Ok(false)) && !expr.is_volatile()
}

/// The times at which `expr` may hold, and whether it always holds there. None: unknown.
fn time_bound(expr: &Expr, table: &TableDef) -> Option<(TimeRange, bool)> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (time_bound(left, table), time_bound(right, table)) {
                (Some((a, a_exact)), Some((b, b_exact))) => Some((a.intersect(&b), a_exact && b_exact)),
                (Some((one, _)), None) | (None, Some((one, _))) => Some((one, false)),
                (None, None) => None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((a, a_exact), (b, b_exact)) = (time_bound(left, table)?, time_bound(right, table)?);
            Some(either((a, a_exact), (b, b_exact)))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if is_time(left, table) {
                compare(*op, literal_ns(left, right, table)?, table)
            } else if is_time(right, table) {
                compare(op.swap()?, literal_ns(right, left, table)?, table)
            } else {
                None
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) if is_time(expr, table) => {
            let (low, _) = compare(Operator::GtEq, literal_ns(expr, low, table)?, table)?;
            let (high, _) = compare(Operator::LtEq, literal_ns(expr, high, table)?, table)?;
            Some((low.intersect(&high), true))
        }
        Expr::InList(InList { expr, list, negated: false }) if is_time(expr, table) => {
            let mut bounds = list.iter().map(|item| {
                let ns = literal_ns(expr, item, table)?;
                compare(Operator::Eq, ns, table)
            });
            let first = bounds.next()??;
            bounds.try_fold(first, |all, one| Some(either(all, one?)))
        }
        _ => None,
    }
}

/// The hull of two bounds joined by OR. It is exact when one of them holds all the times.
fn either((a, a_exact): (TimeRange, bool), (b, b_exact): (TimeRange, bool)) -> (TimeRange, bool) {
    if a.is_empty() && a_exact {
        return (b, b_exact);
    }
    if b.is_empty() && b_exact {
        return (a, a_exact);
    }
    let hull = a.union(&b);
    let exact = a_exact && b_exact && (hull == a || hull == b || touches(&a, &b));
    (hull, exact)
}

fn touches(a: &TimeRange, b: &TimeRange) -> bool {
    a.overlaps(b) || a.end.checked_add(1) == Some(b.start) || b.end.checked_add(1) == Some(a.start)
}

/// Whether `expr` is the time column, perhaps seen in a finer unit, as UTC, or as an integer. All of
/// these keep the order of instants and lose nothing, so bounds on them are bounds on the column.
fn is_time(expr: &Expr, table: &TableDef) -> bool {
    match expr {
        Expr::Column(c) => table.column(&c.name).is_some_and(|d| d.kind == ColumnKind::Time),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            matches!(expr.as_ref(), Expr::Column(_))
                && is_time(expr, table)
                && match field.data_type() {
                    DataType::Timestamp(unit, zone) => {
                        is_utc(zone.as_deref()) && unit_ns(*unit) <= table.precision().ns()
                    }
                    DataType::Int64 => true,
                    _ => false,
                }
        }
        _ => false,
    }
}

fn is_utc(zone: Option<&str>) -> bool {
    zone.is_none_or(|z| matches!(z, "+00:00" | "UTC" | "Z" | "Etc/UTC"))
}

const fn unit_ns(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// The instant that `literal` names, in nanoseconds. An integer counts the table's units and is
/// meant only where the time column was cast to an integer.
fn literal_ns(time: &Expr, literal: &Expr, table: &TableDef) -> Option<i128> {
    let Expr::Literal(value, _) = literal else { return None };
    let as_integer = match time {
        Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. }) => {
            field.data_type() == &DataType::Int64
        }
        _ => false,
    };
    let (count, ns, zone) = match value {
        ScalarValue::Int64(Some(v)) if as_integer => {
            return Some(i128::from(*v) * i128::from(table.precision().ns()));
        }
        _ if as_integer => return None,
        ScalarValue::TimestampSecond(Some(v), zone) => (*v, 1_000_000_000, zone),
        ScalarValue::TimestampMillisecond(Some(v), zone) => (*v, 1_000_000, zone),
        ScalarValue::TimestampMicrosecond(Some(v), zone) => (*v, 1_000, zone),
        ScalarValue::TimestampNanosecond(Some(v), zone) => (*v, 1, zone),
        _ => return None,
    };
    is_utc(zone.as_deref()).then(|| i128::from(count) * ns)
}

/// The table's instants that stand in relation `op` to the instant `ns`. Always exact: the bound is
/// rounded to the side on which no instant of the table's unit lies between it and `ns`.
fn compare(op: Operator, ns: i128, table: &TableDef) -> Option<(TimeRange, bool)> {
    let unit = i128::from(table.precision().ns());
    let floor = ns.div_euclid(unit);
    let ceil = if ns.rem_euclid(unit) == 0 { floor } else { floor + 1 };
    let (start, end) = (i128::from(i64::MIN), i128::from(i64::MAX));
    let (start, end) = match op {
        Operator::Eq => (ceil, floor),
        Operator::Gt => (floor + 1, end),
        Operator::GtEq => (ceil, end),
        Operator::Lt => (start, ceil - 1),
        Operator::LtEq => (start, floor),
        _ => return None,
    };
    let range = match (i64::try_from(start.max(i64::MIN.into())), i64::try_from(end.min(i64::MAX.into()))) {
        (Ok(start), Ok(end)) => TimeRange { start, end },
        _ => EMPTY,
    };
    Some((if range.is_empty() { EMPTY } else { range }, true))
}

/// A range without instants.
const EMPTY: TimeRange = TimeRange { start: 1, end: 0 };
