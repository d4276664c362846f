//! What answers look like: the manual's face and the vendor's server's, each a few lines over one set of outcomes
//! (sheet section 15).

mod result;

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use triglot_http::text::json::push_string;

pub(crate) use result::{OpenBatch, ResultFace};

use crate::auth::Listed;
use crate::config::Wire;
use crate::refusal::Refusal;
use crate::routes::Endpoint;

/// The content type of every JSON body.
pub(crate) const JSON: &str = "application/json";

/// The manual's text for whatever is wrong with credentials on a data route.
const BAD_TOKEN: &str = "Incorrect authentication token";

/// The face of one listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) wire: Wire,
}

/// What came of the statements or lines of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// A text for each that failed, none for each that did not.
    pub(crate) outcomes: Vec<Option<String>>,
    /// Rows written.
    pub(crate) rows: u64,
}

impl Tally {
    fn code(&self) -> i32 {
        if self.outcomes.iter().any(Option::is_some) { -1 } else { 0 }
    }
}

/// Why a query gave no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QueryFailure {
    /// Its text is no statement.
    Parse(String),
    /// Anything later.
    Execute {
        /// The text, without `pq: `.
        message: String,
        /// The server had no room for it.
        is_overload: bool,
    },
}

/// A session in a list, and whether its token may be shown in full.
#[derive(Clone, Debug)]
pub(crate) struct ShownSession<'a> {
    pub(crate) session: &'a Listed,
    /// The token, where the request itself had it.
    pub(crate) token: Option<&'a str>,
}

impl Face {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire }
    }

    fn is_manual(self) -> bool {
        self.wire == Wire::Manual
    }

    /// `{"code":-1,"desc":"…"}`; in the manual's face with all keys of the route, and a status.
    pub(crate) fn refusal(self, endpoint: Endpoint, refusal: &Refusal) -> HttpResponse {
        let is_limit = matches!(refusal, Refusal::Overload(_) | Refusal::BodyTooLarge { .. });
        if !self.is_manual() || is_limit {
            let status = if is_limit { refusal.status() } else { StatusCode::OK };
            return respond(status, two_keys(&refusal.to_string()));
        }
        let text = match refusal {
            _ if endpoint == Endpoint::Login => refusal.to_string().trim_end_matches('.').to_owned(),
            _ if refusal.is_authentication() => BAD_TOKEN.to_owned(),
            _ => refusal.to_string(),
        };
        respond(refusal.status(), self.with_all_keys(endpoint, refusal, &text))
    }

    /// The manual's failures: all keys of a success, most of them null.
    fn with_all_keys(self, endpoint: Endpoint, refusal: &Refusal, text: &str) -> Vec<u8> {
        let code = match endpoint {
            Endpoint::Telegraf => 500,
            Endpoint::Query if !refusal.is_authentication() => 500,
            _ => -1,
        };
        let mut out = format!("{{\"code\":{code},\"desc\":").into_bytes();
        match endpoint {
            Endpoint::Insert => push_array(&mut out, [text]),
            _ => push_string(&mut out, text),
        }
        out.extend_from_slice(match endpoint {
            Endpoint::Ddl => b",\"time\":null}",
            Endpoint::Insert => b",\"rows\":null,\"notice\":null,\"time\":null}",
            Endpoint::Query => b",\"time\":null,\"column_meta\":null,\"data\":null,\"rows\":null}",
            Endpoint::Telegraf | Endpoint::Influxdb | Endpoint::OpentsdbJson | Endpoint::OpentsdbTelnet => {
                b",\"time\":null,\"rows\":null}"
            }
            Endpoint::Login | Endpoint::Session | Endpoint::Other => b"}",
        });
        out
    }

    /// `{"code":0,"token":"…"}`
    pub(crate) fn token(self, token: &str) -> HttpResponse {
        respond(StatusCode::OK, format!("{{\"code\":0,\"token\":\"{token}\"}}").into_bytes())
    }

    /// `code desc time`: one element for each statement.
    pub(crate) fn ddl(self, tally: &Tally, time: Duration) -> HttpResponse {
        let mut out = format!("{{\"code\":{},\"desc\":", tally.code()).into_bytes();
        push_outcomes(&mut out, tally);
        out.extend_from_slice(format!(",\"time\":{}}}", seconds(time)).as_bytes());
        respond(StatusCode::OK, out)
    }

    /// `code desc rows notice time`
    pub(crate) fn insert(self, tally: &Tally, time: Duration) -> HttpResponse {
        let mut out = format!("{{\"code\":{},\"desc\":", tally.code()).into_bytes();
        push_outcomes(&mut out, tally);
        let rest = format!(",\"rows\":{},\"notice\":null,\"time\":{}}}", tally.rows, seconds(time));
        out.extend_from_slice(rest.as_bytes());
        respond(StatusCode::OK, out)
    }

    /// `code desc time rows`: desc is `success;` or `‹error›;` for each line, and in the manual null where all
    /// lines of telegraf and influxdb were taken.
    pub(crate) fn lines(self, endpoint: Endpoint, tally: &Tally, time: Duration) -> HttpResponse {
        let is_null = self.is_manual()
            && tally.code() == 0
            && matches!(endpoint, Endpoint::Telegraf | Endpoint::Influxdb);
        let mut out = format!("{{\"code\":{},\"desc\":", tally.code()).into_bytes();
        if is_null {
            out.extend_from_slice(b"null");
        } else {
            let mut text = String::new();
            for outcome in &tally.outcomes {
                text.push_str(outcome.as_deref().unwrap_or("success"));
                text.push(';');
            }
            push_string(&mut out, &text);
        }
        let rest = format!(",\"time\":{},\"rows\":{}}}", seconds(time), tally.rows);
        out.extend_from_slice(rest.as_bytes());
        respond(StatusCode::OK, out)
    }

    /// A query that failed.
    pub(crate) fn query_failure(self, failure: &QueryFailure, time: Duration) -> HttpResponse {
        let status = match failure {
            QueryFailure::Execute { is_overload: true, .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ if !self.is_manual() => StatusCode::OK,
            QueryFailure::Parse(_) => StatusCode::BAD_REQUEST,
            QueryFailure::Execute { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut out = Vec::new();
        match (self.is_manual(), failure) {
            (true, _) => {
                let text = match failure {
                    QueryFailure::Parse(text) => text.clone(),
                    QueryFailure::Execute { message, .. } => format!("pq: {message}"),
                };
                out.extend_from_slice(b"{\"code\":500,\"desc\":");
                push_string(&mut out, &text);
                let rest = format!(",\"time\":{}", seconds(time));
                out.extend_from_slice(rest.as_bytes());
                out.extend_from_slice(b",\"column_meta\":null,\"data\":null,\"rows\":null}");
            }
            (false, QueryFailure::Parse(text)) => {
                out.extend_from_slice(b"{\"code\":-1,\"desc\":");
                push_array(&mut out, [text.as_str()]);
                out.extend_from_slice(b",\"time\":0}");
            }
            (false, QueryFailure::Execute { message, .. }) => out = two_keys(&format!("pq: {message}")),
        }
        respond(status, out)
    }

    /// The sessions that the caller may see.
    pub(crate) fn sessions(self, sessions: &[ShownSession<'_>], life_ns: i64) -> HttpResponse {
        let (list, id) = if self.is_manual() { ("tokens", "SessionID") } else { ("conns", "Connid") };
        let mut out = format!("{{\"code\":0,\"{list}\":").into_bytes();
        if sessions.is_empty() && !self.is_manual() {
            out.extend_from_slice(b"null}");
            return respond(StatusCode::OK, out);
        }
        out.push(b'[');
        for (at, ShownSession { session, token }) in sessions.iter().enumerate() {
            let begin =
                format!("{}{{\"{id}\":\"{}\",\"Username\":", if at > 0 { "," } else { "" }, session.id);
            out.extend_from_slice(begin.as_bytes());
            push_string(&mut out, &session.user_name);
            let token = match token.filter(|_| self.is_manual()) {
                Some(token) => token.to_owned(),
                None => format!("{}*", session.shown),
            };
            let times = format!(
                ",\"Token\":\"{token}\",\"MaxLifeTime\":{},\"LastLoginTime\":\"{}\",\"ExpirationTime\":\"{}\"}}",
                life_ns / 1_000_000_000,
                utc(session.used_ns),
                utc(session.used_ns.saturating_add(life_ns)),
            );
            out.extend_from_slice(times.as_bytes());
        }
        out.extend_from_slice(b"]}");
        respond(StatusCode::OK, out)
    }

    /// A session that was ended.
    pub(crate) fn session_ended(self) -> HttpResponse {
        let text = if self.is_manual() { "Delete Success" } else { "delete success" };
        respond(StatusCode::OK, format!("{{\"code\":0,\"desc\":\"{text}\"}}").into_bytes())
    }
}

/// A whole JSON body.
pub(crate) fn respond(status: StatusCode, body: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((RETRY_AFTER, "1"));
    }
    response.insert_header((CONTENT_TYPE, JSON)).body(body)
}

fn two_keys(text: &str) -> Vec<u8> {
    let mut out = b"{\"code\":-1,\"desc\":".to_vec();
    push_string(&mut out, text);
    out.push(b'}');
    out
}

fn push_array<'t>(out: &mut Vec<u8>, texts: impl IntoIterator<Item = &'t str>) {
    out.push(b'[');
    for (at, text) in texts.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_string(out, text);
    }
    out.push(b']');
}

fn push_outcomes(out: &mut Vec<u8>, tally: &Tally) {
    push_array(out, tally.outcomes.iter().map(|outcome| outcome.as_deref().unwrap_or("success")));
}

/// `0.002134`
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// `2024-07-10 06:11:58`, in UTC.
fn utc(ns: i64) -> String {
    chrono::DateTime::from_timestamp_nanos(ns).format("%Y-%m-%d %H:%M:%S").to_string()
}
