use arrow::datatypes::TimeUnit;

/// Windows `[origin + n * slide, origin + n * slide + width)` for all whole `n`, all numbers in one unit.
///
/// `slide == width`: each instant lies in one window; `slide < width`: windows overlap; `slide > width`:
/// there are gaps between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeWindows {
    width: i64,
    slide: i64,
    /// In `0..slide`.
    origin: i64,
}

/// Windows that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// Width and slide must be above zero.
    #[error("window of width {width} and slide {slide}")]
    Empty {
        /// The width asked for.
        width: i64,
        /// The slide asked for.
        slide: i64,
    },
    /// A width, slide or origin lies between two instants of the unit.
    #[error("{ns} ns is not a multiple of the time's unit, {unit_ns} ns")]
    Fraction {
        /// The width, slide or origin.
        ns: i64,
        /// The unit's length.
        unit_ns: i64,
    },
    /// The window of an instant starts or ends beyond what a timestamp can hold.
    #[error("the window of the instant {time} exceeds the range of timestamps")]
    OutOfRange {
        /// The instant.
        time: i64,
    },
}

impl TimeWindows {
    /// Windows `width` long, one every `slide`, one of which starts at `origin`.
    ///
    /// # Errors
    /// [`WindowError::Empty`].
    pub const fn new(width: i64, slide: i64, origin: i64) -> Result<Self, WindowError> {
        if width <= 0 || slide <= 0 {
            return Err(WindowError::Empty { width, slide });
        }
        Ok(Self { width, slide, origin: origin.rem_euclid(slide) })
    }

    /// The same windows, given in nanoseconds, in another unit.
    ///
    /// # Errors
    /// [`WindowError::Fraction`].
    pub fn in_unit(self, unit: TimeUnit) -> Result<Self, WindowError> {
        let unit_ns = unit_ns(unit);
        let units = |ns: i64| match ns % unit_ns {
            0 => Ok(ns / unit_ns),
            _ => Err(WindowError::Fraction { ns, unit_ns }),
        };
        Self::new(units(self.width)?, units(self.slide)?, units(self.origin)?)
    }

    /// The length of a window.
    pub const fn width(&self) -> i64 {
        self.width
    }

    /// The distance from one window's start to the next one's.
    pub const fn slide(&self) -> i64 {
        self.slide
    }

    /// Whether each instant lies in exactly one window.
    pub const fn is_tumbling(&self) -> bool {
        self.width == self.slide
    }

    /// How many windows an instant may lie in, at most.
    pub const fn overlapping(&self) -> i64 {
        (self.width - 1) / self.slide + 1
    }

    /// The last start at or before `time`.
    ///
    /// # Errors
    /// [`WindowError::OutOfRange`].
    pub const fn last_start(&self, time: i64) -> Result<i64, WindowError> {
        // The distance from the start, without `time - origin`, which may overflow.
        let rest = (time.rem_euclid(self.slide) - self.origin).rem_euclid(self.slide);
        match time.checked_sub(rest) {
            Some(start) => Ok(start),
            None => Err(WindowError::OutOfRange { time }),
        }
    }

    /// The first start whose window ends after `time`. It lies after `time` where `time` is in a gap.
    ///
    /// # Errors
    /// [`WindowError::OutOfRange`].
    pub fn first_start(&self, time: i64) -> Result<i64, WindowError> {
        let out = WindowError::OutOfRange { time };
        let ended = self.last_start(time.checked_sub(self.width).ok_or(out)?).map_err(|_| out)?;
        ended.checked_add(self.slide).ok_or(out)
    }

    /// The starts of all windows that hold `time`, ascending.
    ///
    /// # Errors
    /// [`WindowError::OutOfRange`].
    pub fn starts(&self, time: i64) -> Result<impl Iterator<Item = i64> + use<>, WindowError> {
        let (first, last, slide) = (self.first_start(time)?, self.last_start(time)?, self.slide);
        let count = if first > last { 0 } else { (last - first) / slide + 1 };
        Ok((0..count).map(move |n| first + n * slide))
    }
}

pub(super) const fn unit_ns(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(width: i64, slide: i64, origin: i64, time: i64) -> Vec<i64> {
        TimeWindows::new(width, slide, origin).unwrap().starts(time).unwrap().collect()
    }

    #[test]
    fn each_instant_lies_in_the_windows_that_hold_it() {
        for (width, slide, origin, time, expected) in [
            (10, 10, 0, 0, vec![0]),
            (10, 10, 0, 9, vec![0]),
            (10, 10, 0, 10, vec![10]),
            (10, 10, 0, -1, vec![-10]),
            (10, 10, 3, 12, vec![3]),
            (10, 10, 23, 12, vec![3]),
            (10, 10, -7, 2, vec![-7]),
            (10, 5, 0, 7, vec![0, 5]),
            (10, 4, 0, 9, vec![0, 4, 8]),
            (10, 4, 0, 10, vec![4, 8]),
            (2, 5, 0, 6, vec![5]),
            (2, 5, 0, 7, vec![]),
        ] {
            assert_eq!(starts(width, slide, origin, time), expected, "{width} {slide} {origin} {time}");
        }
    }

    /// Against the definition: `start <= time < start + width` for starts of the grid.
    #[test]
    fn starts_agree_with_the_definition() {
        for width in 1..8 {
            for slide in 1..8 {
                for origin in -3..4 {
                    for time in -20..20 {
                        let by_definition: Vec<i64> = (-60..60)
                            .filter(|s| (s - origin) % slide == 0 && *s <= time && time < s + width)
                            .collect();
                        assert_eq!(starts(width, slide, origin, time), by_definition);
                        assert!(
                            by_definition.len() as i64
                                <= TimeWindows::new(width, slide, origin).unwrap().overlapping()
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_ends_of_time_are_errors() {
        let windows = TimeWindows::new(1000, 1000, 0).unwrap();
        assert_eq!(windows.last_start(i64::MIN), Err(WindowError::OutOfRange { time: i64::MIN }));
        assert!(windows.last_start(i64::MAX).is_ok());
        assert!(windows.first_start(i64::MIN).is_err());
        assert!(TimeWindows::new(0, 1, 0).is_err());
        assert!(TimeWindows::new(1, -1, 0).is_err());
    }

    #[test]
    fn units_hold_whole_windows_only() {
        let windows = TimeWindows::new(3_000_000, 3_000_000, 1_000_000).unwrap();
        assert_eq!(windows.in_unit(TimeUnit::Millisecond), TimeWindows::new(3, 3, 1));
        assert_eq!(
            TimeWindows::new(1_500_000, 1_500_000, 0).unwrap().in_unit(TimeUnit::Millisecond),
            Err(WindowError::Fraction { ns: 1_500_000, unit_ns: 1_000_000 })
        );
    }
}
