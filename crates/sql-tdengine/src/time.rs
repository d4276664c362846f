//! Texts and expressions of time (sheet `tdengine-sql.md` section 2).

use chrono_tz::Tz;
use triglot_model::Precision;
use triglot_parse_tdengine::ast::{BinaryOp, Duration, Expr, ExprKind, Literal, UnaryOp};

use crate::time_text::{midnight_of, months_later, parse_time};

/// What times mean in one statement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeContext {
    /// The unit of counts, and of results.
    pub(crate) precision: Precision,
    /// The zone of texts without one, and of calendar durations.
    pub(crate) zone: Tz,
    /// The statement's instant, nanoseconds since the epoch.
    pub(crate) now_ns: i64,
}

impl TimeContext {
    /// The instant that `text` names ([`parse_time`]).
    pub(crate) fn parse(&self, text: &str) -> Option<i64> {
        parse_time(text, self.zone, self.precision)
    }

    /// The statement's instant.
    pub(crate) fn now(&self) -> i64 {
        self.precision.from_ns(self.now_ns)
    }

    /// Midnight of the statement's day in its zone.
    pub(crate) fn today(&self) -> Option<i64> {
        midnight_of(self.now_ns, self.zone)?.checked_mul(self.precision.per_second())
    }

    /// `time ± duration`; calendar units count in the statement's zone.
    pub(crate) fn add(&self, time: i64, duration: Duration, sign: i64) -> Option<i64> {
        let count = duration.count.checked_mul(sign)?;
        if let Some(ns) = duration.unit.nanoseconds() {
            let unit = self.precision.ns();
            // A finer unit than the precision is cut, as a whole.
            let shift = i128::from(ns) * i128::from(count) / i128::from(unit);
            return time.checked_add(i64::try_from(shift).ok()?);
        }
        let months = duration.unit.months()?.checked_mul(count)?;
        months_later(time, months, self.precision.per_second(), self.zone)
    }

    /// The instant that a constant expression gives: a count, a text, `now`, `today()`, and these with
    /// durations added. `None`: it is no time.
    pub(crate) fn evaluate(&self, expr: &Expr) -> Option<i64> {
        match self.value(expr)? {
            Value::Time(time) => Some(time),
            Value::Span(_) => None,
        }
    }

    fn value(&self, expr: &Expr) -> Option<Value> {
        match &expr.kind {
            ExprKind::Literal(literal) => match literal {
                Literal::Int(count) => Some(Value::Time(*count)),
                Literal::Text(text) | Literal::Timestamp(text) => {
                    let counted = text.trim().parse().ok();
                    counted.or_else(|| self.parse(text)).map(Value::Time)
                }
                Literal::Duration(duration) => Some(Value::Span(*duration)),
                Literal::Now => Some(Value::Time(self.now())),
                Literal::Today => self.today().map(Value::Time),
                Literal::Null | Literal::Bool(_) | Literal::UInt(_) | Literal::Float(_) => None,
            },
            ExprKind::Call(call) if call.args.is_empty() => match call.name.name.as_str() {
                "now" => Some(Value::Time(self.now())),
                "today" => self.today().map(Value::Time),
                _ => None,
            },
            ExprKind::Unary { op, expr } => match (op, self.value(expr)?) {
                (UnaryOp::Plus, value) => Some(value),
                (UnaryOp::Minus, Value::Time(time)) => time.checked_neg().map(Value::Time),
                (UnaryOp::Minus, Value::Span(span)) => {
                    Some(Value::Span(Duration { count: span.count.checked_neg()?, ..span }))
                }
                (UnaryOp::Not, _) => None,
            },
            ExprKind::Binary { op, left, right } => {
                let sign = match op {
                    BinaryOp::Add => 1,
                    BinaryOp::Sub => -1,
                    _ => return None,
                };
                match (self.value(left)?, self.value(right)?) {
                    (Value::Time(time), Value::Span(span)) => self.add(time, span, sign).map(Value::Time),
                    (Value::Span(span), Value::Time(time)) if sign == 1 => {
                        self.add(time, span, 1).map(Value::Time)
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// What an expression of time gives.
enum Value {
    Time(i64),
    Span(Duration),
}

#[cfg(test)]
mod tests {
    use triglot_parse_tdengine::ast::Unit;

    use super::*;

    fn context(precision: Precision, zone: Tz) -> TimeContext {
        TimeContext { precision, zone, now_ns: 1_700_000_000_123_456_789 }
    }

    #[test]
    fn texts_of_all_forms() {
        let utc = context(Precision::Milli, Tz::UTC);
        for (text, expected) in [
            ("2024-01-01 00:00:00", 1_704_067_200_000),
            ("2024-01-01", 1_704_067_200_000),
            ("2024-01-01 00:00:00.5", 1_704_067_200_500),
            ("2024-01-01 00:00:00.123999", 1_704_067_200_123),
            ("2024-01-01T00:00:00Z", 1_704_067_200_000),
            ("2024-01-01T08:00:00+08:00", 1_704_067_200_000),
            ("2024-01-01T08:00:00.000+0800", 1_704_067_200_000),
            ("1969-12-31 23:59:59.999", -1),
        ] {
            assert_eq!(utc.parse(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2024-01-01 25:00:00",
            "2024-01-01 00:00:00x",
            "2024-01-01 00:00:00+99:00",
        ] {
            assert_eq!(utc.parse(text), None, "{text}");
        }
        let shanghai = context(Precision::Nano, Tz::Asia__Shanghai);
        assert_eq!(shanghai.parse("2024-01-01 08:00:00.000000001"), Some(1_704_067_200_000_000_001));
    }

    #[test]
    fn skipped_and_repeated_hours() {
        let berlin = context(Precision::Milli, Tz::Europe__Berlin);
        // 2024-03-31 02:30 does not exist: by the offset before, +01:00.
        assert_eq!(berlin.parse("2024-03-31 02:30:00"), Some(1_711_848_600_000));
        // 2024-10-27 02:30 happens twice: the first, +02:00.
        assert_eq!(berlin.parse("2024-10-27 02:30:00"), Some(1_729_989_000_000));
    }

    #[test]
    fn calendar_durations_keep_the_local_clock() {
        let berlin = context(Precision::Milli, Tz::Europe__Berlin);
        let january = berlin.parse("2024-01-31 12:00:00").unwrap();
        let month = Duration { count: 1, unit: Unit::Month };
        assert_eq!(berlin.add(january, month, 1), berlin.parse("2024-02-29 12:00:00"));
        let half_year = Duration { count: 6, unit: Unit::Month };
        assert_eq!(berlin.add(january, half_year, 1), berlin.parse("2024-07-31 12:00:00"));
    }
}
