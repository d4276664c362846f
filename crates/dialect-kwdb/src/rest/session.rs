//! `GET` and `DELETE /restapi/session`: token sessions, seen and ended by their owners and by administrators.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use triglot_engine::auth::{Action, Object, allow};

use super::read;
use crate::app::KwdbApp;
use crate::auth::{self, Caller, Claim, Listed};
use crate::face::ShownSession;
use crate::refusal::Refusal;
use crate::settings;

pub(crate) async fn session(
    app: &KwdbApp,
    request: &HttpRequest,
    payload: web::Payload,
    claim: &Claim,
) -> Result<HttpResponse, Refusal> {
    match *request.method() {
        Method::GET => {
            let caller = verify(app, request, claim).await?;
            Ok(list(app, &caller))
        }
        Method::DELETE => {
            super::body_is_there(app, request)?;
            let caller = verify(app, request, claim).await?;
            let body = read(app, request, payload).await?;
            end(app, &caller, String::from_utf8_lossy(&body).trim())
        }
        _ => Err(Refusal::GetOrDelete),
    }
}

async fn verify(app: &KwdbApp, request: &HttpRequest, claim: &Claim) -> Result<Caller, Refusal> {
    auth::verify(app, request, claim).await.map_err(|e| e.or(Refusal::CannotVerify))
}

fn is_admin(app: &KwdbApp, caller: &Caller) -> bool {
    allow(&app.engine.catalog(), &caller.principal, Action::Admin, Object::Cluster).is_ok()
}

/// Administrators see all; others their own, and by a token only that token's.
fn list(app: &KwdbApp, caller: &Caller) -> HttpResponse {
    let life = settings::token_life_ns(&app.engine);
    let all = app.sessions.list(app.engine.clock().now_ns(), life);
    let is_admin = is_admin(app, caller);
    let may_see = |session: &Listed| match &caller.token {
        _ if is_admin => true,
        Some(token) => session.is_of(token),
        None => session.user == caller.principal.user,
    };
    let shown: Vec<ShownSession<'_>> = all
        .iter()
        .filter(|session| may_see(session))
        .map(|session| ShownSession { session, token: caller.token.as_deref().filter(|_| !is_admin) })
        .collect();
    app.face.sessions(&shown, life)
}

fn end(app: &KwdbApp, caller: &Caller, id: &str) -> Result<HttpResponse, Refusal> {
    let life = settings::token_life_ns(&app.engine);
    let all = app.sessions.list(app.engine.clock().now_ns(), life);
    let found = all.iter().find(|session| session.id == id).ok_or(Refusal::UnknownSession)?;
    if found.user != caller.principal.user && !is_admin(app, caller) {
        return Err(Refusal::NotTheOwner);
    }
    if !app.sessions.end(&found.hash) {
        return Err(Refusal::UnknownSession);
    }
    Ok(app.face.session_ended())
}
