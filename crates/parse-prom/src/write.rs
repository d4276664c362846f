//! Remote write: `WriteRequest {1 timeseries {1 labels {1 name, 2 value}, 2 samples {1 value, 2 timestamp},
//! 3 exemplars, 4 histograms}, 3 metadata}`.

use crate::encode::Sample;
use crate::error::{ProtoError, ProtoErrorKind};
use crate::wire::{Field, Fields, Value};

/// The message that a `Content-Type` names in its parameter `proto`, if it is another one than [`WriteRequest`]: remote
/// write 2.0 is `io.prometheus.write.v2.Request`. Its fields have other numbers, so it would be read as a request without
/// series; the protocol's answer to it is status 415, after which senders fall back to version 1.
///
/// ```
/// use triglot_parse_prom::write::other_message;
///
/// assert_eq!(other_message("application/x-protobuf"), None);
/// assert_eq!(other_message("application/x-protobuf;proto=prometheus.WriteRequest"), None);
/// let second = "application/x-protobuf; proto=io.prometheus.write.v2.Request";
/// assert_eq!(other_message(second), Some("io.prometheus.write.v2.Request"));
/// ```
pub fn other_message(content_type: &str) -> Option<&str> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let named = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("proto"));
    named.map(|(_, message)| message.trim().trim_matches('"')).find(|message| *message != MESSAGE)
}

/// Series of a chunk.
const CHUNK: usize = 256;

/// The name of the message that is read here.
const MESSAGE: &str = "prometheus.WriteRequest";

/// The series of a request. After an error there are no more.
#[derive(Debug, Clone)]
pub struct WriteRequest<'a> {
    fields: Fields<'a>,
    left_out: usize,
}

impl<'a> WriteRequest<'a> {
    /// Reads the bytes of a message, decompressed.
    pub fn new(body: &'a [u8]) -> Self {
        Self { fields: Fields::new(body, 0), left_out: 0 }
    }

    /// Puts the next series, some hundred of them, into `chunk`, which is emptied before: callers that look many series
    /// up at once do so while the bytes are in the processor's caches. False: there are no more behind them.
    ///
    /// # Errors
    /// What is wrong with the series behind those in `chunk`.
    ///
    /// ```
    /// use triglot_parse_prom::write::WriteRequest;
    ///
    /// // Two series without labels, and one of which the end lacks.
    /// let body = [0x0a, 0, 0x0a, 0, 0x0a, 9];
    /// let mut chunk = Vec::new();
    /// assert_eq!(WriteRequest::new(&body[..4]).next_chunk(&mut chunk), Ok(false));
    /// assert_eq!(chunk.len(), 2);
    /// assert!(WriteRequest::new(&body).next_chunk(&mut chunk).is_err());
    /// assert_eq!(chunk.len(), 2);
    /// ```
    pub fn next_chunk(&mut self, chunk: &mut Vec<Series<'a>>) -> Result<bool, ProtoError> {
        chunk.clear();
        for series in self.by_ref().take(CHUNK) {
            chunk.push(series?);
        }
        Ok(chunk.len() == CHUNK)
    }

    /// How many records that are no samples were passed over so far: exemplars, native histograms and descriptions of
    /// metrics (field 3).
    pub fn left_out_count(&self) -> usize {
        self.left_out
    }
}

impl<'a> Iterator for WriteRequest<'a> {
    type Item = Result<Series<'a>, ProtoError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Metadata (field 3) and what later versions bring are no series.
        let series = loop {
            match self.fields.next()? {
                Ok(field) if field.number != 1 => self.left_out += usize::from(field.number == 3),
                Ok(field) => break Series::new(field),
                Err(error) => break Err(error),
            }
        };
        match &series {
            Ok(series) => self.left_out += series.exemplars + series.histograms,
            Err(_) => self.fields = Fields::new(&[], 0),
        }
        Some(series)
    }
}

/// One series of a request: labels and samples, read when asked for.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    message: &'a [u8],
    base: usize,
    /// Where the labels at the message's begin end.
    labels_end: usize,
    /// Whether all labels stand there.
    contiguous: bool,
    samples: usize,
    exemplars: usize,
    histograms: usize,
}

impl<'a> Series<'a> {
    fn new(field: Field<'a>) -> Result<Self, ProtoError> {
        let (message, base) = (field.bytes()?, field.value_at);
        let labels_end = short_labels(message);
        let mut series =
            Self { message, base, labels_end, contiguous: true, samples: 0, exemplars: 0, histograms: 0 };
        let mut fields = Fields::starting_at(message, base, labels_end);
        let mut at_begin = true;
        while let Some(field) = fields.next() {
            let field = field?;
            if field.number == 1 {
                series.contiguous &= at_begin;
                if at_begin {
                    series.labels_end = fields.at();
                }
                continue;
            }
            at_begin = false;
            match field.number {
                2 => series.samples += 1,
                3 => series.exemplars += 1,
                4 => series.histograms += 1,
                _ => {}
            }
        }
        Ok(series)
    }

    /// The labels as they stand in the message: equal bytes mean equal labels. Their inside is not checked. None if
    /// there are none, or if they stand in several places, which no known sender does.
    pub fn labels_raw(&self) -> Option<&'a [u8]> {
        let raw = self.message.get(..self.labels_end)?;
        (self.contiguous && !raw.is_empty()).then_some(raw)
    }

    /// Names and values of the labels, in the sender's order (Prometheus: by name).
    pub fn labels(&self) -> Labels<'a> {
        let end = if self.contiguous { self.labels_end } else { self.message.len() };
        Labels { fields: Fields::new(self.message.get(..end).unwrap_or_default(), self.base) }
    }

    /// The samples, in the sender's order (Prometheus: by time).
    pub fn samples(&self) -> Samples<'a> {
        let begin = if self.contiguous { self.labels_end } else { 0 };
        let rest = self.message.get(begin..).unwrap_or_default();
        Samples { fields: Fields::new(rest, self.base + begin) }
    }

    /// How many samples [`Series::samples`] gives.
    pub fn sample_count(&self) -> usize {
        self.samples
    }

    /// How many exemplars there are; they are not read.
    pub fn exemplar_count(&self) -> usize {
        self.exemplars
    }

    /// How many native histograms there are; they are not read.
    pub fn histogram_count(&self) -> usize {
        self.histograms
    }

    /// Byte offset of the series in the body.
    pub fn offset(&self) -> usize {
        self.base
    }
}

/// Where the labels at the begin of a series end, as far as they are shorter than 128 bytes, as nearly all are.
fn short_labels(message: &[u8]) -> usize {
    let mut at = 0;
    while let Some([0x0a, length, ..]) = message.get(at..) {
        let end = at + 2 + usize::from(*length);
        if *length >= 0x80 || end > message.len() {
            break;
        }
        at = end;
    }
    at
}

/// The labels of a series; what lacks is empty, as protocol buffers have it.
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    fields: Fields<'a>,
}

impl<'a> Iterator for Labels<'a> {
    type Item = Result<(&'a str, &'a str), ProtoError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fields.next()? {
                Ok(field) if field.number != 1 => {}
                Ok(field) => return Some(label(field)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

fn label(field: Field<'_>) -> Result<(&str, &str), ProtoError> {
    let (mut name, mut value) = ("", "");
    for part in Fields::new(field.bytes()?, field.value_at) {
        let part = part?;
        match part.number {
            1 => name = part.text()?,
            2 => value = part.text()?,
            _ => {}
        }
    }
    Ok((name, value))
}

/// A name that several labels have. Prometheus sends labels ordered by their names, so that a look at neighbours is enough.
pub fn duplicate_label<'a>(labels: &[(&'a str, &str)]) -> Option<&'a str> {
    if labels.is_sorted_by(|a, b| a.0 < b.0) {
        return None;
    }
    let mut names: Vec<&str> = labels.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}

/// The samples of a series.
#[derive(Debug, Clone)]
pub struct Samples<'a> {
    fields: Fields<'a>,
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample, ProtoError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fields.next()? {
                Ok(field) if field.number != 2 => {}
                Ok(field) => return Some(sample(field)),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[inline]
fn sample(field: Field<'_>) -> Result<Sample, ProtoError> {
    let mut sample = Sample { timestamp: 0, value: 0.0 };
    let parts = Fields::new(field.bytes()?, field.value_at);
    // As all senders write it: the value, then the time.
    if let Some((value, timestamp)) = parts.fixed64_then_varint() {
        return Ok(Sample { timestamp: timestamp.cast_signed(), value: f64::from_bits(value) });
    }
    for part in parts {
        let part = part?;
        match (part.number, part.value) {
            (1, Value::Fixed64(bits)) => sample.value = f64::from_bits(bits),
            // Negative numbers are written as ten bytes: the same bits.
            (2, Value::Varint(bits)) => sample.timestamp = bits.cast_signed(),
            (1 | 2, _) => return Err(part.fault(ProtoErrorKind::WireType)),
            _ => {}
        }
    }
    Ok(sample)
}
