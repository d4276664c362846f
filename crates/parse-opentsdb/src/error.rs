//! What can be wrong with a point, and where.

use thiserror::Error;
use triglot_parse_json::{JsonError, JsonErrorKind};

/// A telnet line that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {kind}")]
pub struct LineError {
    /// The line, counted from 1.
    pub line: usize,
    /// Byte offset into the body of what is wrong; the end of the line for what is missing.
    pub offset: usize,
    /// What is wrong.
    pub kind: LineErrorKind,
}

/// The kinds of [`LineError`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LineErrorKind {
    /// Not a `put` where one is required; holds the word that stands there.
    #[error("unknown command {0:?}")]
    UnknownCommand(String),
    /// The line ends before the metric (only behind `put`).
    #[error("missing metric")]
    MissingMetric,
    /// The line ends behind the metric.
    #[error("missing timestamp")]
    MissingTimestamp,
    /// Not a signed 64-bit integer; holds the word.
    #[error("invalid timestamp {0:?}")]
    InvalidTimestamp(String),
    /// The line ends behind the timestamp.
    #[error("missing value")]
    MissingValue,
    /// No tag stands behind the value.
    #[error("missing tags")]
    MissingTags,
    /// A word without `=` where a tag should stand.
    #[error("{0:?} is not a tag of the form key=value")]
    NotATag(String),
    /// Nothing stands before the `=` of a tag.
    #[error("a tag has no key: {0:?}")]
    EmptyTagKey(String),
    /// Nothing stands behind the `=` of a tag; holds its key.
    #[error("tag {0:?} has no value")]
    EmptyTagValue(String),
}

/// A JSON body that could not be read on from some place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("point {index}, offset {offset}: {kind}")]
pub struct PointError {
    /// Which point, counted from 0.
    pub index: usize,
    /// Byte offset into the body: where the fault begins.
    pub offset: usize,
    /// What is wrong.
    pub kind: PointErrorKind,
}

/// The kinds of [`PointError`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PointErrorKind {
    /// Not JSON, or an object, an array or a name is expected where something else stands.
    #[error("{0}")]
    Json(JsonErrorKind),
    /// The body is neither an object nor an array.
    #[error("an object or an array of objects is expected")]
    NoPoints,
    /// A member that occurs twice.
    #[error("duplicate member {0:?}")]
    Duplicate(String),
}

impl From<JsonError> for PointError {
    fn from(error: JsonError) -> Self {
        Self { index: 0, offset: error.offset, kind: PointErrorKind::Json(error.kind) }
    }
}
