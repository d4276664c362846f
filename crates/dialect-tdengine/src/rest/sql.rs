//! `POST /rest/sql[/{db}]`: one statement. The order of checks is the vendor's (sheet section 3.1).

use std::time::Instant;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use triglot_http::access_log::RequestId;
use triglot_http::body::{self, BodyError};
use triglot_sql_tdengine::{Answer, Context, TaosError, run};

use crate::DIALECT;
use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::error::{AdapterError, with_json};
use crate::json;
use crate::params::Params;
use crate::stream::{self, Shape};

/// The longest statement.
const MAX_SQL: usize = 1 << 20;

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
    let request_id = params.request_id()?.unwrap_or_else(|| app.next_request_id());
    request.extensions_mut().insert(RequestId(request_id.to_string()));
    let claim = Claim::of(request.headers())?;
    let zones = params.zones(app.config.zone)?;
    let shape =
        Shape { with_meta: params.row_with_meta()?, timing: params.timing(), zone: zones.output, started };
    let body = read(app, request, payload).await?;
    let sql = String::from_utf8_lossy(&body);
    let sql = sql.trim();
    if sql.is_empty() {
        return Err(AdapterError::NoSql);
    }
    let session = login(app, request, &claim, database.as_deref().unwrap_or_default()).await?;
    if sql.len() > MAX_SQL {
        return Err(too_long());
    }
    let context = Context {
        session,
        has_database: database.is_some(),
        zone: zones.literals,
        client: client_address(request, &params),
        application: params.get("app").unwrap_or_default().to_owned(),
        request_id,
    };
    match run(&app.engine, &context, sql).await? {
        Answer::Affected(rows) => {
            app.metrics.wrote(DIALECT, "sql", rows);
            let mut body = Vec::with_capacity(128);
            let timing = shape.timing.then(|| started.elapsed().as_nanos());
            json::push_affected(&mut body, rows, shape.with_meta, timing);
            Ok(with_json(HttpResponse::Ok(), body))
        }
        Answer::Rows(rows) => stream::rows(app, rows, shape).await,
    }
}

fn too_long() -> AdapterError {
    TaosError::new(0x0219, "SQL statement too long").into()
}

async fn read(
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
fn client_address(request: &HttpRequest, params: &Params) -> String {
    let header = || request.headers().get("x-real-ip")?.to_str().ok();
    match params.get("ip").or_else(header) {
        Some(told) => told.to_owned(),
        None => request.peer_addr().map(|a| a.ip().to_string()).unwrap_or_default(),
    }
}
