//! StatsD's lines: `name[,tag=value…]:value|type[|@rate][|#tag:value,…]`.

use thiserror::Error;

/// How values of a name are gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `c`: added up.
    Counter,
    /// `g`: the last one counts; with a sign it changes the last one.
    Gauge,
    /// `s`: different ones are counted.
    Set,
    /// `ms`: times.
    Timing,
    /// `h`: as times.
    Histogram,
    /// `d`: as times.
    Distribution,
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric<'a> {
    /// The name, without tags.
    pub name: &'a str,
    /// Those of the name, then those behind `#`. One without a value has the empty one.
    pub tags: Vec<(&'a str, &'a str)>,
    /// How it is gathered.
    pub kind: Kind,
    /// The value as it was written: a number, with a sign for relative gauges; any text for sets.
    pub value: &'a str,
    /// Which part of the events was sent, above 0 and at most 1.
    pub rate: f64,
}

impl Metric<'_> {
    /// The value, if it is a finite number.
    pub fn number(&self) -> Option<f64> {
        finite(self.value)
    }

    /// Whether a gauge is to be changed by the value, not set to it.
    pub fn is_relative(&self) -> bool {
        self.kind == Kind::Gauge && self.value.starts_with(['+', '-'])
    }
}

/// A line that could not be read. The ones behind it are.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {kind}")]
pub struct StatsdError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: StatsdErrorKind,
}

/// The kinds of [`StatsdError`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatsdErrorKind {
    /// No name before the colon.
    #[error("missing name")]
    Name,
    /// No colon, or nothing behind it.
    #[error("missing value")]
    Value,
    /// A value that is no number, for types that need one; holds it.
    #[error("invalid number {0:?}")]
    Number(String),
    /// No type, or an unknown one; holds it.
    #[error("unknown type {0:?}")]
    Type(String),
    /// A rate that is not above 0 and at most 1; holds it.
    #[error("invalid rate {0:?}")]
    Rate(String),
    /// A tag without a name.
    #[error("a tag has no name")]
    Tag,
}

/// The values of a datagram or stream.
#[derive(Debug, Clone)]
pub struct Metrics<'a> {
    lines: std::iter::Enumerate<std::str::Split<'a, char>>,
}

impl<'a> Metrics<'a> {
    /// Reads `text`.
    pub fn new(text: &'a str) -> Self {
        Self { lines: text.split('\n').enumerate() }
    }
}

impl<'a> Iterator for Metrics<'a> {
    type Item = Result<Metric<'a>, StatsdError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (at, line) = self.lines.by_ref().find(|(_, line)| !line.trim_ascii().is_empty())?;
        Some(metric(line.trim_ascii()).map_err(|kind| StatsdError { line: at + 1, kind }))
    }
}

fn metric(line: &str) -> Result<Metric<'_>, StatsdErrorKind> {
    let (bucket, rest) = line.split_once(':').ok_or(StatsdErrorKind::Value)?;
    let mut parts = bucket.split(',');
    let name = parts.next().filter(|name| !name.is_empty()).ok_or(StatsdErrorKind::Name)?;
    let mut tags = Vec::new();
    for part in parts {
        tags.push(tag(part, '=')?);
    }
    let mut sections = rest.split('|');
    let value = sections.next().filter(|value| !value.is_empty()).ok_or(StatsdErrorKind::Value)?;
    let word = sections.next().unwrap_or_default();
    let kind = match word {
        "c" => Kind::Counter,
        "g" => Kind::Gauge,
        "s" => Kind::Set,
        "ms" => Kind::Timing,
        "h" => Kind::Histogram,
        "d" => Kind::Distribution,
        _ => return Err(StatsdErrorKind::Type(word.to_owned())),
    };
    if kind != Kind::Set && finite(value).is_none() {
        return Err(StatsdErrorKind::Number(value.to_owned()));
    }
    let mut rate = 1.0;
    for section in sections {
        if let Some(text) = section.strip_prefix('@') {
            let read = finite(text).filter(|rate| *rate > 0.0 && *rate <= 1.0);
            rate = read.ok_or_else(|| StatsdErrorKind::Rate(text.to_owned()))?;
        } else if let Some(list) = section.strip_prefix('#') {
            for part in list.split(',').filter(|part| !part.is_empty()) {
                tags.push(tag(part, ':')?);
            }
        }
        // Others (container ids, times of Datadog's agents) say nothing about the value.
    }
    Ok(Metric { name, tags, kind, value, rate })
}

fn tag(text: &str, separator: char) -> Result<(&str, &str), StatsdErrorKind> {
    let (name, value) = text.split_once(separator).unwrap_or((text, ""));
    if name.is_empty() { Err(StatsdErrorKind::Tag) } else { Ok((name, value)) }
}

/// A decimal number; names of what is none are none.
fn finite(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let value: f64 = fast_float2::parse(text.strip_prefix('+').unwrap_or(text)).ok()?;
    value.is_finite().then_some(value)
}
