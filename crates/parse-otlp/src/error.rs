use thiserror::Error;
use triglot_parse_json::JsonError;

/// A body that is no export request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OtlpError {
    /// Bytes that are not the message.
    #[error("protocol buffers: {0}")]
    Proto(String),
    /// Text that is not JSON, or of another shape.
    #[error("JSON: {0}")]
    Json(#[from] JsonError),
    /// A member whose value cannot be read.
    #[error("JSON: offset {offset}: {member} cannot be read")]
    Member {
        /// Byte offset behind the value.
        offset: usize,
        /// The member.
        member: &'static str,
    },
}
