//! Statements written to a CSV file between two points in time.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, TimeZone as _};
use chrono_tz::Tz;
use triglot_model::Clock;

/// Where recordings go; given by the program around the dialect.
pub trait RecordFiles: Send + Sync + fmt::Debug {
    /// Makes a file of this name. May block.
    ///
    /// # Errors
    /// It cannot be made.
    fn create(&self, name: &str) -> io::Result<Arc<dyn RecordFile>>;
}

/// A file that lines are appended to.
pub trait RecordFile: Send + Sync + fmt::Debug {
    /// Appends a line. Must not block: lines that find no room are dropped.
    fn append(&self, line: String);
}

/// How times are given and shown.
const FORM: &str = "%Y-%m-%d %H:%M:%S";
/// How times stand in the file.
const EXACT: &str = "%Y-%m-%d %H:%M:%S%.6f";

/// From when to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Seconds since the epoch.
    pub(crate) start: i64,
    /// The same; not in the span any more.
    pub(crate) end: i64,
    pub(crate) zone: Tz,
}

impl Span {
    /// Of two texts `YYYY-MM-DD hh:mm:ss` in a zone.
    pub(crate) fn of(start: &str, end: &str, zone: Tz) -> Result<Self, String> {
        let read = |name: &str, text: &str| {
            let naive = NaiveDateTime::parse_from_str(text, FORM)
                .map_err(|_| format!("{name} {text:?} is not like 2006-01-02 15:04:05"))?;
            let at = zone.from_local_datetime(&naive).earliest();
            at.map(|at| at.timestamp()).ok_or_else(|| format!("{name} {text:?} does not exist"))
        };
        Ok(Self { start: read("start_time", start)?, end: read("end_time", end)?, zone })
    }

    /// Begin and end as they are shown.
    pub(crate) fn texts(&self) -> [String; 2] {
        let text = |seconds| {
            let at = DateTime::from_timestamp(seconds, 0);
            at.map(|at| at.with_timezone(&self.zone).format(FORM).to_string()).unwrap_or_default()
        };
        [text(self.start), text(self.end)]
    }

    fn exact(&self, ns: i64) -> String {
        DateTime::from_timestamp_nanos(ns).with_timezone(&self.zone).format(EXACT).to_string()
    }
}

/// What is recorded at present.
#[derive(Clone, Debug)]
struct Mission {
    span: Span,
    file: Arc<dyn RecordFile>,
}

/// The recorder of one kind of requests.
#[derive(Debug)]
pub(crate) struct Recorder {
    clock: Arc<dyn Clock>,
    mission: Mutex<Option<Mission>>,
    concurrent: Arc<AtomicUsize>,
}

impl Recorder {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, mission: Mutex::default(), concurrent: Arc::default() }
    }

    /// Now, in seconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ns().div_euclid(1_000_000_000)
    }

    /// What is recorded now or will be; ended ones are forgotten.
    fn mission(&self) -> Option<Mission> {
        let mut mission = self.mission.lock().unwrap_or_else(PoisonError::into_inner);
        if mission.as_ref().is_some_and(|m| m.span.end <= self.now()) {
            *mission = None;
        }
        mission.clone()
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.mission().map(|m| m.span)
    }

    /// Requests that are being recorded.
    pub(crate) fn concurrent(&self) -> usize {
        self.concurrent.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self, span: Span, file: Arc<dyn RecordFile>) {
        *self.mission.lock().unwrap_or_else(PoisonError::into_inner) = Some(Mission { span, file });
    }

    pub(crate) fn end(&self) -> Option<Span> {
        let span = self.span();
        *self.mission.lock().unwrap_or_else(PoisonError::into_inner) = None;
        span
    }

    /// A record of a request that begins now, if such are recorded.
    pub(crate) fn record(&self, facts: impl FnOnce() -> Facts) -> Option<Recording> {
        let mission = self.mission()?;
        if self.now() < mission.span.start {
            return None;
        }
        self.concurrent.fetch_add(1, Ordering::Relaxed);
        Some(Recording {
            mission,
            facts: facts(),
            clock: Arc::clone(&self.clock),
            concurrent: Arc::clone(&self.concurrent),
            received_ns: self.clock.now_ns(),
            begin: Instant::now(),
            connected: Duration::ZERO,
            queried: Duration::ZERO,
        })
    }
}

/// What is known of a request when it begins.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) sql: String,
    pub(crate) address: String,
    pub(crate) port: String,
    pub(crate) user: String,
    pub(crate) request_id: i64,
    pub(crate) application: String,
}

/// A request that is being recorded. Its line is written when it is dropped: the result was sent, or nobody
/// wants it any more.
#[derive(Debug)]
pub(crate) struct Recording {
    mission: Mission,
    facts: Facts,
    clock: Arc<dyn Clock>,
    concurrent: Arc<AtomicUsize>,
    received_ns: i64,
    begin: Instant,
    connected: Duration,
    queried: Duration,
}

impl Recording {
    /// The user is logged in.
    pub(crate) fn connected(&mut self) {
        self.connected = self.begin.elapsed();
    }

    /// The statement ran; its rows may still be to come.
    pub(crate) fn queried(&mut self) {
        self.queried = self.begin.elapsed().saturating_sub(self.connected);
    }

    fn line(&self) -> String {
        let total = self.begin.elapsed();
        let fetched = total.saturating_sub(self.connected + self.queried);
        let (span, facts) = (self.mission.span, &self.facts);
        let freed = span.exact(self.clock.now_ns());
        let micros = |duration: Duration| duration.as_micros().to_string();
        let fields = [
            freed.clone(),
            facts.sql.clone(),
            facts.address.clone(),
            facts.user.clone(),
            "http".to_owned(),
            format!("{:#x}", facts.request_id),
            span.exact(self.received_ns),
            freed,
            micros(self.queried),
            micros(fetched),
            micros(self.connected),
            micros(total),
            facts.port.clone(),
            facts.application.clone(),
        ];
        let mut line = fields.map(|field| quoted(&field)).join(",");
        line.push('\n');
        line
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.mission.file.append(self.line());
        self.concurrent.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A field of CSV.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use triglot_model::ManualClock;

    #[derive(Debug, Default)]
    struct Lines(Mutex<Vec<String>>);

    impl RecordFile for Lines {
        fn append(&self, line: String) {
            self.0.lock().unwrap().push(line);
        }
    }

    fn facts() -> Facts {
        Facts {
            sql: "select \"a\", 1".to_owned(),
            address: "10.0.0.1".to_owned(),
            port: "5".to_owned(),
            user: "root".to_owned(),
            request_id: 255,
            application: String::new(),
        }
    }

    #[test]
    fn what_falls_into_the_span_is_written_when_it_ends() {
        // 2024-01-01T00:00:00 UTC = 1704067200.
        let second = 1_000_000_000;
        let clock = Arc::new(ManualClock::new(1_704_067_199 * second));
        let recorder = Recorder::new(clock.clone());
        assert!(recorder.record(facts).is_none());
        let span = Span::of("2024-01-01 01:00:00", "2024-01-01 01:00:10", Tz::Europe__Berlin).unwrap();
        let lines = Arc::new(Lines::default());
        recorder.begin(span, lines.clone());
        assert!(recorder.record(facts).is_none(), "it is to begin in a second");
        clock.set(1_704_067_200 * second);
        let recording = recorder.record(facts).unwrap();
        assert_eq!(recorder.concurrent(), 1);
        assert!(lines.0.lock().unwrap().is_empty());
        drop(recording);
        assert_eq!(recorder.concurrent(), 0);
        let line = lines.0.lock().unwrap().pop().unwrap();
        let begin = "2024-01-01 01:00:00.000000,\"select \"\"a\"\", 1\",10.0.0.1,root,http,0xff,2024-01-01 01:00:00.000000,";
        assert!(line.starts_with(begin) && line.ends_with(",5,\n"), "{line}");
        assert_eq!(recorder.span(), Some(span));
        clock.set(1_704_067_210 * second);
        assert_eq!(recorder.span(), None, "it is over");
    }

    #[test]
    fn times_are_read_in_their_zone_and_shown_so() {
        // 2024-06-30T18:00:00 UTC = 1719770400.
        let span = Span::of("2024-07-01 02:00:00", "2300-01-01 00:00:00", Tz::Asia__Shanghai).unwrap();
        assert_eq!(span.start, 1_719_770_400);
        assert_eq!(span.texts(), ["2024-07-01 02:00:00", "2300-01-01 00:00:00"]);
        for bad in ["", "2024-07-01", "2024-07-01T02:00:00", "2024-13-01 00:00:00"] {
            assert!(Span::of(bad, "2024-07-01 03:00:00", Tz::UTC).is_err(), "{bad}");
        }
    }
}
