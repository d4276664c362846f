//! Texts and expressions of time (sheet `tdengine-sql.md` section 2).

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;
use triglot_model::Precision;
use triglot_parse_tdengine::ast::{BinaryOp, Duration, Expr, ExprKind, Literal, UnaryOp};

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
    /// The instant that `text` names: `YYYY-MM-DD[( |T)HH:MM[:SS[.f…]]][Z|±hh[[:]mm]]`. Finer digits than the
    /// unit's are cut off.
    pub(crate) fn parse(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        let (date, rest) = date(text)?;
        let (time, nanos, rest) = match rest.as_bytes().first() {
            Some(b' ' | b'T' | b't') => clock(rest.get(1..)?)?,
            None => (NaiveTime::MIN, 0, ""),
            Some(_) => return None,
        };
        let local = date.and_time(time);
        let seconds = match rest.trim_start() {
            "" => local_to_utc(self.zone, local)?,
            zone => local.and_utc().timestamp().checked_sub(i64::from(offset_seconds(zone)?))?,
        };
        let per_second = self.precision.per_second();
        seconds.checked_mul(per_second)?.checked_add(nanos / self.precision.ns())
    }

    /// The statement's instant.
    pub(crate) fn now(&self) -> i64 {
        self.precision.from_ns(self.now_ns)
    }

    /// Midnight of the statement's day in its zone.
    pub(crate) fn today(&self) -> Option<i64> {
        let now = DateTime::from_timestamp_nanos(self.now_ns).with_timezone(&self.zone);
        let midnight = local_to_utc(self.zone, now.date_naive().and_time(NaiveTime::MIN))?;
        midnight.checked_mul(self.precision.per_second())
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
        let per_second = self.precision.per_second();
        let (seconds, rest) = (time.div_euclid(per_second), time.rem_euclid(per_second));
        let local = DateTime::from_timestamp(seconds, 0)?.with_timezone(&self.zone).naive_local();
        let by = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
        let moved = if months < 0 { local.checked_sub_months(by)? } else { local.checked_add_months(by)? };
        local_to_utc(self.zone, moved)?.checked_mul(per_second)?.checked_add(rest)
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

/// `YYYY-MM-DD` and what follows.
fn date(text: &str) -> Option<(NaiveDate, &str)> {
    let (year, rest) = digits(text, 4, 4)?;
    let (month, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
    let (day, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some((date, rest))
}

/// `HH:MM[:SS[.f…]]`, the fraction in nanoseconds, and what follows.
fn clock(text: &str) -> Option<(NaiveTime, i64, &str)> {
    let (hour, rest) = digits(text, 1, 2)?;
    let (minute, mut rest) = digits(rest.strip_prefix(':')?, 1, 2)?;
    let (mut second, mut nanos) = (0, 0i64);
    if let Some(after) = rest.strip_prefix(':') {
        (second, rest) = digits(after, 1, 2)?;
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(after.len());
            let (fraction, behind) = after.split_at(end);
            if fraction.is_empty() {
                return None;
            }
            for digit in fraction.bytes().chain(std::iter::repeat(b'0')).take(9) {
                nanos = nanos * 10 + i64::from(digit - b'0');
            }
            rest = behind;
        }
    }
    Some((NaiveTime::from_hms_opt(hour, minute, second)?, nanos, rest))
}

/// A number of `least` to `most` digits, and what follows.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let end = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if end < least {
        return None;
    }
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

/// `Z`, `±hh`, `±hhmm`, `±hh:mm`, in seconds east.
pub(crate) fn offset_seconds(text: &str) -> Option<i32> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2, 2)?;
    let minutes = match rest.strip_prefix(':').unwrap_or(rest) {
        "" if rest.is_empty() => 0,
        minutes => match digits(minutes, 2, 2)? {
            (minutes, "") => minutes,
            _ => return None,
        },
    };
    if hours > 14 || minutes > 59 {
        return None;
    }
    Some(sign * i32::try_from(hours * 3600 + minutes * 60).ok()?)
}

/// The instant at which clocks of `zone` show `local`, in seconds. Of two the first; one that is skipped
/// counts by the offset before the jump.
pub(crate) fn local_to_utc(zone: Tz, local: NaiveDateTime) -> Option<i64> {
    if !(1..=9999).contains(&local.year()) {
        return None;
    }
    if let Some(found) = zone.from_local_datetime(&local).earliest() {
        return Some(found.timestamp());
    }
    let before = local.checked_sub_days(Days::new(1))?;
    let offset = zone.offset_from_local_datetime(&before).earliest()?.fix().local_minus_utc();
    Some(local.and_utc().timestamp() - i64::from(offset))
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
