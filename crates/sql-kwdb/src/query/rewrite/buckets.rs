//! Lengths of buckets and windows.

use arrow::datatypes::{DataType, IntervalMonthDayNano, TimeUnit};
use chrono_tz::Tz;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable};
use triglot_functions::buckets::{Buckets, Width};

use crate::query::errors::coded;
use crate::query::functions::zoned::instant_call;
use crate::query::interval::{self, Unit};
use crate::query::operators::constant_text;

/// Days from 0001-01-01, a Monday, to 1970-01-01.
const DAYS_BEFORE_EPOCH: i128 = 719_162;
const DAY_NS: i128 = 86_400_000_000_000;
/// Months from 0001-01 to 1970-01.
const MONTHS_BEFORE_EPOCH: i64 = 1969 * 12;

/// A positive length: so many months, days or nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Months(i64),
    Days(i64),
    Nanos(i64),
}

impl Length {
    /// `'10s'`, an interval of one unit, or an integer of seconds.
    ///
    /// # Errors
    /// `invalid` for what is no length, `positive` for one that is not above zero.
    pub(super) fn of(expr: &Expr, invalid: &str, positive: &str) -> Result<Self> {
        let wrong = |message: &str| coded("22023", message);
        if let Some(text) = constant_text(expr) {
            if text.trim_start().starts_with('-') {
                return Err(wrong(positive));
            }
            let (count, unit) = interval::single(&text).ok_or_else(|| wrong(invalid))?;
            return Self::counted(count, unit, invalid, positive);
        }
        match expr {
            Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), _) => {
                let IntervalMonthDayNano { months, days, nanoseconds } = *value;
                match (months, days, nanoseconds) {
                    (months, 0, 0) if months > 0 => Ok(Self::Months(months.into())),
                    (0, days, 0) if days > 0 => Ok(Self::Days(days.into())),
                    (0, 0, nanos) if nanos > 0 => Ok(Self::Nanos(nanos)),
                    _ => Err(wrong(positive)),
                }
            }
            Expr::Literal(value, _) if value.data_type().is_integer() => {
                match value.cast_to(&DataType::Int64) {
                    Ok(ScalarValue::Int64(Some(seconds))) => {
                        Self::counted(seconds, Unit::Nanos(1_000_000_000), invalid, positive)
                    }
                    _ => Err(wrong(invalid)),
                }
            }
            Expr::Negative(_) => Err(wrong(positive)),
            _ => Err(wrong(invalid)),
        }
    }

    fn counted(count: i64, unit: Unit, invalid: &str, positive: &str) -> Result<Self> {
        if count <= 0 {
            return Err(coded("22023", positive));
        }
        let times = |n: i64| count.checked_mul(n).ok_or_else(|| coded("22023", invalid));
        Ok(match unit {
            Unit::Months(n) => Self::Months(times(n)?),
            Unit::Days(n) => Self::Days(times(n)?),
            Unit::Nanos(n) => Self::Nanos(times(n)?),
        })
    }

    /// In units of time, at least one; `None` for months and what does not fit.
    pub(super) fn units(self, unit: TimeUnit) -> Option<i64> {
        let ns = match self {
            Self::Months(_) => return None,
            Self::Days(days) => i128::from(days) * DAY_NS,
            Self::Nanos(nanos) => i128::from(nanos),
        };
        i64::try_from((ns / unit_ns(unit)).max(1)).ok()
    }

    /// Buckets of this length, counted from 0001-01-01 00:00; those of days and more on the zone's clocks.
    pub(super) fn buckets(self, zone: Tz, unit: TimeUnit) -> Result<Buckets> {
        let range = || coded("22023", "invalid input interval time");
        let buckets = match self {
            Self::Months(months) => {
                let buckets = Buckets::new(Width::Months(months), 0, zone, unit)?;
                buckets.with_offset_months(-(MONTHS_BEFORE_EPOCH % months))?
            }
            _ => {
                let width = self.units(unit).ok_or_else(range)?;
                let origin = -DAYS_BEFORE_EPOCH * DAY_NS / unit_ns(unit);
                let offset = i64::try_from(origin.rem_euclid(i128::from(width))).map_err(|_| range())?;
                let zone = if matches!(self, Self::Days(_)) { zone } else { Tz::UTC };
                Buckets::new(Width::Fixed(width), offset, zone, unit)?
            }
        };
        Ok(buckets)
    }
}

/// Nanoseconds of a unit.
pub(super) fn unit_ns(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// The time of `time_bucket(time, …)`, and its unit.
pub(super) fn time_of(time: &Expr, schema: &DFSchema) -> Result<(Expr, TimeUnit)> {
    match time.get_type(schema)? {
        DataType::Timestamp(unit, _) => Ok((time.clone(), unit)),
        _ => {
            let ty = DataType::Timestamp(TimeUnit::Microsecond, None);
            Ok((instant_call(time.clone(), ty), TimeUnit::Microsecond))
        }
    }
}

/// The buckets of `time_bucket(time, width)` and their time.
pub(super) fn of_call(args: &[Expr], schema: &DFSchema, zone: Tz) -> Result<(Expr, Buckets)> {
    let [time, width] = args else { return Err(coded("22023", "invalid input interval time")) };
    let length =
        Length::of(width, "invalid input interval time", "second arg should be a positive interval")?;
    let (time, unit) = time_of(time, schema)?;
    Ok((time, length.buckets(zone, unit)?))
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeZone, Utc};
    use datafusion::logical_expr::lit;

    use super::*;

    fn bucket(text: &str, time: &str, zone: Tz) -> String {
        let length = Length::of(&lit(text), "invalid", "positive").unwrap();
        let buckets = length.buckets(zone, TimeUnit::Millisecond).unwrap();
        let time: DateTime<Utc> = time.parse().unwrap();
        let start = buckets.start_of(time.timestamp_millis()).unwrap();
        zone.timestamp_millis_opt(start).unwrap().naive_local().to_string()
    }

    #[test]
    fn buckets_are_counted_from_the_year_one() {
        // The sheet's example.
        assert_eq!(bucket("9999s", "2022-11-04T19:05:00Z", Tz::UTC), "2022-11-04 17:17:24");
        // 2024-07-10 is a Wednesday.
        assert_eq!(bucket("1w", "2024-07-10T12:00:00Z", Tz::UTC), "2024-07-08 00:00:00");
        assert_eq!(bucket("1Y", "2024-07-10T12:00:00Z", Tz::UTC), "2024-01-01 00:00:00");
        assert_eq!(bucket("5y", "2024-07-10T12:00:00Z", Tz::UTC), "2021-01-01 00:00:00");
        assert_eq!(bucket("3mon", "2024-07-10T12:00:00Z", Tz::UTC), "2024-07-01 00:00:00");
        assert_eq!(bucket("1d", "2024-07-10T17:00:00Z", Tz::Asia__Shanghai), "2024-07-11 00:00:00");
        // Hours do not follow the zone.
        assert_eq!(bucket("24h", "2024-07-10T17:00:00Z", Tz::Asia__Shanghai), "2024-07-10 08:00:00");
        assert!(Length::of(&lit("0s"), "invalid", "positive").unwrap_err().to_string().contains("positive"));
        assert!(
            Length::of(&lit("1s 2h"), "invalid", "positive").unwrap_err().to_string().contains("invalid")
        );
        assert_eq!(Length::of(&lit(90_i64), "", "").unwrap(), Length::Nanos(90_000_000_000));
    }
}
