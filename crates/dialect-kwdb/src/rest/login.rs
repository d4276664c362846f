//! `GET /restapi/login`: a token for a name and a password.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse};

use crate::app::KwdbApp;
use crate::auth::{self, Claim};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::settings;

pub(crate) async fn login(app: &KwdbApp, request: &HttpRequest) -> Result<HttpResponse, Refusal> {
    if Params::of(request.query_string()).has_database() {
        return Err(Refusal::DatabaseAtLogin);
    }
    if request.method() != Method::GET {
        return Err(Refusal::GetOnly);
    }
    let claim = Claim::of_login(request.headers())?;
    let caller = auth::verify(app, request, &claim).await.map_err(|e| e.or(Refusal::LoginFailed))?;
    // Only members have something to log in for.
    auth::session(app, &caller, "")?;
    let password = app.engine.catalog().user_by_id(caller.principal.user).and_then(|u| u.password.clone());
    let (now, life) = (app.engine.clock().now_ns(), settings::token_life_ns(&app.engine));
    let begun = app.sessions.begin(&caller.principal, password, now, life);
    let limit = app.config.max_sessions;
    let session =
        begun.ok_or_else(|| Refusal::Overload(format!("too many token sessions: the limit is {limit}")))?;
    Ok(app.face.token(&session.token))
}
