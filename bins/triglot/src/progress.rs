//! Progress on standard error: a bar on a terminal, a plain line every five seconds elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// What the total counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    /// So many bytes of input.
    Bytes(u64),
    /// So many rows.
    Rows(u64),
    /// Nobody knows.
    Unknown,
}

/// Shared by the threads of a command.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: Total,
    bytes: AtomicU64,
    rows: AtomicU64,
    started: Instant,
    last_line: Mutex<Instant>,
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(total: Total, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let started = Instant::now();
        let length = match total {
            Total::Bytes(n) | Total::Rows(n) => Some(n),
            Total::Unknown => None,
        };
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
            let template = if length.is_some() {
                "{elapsed_precise} [{bar:30}] {percent:>3}% {msg}, {eta} left"
            } else {
                "{elapsed_precise} {spinner} {msg}"
            };
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("=> "));
            bar
        });
        Self {
            bar,
            total,
            bytes: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            started,
            last_line: Mutex::new(started),
            quiet,
        }
    }

    /// So many more bytes of input and rows are done.
    pub(crate) fn add(&self, bytes: u64, rows: u64) {
        let bytes = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let rows = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        if let Some(bar) = &self.bar {
            bar.set_message(self.message(bytes, rows));
            bar.set_position(self.position(bytes, rows));
            return;
        }
        if self.quiet {
            return;
        }
        // Whoever comes while another thread prints has nothing to add.
        if let Ok(mut last) = self.last_line.try_lock()
            && last.elapsed() >= PLAIN_EVERY
        {
            *last = Instant::now();
            let line = format!("{}{}", self.message(bytes, rows), self.left(bytes, rows));
            // Nothing can be done about a closed standard error.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn position(&self, bytes: u64, rows: u64) -> u64 {
        if matches!(self.total, Total::Rows(_)) { rows } else { bytes }
    }

    fn message(&self, bytes: u64, rows: u64) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(0.001);
        let rate = HumanCount((rows as f64 / seconds) as u64);
        format!("{}, {} rows, {rate} rows/s", HumanBytes(bytes), HumanCount(rows))
    }

    fn left(&self, bytes: u64, rows: u64) -> String {
        let (Total::Bytes(total) | Total::Rows(total)) = self.total else { return String::new() };
        let done = self.position(bytes, rows);
        if done == 0 || total == 0 {
            return String::new();
        }
        let seconds = self.started.elapsed().as_secs_f64() / done as f64 * total.saturating_sub(done) as f64;
        format!(", {}%, {} left", done * 100 / total, HumanDuration(Duration::from_secs_f64(seconds)))
    }
}
