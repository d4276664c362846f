//! What `/metrics` pages are made of: the text format 0.0.4 and OpenMetrics 1.0, line by line.

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

/// A line that means something.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// `# TYPE name kind`.
    Type {
        /// The family of metrics.
        name: &'a str,
        /// `counter`, `gauge`, `histogram`, `summary`, `untyped` …, as written.
        kind: &'a str,
    },
    /// A sample.
    Sample(TextSample<'a>),
}

/// `name{label="value",…} value [timestamp]`.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSample<'a> {
    /// The metric.
    pub name: &'a str,
    /// Labels in the order of the line.
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    /// The value, maybe NaN or infinite.
    pub value: f64,
    /// Milliseconds since 1970, if the line tells a time.
    pub timestamp: Option<i64>,
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
    /// No name of a metric at the begin.
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
    /// Something behind the timestamp.
    #[error("text behind the sample")]
    Trailing,
}

/// The entries of a page. Comments and blank lines are passed over; in OpenMetrics `# EOF` ends it.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a str,
    line: usize,
    format: Format,
}

impl<'a> Entries<'a> {
    /// Reads a page.
    pub fn new(page: &'a str, format: Format) -> Self {
        Self { rest: page, line: 0, format }
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
                if self.format == Format::OpenMetrics && comment == " EOF" {
                    self.rest = "";
                }
                let mut words = comment.split_ascii_whitespace();
                if let (Some("TYPE"), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) {
                    return Some(Ok(Entry::Type { name, kind }));
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
    let (name, rest) = line.split_at_checked(end).ok_or(TextErrorKind::Name)?;
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(TextErrorKind::Name);
    }
    let mut labels = Vec::new();
    let mut rest = rest.trim_start_matches([' ', '\t']);
    if let Some(inside) = rest.strip_prefix('{') {
        rest = read_labels(inside, &mut labels)?;
    }
    // Behind a lone `#` OpenMetrics has an exemplar.
    let mut words = rest.split_ascii_whitespace().take_while(|w| format != Format::OpenMetrics || *w != "#");
    let value = words.next().and_then(number).ok_or(TextErrorKind::Value)?;
    let timestamp =
        words.next().map(|word| time(word, format).ok_or(TextErrorKind::Timestamp)).transpose()?;
    if words.next().is_some() {
        return Err(TextErrorKind::Trailing);
    }
    Ok(TextSample { name, labels, value, timestamp })
}

/// Reads `name="value",…}` into `labels`, gives what stands behind the brace.
fn read_labels<'a>(
    text: &'a str,
    labels: &mut Vec<(&'a str, Cow<'a, str>)>,
) -> Result<&'a str, TextErrorKind> {
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix('}') {
            return Ok(behind);
        }
        let (name, behind) = rest.split_once('=').ok_or(TextErrorKind::Labels)?;
        let name = name.trim();
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(fine) {
            return Err(TextErrorKind::Labels);
        }
        let quoted = behind.trim_start().strip_prefix('"').ok_or(TextErrorKind::Labels)?;
        let (value, behind) = quoted_text(quoted).ok_or(TextErrorKind::Labels)?;
        labels.push((name, value));
        rest = behind.trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.starts_with('}') => {}
            None => return Err(TextErrorKind::Labels),
        }
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
fn number(word: &str) -> Option<f64> {
    fast_float2::parse(word.strip_prefix('+').unwrap_or(word)).ok()
}

fn time(word: &str, format: Format) -> Option<i64> {
    match format {
        Format::Prometheus => word.parse().ok(),
        Format::OpenMetrics => {
            let millis = number(word)? * 1000.0;
            // The comparison is false for NaN, too.
            (millis.abs() < 9.2e18).then_some(millis.round() as i64)
        }
    }
}
