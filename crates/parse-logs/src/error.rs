use thiserror::Error;
use triglot_parse_json::{JsonError, JsonErrorKind};

/// A record that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {kind}")]
pub struct LogError {
    /// The line, counted from 1; the record's number for bodies that are one JSON text.
    pub line: usize,
    /// What is wrong.
    pub kind: LogErrorKind,
}

/// The kinds of [`LogError`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LogErrorKind {
    /// Not the JSON that is expected; byte offset in the line (or in the body, where that is one text).
    #[error("offset {offset}: {kind}")]
    Json {
        /// Where.
        offset: usize,
        /// What.
        kind: JsonErrorKind,
    },
    /// An action object without exactly one action.
    #[error("an action is expected")]
    NoAction,
    /// An action that is none of create, index, update, delete.
    #[error("unknown action {0:?}")]
    UnknownAction(String),
    /// The body ends behind an action that needs a document.
    #[error("an action without its document")]
    NoDocument,
    /// A time that is no number of nanoseconds; holds it.
    #[error("invalid time {0:?}")]
    Time(String),
    /// Labels that are not `{name="value", …}`.
    #[error("malformed labels")]
    Labels,
    /// Bytes that are no push request.
    #[error("protocol buffers: {0}")]
    Proto(String),
}

impl From<JsonError> for LogErrorKind {
    fn from(error: JsonError) -> Self {
        Self::Json { offset: error.offset, kind: error.kind }
    }
}
