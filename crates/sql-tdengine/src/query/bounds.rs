//! The times that a WHERE clause lets in.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Between, Expr, Operator};
use triglot_model::Precision;

use super::constants;

/// Times from `start` to `end`, both inclusive, in the unit of the time column. `None`: open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TimeBounds {
    /// The first time.
    pub(super) start: Option<i64>,
    /// The last time.
    pub(super) end: Option<i64>,
}

impl TimeBounds {
    /// The bounds that conjuncts of `filter` set to `time`.
    pub(super) fn of(filter: Option<&Expr>, time: &Expr) -> Self {
        let mut bounds = Self::default();
        if let Some(filter) = filter {
            bounds.add(filter, time);
        }
        bounds
    }

    fn add(&mut self, filter: &Expr, time: &Expr) {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                self.add(left, time);
                self.add(right, time);
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if **left == *time => {
                self.compare(*op, instant(right));
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if **right == *time => {
                if let Some(op) = op.swap() {
                    self.compare(op, instant(left));
                }
            }
            Expr::Between(Between { expr, negated: false, low, high }) if **expr == *time => {
                self.compare(Operator::GtEq, instant(low));
                self.compare(Operator::LtEq, instant(high));
            }
            Expr::InList(InList { expr, list, negated: false }) if **expr == *time => {
                let times: Option<Vec<i64>> = list.iter().map(instant).collect();
                let times = times.unwrap_or_default();
                if let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) {
                    self.from(*first);
                    self.until(*last);
                }
            }
            _ => {}
        }
    }

    fn compare(&mut self, op: Operator, time: Option<i64>) {
        let Some(time) = time else { return };
        match op {
            Operator::Eq => {
                self.from(time);
                self.until(time);
            }
            Operator::GtEq => self.from(time),
            Operator::Gt => self.from(time.saturating_add(1)),
            Operator::LtEq => self.until(time),
            Operator::Lt => self.until(time.saturating_sub(1)),
            _ => {}
        }
    }

    fn from(&mut self, time: i64) {
        self.start = Some(self.start.map_or(time, |start| start.max(time)));
    }

    fn until(&mut self, time: i64) {
        self.end = Some(self.end.map_or(time, |end| end.min(time)));
    }
}

/// A timestamp of this unit.
pub(super) const fn timestamp(precision: Precision, time: i64) -> ScalarValue {
    match precision {
        Precision::Milli => ScalarValue::TimestampMillisecond(Some(time), None),
        Precision::Micro => ScalarValue::TimestampMicrosecond(Some(time), None),
        Precision::Nano => ScalarValue::TimestampNanosecond(Some(time), None),
    }
}

/// The instant of a constant, in its own unit.
pub(super) fn instant(expr: &Expr) -> Option<i64> {
    match constants::folded(expr)? {
        ScalarValue::TimestampMillisecond(Some(v), _)
        | ScalarValue::TimestampMicrosecond(Some(v), _)
        | ScalarValue::TimestampNanosecond(Some(v), _) => Some(v),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn at(ms: i64) -> Expr {
        lit(ScalarValue::TimestampMillisecond(Some(ms), None))
    }

    fn bounds(filter: Expr) -> (Option<i64>, Option<i64>) {
        let bounds = TimeBounds::of(Some(&filter), &col("ts"));
        (bounds.start, bounds.end)
    }

    #[test]
    fn conjuncts_bound_time_and_others_do_not() {
        assert_eq!(bounds(col("ts").gt(at(5)).and(col("ts").lt(at(9)))), (Some(6), Some(8)));
        assert_eq!(bounds(at(5).lt_eq(col("ts"))), (Some(5), None));
        assert_eq!(bounds(col("ts").between(at(1), at(2)).and(col("v").gt(at(7)))), (Some(1), Some(2)));
        assert_eq!(bounds(col("ts").gt(at(5)).or(col("ts").lt(at(9)))), (None, None));
        assert_eq!(bounds(col("ts").in_list(vec![at(4), at(2)], false)), (Some(2), Some(4)));
    }
}
