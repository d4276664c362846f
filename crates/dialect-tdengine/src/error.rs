//! What the adapter itself refuses, and how errors look: `{"code":C,"desc":"…","timing":ns}`.

use std::time::Instant;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use triglot_engine::query::functions::DuplicateFunction;
use triglot_sql_tdengine::TaosError;

use crate::collect::scrape::ClientError;
use crate::config::TdengineConfig;
use crate::input_json::RuleError;
use crate::json;
use crate::limits::PatternError;

/// The content type of every JSON body.
pub(crate) const JSON: &str = "application/json; charset=utf-8";

/// The content type of texts.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The adapter's own code for whatever has no other.
pub(crate) const GENERIC: u16 = 0xffff;

/// A listener that cannot be set up as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Two functions of one name: a fault of the program.
    #[error(transparent)]
    Functions(#[from] DuplicateFunction),
    /// A pattern of the configuration is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A rule of `[input_json]` that cannot be used.
    #[error("input_json: {0}")]
    Rule(#[from] RuleError),
    /// The token of an agent's account is none that `/rest/login` gives.
    #[error("{agent}.token: not a token of /rest/login")]
    Token {
        /// The agent's section of the configuration.
        agent: &'static str,
    },
    /// A page cannot be fetched as configured.
    #[error("{agent}: {url}: {source}")]
    Target {
        /// The agent's section of the configuration.
        agent: &'static str,
        /// The page.
        url: String,
        /// Why.
        source: ClientError,
    },
}

/// Why a request is not answered as it hoped for. Codes and statuses: sheet section 3.6.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AdapterError {
    /// A parameter of the URL, or of a small body.
    #[error("{0}")]
    Parameter(String),
    #[error("no auth info input")]
    NoAuth,
    #[error("invalid basic Authorization")]
    BadBasic,
    #[error("invalid taosd Authorization")]
    BadToken,
    #[error("invalid type of Authorization")]
    UnknownScheme,
    /// Unknown user or wrong password; the status is configured.
    #[error("{0}")]
    Credentials(TaosError),
    /// The same at `/rest/login`.
    #[error("Authentication failure")]
    LoginFailed,
    #[error("generate taosd token error")]
    TokenNotMade,
    #[error("invalid content length")]
    BrokenBody,
    #[error("request is empty")]
    EmptyBody,
    #[error("no sql input")]
    NoSql,
    /// `rejectQuerySqlRegex`.
    #[error("sql rejected")]
    Rejected,
    /// An API of which one request runs at a time.
    #[error("API '{0}' does not allow concurrent execution")]
    Concurrent(&'static str),
    /// The server has no room for this request at present.
    #[error("{0}")]
    Overload(String),
    /// The memory guard; the text is the whole body.
    #[error("{0}")]
    Paused(&'static str),
    /// Wrong credentials where the status is not a matter of configuration.
    #[error("{0}")]
    Unauthorized(TaosError),
    /// A failure that has no code of its own.
    #[error("{0}")]
    Generic(String),
    /// What the engine refused.
    #[error("{0}")]
    Engine(#[from] TaosError),
}

impl AdapterError {
    fn face(&self, config: &TdengineConfig) -> (StatusCode, u16) {
        let bad = StatusCode::BAD_REQUEST;
        let unauthorized = StatusCode::UNAUTHORIZED;
        match self {
            Self::Parameter(_) => (bad, GENERIC),
            Self::NoAuth => (unauthorized, 0x1105),
            Self::BadBasic => (unauthorized, 0x1124),
            Self::BadToken => (unauthorized, 0x1125),
            Self::UnknownScheme => (unauthorized, 0x1122),
            Self::Credentials(error) if config.auth_error_status == 200 => {
                (engine_status(error.code, config), error.code)
            }
            Self::Credentials(error) => (unauthorized, error.code),
            Self::LoginFailed => (unauthorized, 3),
            Self::TokenNotMade => (bad, 0x110A),
            Self::BrokenBody => (bad, 0x1121),
            Self::EmptyBody => (bad, 0x1106),
            Self::NoSql => (bad, 0x1107),
            Self::Rejected => (StatusCode::FORBIDDEN, GENERIC),
            Self::Concurrent(_) => (StatusCode::TOO_MANY_REQUESTS, GENERIC),
            Self::Overload(_) | Self::Paused(_) => (StatusCode::SERVICE_UNAVAILABLE, GENERIC),
            Self::Unauthorized(error) => (unauthorized, error.code),
            Self::Generic(_) => (engine_status(GENERIC, config), GENERIC),
            Self::Engine(error) => (engine_status(error.code, config), error.code),
        }
    }

    /// The answer to a request that began at `started`.
    pub(crate) fn response(&self, config: &TdengineConfig, started: Instant) -> HttpResponse {
        let (status, code) = self.face(config);
        let mut body = Vec::new();
        if let Self::Paused(text) = self {
            json::push_escaped_html(&mut body, text);
        } else {
            body.extend_from_slice(format!("{{\"code\":{code},\"desc\":").as_bytes());
            json::push_escaped_html(&mut body, &self.to_string());
            body.extend_from_slice(format!(",\"timing\":{}}}", started.elapsed().as_nanos()).as_bytes());
        }
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((RETRY_AFTER, "1"));
        }
        with_json(response, body)
    }
}

/// A whole JSON body.
pub(crate) fn with_json(mut response: HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    response.insert_header((CONTENT_TYPE, JSON)).body(body)
}

/// The status of an engine's code: 200 unless `httpCodeServerError` is set.
fn engine_status(code: u16, config: &TdengineConfig) -> StatusCode {
    if !config.http_code_server_error {
        return StatusCode::OK;
    }
    mapped_status(code)
}

/// The status that an engine's code has of its own.
pub(crate) fn mapped_status(code: u16) -> StatusCode {
    match code {
        0x0216 | 0x021B | 0x0224 | 0x060B | 0x2600 | 0x263B => StatusCode::BAD_REQUEST,
        0x0350..=0x0357 => StatusCode::UNAUTHORIZED,
        0x000B => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_codes_are_the_sheets() {
        let plain = TdengineConfig::default();
        let coded = TdengineConfig { http_code_server_error: true, auth_error_status: 200, ..plain.clone() };
        let engine = |code| AdapterError::Engine(TaosError::new(code, "x"));
        let wrong = AdapterError::Credentials(TaosError::authentication());
        for (error, status, with_codes, code) in [
            (AdapterError::NoAuth, 401, 401, 4357),
            (AdapterError::BadBasic, 401, 401, 4388),
            (AdapterError::BadToken, 401, 401, 4389),
            (AdapterError::UnknownScheme, 401, 401, 4386),
            (AdapterError::LoginFailed, 401, 401, 3),
            (AdapterError::TokenNotMade, 400, 400, 4362),
            (AdapterError::BrokenBody, 400, 400, 4385),
            (AdapterError::EmptyBody, 400, 400, 4358),
            (AdapterError::NoSql, 400, 400, 4359),
            (AdapterError::Parameter("p".into()), 400, 400, 65535),
            (AdapterError::Overload("o".into()), 503, 503, 65535),
            (AdapterError::Paused("p"), 503, 503, 65535),
            (AdapterError::Rejected, 403, 403, 65535),
            (AdapterError::Concurrent("/config"), 429, 429, 65535),
            (AdapterError::Unauthorized(TaosError::authentication()), 401, 401, 855),
            (AdapterError::Generic("g".into()), 200, 500, 65535),
            (wrong, 401, 401, 855),
            (engine(0x0216), 200, 400, 0x0216),
            (engine(0x021B), 200, 400, 0x021B),
            (engine(0x0224), 200, 400, 0x0224),
            (engine(0x060B), 200, 400, 0x060B),
            (engine(0x2600), 200, 400, 0x2600),
            (engine(0x263B), 200, 400, 0x263B),
            (engine(0x0350), 200, 401, 0x0350),
            (engine(0x0351), 200, 401, 0x0351),
            (engine(0x0358), 200, 500, 0x0358),
            (engine(0x000B), 200, 502, 0x000B),
            (engine(0x2603), 200, 500, 0x2603),
            (engine(0xffff), 200, 500, 0xffff),
        ] {
            assert_eq!(error.face(&plain), (StatusCode::from_u16(status).unwrap(), code), "{error:?}");
            assert_eq!(error.face(&coded), (StatusCode::from_u16(with_codes).unwrap(), code), "{error:?}");
        }
        let as_adapter = TdengineConfig { auth_error_status: 200, ..plain };
        assert_eq!(AdapterError::Credentials(TaosError::authentication()).face(&as_adapter).0, 200);
    }
}
