use serde::{Deserialize, Serialize};

/// An inclusive range of times in a table's precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// First instant inside.
    pub start: i64,
    /// Last instant inside.
    pub end: i64,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self { start: i64::MIN, end: i64::MAX };

    /// The smallest range that holds all of `times`; none if there are none.
    pub(crate) fn of(times: &[i64]) -> Option<Self> {
        let first = times.first()?;
        let one = |t: i64| Self { start: t, end: t };
        Some(times.iter().fold(one(*first), |range, t| range.union(&one(*t))))
    }

    /// Whether no instant is inside.
    pub const fn is_empty(&self) -> bool {
        self.start > self.end
    }

    /// Whether `time` is inside.
    pub const fn contains(&self, time: i64) -> bool {
        self.start <= time && time <= self.end
    }

    /// Whether every instant of `other` is inside.
    pub const fn covers(&self, other: &Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether any instant is inside both.
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// The instants inside both; empty if there are none.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}
