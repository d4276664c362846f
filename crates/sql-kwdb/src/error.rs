use triglot_engine::EngineError;

/// Where a statement failed: KWDB's `query` endpoint words the two differently (sheet section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its text is no statement.
    Parse,
    /// Anything later: names, types, rights, rows.
    Execute,
}

/// An error as KWDB's clients see it (sheet section 14.4).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct KwError {
    /// SQLSTATE. REST bodies do not show it; it decides the HTTP status and is logged.
    pub sqlstate: &'static str,
    /// The text without the driver's `pq: `.
    pub message: String,
    /// Where it failed.
    pub stage: Stage,
}

impl KwError {
    /// An error of execution.
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), stage: Stage::Execute }
    }

    /// 42601 at the token `near`.
    pub fn syntax(near: &str) -> Self {
        let message = format!("at or near \"{near}\": syntax error");
        Self { sqlstate: "42601", message, stage: Stage::Parse }
    }

    /// 0A000: a statement that this server knows and does not carry out.
    pub fn unsupported(what: &str) -> Self {
        Self::new("0A000", format!("{what} is not supported"))
    }
}

impl From<EngineError> for KwError {
    fn from(error: EngineError) -> Self {
        Self::new("XX000", error.to_string())
    }
}
