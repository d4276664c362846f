//! What a request can come back with.

use std::time::Duration;

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The client cannot be set up (certificate, URL).
    #[error("{0}")]
    Setup(String),
    /// The server cannot be reached or broke off.
    #[error("no answer from the server: {0}")]
    Transport(String),
    /// The server refused.
    #[error("HTTP {status}{}{message}", if code.is_empty() { ": ".to_owned() } else { format!(" {code}: ") })]
    Status { status: u16, code: String, message: String, retry_after: Option<Duration> },
    /// The answer is not what was asked for.
    #[error("unexpected answer: {0}")]
    Answer(String),
}

/// CnosDB's codes that say that some row of the body is at fault, not the request as a whole:
/// line protocol, types, times, empty rows.
const ROW_CODES: [&str; 9] =
    ["040004", "050014", "050034", "010002", "010041", "010044", "030034", "030016", "010073"];

impl ClientError {
    pub(super) fn transport(error: ureq::Error) -> Self {
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Tls(_) | ureq::Error::Pem(_) => {
                Self::Setup(error.to_string())
            }
            other => Self::Transport(other.to_string()),
        }
    }

    /// Takes CnosDB's `{"error_code","error_message"}` apart; InfluxDB's `{"error"}` too.
    pub(super) fn status(status: u16, retry_after: Option<u64>, body: &str) -> Self {
        let json: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
        let text = |key: &str| json.get(key).and_then(|v| v.as_str()).map(str::to_owned);
        let message =
            text("error_message").or_else(|| text("error")).unwrap_or_else(|| body.trim().to_owned());
        Self::Status {
            status,
            code: text("error_code").unwrap_or_default(),
            message,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    /// Whether the same request may succeed after a pause.
    pub(crate) fn may_succeed_later(&self) -> bool {
        match self {
            Self::Transport(_) => true,
            Self::Status { status, .. } => matches!(status, 429 | 503),
            _ => false,
        }
    }

    /// The pause that the server asked for.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether leaving out some rows could make the request succeed.
    pub(crate) fn blames_rows(&self) -> bool {
        matches!(self, Self::Status { code, .. } if ROW_CODES.contains(&code.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cnosdb_errors_are_taken_apart() {
        let error = ClientError::status(
            422,
            None,
            r#"{"error_code":"050014","error_message":"found I64 expected F64"}"#,
        );
        assert_eq!(error.to_string(), "HTTP 422 050014: found I64 expected F64");
        assert!(error.blames_rows() && !error.may_succeed_later());
        let busy = ClientError::status(503, Some(2), "busy");
        assert_eq!(busy.to_string(), "HTTP 503: busy");
        assert!(busy.may_succeed_later() && !busy.blames_rows());
        assert_eq!(busy.retry_after(), Some(Duration::from_secs(2)));
        let absent = ClientError::status(
            422,
            None,
            r#"{"error_code":"030017","error_message":"Database not found: \"x\""}"#,
        );
        assert!(!absent.blames_rows());
    }
}
