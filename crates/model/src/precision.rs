use std::fmt;
use std::str::FromStr;

use arrow_schema::TimeUnit;
use serde::{Deserialize, Serialize};

/// The unit in which a database counts time. Stored times are `i64` in this unit since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Precision {
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milli,
    /// Microseconds.
    #[serde(rename = "us")]
    Micro,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nano,
}

/// A timestamp that does not fit into 64 bits of the target precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("timestamp overflow: {value} {from} does not fit into 64 bits of {to}")]
pub struct TimestampOverflow {
    /// The value as it was given.
    pub value: i64,
    /// The unit it was given in.
    pub from: Precision,
    /// The unit it was to be stored in.
    pub to: Precision,
}

impl Precision {
    /// Nanoseconds of one unit.
    pub const fn ns(self) -> i64 {
        match self {
            Self::Milli => 1_000_000,
            Self::Micro => 1_000,
            Self::Nano => 1,
        }
    }

    /// Units of one second.
    pub const fn per_second(self) -> i64 {
        1_000_000_000 / self.ns()
    }

    /// The Arrow unit.
    pub const fn arrow(self) -> TimeUnit {
        match self {
            Self::Milli => TimeUnit::Millisecond,
            Self::Micro => TimeUnit::Microsecond,
            Self::Nano => TimeUnit::Nanosecond,
        }
    }

    /// Converts `value` of this unit into `to`. Finer digits are cut off towards minus infinity,
    /// so that a bucket boundary stays one; a coarser value that does not fit is an error.
    pub fn convert(self, value: i64, to: Self) -> Result<i64, TimestampOverflow> {
        let (from_ns, to_ns) = (self.ns(), to.ns());
        if from_ns == to_ns {
            Ok(value)
        } else if from_ns < to_ns {
            Ok(value.div_euclid(to_ns / from_ns))
        } else {
            value.checked_mul(from_ns / to_ns).ok_or(TimestampOverflow { value, from: self, to })
        }
    }

    /// Converts a duration or instant in nanoseconds into this unit (towards minus infinity).
    pub const fn from_ns(self, ns: i64) -> i64 {
        ns.div_euclid(self.ns())
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Milli => "ms",
            Self::Micro => "us",
            Self::Nano => "ns",
        })
    }
}

impl FromStr for Precision {
    type Err = ();

    /// `ms`, `us`, `ns` in any letter case.
    fn from_str(s: &str) -> Result<Self, ()> {
        if s.eq_ignore_ascii_case("ms") {
            Ok(Self::Milli)
        } else if s.eq_ignore_ascii_case("us") {
            Ok(Self::Micro)
        } else if s.eq_ignore_ascii_case("ns") {
            Ok(Self::Nano)
        } else {
            Err(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finer_digits_are_cut_towards_minus_infinity() {
        assert_eq!(Precision::Nano.convert(1_999_999, Precision::Milli), Ok(1));
        assert_eq!(Precision::Nano.convert(-1, Precision::Milli), Ok(-1));
        assert_eq!(Precision::Milli.convert(7, Precision::Nano), Ok(7_000_000));
    }

    #[test]
    fn coarse_values_that_do_not_fit_are_refused() {
        let value = i64::MAX / 1_000_000 + 1;
        assert_eq!(
            Precision::Milli.convert(value, Precision::Nano),
            Err(TimestampOverflow { value, from: Precision::Milli, to: Precision::Nano })
        );
    }
}
