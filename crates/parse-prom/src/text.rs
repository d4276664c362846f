//! What `/metrics` pages are made of: the text format 0.0.4 (and 1.0.0 with quoted names) and OpenMetrics 1.0,
//! line by line. What lines mean together is [`crate::family`]'s.

use std::borrow::Cow;

use thiserror::Error;

/// Which of the two formats a page has; its `Content-Type` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `text/plain; version=0.0.4`: timestamps are milliseconds.
    Prometheus,
    /// `application/openmetrics-text`: timestamps are seconds; ends with `# EOF`.
    OpenMetrics,
}

impl Format {
    /// The format that a `Content-Type` names; what is not OpenMetrics is the older one.
    pub fn of_content_type(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }
}

/// A line that means something.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// `# TYPE name kind`.
    Type {
        /// The family of metrics.
        name: Cow<'a, str>,
        /// `counter`, `gauge`, `histogram`, `summary`, `untyped` …, as written.
        kind: &'a str,
    },
    /// A sample.
    Sample(TextSample<'a>),
}

/// `name{label="value",…} value [timestamp]`, or `{"name",label="value",…} value [timestamp]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSample<'a> {
    /// The metric.
    pub name: Cow<'a, str>,
    /// Labels in the order of the line.
    pub labels: Labels<'a>,
    /// The value, maybe NaN or infinite.
    pub value: f64,
    /// The time, if the line tells one.
    pub timestamp: Option<Timestamp>,
    /// What an OpenMetrics line adds behind `#`.
    pub exemplar: Option<Exemplar<'a>>,
}

/// Names and values of labels.
pub type Labels<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// `# {label="value",…} value [timestamp]` behind a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar<'a> {
    /// Labels in the order of the line.
    pub labels: Labels<'a>,
    /// The value.
    pub value: f64,
    /// The time, if the line tells one.
    pub timestamp: Option<Timestamp>,
}

/// A time since 1970, in the unit that its text was exact in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamp {
    /// Milliseconds: the older format's.
    Millis(i64),
    /// Nanoseconds: OpenMetrics' seconds have up to nine decimals that count.
    Nanos(i64),
}

/// A line that could not be read. The ones behind it are.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {kind}")]
pub struct TextError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: TextErrorKind,
}

/// The kinds of [`TextError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextErrorKind {
    /// No name of a metric, or two of them.
    #[error("a metric name is expected")]
    Name,
    /// Labels that are not `{name="value",…}`.
    #[error("malformed labels")]
    Labels,
    /// No number behind name and labels.
    #[error("malformed value")]
    Value,
    /// A time that is no number, or does not fit 64 bits.
    #[error("malformed timestamp")]
    Timestamp,
    /// Text behind `#` that is no exemplar.
    #[error("malformed exemplar")]
    Exemplar,
    /// Something behind the timestamp.
    #[error("text behind the sample")]
    Trailing,
}

/// The entries of a page. Comments and blank lines are passed over; in OpenMetrics `# EOF` ends it.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a str,
    length: usize,
    line: usize,
    format: Format,
    is_complete: bool,
}

impl<'a> Entries<'a> {
    /// Reads a page, or whole lines of one.
    pub fn new(page: &'a str, format: Format) -> Self {
        Self { rest: page, length: page.len(), line: 0, format, is_complete: false }
    }

    /// Where the line begins that is read next, in bytes from the begin of the page.
    pub fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Lines that were read.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether the page has all that its sender meant: in OpenMetrics, whether `# EOF` was met. The older
    /// format has no mark of its end.
    pub fn is_complete(&self) -> bool {
        self.rest.is_empty() && (self.is_complete || self.format == Format::Prometheus)
    }

    /// What a comment says; only `TYPE` and the end mean something.
    fn comment(&mut self, comment: &'a str) -> Option<Entry<'a>> {
        if self.format == Format::OpenMetrics && comment == " EOF" {
            (self.length, self.rest, self.is_complete) = (self.length - self.rest.len(), "", true);
        }
        let declared = comment.trim_start().strip_prefix("TYPE")?;
        let text = declared.strip_prefix([' ', '\t'])?.trim_start();
        let (name, rest) = match text.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted)?,
            None => text.split_once([' ', '\t']).map(|(name, rest)| (Cow::Borrowed(name), rest))?,
        };
        Some(Entry::Type { name, kind: rest.split_ascii_whitespace().next()? })
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            self.line += 1;
            let line = line.trim_matches([' ', '\t', '\r']);
            if let Some(comment) = line.strip_prefix('#') {
                if let Some(entry) = self.comment(comment) {
                    return Some(Ok(entry));
                }
            } else if !line.is_empty() {
                let sample = sample(line, self.format).map(Entry::Sample);
                return Some(sample.map_err(|kind| TextError { line: self.line, kind }));
            }
        }
        None
    }
}

fn sample(line: &str, format: Format) -> Result<TextSample<'_>, TextErrorKind> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(line.len());
    let (bare, rest) = line.split_at_checked(end).ok_or(TextErrorKind::Name)?;
    if bare.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(TextErrorKind::Name);
    }
    let mut set = LabelSet { name: (!bare.is_empty()).then_some(Cow::Borrowed(bare)), ..LabelSet::default() };
    let mut rest = rest.trim_start_matches([' ', '\t']);
    if let Some(inside) = rest.strip_prefix('{') {
        rest = set.read(inside)?;
    }
    let name = set.name.filter(|name| !name.is_empty()).ok_or(TextErrorKind::Name)?;
    let (of_sample, of_exemplar) = match rest.split_once('#') {
        Some((sample, exemplar)) if format == Format::OpenMetrics => (sample, Some(exemplar)),
        _ => (rest, None),
    };
    let (value, timestamp) = value_and_time(of_sample, format)?;
    let exemplar = of_exemplar.map(|text| exemplar(text, format)).transpose()?;
    Ok(TextSample { name, labels: set.labels, value, timestamp, exemplar })
}

fn exemplar(text: &str, format: Format) -> Result<Exemplar<'_>, TextErrorKind> {
    let mut set = LabelSet::default();
    let inside = text.trim_start_matches([' ', '\t']).strip_prefix('{').ok_or(TextErrorKind::Exemplar)?;
    let rest = set.read(inside).map_err(|_| TextErrorKind::Exemplar)?;
    let (value, timestamp) = value_and_time(rest, format).map_err(|_| TextErrorKind::Exemplar)?;
    match set.name {
        Some(_) => Err(TextErrorKind::Exemplar),
        None => Ok(Exemplar { labels: set.labels, value, timestamp }),
    }
}

fn value_and_time(text: &str, format: Format) -> Result<(f64, Option<Timestamp>), TextErrorKind> {
    let mut words = text.split_ascii_whitespace();
    let value = words.next().and_then(number).ok_or(TextErrorKind::Value)?;
    let timestamp =
        words.next().map(|word| time(word, format).ok_or(TextErrorKind::Timestamp)).transpose()?;
    match words.next() {
        Some(_) => Err(TextErrorKind::Trailing),
        None => Ok((value, timestamp)),
    }
}

/// What stands in braces: labels, and maybe the metric's name in quotes.
#[derive(Default)]
struct LabelSet<'a> {
    name: Option<Cow<'a, str>>,
    labels: Labels<'a>,
}

impl<'a> LabelSet<'a> {
    /// Reads `name="value",…}`, gives what stands behind the brace.
    fn read(&mut self, text: &'a str) -> Result<&'a str, TextErrorKind> {
        let mut rest = text.trim_start();
        loop {
            if let Some(behind) = rest.strip_prefix('}') {
                return Ok(behind);
            }
            rest = self.member(rest)?.trim_start();
            match rest.strip_prefix(',') {
                Some(next) => rest = next.trim_start(),
                None if rest.starts_with('}') => {}
                None => return Err(TextErrorKind::Labels),
            }
        }
    }

    /// Reads one label or the quoted name, gives what follows.
    fn member(&mut self, text: &'a str) -> Result<&'a str, TextErrorKind> {
        let (name, behind) = match text.strip_prefix('"') {
            Some(quoted) => {
                let (name, behind) = quoted_text(quoted).ok_or(TextErrorKind::Labels)?;
                if !behind.trim_start().starts_with('=') {
                    let second = self.name.replace(name).is_some();
                    return if second { Err(TextErrorKind::Name) } else { Ok(behind) };
                }
                (name, behind)
            }
            None => {
                let end = text.find('=').ok_or(TextErrorKind::Labels)?;
                let (name, behind) = text.split_at_checked(end).ok_or(TextErrorKind::Labels)?;
                let name = name.trim_end();
                let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
                if name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(fine) {
                    return Err(TextErrorKind::Labels);
                }
                (Cow::Borrowed(name), behind)
            }
        };
        let value = behind.trim_start().strip_prefix('=').map(str::trim_start);
        let quoted = value.and_then(|value| value.strip_prefix('"')).ok_or(TextErrorKind::Labels)?;
        let (value, behind) = quoted_text(quoted).ok_or(TextErrorKind::Labels)?;
        if name.is_empty() {
            return Err(TextErrorKind::Labels);
        }
        self.labels.push((name, value));
        Ok(behind)
    }
}

/// The meaning of the text up to its closing quote, and what stands behind that.
fn quoted_text(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text.as_bytes().get(end) == Some(&b'"') {
        return Some((Cow::Borrowed(text.get(..end)?), text.get(end + 1..)?));
    }
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((Cow::Owned(value), text.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                // Quote and backslash; other escapes stay as they are.
                c @ ('"' | '\\') => value.push(c),
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
    None
}

/// A float as Go reads it, without digits apart by `_` and without hexadecimal ones.
pub(crate) fn number(word: &str) -> Option<f64> {
    let unsigned = word.strip_prefix('+').filter(|rest| !rest.starts_with(['+', '-']));
    fast_float2::parse(unsigned.unwrap_or(word)).ok()
}

fn time(word: &str, format: Format) -> Option<Timestamp> {
    match format {
        Format::Prometheus => word.parse().ok().map(Timestamp::Millis),
        Format::OpenMetrics => decimal_seconds(word).or_else(|| float_seconds(word)).map(Timestamp::Nanos),
    }
}

/// Seconds in plain decimal notation, exactly; decimals behind the ninth are cut.
fn decimal_seconds(word: &str) -> Option<i64> {
    let (whole, fraction) = word.split_once('.').unwrap_or((word, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(fraction) || !digits(whole.strip_prefix(['-', '+']).unwrap_or(whole)) {
        return None;
    }
    let mut nanos: i64 = 0;
    for at in 0..9 {
        nanos = nanos * 10 + i64::from(fraction.as_bytes().get(at).map_or(0, |digit| digit - b'0'));
    }
    let seconds = whole.parse::<i64>().ok()?.checked_mul(1_000_000_000)?;
    if whole.starts_with('-') { seconds.checked_sub(nanos) } else { seconds.checked_add(nanos) }
}

/// Seconds in any notation of a float, as exactly as it is.
fn float_seconds(word: &str) -> Option<i64> {
    let nanos = number(word)? * 1e9;
    // The comparison is false for NaN, too.
    (nanos.abs() < 9.2e18).then_some(nanos.round() as i64)
}
