//! `POST /input_json/v1/{endpoint}` (sheet section 7): JSON by rules of the configuration. Off by default.
//!
//! `rule` is the configuration with its JSONata, `record` reads objects, `time` their times, `statement` writes the INSERT statements,
//! which run like those of `/rest/sql`.

mod record;
mod rule;
mod statement;
mod time;

pub use rule::{RuleError, RuleFault, Rules};
pub use time::FormatError;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use triglot_http::body::BodyError;
use triglot_sql_tdengine::{Answer, Context, TaosError, run};

use self::record::RecordError;
use self::rule::Rule;
use crate::DIALECT;
use crate::app::TdengineApp;
use crate::auth::Claim;
use crate::error::{AdapterError, GENERIC, mapped_status, with_json};
use crate::json;
use crate::params::Params;
use crate::rest::sql::number;
use crate::routes::not_found;
use crate::schemaless::{enter, plug_in_text, read};

/// The API's name in metrics.
const API: &str = "input_json";

pub(crate) async fn write(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    endpoint: web::Path<String>,
) -> HttpResponse {
    if !app.input_json.is_on() {
        return not_found().await;
    }
    match checked(&app, &request, payload, &endpoint).await {
        Ok(done) => with_json(HttpResponse::Ok(), done.body()),
        Err(refused) => {
            let (status, code, text) = refused.face();
            let mut body = format!("{{\"code\":{code},\"desc\":").into_bytes();
            json::push_escaped_html(&mut body, &text);
            body.push(b'}');
            with_json(HttpResponse::build(status), body)
        }
    }
}

/// What a request came to.
enum Done {
    Written(u64),
    /// `dry_run`: the records and the statements.
    Shown {
        json: String,
        sql: Vec<String>,
    },
}

impl Done {
    fn body(&self) -> Vec<u8> {
        let mut out = b"{\"code\":0,\"desc\":\"\"".to_vec();
        match self {
            Self::Written(0) => {}
            Self::Written(rows) => out.extend_from_slice(format!(",\"affected\":{rows}").as_bytes()),
            Self::Shown { json, sql } => {
                out.extend_from_slice(b",\"json\":");
                json::push_escaped_html(&mut out, json);
                out.extend_from_slice(b",\"sql\":[");
                for (at, statement) in sql.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    json::push_escaped_html(&mut out, statement);
                }
                out.push(b']');
            }
        }
        out.push(b'}');
        out
    }
}

/// Why nothing, or not all, was written.
enum Refused {
    NoRule(String),
    /// Parameters, credentials, overload.
    Adapter(AdapterError),
    /// What the body holds.
    Body(String),
    /// How much it holds.
    TooLarge(String),
    /// What the engine says to a statement.
    Engine(TaosError),
}

impl From<AdapterError> for Refused {
    fn from(error: AdapterError) -> Self {
        Self::Adapter(error)
    }
}

impl From<BodyError> for Refused {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge(error.to_string()),
            BodyError::Aborted(_) => Self::Body(error.to_string()),
        }
    }
}

impl From<RecordError> for Refused {
    fn from(error: RecordError) -> Self {
        Self::Body(error.to_string())
    }
}

impl Refused {
    /// Status, code and text. Errors of the engine have statuses of their own whatever is configured for
    /// `/rest`.
    fn face(&self) -> (StatusCode, u16, String) {
        match self {
            Self::NoRule(endpoint) => {
                (StatusCode::NOT_FOUND, GENERIC, format!("no rule found for endpoint: {endpoint}"))
            }
            Self::Body(text) => (StatusCode::BAD_REQUEST, GENERIC, text.clone()),
            Self::TooLarge(text) => (StatusCode::PAYLOAD_TOO_LARGE, GENERIC, text.clone()),
            Self::Engine(error) => (mapped_status(error.code), error.code, error.text.clone()),
            Self::Adapter(error) => match error {
                AdapterError::Parameter(text) => (StatusCode::BAD_REQUEST, GENERIC, text.clone()),
                AdapterError::Credentials(error) => {
                    (StatusCode::UNAUTHORIZED, error.code, error.text.clone())
                }
                AdapterError::Engine(error) => (mapped_status(error.code), error.code, error.text.clone()),
                AdapterError::Overload(text) => (StatusCode::GATEWAY_TIMEOUT, GENERIC, text.clone()),
                other => (StatusCode::UNAUTHORIZED, GENERIC, plug_in_text(other)),
            },
        }
    }
}

async fn checked(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    endpoint: &str,
) -> Result<Done, Refused> {
    let params = Params::of(request);
    let claim = Claim::of(request.headers())?;
    if app.input_json.of(endpoint).is_none() {
        return Err(Refused::NoRule(endpoint.to_owned()));
    }
    let request_id = number(app, request, &params)?;
    let is_dry = params.boolean("dry_run")?;
    // Nothing of the body is read for somebody unknown. Statements name their databases.
    let context = enter(app, request, &params, &claim, "", request_id).await?;
    let context = Context { has_database: false, ..context };
    let body = read(app, request, payload).await?;
    let prepared =
        prepare(app, endpoint, body).await.inspect_err(|_| app.metrics.refused(DIALECT, API, 1))?;
    if is_dry {
        let sql = prepared.statements.into_iter().map(|(sql, _)| sql).collect();
        return Ok(Done::Shown { json: prepared.json, sql });
    }
    store(app, &context, prepared.statements).await.map(Done::Written)
}

/// A body on its way to tables.
struct Prepared {
    /// The records, behind the transformation.
    json: String,
    /// With their numbers of rows.
    statements: Vec<(String, u64)>,
}

/// Reads a body on a thread that may be busy.
async fn prepare(app: &TdengineApp, endpoint: &str, body: Bytes) -> Result<Prepared, Refused> {
    let (rules, endpoint) = (Arc::clone(&app.input_json), endpoint.to_owned());
    let now = DateTime::from_timestamp_nanos(app.engine.clock().now_ns());
    let work = move || {
        let Some(rule) = rules.of(&endpoint) else { return Err(Refused::NoRule(endpoint)) };
        let text = std::str::from_utf8(&body).map_err(|error| {
            Refused::Body(format!("invalid JSON: offset {}: not UTF-8", error.valid_up_to()))
        })?;
        let made = transformed(rule, text, now)?;
        let json = made.as_deref().unwrap_or(text);
        let records = record::read(rule, json, made.is_some(), now)?;
        let statements = statement::statements(rule, records);
        Ok(Prepared { json: json.to_owned(), statements })
    };
    app.engine.compute(work).await.map_err(|error| Refused::Engine(error.into()))?
}

/// What the rule's transformation makes of a body; none if it has none. A list of one record may come as the record:
/// that is how JSONata writes it.
fn transformed(rule: &Rule, body: &str, now: DateTime<Utc>) -> Result<Option<String>, Refused> {
    let Some(transformation) = &rule.transformation else { return Ok(None) };
    match transformation.evaluate(body, now.timestamp_millis()) {
        Ok(Some(json)) => Ok(Some(json)),
        Ok(None) => Err(Refused::Body("transformation: the result is nothing".to_owned())),
        Err(error) => Err(Refused::Body(format!("transformation: {error}"))),
    }
}

/// Runs the statements in order; those before one that fails stay.
async fn store(app: &TdengineApp, context: &Context, statements: Vec<(String, u64)>) -> Result<u64, Refused> {
    let all: u64 = statements.iter().map(|(_, rows)| rows).sum();
    let mut written = 0;
    for (sql, rows) in &statements {
        match run(&app.engine, context, sql).await {
            Ok(Answer::Affected(rows)) => written += rows,
            Ok(Answer::Rows(_)) => written += rows,
            Err(error) => {
                app.metrics.wrote(DIALECT, API, written);
                app.metrics.refused(DIALECT, API, all.saturating_sub(written));
                return Err(Refused::Engine(error));
            }
        }
    }
    app.metrics.wrote(DIALECT, API, written);
    Ok(written)
}
