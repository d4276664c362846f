//! `POST /rest/sql/{db}/vgid`: in which group of the database each of some tables is or would be.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};
use triglot_sql_tdengine::TaosError;

use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::error::{AdapterError, with_json};
use crate::params::Params;
use crate::rest::sql;

/// One node has one group for each database. TDengine counts from 2 in a database's first group.
const GROUP: u32 = 2;

pub(crate) async fn groups(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    payload: web::Payload,
    path: web::Path<String>,
) -> HttpResponse {
    let started = Instant::now();
    let answered = checked(&app, &request, payload, &path).await;
    answered.unwrap_or_else(|error| error.response(&app.config, started))
}

async fn checked(
    app: &TdengineApp,
    request: &HttpRequest,
    payload: web::Payload,
    database: &str,
) -> Result<HttpResponse, AdapterError> {
    sql::number(app, request, &Params::of(request))?;
    let claim = Claim::of(request.headers())?;
    let body = sql::read(app, request, payload).await?;
    let names: Vec<String> =
        serde_json::from_slice(&body).map_err(|error| AdapterError::Parameter(error.to_string()))?;
    if names.is_empty() {
        return Err(AdapterError::Parameter("illegal params".to_owned()));
    }
    let session = login(app, request, &claim, database).await?;
    app.engine.database(&session, database).map_err(TaosError::from)?;
    let ids = vec![GROUP.to_string(); names.len()].join(",");
    Ok(with_json(HttpResponse::Ok(), format!("{{\"code\":0,\"vgIDs\":[{ids}]}}").into_bytes()))
}
