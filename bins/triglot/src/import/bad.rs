//! Lines that could not be imported.

use std::sync::{Mutex, PoisonError};

/// So many are shown.
const SHOWN: usize = 10;

/// Counts bad lines and keeps the first ten. Shared by the threads of an import.
#[derive(Debug)]
pub(crate) struct BadLines {
    state: Mutex<State>,
    limit: u64,
}

#[derive(Debug, Default)]
struct State {
    count: u64,
    /// Ascending by line.
    first: Vec<(u64, String)>,
}

impl BadLines {
    /// More than `limit` end the import.
    pub(crate) fn new(limit: u64) -> Self {
        Self { state: Mutex::default(), limit }
    }

    /// Notes a line.
    pub(crate) fn add(&self, line: u64, reason: impl std::fmt::Display) {
        let mut state = self.lock();
        state.count += 1;
        // Threads report out of order.
        let at = state.first.partition_point(|(known, _)| *known <= line);
        if at < SHOWN {
            state.first.insert(at, (line, reason.to_string()));
            state.first.truncate(SHOWN);
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Whether to give up.
    pub(crate) fn too_many(&self) -> bool {
        self.count() > self.limit
    }

    /// `line N: reason` of the first ten.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().first.iter().map(|(line, reason)| format!("line {line}: {reason}")).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ten_by_number_are_kept() {
        let bad = BadLines::new(29);
        for line in (1..=30).rev() {
            bad.add(line, "x");
        }
        assert_eq!(bad.count(), 30);
        assert!(bad.too_many());
        assert_eq!(bad.lines().len(), 10);
        assert_eq!((bad.lines()[0].as_str(), bad.lines()[9].as_str()), ("line 1: x", "line 10: x"));
    }
}
