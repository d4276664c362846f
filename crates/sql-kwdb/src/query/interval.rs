//! Intervals as text: `1h`, `30 d`, `1 day 02:00:00`, `-3 months` (sheet section 12).

use arrow::datatypes::IntervalMonthDayNano;

const SECOND: i128 = 1_000_000_000;

/// A unit of intervals: so many months, days or nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Calendar months.
    Months(i64),
    /// Days, which a zone may make longer or shorter.
    Days(i64),
    /// Nanoseconds.
    Nanos(i64),
}

impl Unit {
    /// The unit of this name, in any case. `m` is minutes, `M` too.
    pub(crate) fn of(name: &str) -> Option<Self> {
        const S: i64 = 1_000_000_000;
        Some(match name.to_lowercase().as_str() {
            "ns" | "nanosecond" | "nanoseconds" => Self::Nanos(1),
            "us" | "µs" | "microsecond" | "microseconds" => Self::Nanos(1_000),
            "ms" | "millisecond" | "milliseconds" => Self::Nanos(1_000_000),
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Nanos(S),
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Nanos(60 * S),
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Nanos(3_600 * S),
            "d" | "day" | "days" => Self::Days(1),
            "w" | "week" | "weeks" => Self::Days(7),
            "mon" | "mons" | "month" | "months" => Self::Months(1),
            "y" | "yr" | "yrs" | "year" | "years" => Self::Months(12),
            _ => return None,
        })
    }
}

/// One positive count of one unit, as buckets and windows take it: `10s`, `2 hours`.
pub(crate) fn single(text: &str) -> Option<(i64, Unit)> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at_checked(digits)?;
    Some((count.parse().ok()?, Unit::of(unit.trim_start())?))
}

/// Any interval; `default` is the unit of a bare number.
pub(crate) fn parse(text: &str, default: Option<Unit>) -> Option<IntervalMonthDayNano> {
    let mut total = Total::default();
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (negative, unsigned) = match rest.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, rest.strip_prefix('+').unwrap_or(rest)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
        let (number, behind) = unsigned.split_at_checked(end.unwrap_or(unsigned.len()))?;
        let behind = behind.trim_start();
        if number.contains(':') {
            total.add_clock(number, negative)?;
            rest = behind;
            continue;
        }
        let end = behind.find(|c: char| !c.is_alphabetic()).unwrap_or(behind.len());
        let (name, behind) = behind.split_at_checked(end)?;
        let unit = if name.is_empty() { default? } else { Unit::of(name)? };
        total.add(number, unit, negative)?;
        rest = behind.trim_start();
    }
    total.interval()
}

#[derive(Default)]
struct Total {
    months: i128,
    days: i128,
    nanos: i128,
}

impl Total {
    fn add(&mut self, number: &str, unit: Unit, negative: bool) -> Option<()> {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let sign = if negative { -1 } else { 1 };
        // Parts of a unit in the next smaller one, as far as nanoseconds go.
        let part = |of: i128| -> Option<i128> {
            let digits = fraction.get(..fraction.len().min(9))?;
            let scale = 10_i128.pow(u32::try_from(digits.len()).ok()?);
            let value: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
            Some(value * of / scale)
        };
        match unit {
            Unit::Months(n) => {
                let n = i128::from(n);
                self.months += sign * (whole.checked_mul(n)? + part(n)?);
            }
            Unit::Days(n) => {
                let n = i128::from(n);
                self.days += sign * whole.checked_mul(n)?;
                self.nanos += sign * part(n * 86_400 * SECOND)?;
            }
            Unit::Nanos(n) => {
                let n = i128::from(n);
                self.nanos += sign * (whole.checked_mul(n)? + part(n)?);
            }
        }
        Some(())
    }

    /// `hh:mm[:ss[.f]]`.
    fn add_clock(&mut self, text: &str, negative: bool) -> Option<()> {
        let mut parts = text.splitn(3, ':');
        for (unit, factor) in [(3_600, true), (60, true), (1, false)] {
            match parts.next() {
                Some(part) if factor && part.contains('.') => return None,
                Some(part) => self.add(part, Unit::Nanos(unit * 1_000_000_000), negative)?,
                None if factor => return None,
                None => {}
            }
        }
        Some(())
    }

    fn interval(&self) -> Option<IntervalMonthDayNano> {
        let (months, days) = (i32::try_from(self.months).ok()?, i32::try_from(self.days).ok()?);
        Some(IntervalMonthDayNano::new(months, days, i64::try_from(self.nanos).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_in_all_their_forms() {
        let interval = |m, d, n| Some(IntervalMonthDayNano::new(m, d, n));
        for (text, expected) in [
            ("1h", interval(0, 0, 3_600_000_000_000)),
            ("30d", interval(0, 30, 0)),
            ("10Y", interval(120, 0, 0)),
            ("1mon", interval(1, 0, 0)),
            ("500ms", interval(0, 0, 500_000_000)),
            ("1 day 02:00:00", interval(0, 1, 7_200_000_000_000)),
            ("-1 day +00:00:01.5", interval(0, -1, 1_500_000_000)),
            ("1.5 hours", interval(0, 0, 5_400_000_000_000)),
            ("2 weeks 3 m", interval(0, 14, 180_000_000_000)),
            ("", None),
            ("h", None),
            ("1 parsec", None),
            ("7", None),
            ("99999999999999999999999y", None),
        ] {
            assert_eq!(parse(text, None), expected, "{text}");
        }
        assert_eq!(parse("7", Unit::of("s")), interval(0, 0, 7_000_000_000));
        assert_eq!(single("3000M"), Some((3000, Unit::Nanos(60_000_000_000))));
        assert_eq!(single("1Y"), Some((1, Unit::Months(12))));
        assert_eq!(single("-1d"), None);
        assert_eq!(single("1d 2h"), None);
    }
}
