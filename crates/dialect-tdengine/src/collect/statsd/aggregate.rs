//! Values of StatsD gathered between two writes, as Telegraf's input, which taosAdapter uses, does. No socket, no clock.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use thiserror::Error;
use triglot_parse_collectors::statsd::{Kind, Metric};

use crate::collect::rows::{Number, Row};

/// The tag that tells how values of a name were gathered.
const METRIC_TYPE: &str = "metric_type";
/// The value of tags that have none.
const NO_VALUE: &str = "true";
/// What a name costs beside its texts, about.
const SERIES_BYTES: usize = 256;

/// Which names are forgotten when they are written; names are the vendor's. What is not forgotten is written again, and counters and
/// sets go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deletes {
    /// `deleteCounters`
    pub counters: bool,
    /// `deleteGauges`
    pub gauges: bool,
    /// `deleteSets`
    pub sets: bool,
    /// `deleteTimings`: times, histograms and distributions.
    pub timings: bool,
}

impl Default for Deletes {
    fn default() -> Self {
        Self { counters: true, gauges: true, sets: true, timings: true }
    }
}

/// A value that is not gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum NotGathered {
    /// A counter has 64 bits.
    #[error("a counter is out of range")]
    Overflow,
    /// More names and texts of sets than there is memory for.
    #[error("too many names are gathered at a time")]
    Full,
}

/// What tells series apart: type, name, tags by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: Kind,
    name: String,
    tags: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum Gathered {
    Counter(i64),
    Gauge(f64),
    Set(HashSet<String>),
    Times(Times),
}

/// Count, sum and moments of times. Each counts as often as its rate says.
#[derive(Clone, Copy, Debug)]
struct Times {
    count: i64,
    sum: f64,
    /// The first value: sums of differences to it lose fewer digits.
    shift: f64,
    differences: f64,
    squares: f64,
    upper: f64,
    lower: f64,
}

/// The values since the last write.
#[derive(Debug)]
pub(crate) struct Aggregator {
    deletes: Deletes,
    series: HashMap<Key, Gathered>,
    /// About the memory of `series`, and how much it may be.
    bytes: usize,
    most_bytes: usize,
}

impl Aggregator {
    /// Holds about `most_bytes` at most.
    pub(crate) fn new(deletes: Deletes, most_bytes: usize) -> Self {
        Self { deletes, series: HashMap::new(), bytes: 0, most_bytes }
    }

    /// Gathers a value.
    ///
    /// # Errors
    /// See [`NotGathered`].
    pub(crate) fn add(&mut self, metric: &Metric<'_>) -> Result<(), NotGathered> {
        let key = Key::of(metric);
        let number = metric.number().unwrap_or_default();
        if let Some(known) = self.series.get_mut(&key) {
            self.bytes += known.add(metric, number, self.most_bytes.saturating_sub(self.bytes))?;
            return Ok(());
        }
        let mut gathered = Gathered::none(metric.kind, number);
        let bytes = key.bytes();
        let room = self.most_bytes.saturating_sub(self.bytes).checked_sub(bytes).ok_or(NotGathered::Full)?;
        self.bytes += bytes + gathered.add(metric, number, room)?;
        self.series.insert(key, gathered);
        Ok(())
    }

    /// The rows of what was gathered, in no order; forgets what is to be forgotten.
    pub(crate) fn rows(&mut self, now_ns: i64) -> Vec<Row> {
        let rows = self.series.iter().map(|(key, gathered)| key.row(gathered.fields(), now_ns)).collect();
        let deletes = self.deletes;
        self.series.retain(|key, _| !deletes.are_of(key.kind));
        self.bytes = self.series.iter().map(|(key, gathered)| key.bytes() + gathered.bytes()).sum();
        if self.series.is_empty() {
            self.series = HashMap::new();
        }
        rows
    }
}

impl Deletes {
    fn are_of(self, kind: Kind) -> bool {
        match kind {
            Kind::Counter => self.counters,
            Kind::Gauge => self.gauges,
            Kind::Set => self.sets,
            Kind::Timing | Kind::Histogram | Kind::Distribution => self.timings,
        }
    }
}

impl Key {
    fn of(metric: &Metric<'_>) -> Self {
        // Of a tag that is told twice the last one counts.
        let mut tags = BTreeMap::new();
        for (name, value) in &metric.tags {
            tags.insert(*name, if value.is_empty() { NO_VALUE } else { value });
        }
        tags.insert(METRIC_TYPE, type_name(metric.kind));
        let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { kind: metric.kind, name: metric.name.replace('.', "_"), tags }
    }

    fn bytes(&self) -> usize {
        let tags: usize = self.tags.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
        SERIES_BYTES + self.name.len() + tags
    }

    fn row(&self, fields: Vec<(Cow<'static, str>, Number)>, time_ns: i64) -> Row {
        let tags = self.tags.iter().map(|(name, value)| (Cow::Owned(name.clone()), value.clone())).collect();
        Row { table: self.name.clone(), tags, fields, time_ns }
    }
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Set => "set",
        Kind::Timing => "timing",
        Kind::Histogram => "histogram",
        Kind::Distribution => "distribution",
    }
}

impl Gathered {
    /// Before the first value, which is `first`.
    fn none(kind: Kind, first: f64) -> Self {
        match kind {
            Kind::Counter => Self::Counter(0),
            Kind::Gauge => Self::Gauge(0.0),
            Kind::Set => Self::Set(HashSet::new()),
            Kind::Timing | Kind::Histogram | Kind::Distribution => Self::Times(Times::before(first)),
        }
    }

    /// Adds a value; by how many bytes that is more memory, at most `room`.
    fn add(&mut self, metric: &Metric<'_>, number: f64, room: usize) -> Result<usize, NotGathered> {
        match self {
            Self::Counter(sum) => {
                let more = count_of(metric, number).ok_or(NotGathered::Overflow)?;
                *sum = sum.checked_add(more).ok_or(NotGathered::Overflow)?;
            }
            Self::Gauge(value) if metric.is_relative() => *value += number,
            Self::Gauge(value) => *value = number,
            Self::Set(texts) => {
                if !texts.contains(metric.value) {
                    let bytes = text_bytes(metric.value);
                    if bytes > room {
                        return Err(NotGathered::Full);
                    }
                    texts.insert(metric.value.to_owned());
                    return Ok(bytes);
                }
            }
            Self::Times(times) => times.add(number, weight(metric.rate)),
        }
        Ok(0)
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Set(texts) => texts.iter().map(|text| text_bytes(text)).sum(),
            Self::Counter(_) | Self::Gauge(_) | Self::Times(_) => 0,
        }
    }

    fn fields(&self) -> Vec<(Cow<'static, str>, Number)> {
        let value = |number| vec![(Cow::Borrowed("value"), number)];
        match self {
            Self::Counter(sum) => value(Number::Int(*sum)),
            Self::Gauge(last) => value(Number::Float(*last)),
            Self::Set(texts) => value(Number::Int(i64::try_from(texts.len()).unwrap_or(i64::MAX))),
            Self::Times(times) => times.fields(),
        }
    }
}

/// A text of a set, with its place.
fn text_bytes(text: &str) -> usize {
    text.len() + 48
}

/// What a counter grows by: a whole number, scaled up by its rate, without its fraction.
fn count_of(metric: &Metric<'_>, number: f64) -> Option<i64> {
    if metric.rate == 1.0
        && let Ok(exact) = metric.value.parse()
    {
        return Some(exact);
    }
    let scaled = (number / metric.rate).trunc();
    // The bounds of i64 as floats: the upper one is one too many.
    (scaled >= i64::MIN as f64 && scaled < i64::MAX as f64).then_some(scaled as i64)
}

/// How often a value of this rate counts.
fn weight(rate: f64) -> i64 {
    // Within range: a rate is above 0 and at most 1, and casts saturate.
    (1.0 / rate) as i64
}

impl Times {
    fn before(first: f64) -> Self {
        let (upper, lower) = (f64::NEG_INFINITY, f64::INFINITY);
        Self { count: 0, sum: 0.0, shift: first, differences: 0.0, squares: 0.0, upper, lower }
    }

    fn add(&mut self, value: f64, weight: i64) {
        let (difference, times) = (value - self.shift, weight as f64);
        self.count = self.count.saturating_add(weight);
        self.sum += value * times;
        self.differences += difference * times;
        self.squares += difference * difference * times;
        self.upper = self.upper.max(value);
        self.lower = self.lower.min(value);
    }

    fn fields(&self) -> Vec<(Cow<'static, str>, Number)> {
        let count = self.count as f64;
        let variance = (self.squares - self.differences * self.differences / count) / count;
        let float = |name, value| (Cow::Borrowed(name), Number::Float(value));
        vec![
            float("mean", self.shift + self.differences / count),
            // Rounding may leave a little below 0.
            float("stddev", variance.max(0.0).sqrt()),
            float("sum", self.sum),
            float("upper", self.upper),
            float("lower", self.lower),
            (Cow::Borrowed("count"), Number::Int(self.count)),
        ]
    }
}
