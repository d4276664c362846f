//! Durations as CnosDB writes them: `INF`, `10d`, `2y1M`, a bare number of days; shown as
//! `10days`, `3months 8days 16h 19m 12s` (sheet section 12).
//!
//! A month is 30.44 days and a year 365.25 days: the lengths of the notation that the vendor uses.

use std::fmt;

const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const WEEK: u64 = 7 * DAY;
const MONTH: u64 = 2_630_016 * SECOND;
const YEAR: u64 = 31_557_600 * SECOND;

/// A length of time, or none (`INF`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CnosDuration {
    /// Nanoseconds, none = for ever.
    pub ns: Option<i64>,
}

impl CnosDuration {
    /// For ever.
    pub const INF: Self = Self { ns: None };
    /// The default of `VNODE_DURATION`.
    pub const YEAR: Self = Self { ns: Some(YEAR as i64) };

    /// Reads a duration; none if it is not one or does not fit into 63 bits of nanoseconds.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("inf") {
            return Some(Self::INF);
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let days: u64 = text.parse().ok()?;
            return Self::of(days.checked_mul(DAY)?);
        }
        let mut rest = text;
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest.get(..digits)?.parse().ok()?;
            rest = rest.get(digits..)?.trim_start();
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let unit = unit_ns(rest.get(..letters)?)?;
            rest = rest.get(letters..)?.trim_start();
            total = total.checked_add(number.checked_mul(unit)?)?;
        }
        if text.is_empty() { None } else { Self::of(total) }
    }

    /// Nanoseconds; for ever is as far away as time goes.
    pub fn ns_or_for_ever(self) -> i64 {
        self.ns.unwrap_or(i64::MAX)
    }

    fn of(ns: u64) -> Option<Self> {
        Some(Self { ns: Some(i64::try_from(ns).ok()?) })
    }
}

/// `M` is a month and `m` a minute: the case of a unit counts.
fn unit_ns(unit: &str) -> Option<u64> {
    Some(match unit {
        "nanos" | "nsec" | "ns" => 1,
        "usec" | "us" => 1_000,
        "millis" | "msec" | "ms" => 1_000_000,
        "seconds" | "second" | "secs" | "sec" | "s" => SECOND,
        "minutes" | "minute" | "mins" | "min" | "m" => MINUTE,
        "hours" | "hour" | "hrs" | "hr" | "h" => HOUR,
        "days" | "day" | "d" => DAY,
        "weeks" | "week" | "w" => WEEK,
        "months" | "month" | "M" => MONTH,
        "years" | "year" | "y" => YEAR,
        _ => return None,
    })
}

impl fmt::Display for CnosDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ns) = self.ns else { return f.write_str("INF") };
        let mut rest = ns.unsigned_abs();
        if rest == 0 {
            return f.write_str("0s");
        }
        let mut separator = "";
        // (length, name, whether the name takes an s)
        let units = [
            (YEAR, "year", true),
            (MONTH, "month", true),
            (DAY, "day", true),
            (HOUR, "h", false),
            (MINUTE, "m", false),
            (SECOND, "s", false),
            (1_000_000, "ms", false),
            (1_000, "us", false),
            (1, "ns", false),
        ];
        for (length, name, plural) in units {
            let count = rest / length;
            rest %= length;
            if count > 0 {
                write!(f, "{separator}{count}{name}{}", if plural && count > 1 { "s" } else { "" })?;
                separator = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_show_as_the_sheet_says() {
        // The first six pairs are the sheet's (section 12); the others follow from its rules.
        for (text, shown) in [
            ("INF", "INF"),
            ("1y", "1year"),
            ("10d", "10days"),
            ("10", "10days"),
            ("100d", "3months 8days 16h 19m 12s"),
            ("2y1M", "2years 1month"),
            ("90m", "1h 30m"),
            ("1500ms", "1s 500ms"),
            ("0", "0s"),
            ("1year 2months", "1year 2months"),
        ] {
            assert_eq!(CnosDuration::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for ns in [1, 999, 86_400_000_000_000, 31_557_600_000_000_000 * 3 + 5, i64::MAX] {
            let d = CnosDuration { ns: Some(ns) };
            assert_eq!(CnosDuration::parse(&d.to_string()), Some(d));
        }
    }

    #[test]
    fn rubbish_and_overflow_are_refused() {
        for text in ["", " ", "x", "d", "1x", "-1d", "1.5d", "400y", "99999999999999999999", "1d2"] {
            assert_eq!(CnosDuration::parse(text), None, "{text}");
        }
    }
}
