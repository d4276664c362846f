//! `POST /rest/sql[/{db}]`: one statement. The order of checks is the vendor's (sheet section 3.1).

use std::time::Instant;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use triglot_http::access_log::RequestId;
use triglot_http::body::{self, BodyError};
use triglot_sql_tdengine::{Answer, Context, TaosError, run};

use crate::DIALECT;
use crate::admin::Facts;
use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::edge::accepts_gzip;
use crate::error::{AdapterError, with_json};
use crate::json;
use crate::limits::{Closed, Pause, starts_with};
use crate::params::Params;
use crate::stream::{self, Held, Shape};

/// The longest statement.
pub(crate) const MAX_SQL: usize = 1 << 20;

/// Without a database in the path.
pub(crate) async fn sql(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
) -> HttpResponse {
    answer(&app, &request, payload, None).await
}

/// With a database in the path, which need not exist.
pub(crate) async fn sql_in(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<String>,
) -> HttpResponse {
    answer(&app, &request, payload, Some(path.into_inner())).await
}

async fn answer(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    database: Option<String>,
) -> HttpResponse {
    let started = Instant::now();
    let answered = checked(app, request, payload, database, started).await;
    answered.unwrap_or_else(|error| error.response(&app.config, started))
}

async fn checked(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    database: Option<String>,
    started: Instant,
) -> Result<HttpResponse, AdapterError> {
    let params = Params::of(request);
    let request_id = number(app, request, &params)?;
    let claim = Claim::of(request.headers())?;
    let zones = params.zones(app.config.zone)?;
    let shape = Shape {
        with_meta: params.row_with_meta()?,
        timing: params.timing(),
        zone: zones.output,
        gzip: accepts_gzip(request.headers()),
        started,
    };
    let body = read(app, request, payload).await?;
    let sql = String::from_utf8_lossy(&body);
    let sql = sql.trim();
    if sql.is_empty() {
        return Err(AdapterError::NoSql);
    }
    app.rejected.check(sql)?;
    if starts_with(sql, "select") && app.memory.pause() >= Pause::Queries {
        return Err(AdapterError::Paused("query memory exceeds threshold"));
    }
    let client = client_address(request, &params);
    let application = params.get("app").unwrap_or_default().to_owned();
    let mut recording = app.record_sql.recorder.record(|| Facts {
        sql: sql.to_owned(),
        address: client.clone(),
        port: client_port(request),
        user: claim.user.clone(),
        request_id,
        application: application.clone(),
    });
    let session = login(app, request, &claim, database.as_deref().unwrap_or_default()).await?;
    let place = connect(app, &claim.user).await?;
    if let Some(recording) = &mut recording {
        recording.connected();
    }
    if sql.len() > MAX_SQL {
        return Err(too_long());
    }
    let turn = app.limiter.enter(&claim.user, sql).await?;
    let context = Context {
        session,
        has_database: database.is_some(),
        zone: zones.literals,
        client,
        application,
        request_id,
    };
    let answer = run(&app.engine, &context, sql).await?;
    if let Some(recording) = &mut recording {
        recording.queried();
    }
    match answer {
        Answer::Affected(rows) => {
            app.metrics.wrote(DIALECT, "sql", rows);
            let mut body = Vec::with_capacity(128);
            let timing = shape.timing.then(|| started.elapsed().as_nanos());
            json::push_affected(&mut body, rows, shape.with_meta, timing);
            Ok(with_json(HttpResponse::Ok(), body))
        }
        Answer::Rows(rows) => stream::rows(app, rows, shape, Held { recording, place, turn }).await,
    }
}

fn too_long() -> AdapterError {
    TaosError::new(0x0219, "SQL statement too long").into()
}

/// The number of the request, which its log line shows, too.
pub(crate) fn number(app: &TdengineApp, request: &HttpRequest, params: &Params) -> Result<i64, AdapterError> {
    let number = params.request_id()?.unwrap_or_else(|| app.next_request_id());
    request.extensions_mut().insert(RequestId(number.to_string()));
    Ok(number)
}

/// One of the user's places in the pool.
async fn connect(app: &TdengineApp, user: &str) -> Result<Option<OwnedSemaphorePermit>, AdapterError> {
    app.pool.enter(user, app.config.pool).await.map_err(|closed| {
        let text = match closed {
            Closed::Full => "exceeded connection pool max wait",
            Closed::TimedOut => "get connection timeout",
        };
        AdapterError::Overload(text.to_owned())
    })
}

/// A body that is there.
pub(crate) async fn read(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Bytes, AdapterError> {
    let body = body::read(request.headers(), payload, app.config.body_limit).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge { .. } => too_long(),
        BodyError::Aborted(_) => AdapterError::BrokenBody,
    })?;
    if body.is_empty() { Err(AdapterError::EmptyBody) } else { Ok(body) }
}

/// The address that is shown as the user's: what the client says it is, else that of the socket.
pub(crate) fn client_address(request: &HttpRequest, params: &Params) -> String {
    let header = || request.headers().get("x-real-ip")?.to_str().ok();
    match params.get("ip").or_else(header) {
        Some(told) => told.to_owned(),
        None => request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default(),
    }
}

fn client_port(request: &HttpRequest) -> String {
    let header = || request.headers().get("x-real-port")?.to_str().ok();
    match header() {
        Some(told) => told.to_owned(),
        None => request.peer_addr().map(|a| a.port().to_string()).unwrap_or_default(),
    }
}
