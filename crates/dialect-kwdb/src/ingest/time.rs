//! Timestamps of points, whose unit their digits tell.

use triglot_model::Precision;

/// When a point was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instant {
    /// The point does not say: now.
    Now,
    /// So many units of the precision since the epoch.
    At(i64, Precision),
}

const MILLI_DIGITS: u32 = 13;

fn digits(value: i64) -> u32 {
    value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1)
}

impl Instant {
    /// Of line protocol: up to 10 digits are seconds, 11 to 13 milliseconds, 14 to 16 microseconds, more
    /// nanoseconds.
    pub(super) fn by_digits(value: i64) -> Self {
        match digits(value) {
            ..=10 => Self::At(value.saturating_mul(1_000), Precision::Milli),
            11..=13 => Self::At(value, Precision::Milli),
            14..=16 => Self::At(value, Precision::Micro),
            _ => Self::At(value, Precision::Nano),
        }
    }

    /// Of OpenTSDB: cut or filled with zeros to the 13 digits of milliseconds.
    pub(super) fn of_opentsdb(value: i64) -> Self {
        let count = digits(value);
        let millis = match count.checked_sub(MILLI_DIGITS) {
            Some(more) => value / 10_i64.pow(more),
            None => value.saturating_mul(10_i64.pow(MILLI_DIGITS - count)),
        };
        Self::At(millis, Precision::Milli)
    }

    /// In units of `precision`; none = not representable.
    pub(super) fn in_units(self, precision: Precision, now_ns: i64) -> Option<i64> {
        match self {
            Self::Now => Some(precision.from_ns(now_ns)),
            Self::At(value, from) => from.convert(value, precision).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_tell_the_unit() {
        // 2019-05-02T18:46:01.098Z in four units.
        for (value, ns) in [
            (1_556_822_761, 1_556_822_761_000_000_000),
            (1_556_822_761_098, 1_556_822_761_098_000_000),
            (1_556_822_761_098_000, 1_556_822_761_098_000_000),
            (1_556_822_761_098_000_001, 1_556_822_761_098_000_001),
            (0, 0),
            (-1, -1_000_000_000),
        ] {
            assert_eq!(Instant::by_digits(value).in_units(Precision::Nano, 7), Some(ns), "{value}");
        }
        assert_eq!(Instant::Now.in_units(Precision::Milli, 5_000_000), Some(5));
        assert_eq!(Instant::by_digits(9_999_999_999_999).in_units(Precision::Nano, 0), None);
    }

    #[test]
    fn opentsdb_has_thirteen_digits() {
        for (value, ms) in [
            (1_346_846_400, 1_346_846_400_000),
            (1_346_846_400_123, 1_346_846_400_123),
            (1_346_846_400_123_456, 1_346_846_400_123),
            (1_346_846_400_123_456_789, 1_346_846_400_123),
            (-1_346_846_400, -1_346_846_400_000),
            (0, 0),
        ] {
            assert_eq!(Instant::of_opentsdb(value), Instant::At(ms, Precision::Milli), "{value}");
        }
    }
}
