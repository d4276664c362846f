//! Who is asking: the Basic header, the user, and the user's place in the tenant.
//!
//! A missing or malformed header is 400. Wrong credentials are 401 (`auth_error_status`), with one
//! text for unknown users and wrong passwords alike. With `auth_enabled = false` peers on the
//! loopback address need no password, and are told what does not exist. Log-in by key pair
//! (`X-CnosDB-PrivateKey`) is not there: a request that sends a key is told so rather than let in
//! by its password alone.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use triglot_engine::auth::{AuthError, Peer, Principal};
use triglot_engine::{EngineError, Session};
use triglot_http::credentials::{Credentials, basic, is_base64};
use triglot_http::peer::is_loopback;
use triglot_sql_cnosdb::SqlError;

use crate::app::CnosDbApp;
use crate::error::CnosDbError;

/// The vendor's header with the key of a key pair.
const PRIVATE_KEY: &str = "x-cnosdb-privatekey";

/// The check that comes before everything but the length of the body.
pub(crate) fn check_present(headers: &HeaderMap) -> Result<(), CnosDbError> {
    if headers.contains_key(AUTHORIZATION) {
        Ok(())
    } else {
        Err(CnosDbError::MissingHeader("authorization"))
    }
}

/// A session of the request's user in the tenant.
pub(crate) async fn login(
    app: &CnosDbApp,
    request: &HttpRequest,
    tenant: &str,
    database: &str,
) -> Result<Session, CnosDbError> {
    let (user, password) = match basic(request.headers()) {
        Credentials::Basic { user, password } => (user, password),
        Credentials::Missing => return Err(CnosDbError::MissingHeader("authorization")),
        Credentials::Malformed(value) => return Err(CnosDbError::MalformedAuth(value)),
    };
    refuse_private_key(request.headers())?;
    enter(app, request, (&user, &password), tenant, database).await
}

/// A session of a user whose name and password are known.
pub(crate) async fn enter(
    app: &CnosDbApp,
    request: &HttpRequest,
    (user, password): (&str, &str),
    tenant: &str,
    database: &str,
) -> Result<Session, CnosDbError> {
    let principal = verify(app, request, user, password).await?;
    let session = app.engine.session(principal, tenant, database).map_err(|error| {
        let text = match &error {
            EngineError::TenantNotFound { name } => format!("The tenant {name} not found"),
            EngineError::NotAMember { user, tenant } => {
                format!("The member {user} of tenant {tenant} not found")
            }
            _ => return CnosDbError::Engine(error),
        };
        CnosDbError::Login { text, status: 422 }
    })?;
    Ok(session.with_language(&app.language))
}

/// Bad base64 is a bad header (040005), as at the vendor's; a key is 010005.
fn refuse_private_key(headers: &HeaderMap) -> Result<(), CnosDbError> {
    let Some(key) = headers.get(PRIVATE_KEY) else { return Ok(()) };
    if !is_base64(key.as_bytes()) {
        return Err(CnosDbError::Header(format!("Invalid header: {PRIVATE_KEY} is not base64")));
    }
    Err(SqlError::NotImplemented(format!("log-in by key pair ({PRIVATE_KEY})")).into())
}

/// Whether this trusts the peer's word for who he is: the vendor's default, for loopback only.
pub(crate) fn trusts(app: &CnosDbApp, request: &HttpRequest) -> bool {
    !app.config.auth_enabled && is_loopback(request)
}

async fn verify(
    app: &CnosDbApp,
    request: &HttpRequest,
    user: &str,
    password: &str,
) -> Result<Principal, CnosDbError> {
    // Without an address (in-process tests) the peer is not trusted.
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip());
    let peer = Peer::from(address);
    let auth = app.engine.auth();
    let verified = if trusts(app, request) {
        auth.verify_without_password(user, peer)
    } else {
        auth.verify(user, password, peer).await
    };
    verified.map_err(|error| match error {
        AuthError::WrongCredentials { .. } | AuthError::Expired { .. } | AuthError::NotLoopback => {
            CnosDbError::Login {
                text: format!("Access denied for user '{user}' (using xxx) username or password invalid"),
                status: app.config.auth_error_status,
            }
        }
        AuthError::UserNotFound { user } => {
            CnosDbError::Login { text: format!("The user {user} not found"), status: 422 }
        }
        AuthError::TooManyFailures { .. } => {
            CnosDbError::Login { text: error.to_string(), status: app.config.auth_error_status }
        }
        AuthError::Busy | AuthError::Hash(_) | AuthError::Catalog(_) => CnosDbError::Engine(error.into()),
    })
}
