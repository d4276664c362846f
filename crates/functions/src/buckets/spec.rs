use std::fmt;

use arrow::datatypes::TimeUnit;
use chrono_tz::Tz;

use super::local::{first_day, instant_of, month_of, offset_at};

const DAY_SECONDS: i64 = 86_400;

/// The length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// So many units of time. Buckets are counted from the epoch; those of whole days from 1970-01-01
    /// 00:00 on the zone's clocks (so weeks begin on Thursday), and they are as long as the zone's days.
    Fixed(i64),
    /// So many months on the zone's clocks, counted from 1970-01: 3 for quarters, 12 for years.
    Months(i64),
}

/// Buckets `[start, next start)` that cover all of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Buckets {
    width: Width,
    offset: i64,
    offset_months: i64,
    zone: Tz,
    unit: TimeUnit,
}

/// Buckets that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// A width must be above zero.
    #[error("a bucket of {width} units or months")]
    Empty {
        /// The width asked for.
        width: i64,
    },
    /// Months as an offset need buckets of months.
    #[error("an offset of {months} months for buckets of fixed width")]
    OffsetInMonths {
        /// The offset asked for.
        months: i64,
    },
    /// The bucket of an instant starts or ends beyond what a timestamp can hold.
    #[error("the bucket of the instant {time} exceeds the range of timestamps")]
    OutOfRange {
        /// The instant.
        time: i64,
    },
}

impl Buckets {
    /// Buckets of `width`, each shifted by `offset` units (any number; negative is earlier).
    ///
    /// The zone matters to widths of whole days and to months. Whoever wants 24 hours that ignore the
    /// zone passes [`Tz::UTC`].
    ///
    /// # Errors
    /// [`BucketError::Empty`].
    pub const fn new(width: Width, offset: i64, zone: Tz, unit: TimeUnit) -> Result<Self, BucketError> {
        let (Width::Fixed(length) | Width::Months(length)) = width;
        if length <= 0 {
            return Err(BucketError::Empty { width: length });
        }
        Ok(Self { width, offset, offset_months: 0, zone, unit })
    }

    /// The same buckets of months, shifted by whole months too (years that begin in April: 3).
    ///
    /// # Errors
    /// [`BucketError::OffsetInMonths`] for fixed widths.
    pub const fn with_offset_months(self, months: i64) -> Result<Self, BucketError> {
        match self.width {
            Width::Fixed(_) if months != 0 => Err(BucketError::OffsetInMonths { months }),
            _ => Ok(Self { offset_months: months, ..self }),
        }
    }

    /// The length.
    pub const fn width(&self) -> Width {
        self.width
    }

    /// The unit in which times count.
    pub const fn unit(&self) -> TimeUnit {
        self.unit
    }

    /// The zone whose clocks count days and months.
    pub const fn zone(&self) -> Tz {
        self.zone
    }

    /// The start of the bucket that holds `time`.
    ///
    /// # Errors
    /// [`BucketError::OutOfRange`].
    pub fn start_of(&self, time: i64) -> Result<i64, BucketError> {
        match self.straight() {
            Some(width) => self.straight_start(time, width),
            None => self.start(self.index_of(time)?).ok_or(BucketError::OutOfRange { time }),
        }
    }

    /// The start of the bucket after the one that starts at `start`.
    ///
    /// # Errors
    /// [`BucketError::OutOfRange`].
    pub fn next(&self, start: i64) -> Result<i64, BucketError> {
        let out = BucketError::OutOfRange { time: start };
        if let Some(width) = self.straight() {
            return self.straight_start(start, width)?.checked_add(width).ok_or(out);
        }
        let index = self.index_of(start)?;
        // Days that a zone skipped (Samoa, 2011-12-30) are buckets of no length.
        let mut after = (1..4).filter_map(|n| self.start(index.checked_add(n)?)).filter(|next| *next > start);
        after.next().ok_or(out)
    }

    /// The width of buckets that the zone's clocks do not change.
    fn straight(&self) -> Option<i64> {
        match self.width {
            Width::Fixed(width) if self.zone == Tz::UTC || width % self.day() != 0 => Some(width),
            _ => None,
        }
    }

    fn straight_start(&self, time: i64, width: i64) -> Result<i64, BucketError> {
        // The distance from the start, without `time - offset`, which may overflow.
        let rest = i128::from(time.rem_euclid(width)) - i128::from(self.offset.rem_euclid(width));
        let rest = i64::try_from(rest.rem_euclid(i128::from(width))).unwrap_or(0);
        time.checked_sub(rest).ok_or(BucketError::OutOfRange { time })
    }

    fn per_second(&self) -> i64 {
        match self.unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        }
    }

    fn day(&self) -> i64 {
        DAY_SECONDS * self.per_second()
    }

    /// The number of the bucket that holds `time`: the largest whose start is not after it.
    fn index_of(&self, time: i64) -> Result<i64, BucketError> {
        let out = BucketError::OutOfRange { time };
        let ahead = offset_at(self.zone, time.div_euclid(self.per_second())) * self.per_second();
        let local = time.checked_add(ahead).and_then(|l| l.checked_sub(self.offset)).ok_or(out)?;
        let mut index = match self.width {
            Width::Fixed(width) => local.div_euclid(width),
            Width::Months(months) => {
                (month_of(local.div_euclid(self.day())) - self.offset_months).div_euclid(months)
            }
        };
        // Clocks that were put back show an hour twice, so the guess may be off by one.
        while self.start(index).is_some_and(|start| start > time) {
            index -= 1;
        }
        while self.start(index + 1).is_some_and(|start| start <= time) {
            index += 1;
        }
        Ok(index)
    }

    /// When a bucket starts; none beyond the range of timestamps.
    fn start(&self, index: i64) -> Option<i64> {
        let local = match self.width {
            Width::Fixed(width) => index.checked_mul(width)?,
            Width::Months(months) => first_day(index.checked_mul(months)?.checked_add(self.offset_months)?)
                .checked_mul(self.day())?,
        };
        let local = local.checked_add(self.offset)?;
        let (second, rest) = (local.div_euclid(self.per_second()), local.rem_euclid(self.per_second()));
        instant_of(self.zone, second).checked_mul(self.per_second())?.checked_add(rest)
    }
}

/// As EXPLAIN shows them.
impl fmt::Display for Buckets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        };
        match self.width {
            Width::Fixed(width) => write!(f, "{width} {unit}")?,
            Width::Months(months) => write!(f, "{months} months")?,
        }
        if self.offset != 0 {
            write!(f, " + {} {unit}", self.offset)?;
        }
        if self.offset_months != 0 {
            write!(f, " + {} months", self.offset_months)?;
        }
        match self.straight() {
            Some(_) => Ok(()),
            None => write!(f, " in {}", self.zone),
        }
    }
}
