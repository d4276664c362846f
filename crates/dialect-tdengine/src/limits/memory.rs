//! The memory guard: how much of the machine's memory this process uses, and what stops at which share.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use triglot_http::process::{self, Usage};

/// When to stop what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryOptions {
    /// Memory of the machine, or of the control group around the process, in bytes.
    pub total_bytes: u64,
    /// Cores of the machine.
    pub cores: usize,
    /// Percent from which on queries are refused.
    pub pause_query: u8,
    /// Percent from which on everything is refused.
    pub pause_all: u8,
    /// How long one look at the process is good for.
    pub interval: Duration,
}

/// What is refused at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pause {
    Nothing,
    Queries,
    All,
}

/// Looks at the process when it is asked, at most once in an interval.
#[derive(Debug)]
pub(crate) struct MemoryGuard {
    options: MemoryOptions,
    last: Mutex<Sample>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    taken: Option<(Instant, Usage)>,
    cpu_percent: f64,
    memory_percent: f64,
}

impl MemoryGuard {
    pub(crate) fn new(options: MemoryOptions) -> Self {
        Self { options, last: Mutex::default() }
    }

    /// What must be refused now.
    pub(crate) fn pause(&self) -> Pause {
        self.pause_at(self.percents().1)
    }

    fn pause_at(&self, memory_percent: f64) -> Pause {
        if memory_percent >= f64::from(self.options.pause_all) {
            Pause::All
        } else if memory_percent >= f64::from(self.options.pause_query) {
            Pause::Queries
        } else {
            Pause::Nothing
        }
    }

    /// Percent of the machine's processors and memory that this process uses.
    pub(crate) fn percents(&self) -> (f64, f64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_fresh = |(taken, _): (Instant, Usage)| now.duration_since(taken) < self.options.interval;
        if !last.taken.is_some_and(is_fresh)
            && let Some(usage) = process::usage()
        {
            *last = next(&last, now, usage, &self.options);
        }
        (last.cpu_percent, last.memory_percent)
    }
}

fn next(last: &Sample, now: Instant, usage: Usage, options: &MemoryOptions) -> Sample {
    let cpu_percent = last.taken.map_or(0.0, |(then, before)| {
        let seconds = now.duration_since(then).as_secs_f64() * options.cores.max(1) as f64;
        if seconds > 0.0 { (usage.cpu_seconds - before.cpu_seconds) / seconds * 100.0 } else { 0.0 }
    });
    let memory_percent = usage.resident_bytes as f64 / options.total_bytes.max(1) as f64 * 100.0;
    Sample { taken: Some((now, usage)), cpu_percent, memory_percent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> MemoryOptions {
        MemoryOptions {
            total_bytes: 1_000,
            cores: 2,
            pause_query: 70,
            pause_all: 80,
            interval: Duration::from_secs(3),
        }
    }

    #[test]
    fn queries_stop_before_writes() {
        let guard = MemoryGuard::new(options());
        for (percent, wanted) in
            [(0.0, Pause::Nothing), (69.9, Pause::Nothing), (70.0, Pause::Queries), (80.0, Pause::All)]
        {
            assert_eq!(guard.pause_at(percent), wanted, "{percent}");
        }
    }

    #[test]
    fn shares_are_of_the_whole_machine() {
        let begin = Instant::now();
        let first =
            next(&Sample::default(), begin, Usage { cpu_seconds: 5.0, resident_bytes: 250 }, &options());
        assert_eq!((first.cpu_percent, first.memory_percent), (0.0, 25.0));
        let later = begin + Duration::from_secs(2);
        let second = next(&first, later, Usage { cpu_seconds: 6.0, resident_bytes: 500 }, &options());
        // One second of four: two cores for two seconds.
        assert_eq!((second.cpu_percent, second.memory_percent), (25.0, 50.0));
    }

    #[test]
    fn this_process_is_seen() {
        let guard = MemoryGuard::new(MemoryOptions { total_bytes: 1, ..options() });
        assert_eq!(guard.pause(), Pause::All);
    }
}
