//! `GET /rest/login/{user}/{password}`: the token for `Authorization: Taosd`.

use std::time::Instant;

use actix_web::{HttpRequest, HttpResponse, web};

use triglot_sql_tdengine::check_enabled;

use crate::app::TdengineApp;
use crate::auth::{Claim, login};
use crate::error::{AdapterError, with_json};
use crate::{json, token};

pub(crate) async fn token(
    app: web::Data<TdengineApp>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let started = Instant::now();
    let (user, password) = path.into_inner();
    let made = make(&app, &request, Claim { user, password }).await;
    made.unwrap_or_else(|error| error.response(&app.config, started))
}

async fn make(app: &TdengineApp, request: &HttpRequest, claim: Claim) -> Result<HttpResponse, AdapterError> {
    let token = token::encode(&claim.user, &claim.password).ok_or(AdapterError::TokenNotMade)?;
    let session = login(app, request, &claim, "").await.map_err(|error| match error {
        AdapterError::Credentials(_) => AdapterError::LoginFailed,
        other => other,
    })?;
    check_enabled(&app.engine, &session).map_err(AdapterError::Unauthorized)?;
    let mut body = b"{\"code\":0,\"desc\":".to_vec();
    json::push_escaped_html(&mut body, &token);
    body.push(b'}');
    Ok(with_json(HttpResponse::Ok(), body))
}
