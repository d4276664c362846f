//! The error face: `{"error_code":"MMCCCC","error_message":"…"}` (sheet section 3).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use triglot_engine::EngineError;
use triglot_http::body::BodyError;
use triglot_http::coding::DecodeError;
use triglot_model::ErrorKind;
use triglot_sql_cnosdb::{SqlError, engine_face};

use crate::formats::json::push_string;

/// Everything that a route can answer instead of success. `Display` is the `error_message`.
#[derive(Debug, thiserror::Error)]
pub enum CnosDbError {
    /// The body is over the limit: 413, empty.
    #[error("body too large")]
    TooLarge,
    /// A query parameter that the vendor cannot read: 500, empty.
    #[error("bad query string")]
    BadQuery,
    /// The client went away while it sent.
    #[error("request body: {0}")]
    Aborted(String),
    /// A required header is missing.
    #[error("Missing request header \"{0}\"")]
    MissingHeader(&'static str),
    /// 040005: a header with a value that is not known.
    #[error("Invalid header: {0}")]
    Header(String),
    /// 040006: the authorization header cannot be read; holds its value.
    #[error("Parse auth, malformed basic auth encoding: {0}")]
    MalformedAuth(String),
    /// 040013: the body is not what its content encoding says.
    #[error("Error decode request: {0}")]
    Decode(String),
    /// 040015: the body is not UTF-8.
    #[error("Invalid utf-8 sequence: {0}")]
    Utf8(#[from] std::str::Utf8Error),
    /// 040004: line protocol.
    #[error("Error parsing message: {0}")]
    LineProtocol(#[from] triglot_parse_lp::LineError),
    /// 040010: OpenTSDB's lines.
    #[error("Error parsing message: {0}")]
    OpenTsdbLine(String),
    /// 040011: OpenTSDB's JSON.
    #[error("Error parsing message: {0}")]
    OpenTsdbJson(String),
    /// 040016: logs and traces.
    #[error("Error parsing log message: {0}")]
    Log(String),
    /// 010079: a search of Jaeger's names a column that is not there.
    #[error("{0}")]
    Model(String),
    /// 010055: a body that is no block of snappy.
    #[error("snappy: {0}")]
    Snappy(String),
    /// 010056: a request of Prometheus' remote read.
    #[error("remote read: {0}")]
    PromRead(String),
    /// 010057: a request of Prometheus' remote write.
    #[error("remote write: {0}")]
    PromWrite(String),
    /// 010057 with status 415, which the protocol asks for: a request of another version of Prometheus' remote write.
    #[error("remote write: only prometheus.WriteRequest is read here, not {0}")]
    PromMessage(String),
    /// 010016: user or tenant unknown, no member, or wrong password.
    #[error("Auth error: {text}")]
    Login {
        /// The text behind the prefix.
        text: String,
        /// 401 or 422, see `auth_error_status`.
        status: u16,
    },
    /// 040007: the result cannot be written in this format, or failed while it was fetched.
    #[error("Fetch result: {0}")]
    Fetch(String),
    /// 040014: the response cannot be encoded.
    #[error("Error encode response: {0}")]
    Encode(std::io::Error),
    /// A statement was refused or failed.
    #[error("{}", .0.face().1)]
    Sql(#[from] SqlError),
    /// The engine refused or failed.
    #[error("{}", engine_face(.0).1)]
    Engine(#[from] EngineError),
}

impl From<BodyError> for CnosDbError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge,
            BodyError::Aborted(text) => Self::Aborted(text),
        }
    }
}

impl From<DecodeError> for CnosDbError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge { .. } => Self::TooLarge,
            DecodeError::Malformed(text) => Self::Decode(text.to_string()),
        }
    }
}

impl CnosDbError {
    /// Status, and the code of the body; without a code the body is empty.
    pub fn face(&self) -> (StatusCode, Option<&'static str>) {
        let (bad, unprocessable) = (StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY);
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::BadQuery => (StatusCode::INTERNAL_SERVER_ERROR, None),
            Self::Aborted(_) => (bad, None),
            Self::MissingHeader(_) => (bad, Some("000000")),
            Self::Header(_) => (bad, Some("040005")),
            Self::MalformedAuth(_) => (bad, Some("040006")),
            Self::Decode(_) => (bad, Some("040013")),
            Self::Utf8(_) => (unprocessable, Some("040015")),
            Self::LineProtocol(_) => (unprocessable, Some("040004")),
            Self::OpenTsdbLine(_) => (bad, Some("040010")),
            Self::OpenTsdbJson(_) => (bad, Some("040011")),
            Self::Log(_) => (unprocessable, Some("040016")),
            Self::Model(_) => (unprocessable, Some("010079")),
            Self::Snappy(_) => (unprocessable, Some("010055")),
            Self::PromRead(_) => (unprocessable, Some("010056")),
            Self::PromWrite(_) => (unprocessable, Some("010057")),
            Self::PromMessage(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Some("010057")),
            Self::Login { status, .. } => {
                (StatusCode::from_u16(*status).unwrap_or(StatusCode::UNAUTHORIZED), Some("010016"))
            }
            Self::Fetch(_) => (unprocessable, Some("040007")),
            Self::Encode(_) => (unprocessable, Some("040014")),
            Self::Sql(e) => with_kind(e.kind(), e.face().0),
            Self::Engine(e) => with_kind(Some(e.kind()), engine_face(e).0),
        }
    }

    /// The JSON body; empty without a code.
    pub fn body(&self) -> Vec<u8> {
        let (_, Some(code)) = self.face() else { return Vec::new() };
        let mut body = b"{\"error_code\":".to_vec();
        push_string(&mut body, code);
        body.extend_from_slice(b",\"error_message\":");
        push_string(&mut body, &self.to_string());
        body.push(b'}');
        body
    }

    /// The text that is appended to a `chunked=true` response that fails on its way. The blank
    /// behind each colon is the vendor's.
    pub(crate) fn appended(text: &str) -> Vec<u8> {
        let mut body = b"{\"error_code\": \"040007\", \"error_message\": ".to_vec();
        push_string(&mut body, &format!("Fetch result: {text}"));
        body.push(b'}');
        body
    }
}

/// The status of an engine's kind. The vendor knows 422 and 500 only; where a retry makes sense
/// triglot answers 503 with `Retry-After`, which clients understand.
fn with_kind(kind: Option<ErrorKind>, code: &'static str) -> (StatusCode, Option<&'static str>) {
    let Some(kind) = kind else { return (StatusCode::UNPROCESSABLE_ENTITY, Some(code)) };
    match kind {
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, None),
        ErrorKind::ShuttingDown | ErrorKind::DiskFull => (StatusCode::SERVICE_UNAVAILABLE, Some(code)),
        ErrorKind::Busy => {
            // Too many queries has a code of its own and the vendor's status.
            let status = if code == "010012" {
                StatusCode::UNPROCESSABLE_ENTITY
            } else {
                StatusCode::SERVICE_UNAVAILABLE
            };
            (status, Some(code))
        }
        ErrorKind::Parse
        | ErrorKind::Plan
        | ErrorKind::WrongInput
        | ErrorKind::NotSupported
        | ErrorKind::TenantNotFound
        | ErrorKind::TenantExists
        | ErrorKind::DatabaseNotFound
        | ErrorKind::DatabaseExists
        | ErrorKind::TableNotFound
        | ErrorKind::TableExists
        | ErrorKind::ColumnNotFound
        | ErrorKind::ColumnExists
        | ErrorKind::InvalidSchema
        | ErrorKind::TypeMismatch
        | ErrorKind::ValueOutOfRange
        | ErrorKind::LengthExceeded
        | ErrorKind::TimeOutOfRange
        | ErrorKind::SeriesExists
        | ErrorKind::PrincipalNotFound
        | ErrorKind::PrincipalExists
        | ErrorKind::AuthFailed
        | ErrorKind::Denied
        | ErrorKind::LimitReached
        | ErrorKind::OutOfMemory
        | ErrorKind::Timeout
        | ErrorKind::Cancelled
        | ErrorKind::Execution
        | ErrorKind::Corrupt => (StatusCode::UNPROCESSABLE_ENTITY, Some(code)),
    }
}

impl ResponseError for CnosDbError {
    fn status_code(&self) -> StatusCode {
        self.face().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.face();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = ?self, "request failed internally");
        }
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"cnosdb\""));
        }
        match code {
            Some(_) => response.insert_header((CONTENT_TYPE, "application/json")).body(self.body()),
            None => response.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(error: CnosDbError) -> (u16, String) {
        (error.face().0.as_u16(), String::from_utf8(error.body()).unwrap())
    }

    #[test]
    fn statuses_codes_and_texts_are_the_sheets() {
        let io = || std::io::Error::other("x");
        let broken = vec![0xff_u8];
        let utf8 = std::str::from_utf8(&broken).unwrap_err();
        for (error, status, body) in [
            (CnosDbError::TooLarge, 413, ""),
            (CnosDbError::BadQuery, 500, ""),
            (
                CnosDbError::MissingHeader("authorization"),
                400,
                r#"{"error_code":"000000","error_message":"Missing request header \"authorization\""}"#,
            ),
            (
                CnosDbError::Header("content encoding not support: x".into()),
                400,
                r#"{"error_code":"040005","error_message":"Invalid header: content encoding not support: x"}"#,
            ),
            (
                CnosDbError::MalformedAuth("Bearer x".into()),
                400,
                r#"{"error_code":"040006","error_message":"Parse auth, malformed basic auth encoding: Bearer x"}"#,
            ),
            (
                CnosDbError::Decode("x".into()),
                400,
                r#"{"error_code":"040013","error_message":"Error decode request: x"}"#,
            ),
            (
                CnosDbError::Utf8(utf8),
                422,
                r#"{"error_code":"040015","error_message":"Invalid utf-8 sequence: invalid utf-8 sequence of 1 bytes from index 0"}"#,
            ),
            (
                CnosDbError::Login { text: "The user U not found".into(), status: 422 },
                422,
                r#"{"error_code":"010016","error_message":"Auth error: The user U not found"}"#,
            ),
            (
                CnosDbError::Fetch("Csv error: y".into()),
                422,
                r#"{"error_code":"040007","error_message":"Fetch result: Csv error: y"}"#,
            ),
            (
                CnosDbError::Encode(io()),
                422,
                r#"{"error_code":"040014","error_message":"Error encode response: x"}"#,
            ),
            (
                CnosDbError::Sql(SqlError::NotImplemented("USE public".into())),
                422,
                r#"{"error_code":"010005","error_message":"This feature is not implemented: USE public"}"#,
            ),
            (CnosDbError::Engine(EngineError::Internal("/secret".into())), 500, ""),
        ] {
            assert_eq!(face(error), (status, body.to_owned()));
        }
    }

    #[test]
    fn only_what_may_be_retried_is_503() {
        assert_eq!(with_kind(Some(ErrorKind::Busy), "050014").0, 503);
        assert_eq!(with_kind(Some(ErrorKind::Busy), "010012").0, 422);
        assert_eq!(with_kind(Some(ErrorKind::ShuttingDown), "050014").0, 503);
        assert_eq!(with_kind(Some(ErrorKind::Plan), "010001").0, 422);
        assert_eq!(with_kind(None, "010009").0, 422);
    }

    #[test]
    fn the_appended_text_has_blanks_behind_its_colons() {
        assert_eq!(
            CnosDbError::appended("a\"b"),
            br#"{"error_code": "040007", "error_message": "Fetch result: a\"b"}"#
        );
    }
}
