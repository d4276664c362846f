//! `POST`, `DELETE`, `GET /record_sql` and `/record_stmt`: begins, ends and shows a recording.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use chrono_tz::Tz;
use serde::Deserialize;
use triglot_http::body;

use super::recorder::{Recorder, Span};
use super::{OneAtATime, authorize, done};
use crate::app::TdengineApp;
use crate::error::{AdapterError, with_json};
use crate::json;

/// What is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Statements of `/rest/sql`.
    Sql,
    /// Prepared statements.
    Stmt,
}

/// A kind's recorder and the door of its API.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) recorder: Recorder,
    door: OneAtATime,
}

impl Desk {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self { recorder, door: OneAtATime::default() }
    }
}

impl Kind {
    fn api(self) -> &'static str {
        match self {
            Self::Sql => "/record_sql",
            Self::Stmt => "/record_stmt",
        }
    }

    fn desk(self, app: &TdengineApp) -> &Desk {
        match self {
            Self::Sql => &app.record_sql,
            Self::Stmt => &app.record_stmt,
        }
    }

    /// From now on, where the request does not say it.
    fn default_span(self, now: i64, zone: Tz) -> Result<Span, String> {
        match self {
            Self::Sql => {
                let far = Span::of("2300-01-01 00:00:00", "2300-01-01 00:00:00", zone)?;
                Ok(Span { start: now, ..far })
            }
            Self::Stmt => Ok(Span { start: now, end: now + 3_600, zone }),
        }
    }
}

/// The longest body.
const LIMIT: usize = 64 << 10;

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    start_time: String,
    #[serde(default)]
    end_time: String,
    #[serde(default)]
    location: String,
}

/// Begins.
pub(crate) async fn start(
    kind: Kind,
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    let started = Instant::now();
    let begun = begin(kind, &app, &request, payload).await;
    begun.map_or_else(|error| error.response(&app.config, started), |()| done())
}

async fn begin(
    kind: Kind,
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<(), AdapterError> {
    let desk = kind.desk(app);
    let _alone = desk.door.enter(kind.api())?;
    authorize(app, request).await?;
    let body = body::read(request.headers(), payload, LIMIT).await.map_err(|_| AdapterError::BrokenBody)?;
    let refused = |reason: String| AdapterError::Parameter(format!("start record error: {reason}"));
    let span = wanted(kind, app, &desk.recorder, &body).map_err(refused)?;
    if desk.recorder.span().is_some() {
        return Err(refused("a recording is running already".to_owned()));
    }
    let files = app.records.clone().ok_or_else(|| refused("this server writes no recordings".to_owned()))?;
    let kind = if kind == Kind::Sql { "sql" } else { "stmt" };
    let name = format!("taosadapter_{kind}_{}_{}.csv", app.config.instance_id, desk.recorder.now());
    let created = web::block(move || files.create(&name)).await;
    let file =
        created.map_err(|error| refused(error.to_string()))?.map_err(|error| refused(error.to_string()))?;
    desk.recorder.begin(span, file);
    Ok(())
}

fn wanted(kind: Kind, app: &TdengineApp, recorder: &Recorder, body: &Bytes) -> Result<Span, String> {
    let now = recorder.now();
    if body.is_empty() {
        return kind.default_span(now, app.config.zone);
    }
    let wanted: Wanted = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let zone = match wanted.location.as_str() {
        "" | "Local" => app.config.zone,
        name => name.parse().map_err(|_| format!("unknown time zone {name}"))?,
    };
    let span = Span::of(&wanted.start_time, &wanted.end_time, zone)?;
    if span.end <= span.start {
        return Err("end_time is before start_time".to_owned());
    }
    if span.end <= now {
        return Err("end_time is in the past".to_owned());
    }
    Ok(span)
}

/// Ends; what was going on is told.
pub(crate) async fn stop(kind: Kind, app: web::Data<TdengineApp>, request: HttpRequest) -> HttpResponse {
    let started = Instant::now();
    let desk = kind.desk(&app);
    let ended = async {
        let _alone = desk.door.enter(kind.api())?;
        authorize(&app, &request).await?;
        Ok(desk.recorder.end())
    };
    match ended.await {
        Ok(None) => done(),
        Ok(Some(span)) => {
            let mut out = br#"{"code":0,"desc":"""#.to_vec();
            push_times(&mut out, &span.texts());
            out.push(b'}');
            with_json(HttpResponse::Ok(), out)
        }
        Err(error) => AdapterError::response(&error, &app.config, started),
    }
}

/// Shows.
pub(crate) async fn show(kind: Kind, app: web::Data<TdengineApp>, request: HttpRequest) -> HttpResponse {
    let started = Instant::now();
    let desk = kind.desk(&app);
    let allowed = async {
        let _alone = desk.door.enter(kind.api())?;
        authorize(&app, &request).await
    };
    if let Err(error) = allowed.await {
        return error.response(&app.config, started);
    }
    let span = desk.recorder.span();
    let is_running = span.is_some_and(|span| span.start <= desk.recorder.now());
    let mut out =
        format!(r#"{{"code":0,"desc":"","exists":{},"running":{is_running}"#, span.is_some()).into_bytes();
    push_times(&mut out, &span.map(|span| span.texts()).unwrap_or_default());
    out.extend_from_slice(format!(",\"current_concurrent\":{}}}", desk.recorder.concurrent()).as_bytes());
    with_json(HttpResponse::Ok(), out)
}

fn push_times(out: &mut Vec<u8>, [start, end]: &[String; 2]) {
    out.extend_from_slice(b",\"start_time\":");
    json::push_escaped_html(out, start);
    out.extend_from_slice(b",\"end_time\":");
    json::push_escaped_html(out, end);
}
