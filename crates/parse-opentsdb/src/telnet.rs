//! Lines `metric timestamp value key=value …`, words separated by blanks or tabs.

use std::str::Utf8Error;

use crate::dialect::Dialect;
use crate::error::{LineError, LineErrorKind};
use crate::number;

/// A point, borrowed from the body. Empty until a line was read into it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line<'a> {
    metric: &'a str,
    timestamp_text: &'a str,
    timestamp: i64,
    value: &'a str,
    tags: Vec<(&'a str, &'a str)>,
    key: &'a str,
    number: usize,
    offset: usize,
}

impl<'a> Line<'a> {
    /// An empty line; [`Lines::next_line`] fills it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Name of the metric.
    pub fn metric(&self) -> &'a str {
        self.metric
    }

    /// The timestamp; its unit is the caller's to know or to guess by [`Line::timestamp_text`].
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The timestamp as it was written, for rules about its digits.
    pub fn timestamp_text(&self) -> &'a str {
        self.timestamp_text
    }

    /// The value as it was written: a number for OpenTSDB, any typed value for TDengine.
    pub fn value(&self) -> &'a str {
        self.value
    }

    /// The value, if it is a finite decimal number.
    pub fn number(&self) -> Option<f64> {
        number::finite(self.value)
    }

    /// Keys and values in the order of the line, at least one; both are never empty.
    pub fn tags(&self) -> &[(&'a str, &'a str)] {
        &self.tags
    }

    /// All tags as they stand in the line. Together with the metric, equal text means equal tags.
    pub fn tags_text(&self) -> &'a str {
        self.key
    }

    /// A key that occurs twice.
    pub fn duplicate_tag(&self) -> Option<&'a str> {
        if self.tags.len() <= 16 {
            let keys = self.tags.iter().enumerate();
            return keys
                .into_iter()
                .find(|(at, (key, _))| self.tags.iter().take(*at).any(|(k, _)| k == key))
                .map(|(_, (key, _))| *key);
        }
        let mut keys: Vec<&str> = self.tags.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        })
    }

    /// Which line of the body, counted from 1.
    pub fn line(&self) -> usize {
        self.number
    }

    /// Byte offset of the metric in the body.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// The points of a body. As an iterator it gives each line its own memory for tags;
/// [`Lines::next_line`] reuses that of one line.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    body: &'a str,
    dialect: Dialect,
    /// Where the next line begins, and its number.
    at: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    /// Reads `body`.
    pub fn new(body: &'a str, dialect: Dialect) -> Self {
        Self { body, dialect, at: 0, number: 0 }
    }

    /// Reads `body`, which must be UTF-8 as a whole.
    ///
    /// # Errors
    /// Where it is not UTF-8.
    pub fn from_bytes(body: &'a [u8], dialect: Dialect) -> Result<Self, Utf8Error> {
        Ok(Self::new(std::str::from_utf8(body)?, dialect))
    }

    /// Byte offset behind the last line that was read.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// Reads the next line that is not blank into `line`; `None` at the end. A faulty line is skipped
    /// as a whole. After an error `line` holds nothing of use.
    pub fn next_line<'l>(&mut self, line: &'l mut Line<'a>) -> Option<Result<&'l Line<'a>, LineError>> {
        loop {
            let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
            let begin = self.at;
            let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let text = rest.get(..length).unwrap_or(rest);
            self.at = (begin + length + 1).min(self.body.len());
            self.number += 1;
            if text.bytes().all(|b| b.is_ascii_whitespace()) {
                continue;
            }
            let mut words = Words { text, at: 0, base: begin };
            return Some(match fill(line, &mut words, self.dialect) {
                Ok(()) => {
                    line.number = self.number;
                    Ok(line)
                }
                Err((offset, kind)) => Err(LineError { line: self.number, offset, kind }),
            });
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<Line<'a>, LineError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Line::new();
        let error = self.next_line(&mut line)?.err();
        Some(error.map_or(Ok(line), Err))
    }
}

type Fault = (usize, LineErrorKind);

fn fill<'a>(line: &mut Line<'a>, words: &mut Words<'a>, dialect: Dialect) -> Result<(), Fault> {
    line.tags.clear();
    let (at, metric) = metric(words, dialect)?;
    (line.offset, line.metric) = (at, metric);
    let (at, time) = words.next().ok_or((words.end(), LineErrorKind::MissingTimestamp))?;
    line.timestamp_text = time;
    line.timestamp = time.parse().map_err(|_| (at, LineErrorKind::InvalidTimestamp(time.to_owned())))?;
    let (_, value) = words.next().ok_or((words.end(), LineErrorKind::MissingValue))?;
    line.value = value;
    line.key = words.rest();
    while let Some((at, word)) = words.next() {
        if dialect.comma_separates() {
            let mut part_at = at;
            for part in word.split(',') {
                if !part.is_empty() {
                    line.tags.push(tag(part_at, part)?);
                }
                part_at += part.len() + 1;
            }
        } else {
            line.tags.push(tag(at, word)?);
        }
    }
    if line.tags.is_empty() { Err((words.end(), LineErrorKind::MissingTags)) } else { Ok(()) }
}

/// The metric, behind whatever the dialect has before it.
fn metric<'a>(words: &mut Words<'a>, dialect: Dialect) -> Result<(usize, &'a str), Fault> {
    let missing = (words.end(), LineErrorKind::MissingMetric);
    let Some((at, first)) = words.next() else { return Err(missing) };
    let put = match dialect {
        Dialect::CnosDb => false,
        Dialect::TdEngine => first == "put",
        Dialect::Kwdb => {
            let second = words.clone().next();
            first == "put" && second.is_none_or(|(_, word)| word.parse::<i64>().is_err())
        }
        Dialect::OpenTsdb if first == "put" => true,
        Dialect::OpenTsdb => return Err((at, LineErrorKind::UnknownCommand(first.to_owned()))),
    };
    if put { words.next().ok_or(missing) } else { Ok((at, first)) }
}

fn tag(at: usize, word: &str) -> Result<(&str, &str), Fault> {
    match word.split_once('=') {
        None => Err((at, LineErrorKind::NotATag(word.to_owned()))),
        Some(("", _)) => Err((at, LineErrorKind::EmptyTagKey(word.to_owned()))),
        Some((key, "")) => Err((at, LineErrorKind::EmptyTagValue(key.to_owned()))),
        Some(tag) => Ok(tag),
    }
}

/// The words of a line with their offsets in the body.
#[derive(Clone)]
struct Words<'a> {
    text: &'a str,
    at: usize,
    base: usize,
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        let bytes = self.text.as_bytes();
        let begin = self.at + blanks(bytes.get(self.at..)?);
        let word = bytes.get(begin..)?;
        let length = word.iter().position(u8::is_ascii_whitespace).unwrap_or(word.len());
        if length == 0 {
            return None;
        }
        self.at = begin + length;
        Some((self.base + begin, self.text.get(begin..self.at)?))
    }

    /// What is left, without white space around it.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default().trim_ascii()
    }

    /// Offset in the body of the line's end.
    fn end(&self) -> usize {
        self.base + self.text.trim_ascii_end().len()
    }
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| b.is_ascii_whitespace()).count()
}
