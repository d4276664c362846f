//! Loki's pushes: JSON `{"streams":[{"stream":{label:value},"values":[["ns","line"],…]}]}`, and the published
//! `PushRequest` with labels as text.

use std::borrow::Cow;

use prost::Message;
use triglot_parse_json::{JsonError, Kind, Reader};

use crate::error::{LogError, LogErrorKind};

/// The entries of one set of labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stream<'a> {
    /// In the sender's order.
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// In the sender's order.
    pub entries: Vec<Entry<'a>>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry<'a> {
    /// Nanoseconds since 1970.
    pub time_ns: i64,
    /// The text.
    pub line: Cow<'a, str>,
    /// Structured metadata.
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Gives the streams of a JSON push to `each`, one after another.
///
/// # Errors
/// Text of another shape, times that are no nanoseconds, and what `each` answers. `line` is the number of
/// the stream, counted from 1.
pub fn json<'a, E: From<LogError>>(
    body: &'a str,
    mut each: impl FnMut(Stream<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(body);
    let mut number = 0;
    // A closure's own error passes the reader whole.
    let mut refused: Option<E> = None;
    let read = reader.object(|reader, name| {
        if name != "streams" {
            return reader.skip().map_err(LogErrorKind::from);
        }
        reader.array(|reader| {
            number += 1;
            let stream = stream(reader)?;
            if let Err(error) = each(stream) {
                refused = Some(error);
                return Err(LogErrorKind::Labels);
            }
            Ok(())
        })
    });
    if let Some(error) = refused {
        return Err(error);
    }
    let whole = read.and_then(|()| reader.end().map_err(LogErrorKind::from));
    whole.map_err(|kind| E::from(LogError { line: number, kind }))
}

fn stream<'a>(reader: &mut Reader<'a>) -> Result<Stream<'a>, LogErrorKind> {
    let mut stream = Stream::default();
    reader.object(|reader, name| match &*name {
        "stream" => pairs(reader, &mut stream.labels),
        "values" => reader.array(|reader| {
            stream.entries.push(entry(reader)?);
            Ok(())
        }),
        _ => reader.skip().map_err(LogErrorKind::from),
    })?;
    Ok(stream)
}

fn pairs<'a>(
    reader: &mut Reader<'a>,
    into: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) -> Result<(), LogErrorKind> {
    reader.object(|reader, name| {
        into.push((name, reader.scalar()?.into_text()));
        Ok(())
    })
}

/// `["1570818238000000000", "line"]`, perhaps with an object of metadata behind.
fn entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, LogErrorKind> {
    let (mut time_ns, mut line, mut metadata, mut at) = (None, None, Vec::new(), 0);
    reader.array(|reader| {
        at += 1;
        match (at, reader.kind()?) {
            (1, Kind::Scalar) => {
                let text = reader.scalar()?.into_text();
                time_ns = Some(text.parse().map_err(|_| LogErrorKind::Time(text.into_owned()))?);
                Ok(())
            }
            (2, _) => {
                line = Some(reader.text()?);
                Ok(())
            }
            (3, Kind::Object) => pairs(reader, &mut metadata),
            _ => reader.skip().map_err(LogErrorKind::from),
        }
    })?;
    match (time_ns, line) {
        (Some(time_ns), Some(line)) => Ok(Entry { time_ns, line, metadata }),
        _ => Err(LogErrorKind::Time(String::new())),
    }
}

/// The published message (`push.proto`), as far as lines need it.
#[derive(Clone, PartialEq, Message)]
pub struct PushRequest {
    /// The streams.
    #[prost(message, repeated, tag = "1")]
    pub streams: Vec<ProtoStream>,
}

/// A stream with its labels as text.
#[derive(Clone, PartialEq, Message)]
pub struct ProtoStream {
    /// `{name="value", …}`: [`labels`].
    #[prost(string, tag = "1")]
    pub labels: String,
    /// The lines.
    #[prost(message, repeated, tag = "2")]
    pub entries: Vec<ProtoEntry>,
}

/// A line.
#[derive(Clone, PartialEq, Message)]
pub struct ProtoEntry {
    /// Its time.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// Its text.
    #[prost(string, tag = "2")]
    pub line: String,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Timestamp {
    /// Since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Within the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Timestamp {
    /// Nanoseconds since 1970, if they fit.
    pub fn as_ns(self) -> Option<i64> {
        self.seconds.checked_mul(1_000_000_000)?.checked_add(i64::from(self.nanos))
    }
}

impl PushRequest {
    /// Reads the bytes of a request, decompressed.
    ///
    /// # Errors
    /// Bytes that are no such message.
    pub fn parse(body: &[u8]) -> Result<Self, LogError> {
        Self::decode(body).map_err(|error| LogError { line: 1, kind: LogErrorKind::Proto(error.to_string()) })
    }
}

/// The pairs of `{name="value", other="value"}`, values unescaped as Go does.
///
/// # Errors
/// [`LogErrorKind::Labels`]
pub fn labels(text: &str) -> Result<Vec<(&str, Cow<'_, str>)>, LogErrorKind> {
    let wrong = LogErrorKind::Labels;
    let inside = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}'));
    let mut rest = inside.ok_or(wrong)?.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, behind) = rest.split_once('=').ok_or(LogErrorKind::Labels)?;
        let mut value = Reader::new(behind);
        // Go's quoted text is JSON's but for escapes that agents do not write.
        let text = value.text().map_err(|_: JsonError| LogErrorKind::Labels)?;
        found.push((name.trim(), text));
        rest = behind.get(value.offset()..).unwrap_or_default().trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(LogErrorKind::Labels),
        };
    }
    Ok(found)
}
