use thiserror::Error;

/// Text that is not the JSON that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("offset {offset}: {kind}")]
pub struct JsonError {
    /// Byte offset into the text: where the fault begins.
    pub offset: usize,
    /// What is wrong.
    pub kind: JsonErrorKind,
}

/// The kinds of [`JsonError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JsonErrorKind {
    /// Something else stands where this should.
    #[error("{0} is expected")]
    Expected(&'static str),
    /// A number that is not of JSON's form.
    #[error("malformed number")]
    Number,
    /// A text without its closing quote.
    #[error("unterminated text")]
    Unterminated,
    /// A character below U+0020 inside a text.
    #[error("control character in a text")]
    Control,
    /// An escape that does not exist, or half a surrogate pair.
    #[error("malformed escape")]
    Escape,
    /// More than [`DEPTH`](crate::DEPTH) arrays and objects inside each other.
    #[error("nested too deeply")]
    Depth,
    /// Text behind the value.
    #[error("text behind the value")]
    Trailing,
}
