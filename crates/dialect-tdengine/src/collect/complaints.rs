//! Log lines about what agents lose: one kind at most once in a second, however much is lost.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a kind is told.
const PAUSE: Duration = Duration::from_secs(1);

/// What was told of late.
#[derive(Debug, Default)]
pub(super) struct Complaints(Mutex<Vec<Kind>>);

/// One kind of failure.
#[derive(Debug)]
struct Kind {
    name: &'static str,
    told: Instant,
    /// Records that were lost since.
    untold: u64,
}

impl Complaints {
    /// Logs that `records` were lost, or a failure that costs none (0), unless that was told a moment ago. Kinds are few: they are told apart by `kind`.
    pub(super) fn tell(&self, agent: &str, kind: &'static str, records: u64, why: &dyn Display) {
        if let Some(records) = self.due(kind, records, Instant::now()) {
            match records {
                0 => tracing::warn!(agent, kind, "{why}"),
                _ => tracing::warn!(agent, kind, records, "not stored: {why}"),
            }
        }
    }

    /// How many records to tell of, if it is time.
    fn due(&self, name: &'static str, records: u64, now: Instant) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(kind) = kinds.iter_mut().find(|kind| kind.name == name) else {
            kinds.push(Kind { name, told: now, untold: 0 });
            return Some(records);
        };
        kind.untold += records;
        if now.saturating_duration_since(kind.told) < PAUSE {
            return None;
        }
        kind.told = now;
        Some(std::mem::take(&mut kind.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once_a_second_with_what_was_passed_over() {
        let (complaints, begin) = (Complaints::default(), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(complaints.due("line", 1, at(0)), Some(1));
        assert_eq!(complaints.due("line", 2, at(10)), None);
        assert_eq!(complaints.due("queue", 5, at(10)), Some(5));
        assert_eq!(complaints.due("line", 3, at(999)), None);
        assert_eq!(complaints.due("line", 4, at(1_000)), Some(9));
        assert_eq!(complaints.due("line", 1, at(1_001)), None);
    }
}
