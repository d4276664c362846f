//! Which samples of a page belong together: `rpc_seconds_sum`, `rpc_seconds_count` and `rpc_seconds{quantile="0.5"}`
//! are three parts of one summary, because the page says `# TYPE rpc_seconds summary`.
//!
//! ```
//! use triglot_parse_prom::family::{Families, Kind, Part};
//! use triglot_parse_prom::text::{Entries, Entry, Format};
//!
//! let page = "# TYPE rpc_seconds summary\nrpc_seconds{quantile=\"0.5\",code=\"2\"} 3\nrpc_seconds_sum{code=\"2\"} 9\n";
//! let mut families = Families::default();
//! let mut values = Vec::new();
//! for entry in Entries::new(page, Format::Prometheus) {
//!     match entry? {
//!         Entry::Type { name, kind } => families.declare(&name, kind),
//!         Entry::Sample(sample) => {
//!             let member = families.member(&sample)?;
//!             assert_eq!((member.family, member.kind), ("rpc_seconds", Kind::Summary));
//!             values.push((member.part == Part::Sum, sample.value));
//!         }
//!     }
//! }
//! assert_eq!(values, [(false, 3.0), (true, 9.0)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::collections::HashMap;

use thiserror::Error;

use crate::text::{Labels, TextSample, number};

/// What a family of metrics is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `counter`
    Counter,
    /// `gauge`
    Gauge,
    /// `histogram`
    Histogram,
    /// `gaugehistogram` of OpenMetrics: its sum and count are `_gsum` and `_gcount`.
    GaugeHistogram,
    /// `summary`
    Summary,
    /// `info` of OpenMetrics: what it says is in its labels.
    Info,
    /// `stateset` of OpenMetrics: states that are on or off.
    StateSet,
    /// `untyped`, `unknown`, any other word, and no declaration at all.
    Untyped,
}

impl Kind {
    fn of_word(word: &str) -> Self {
        match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "gaugehistogram" => Self::GaugeHistogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            _ => Self::Untyped,
        }
    }

    /// What a sample is whose name is the family's with `suffix`; none = it is another family's.
    fn part(self, suffix: &str) -> Option<Shape> {
        match (self, suffix) {
            (Self::Counter, "_total") | (Self::Info, "_info") => Some(Shape::Value),
            (Self::Histogram | Self::GaugeHistogram, "_bucket") => Some(Shape::Bucket),
            (Self::Histogram | Self::Summary, "_sum") | (Self::GaugeHistogram, "_gsum") => Some(Shape::Sum),
            (Self::Histogram | Self::Summary, "_count") | (Self::GaugeHistogram, "_gcount") => {
                Some(Shape::Count)
            }
            (Self::Counter | Self::Histogram | Self::Summary, "_created") => Some(Shape::Created),
            _ => None,
        }
    }
}

/// A [`Part`] without what its label says.
#[derive(Clone, Copy)]
enum Shape {
    Value,
    Bucket,
    Sum,
    Count,
    Created,
}

/// Which part of its metric a sample is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<'s> {
    /// The one value of a counter, a gauge, …
    Value,
    /// Of a histogram: how many values are at most this (label `le`).
    Bucket(f64),
    /// Of a summary: the value below which this share of values is (label `quantile`).
    Quantile(f64),
    /// Of a histogram or summary: the sum of its values.
    Sum,
    /// Of a histogram or summary: the number of its values.
    Count,
    /// When the metric began to count, in seconds since 1970.
    Created,
    /// Of a set of states: whether this one is on (label with the family's name).
    State(&'s str),
}

/// The metric that a sample is part of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Member<'s> {
    /// The family's name.
    pub family: &'s str,
    /// What the family is.
    pub kind: Kind,
    /// Which part of the metric this is.
    pub part: Part<'s>,
    /// The label that says so, and is none of the metric's own labels.
    part_label: Option<&'s str>,
}

impl<'s> Member<'s> {
    /// The labels of the metric, which all its parts have.
    pub fn labels<'l, 'a>(
        &self,
        labels: &'l Labels<'a>,
    ) -> impl Iterator<Item = &'l (Cow<'a, str>, Cow<'a, str>)> + use<'l, 'a, 's> {
        let other = self.part_label;
        labels.iter().filter(move |(name, _)| other != Some(&**name))
    }
}

/// A sample that is a part of nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MemberError {
    /// A bucket without a bound.
    #[error("{name}: a bucket has no label \"le\" with a number")]
    Bound {
        /// The sample's name.
        name: String,
    },
    /// A quantile that is no number.
    #[error("{name}: the label \"quantile\" is no number")]
    Quantile {
        /// The sample's name.
        name: String,
    },
}

/// The families that a page declares.
#[derive(Debug, Clone, Default)]
pub struct Families {
    kinds: HashMap<Box<str>, Kind>,
}

impl Families {
    /// Takes note of a `# TYPE` line. The first one of a name counts.
    pub fn declare(&mut self, name: &str, kind: &str) {
        if !self.kinds.contains_key(name) {
            self.kinds.insert(name.into(), Kind::of_word(kind));
        }
    }

    /// The metric that a sample is part of. What no family claims is one of its own.
    ///
    /// # Errors
    /// Buckets and quantiles whose bounds are no numbers.
    pub fn member<'s>(&self, sample: &'s TextSample<'_>) -> Result<Member<'s>, MemberError> {
        let name = &*sample.name;
        if let Some(kind) = self.kinds.get(name) {
            return whole(sample, *kind);
        }
        let split = name.rfind('_').and_then(|at| name.split_at_checked(at));
        let of = split.and_then(|(family, suffix)| {
            let kind = *self.kinds.get(family)?;
            Some((family, kind, kind.part(suffix)?))
        });
        let Some((family, kind, shape)) = of else { return whole(sample, Kind::Untyped) };
        let (part, part_label) = match shape {
            Shape::Value => (Part::Value, None),
            Shape::Sum => (Part::Sum, None),
            Shape::Count => (Part::Count, None),
            Shape::Created => (Part::Created, None),
            Shape::Bucket => {
                let bound = label(sample, "le").and_then(number);
                let bound = bound.ok_or_else(|| MemberError::Bound { name: name.to_owned() })?;
                (Part::Bucket(bound), Some("le"))
            }
        };
        Ok(Member { family, kind, part, part_label })
    }
}

/// A sample whose name is its family's.
fn whole<'s>(sample: &'s TextSample<'_>, kind: Kind) -> Result<Member<'s>, MemberError> {
    let family = &*sample.name;
    let (part, part_label) = match kind {
        Kind::Summary => match label(sample, "quantile").map(number) {
            Some(Some(quantile)) => (Part::Quantile(quantile), Some("quantile")),
            Some(None) => return Err(MemberError::Quantile { name: family.to_owned() }),
            None => (Part::Value, None),
        },
        Kind::StateSet => match label(sample, family) {
            Some(state) => (Part::State(state), Some(family)),
            None => (Part::Value, None),
        },
        _ => (Part::Value, None),
    };
    Ok(Member { family, kind, part, part_label })
}

fn label<'s>(sample: &'s TextSample<'_>, wanted: &str) -> Option<&'s str> {
    sample.labels.iter().find(|(name, _)| name == wanted).map(|(_, value)| &**value)
}
