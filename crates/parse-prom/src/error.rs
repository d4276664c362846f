use thiserror::Error;

/// Bytes that are not the message that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("offset {offset}: {kind}")]
pub struct ProtoError {
    /// Byte offset into the body: the field that is faulty.
    pub offset: usize,
    /// What is wrong.
    pub kind: ProtoErrorKind,
}

/// The kinds of [`ProtoError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtoErrorKind {
    /// The bytes end inside a field.
    #[error("the message is cut off")]
    Truncated,
    /// A varint of more than ten bytes.
    #[error("malformed varint")]
    Varint,
    /// A wire type that does not exist, or field number 0.
    #[error("malformed field key")]
    Key,
    /// A known field of another wire type than its own.
    #[error("a field has the wrong wire type")]
    WireType,
    /// A label that is not UTF-8.
    #[error("a label is not UTF-8")]
    Utf8,
}
