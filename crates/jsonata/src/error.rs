//! What is wrong with an expression, and with a value that it meets.

use triglot_parse_json::JsonError;

/// Text that is no expression of what is supported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset}: {kind}")]
pub struct CompileError {
    /// Byte offset into the text: where the fault begins.
    pub offset: usize,
    /// What is wrong.
    pub kind: CompileErrorKind,
}

/// The kinds of [`CompileError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileErrorKind {
    /// Something else stands where this should.
    #[error("{0} is expected")]
    Expected(&'static str),
    /// A character that begins nothing.
    #[error("unexpected {0:?}")]
    Character(char),
    /// A text, a name, a comment or a regular expression without its end.
    #[error("unterminated {0}")]
    Unterminated(&'static str),
    /// A number without meaning.
    #[error("malformed number")]
    Number,
    /// An escape that does not exist.
    #[error("malformed escape")]
    Escape,
    /// A regular expression that Rust's `regex` does not take.
    #[error("regular expression: {0}")]
    Regex(String),
    /// A signature of a function that is none.
    #[error("malformed signature {0:?}")]
    Signature(String),
    /// Parts that do not go together.
    #[error("{0}")]
    Misplaced(&'static str),
    /// Nested deeper than [`MAX_NESTING`](crate::MAX_NESTING).
    #[error("nested too deeply")]
    Depth,
    /// A part of JSONata that this crate does not have.
    #[error("{0} is not supported")]
    Unsupported(String),
}

/// Why an evaluation ended without a result. Codes are those of JSONata's reference implementation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The input is not JSON.
    #[error("input: {0}")]
    Input(#[from] JsonError),
    /// A member is there twice in an object of the input.
    #[error("input: {0:?} is there twice")]
    Twice(String),
    /// A value does not suit.
    #[error("{code}: {text}")]
    Value {
        /// The reference's code, like `T2001`.
        code: &'static str,
        /// What happened.
        text: String,
    },
    /// More steps, levels or bytes than allowed.
    #[error("evaluation exceeds the limit of {0}")]
    Limit(&'static str),
}

impl EvalError {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Self {
        Self::Value { code, text: text.into() }
    }
}
