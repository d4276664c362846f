//! Errors of CnosDB SQL: the six-digit code and the text of sheet section 3.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use triglot_engine::EngineError;

/// A statement that was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// 010009: not CnosDB SQL.
    #[error("sql parser error: {0}")]
    Parser(String),
    /// 010005: SQL, but not of this server.
    #[error("This feature is not implemented: {0}")]
    NotImplemented(String),
    /// 010013: several statements in one request.
    #[error("Multi-statement not allow, found num:{num}, sql:{sql}")]
    MultiStatement {
        /// How many.
        num: usize,
        /// The whole text.
        sql: String,
    },
    /// 010001: the planner's words.
    #[error("Datafusion: {0}")]
    Planning(DataFusionError),
    /// 010002: a value that cannot be cast.
    #[error("Arrow: {0}")]
    Arrow(arrow::error::ArrowError),
    /// A rule of the dialect, with its own code.
    #[error("{text}")]
    Coded {
        /// Six digits.
        code: &'static str,
        /// The whole text.
        text: String,
    },
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl SqlError {
    /// A rule of the dialect: `Semantic error: …`.
    pub(crate) fn semantic(code: &'static str, text: impl std::fmt::Display) -> Self {
        Self::Coded { code, text: format!("Semantic error: {text}") }
    }

    /// `sql parser error: …`.
    pub(crate) fn parser(text: impl Into<String>) -> Self {
        Self::Parser(text.into())
    }
}

impl From<ParserError> for SqlError {
    fn from(error: ParserError) -> Self {
        match error {
            ParserError::TokenizerError(text) | ParserError::ParserError(text) => Self::Parser(text),
            ParserError::RecursionLimitExceeded => Self::Parser("recursion limit exceeded".to_owned()),
        }
    }
}
