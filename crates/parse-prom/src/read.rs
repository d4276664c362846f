//! The messages of remote read, as Prometheus publishes them (`prompb/remote.proto`), as far as samples need
//! them. Responses are of the type SAMPLES; streamed chunks are not offered.

use prost::{DecodeError, Message};

/// What a reader asks.
#[derive(Clone, PartialEq, Message)]
pub struct ReadRequest {
    /// One result is expected for each.
    #[prost(message, repeated, tag = "1")]
    pub queries: Vec<Query>,
}

/// A range of time and conditions on labels.
#[derive(Clone, PartialEq, Message)]
pub struct Query {
    /// First millisecond that is asked for.
    #[prost(int64, tag = "1")]
    pub start_timestamp_ms: i64,
    /// Last one.
    #[prost(int64, tag = "2")]
    pub end_timestamp_ms: i64,
    /// All of them must hold.
    #[prost(message, repeated, tag = "3")]
    pub matchers: Vec<LabelMatcher>,
}

/// A condition on one label. A label that a series lacks is the empty text.
#[derive(Clone, PartialEq, Message)]
pub struct LabelMatcher {
    /// How to compare.
    #[prost(enumeration = "MatchType", tag = "1")]
    pub r#type: i32,
    /// The label.
    #[prost(string, tag = "2")]
    pub name: String,
    /// The text or the regular expression (RE2's syntax, anchored at both ends).
    #[prost(string, tag = "3")]
    pub value: String,
}

/// The ways of [`LabelMatcher`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MatchType {
    /// `=`
    Equal = 0,
    /// `!=`
    NotEqual = 1,
    /// `=~`
    Regex = 2,
    /// `!~`
    NotRegex = 3,
}

/// The answer: as many results as there were queries, in their order.
#[derive(Clone, PartialEq, Message)]
pub struct ReadResponse {
    /// May be empty ones.
    #[prost(message, repeated, tag = "1")]
    pub results: Vec<QueryResult>,
}

/// The series that one query found.
#[derive(Clone, PartialEq, Message)]
pub struct QueryResult {
    /// Each set of labels once.
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<TimeSeries>,
}

/// A series with its samples in ascending order of time.
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeries {
    /// In the order of their names.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// In ascending order of time.
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<ReadSample>,
}

/// Name and value.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Label {
    /// The name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// A value at a time.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct ReadSample {
    /// The value.
    #[prost(double, tag = "1")]
    pub value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

impl ReadRequest {
    /// Reads the bytes of a request, decompressed.
    ///
    /// # Errors
    /// Bytes that are no such message.
    pub fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        Self::decode(body)
    }
}

impl ReadResponse {
    /// The bytes of the answer, to be compressed.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.encode_to_vec()
    }
}
