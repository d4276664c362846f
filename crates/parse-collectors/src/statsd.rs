//! StatsD's lines: `name[,tag=value…]:value|type[|@rate][|#tag:value,…]`. A line may go on with further values,
//! `:value|type…` each, and several values may share a type, `:1:2:3|type`.

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
    /// No colon, nothing behind it, or several values of a set.
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

/// The values of a datagram or stream. A line ends at its first fault; the values before it count.
#[derive(Debug, Clone)]
pub struct Metrics<'a> {
    lines: std::iter::Enumerate<std::str::Split<'a, char>>,
    /// The line that is not read to its end, and its number.
    line: Option<(usize, Line<'a>)>,
}

impl<'a> Metrics<'a> {
    /// Reads `text`.
    pub fn new(text: &'a str) -> Self {
        Self { lines: text.split('\n').enumerate(), line: None }
    }
}

impl<'a> Iterator for Metrics<'a> {
    type Item = Result<Metric<'a>, StatsdError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((number, line)) = &mut self.line {
                let number = *number;
                match line.next() {
                    Ok(Some(metric)) => return Some(Ok(metric)),
                    Ok(None) => self.line = None,
                    Err(kind) => {
                        self.line = None;
                        return Some(Err(StatsdError { line: number, kind }));
                    }
                }
            }
            let (at, text) = self.lines.by_ref().find(|(_, line)| !line.trim_ascii().is_empty())?;
            match Line::new(text.trim_ascii()) {
                Ok(line) => self.line = Some((at + 1, line)),
                Err(kind) => return Some(Err(StatsdError { line: at + 1, kind })),
            }
        }
    }
}

/// A line while its values are read: `name:values|type|…` with `:values|type|…` again behind any section.
#[derive(Debug, Clone)]
struct Line<'a> {
    name: &'a str,
    tags: Vec<(&'a str, &'a str)>,
    /// What is left of the values before the next type, and of the sections.
    values: Option<&'a str>,
    sections: std::str::Split<'a, char>,
    /// Values that share what is known of them.
    group: Option<Group<'a>>,
}

/// Values of one type and rate.
#[derive(Debug, Clone)]
struct Group<'a> {
    values: std::str::Split<'a, char>,
    kind: Kind,
    rate: f64,
}

impl<'a> Line<'a> {
    fn new(text: &'a str) -> Result<Self, StatsdErrorKind> {
        // Tags may hold colons, so they are taken first; they are those of all values.
        let mut labels = Vec::new();
        for list in text.split('|').skip(1).filter_map(|section| section.strip_prefix('#')) {
            for part in list.split(',').filter(|part| !part.is_empty()) {
                labels.push(tag(part, ':')?);
            }
        }
        let mut sections = text.split('|');
        let head = sections.next().unwrap_or_default();
        let (bucket, values) = head.split_once(':').ok_or(StatsdErrorKind::Value)?;
        let mut parts = bucket.split(',');
        let name = parts.next().filter(|name| !name.is_empty()).ok_or(StatsdErrorKind::Name)?;
        let mut tags = Vec::new();
        for part in parts {
            tags.push(tag(part, '=')?);
        }
        tags.append(&mut labels);
        Ok(Self { name, tags, values: Some(values), sections, group: None })
    }

    /// The next value.
    fn next(&mut self) -> Result<Option<Metric<'a>>, StatsdErrorKind> {
        loop {
            if let Some(group) = &mut self.group {
                let (kind, rate) = (group.kind, group.rate);
                if let Some(value) = group.values.next() {
                    check(value, kind)?;
                    return Ok(Some(Metric { name: self.name, tags: self.tags.clone(), kind, value, rate }));
                }
            }
            let Some(values) = self.values.take() else { return Ok(None) };
            self.group = Some(self.group_of(values)?);
        }
    }

    /// Reads the sections behind values, up to further ones.
    fn group_of(&mut self, values: &'a str) -> Result<Group<'a>, StatsdErrorKind> {
        if values.is_empty() {
            return Err(StatsdErrorKind::Value);
        }
        let section = self.sections.next().unwrap_or_default();
        let kind = kind_of(self.before_values(section))?;
        // A colon in the one value of a set cannot be told from one between two.
        if kind == Kind::Set && values.contains(':') {
            return Err(StatsdErrorKind::Value);
        }
        let mut rate = 1.0;
        while self.values.is_none() {
            let Some(section) = self.sections.next() else { break };
            if section.starts_with('@') {
                rate = rate_of(self.before_values(section).trim_start_matches('@'))?;
            }
            // Others (container ids, times of Datadog's agents) say nothing about the value.
        }
        Ok(Group { values: values.split(':'), kind, rate })
    }

    /// A section up to the colon behind which further values stand.
    fn before_values(&mut self, section: &'a str) -> &'a str {
        let Some((before, values)) = section.split_once(':') else { return section };
        self.values = Some(values);
        before
    }
}

fn kind_of(word: &str) -> Result<Kind, StatsdErrorKind> {
    Ok(match word {
        "c" => Kind::Counter,
        "g" => Kind::Gauge,
        "s" => Kind::Set,
        "ms" => Kind::Timing,
        "h" => Kind::Histogram,
        "d" => Kind::Distribution,
        _ => return Err(StatsdErrorKind::Type(word.to_owned())),
    })
}

fn rate_of(text: &str) -> Result<f64, StatsdErrorKind> {
    let read = finite(text).filter(|rate| *rate > 0.0 && *rate <= 1.0);
    read.ok_or_else(|| StatsdErrorKind::Rate(text.to_owned()))
}

fn check(value: &str, kind: Kind) -> Result<(), StatsdErrorKind> {
    if value.is_empty() {
        return Err(StatsdErrorKind::Value);
    }
    if kind != Kind::Set && finite(value).is_none() {
        return Err(StatsdErrorKind::Number(value.to_owned()));
    }
    Ok(())
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
