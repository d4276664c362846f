//! `/api/v1/dump/sql/ddl?tenant=`: the catalog as a script, any method.
//!
//! The vendor asks for no credentials. Here an administrator's are needed (for one tenant, its
//! owner's do), except from this machine with `auth_enabled = false`.

use actix_web::{HttpRequest, HttpResponse, web};
use triglot_engine::EngineError;
use triglot_engine::auth::{Action, Object, Peer, allow};
use triglot_sql_cnosdb::dump;

use crate::app::CnosDbApp;
use crate::auth;
use crate::error::CnosDbError;
use crate::params::DumpParams;

pub(crate) async fn ddl(
    app: web::Data<CnosDbApp>,
    request: HttpRequest,
) -> Result<HttpResponse, CnosDbError> {
    let params = DumpParams::of(&request)?;
    let local = request.peer_addr().is_some_and(|a| Peer::from(a.ip()) == Peer::Loopback);
    let catalog = app.engine.catalog();
    if app.config.auth_enabled || !local {
        auth::check_present(request.headers())?;
        let tenant = params.tenant.as_deref().unwrap_or(triglot_engine::catalog::SYSTEM_TENANT);
        let session = auth::login(&app, &request, tenant, "public").await?;
        let (action, object) = match params.tenant {
            Some(_) => (Action::ManageUsers, Object::Tenant(session.tenant)),
            None => (Action::Admin, Object::Cluster),
        };
        allow(&catalog, &session.principal, action, object)
            .map_err(|denied| triglot_sql_cnosdb::with_names(&catalog, EngineError::from(denied).into()))?;
    }
    let script = dump(&catalog, params.tenant.as_deref())?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(script))
}
