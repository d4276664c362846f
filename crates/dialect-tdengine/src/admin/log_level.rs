//! `PUT /config`: changes the level of log lines.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use triglot_http::body;

use super::{authorize, done};
use crate::app::TdengineApp;
use crate::error::AdapterError;

/// Sets the level of the process's log lines; given by the program around the dialect.
#[derive(Clone)]
pub struct LogLevel(Arc<SetLevel>);

type SetLevel = dyn Fn(&str) -> Result<(), String> + Send + Sync;

impl fmt::Debug for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogLevel")
    }
}

impl LogLevel {
    /// `set` is called with `error`, `warn`, `info`, `debug` or `trace`.
    pub fn new(set: impl Fn(&str) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(set))
    }
}

/// The longest body.
const LIMIT: usize = 64 << 10;

pub(crate) async fn config(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let started = Instant::now();
    let changed = change(&app, &request, payload).await;
    changed.map_or_else(|error| error.response(&app.config, started), |()| done())
}

async fn change(app: &TdengineApp, request: &HttpRequest, payload: web::Payload) -> Result<(), AdapterError> {
    let _alone = app.config_requests.enter("/config")?;
    authorize(app, request).await?;
    let body = body::read(request.headers(), payload, LIMIT).await.map_err(|_| AdapterError::BrokenBody)?;
    let json: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&body)
        .map_err(|error| AdapterError::Parameter(format!("unmarshal json error: {error}")))?;
    let Some(wanted) = json.get("log.level") else { return Ok(()) };
    let refused = |reason: &str| AdapterError::Parameter(format!("change log.level error: {reason}"));
    let name = wanted.as_str().ok_or_else(|| refused("not a text"))?;
    let level = level(name).ok_or_else(|| refused(&format!("not a valid level: {name:?}")))?;
    (app.log_level.0)(level).map_err(|reason| refused(&reason))
}

/// Ours for the vendor's names of levels.
fn level(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "panic" | "fatal" | "error" => "error",
        "warn" | "warning" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" => "trace",
        _ => return None,
    })
}
